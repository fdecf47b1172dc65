"""`Settings`: a `BaseSettings` whose values come from the chain, and `lazy()`: an instance that waits for them.

A lazy instance starts with an empty `__dict__`. Python calls `__getattr__` only for a name that is not there, so once
the values are in, reading one costs what it costs on any pydantic model. New values replace the whole `__dict__` in
one assignment: a reader sees the old ones or the new ones, never half of each.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Generator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar

from pydantic import GetJsonSchemaHandler
from pydantic_settings import BaseSettings, SettingsConfigDict

from estate_config.errors import ConfigurationError, LoadInfo
from estate_config.redaction import MASK, Hidden, masked
from estate_config.schema import Declaration, Setting, check, settings_of
from estate_config.shapes import is_secret_type

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema

    from estate_config.live.state import State
    from estate_config.provenance import Record

S = TypeVar("S", bound="Settings")


class Waiting:
    """What a lazy instance knows: how to load itself, what it has loaded, and what is going on with it."""

    __slots__ = ("__weakref__", "config", "current", "environment", "live", "lock", "refreshing")

    def __init__(self, environment: str | None = None, config: Any = None) -> None:
        self.environment = environment
        self.config = config
        self.current: Settings | None = None
        self.lock = threading.RLock()
        """Held while it is loaded."""
        self.refreshing = threading.RLock()
        """Held while it is refreshed, and for the moment in which a load shows its values; never before `lock`."""
        self.live: State | None = None


class Settings(BaseSettings):
    """Base class of a service's schema. `load(AiSettings)` gives an instance, complete and valid.

    Which fields are secret is known to the class: they show as asterisks in `repr`, `str` and JSON, whatever their
    type; a Python-mode dump wraps them in pydantic's `Secret`; `context={"reveal": True}` asks for them by name.
    Instances are read-only. A pickle holds no values: it comes back lazy, and resolves in its own process.
    `AiSettings(**values)` is `load(AiSettings, overrides=values)`.
    """

    __slots__ = ("__estate__",)
    __estate_settings__: ClassVar[tuple[Setting, ...]] = ()

    model_config = SettingsConfigDict(extra="forbid", validate_default=True, hide_input_in_errors=True)

    def __init__(self, /, **overrides: Any) -> None:
        from estate_config.loading import fill

        hidden = Hidden(overrides)
        del overrides  # so that a traceback with locals shows none of them
        fill(self, hidden)

    # `model_validate`, and a `Settings` nested in another, only check what they are given: neither is a load.
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]  # as BaseModel marks its own

    @classmethod
    def __pydantic_on_complete__(cls) -> None:
        """Check the schema as soon as the class is there: no provider is needed to see that it is wrong."""
        cls.__estate_settings__ = settings_of(cls)
        for name in cls.model_fields:
            if hasattr(cls, name):
                setattr(cls, name, _NotTheMethod())
        if problems := check(cls):
            raise ConfigurationError(problems, info=LoadInfo(service=cls.__name__))

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        for info in getattr(cls, "__pydantic_fields__", {}).values():
            if is_secret_type(info.annotation) and not any(isinstance(m, Declaration) for m in info.metadata):
                info.metadata.append(Declaration(secret=True))  # SecretStr & co. are secret without being told
        return handler(source)

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        schema = handler.resolve_ref_schema(handler(core_schema))
        for name, info in cls.model_fields.items():
            if any(isinstance(item, Declaration) and item.secret for item in info.metadata):
                for spelled in (name, info.validation_alias, info.serialization_alias):
                    schema.get("properties", {}).get(spelled, {}).pop("default", None)
        return schema

    if not TYPE_CHECKING:  # pragma: no branch - a checker shall refuse names that are not declared

        def __getattr__(self, name: str) -> Any:
            cls = type(self)
            if (name in cls.__pydantic_fields__ or name in cls.__private_attributes__) and is_lazy(self):
                return getattr(concrete(self), name)
            return super().__getattr__(name)

    def __setattr__(self, name: str, value: Any) -> None:
        if is_lazy(self) and name in type(self).__private_attributes__:
            setattr(concrete(self), name, value)
            return
        if _held(self) is not None and (name in type(self).model_fields or not hasattr(type(self), name)):
            del value  # a traceback with locals would show it
            cls = type(self).__name__
            what = f"{cls}.{name} is" if name in type(self).model_fields else f"{cls} has no field {name!r}, and is"
            raise AttributeError(f"{what} read-only; in a test, swap values: `with use({cls}, ...)`")
        super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__}.{name} is read-only")

    # --- what would show values, or read `__dict__` before there is one -------------------------------------------

    def __repr_args__(self) -> Generator[tuple[str | None, Any], None, None]:
        if is_lazy(self) and loaded(self) is None:
            yield None, "not loaded"
            return
        fields, hidden = type(self).model_fields, _secret_names(type(self))
        for name, value in _values(self).items():
            if name in hidden:
                yield name, MASK if value is not None else None
            elif fields[name].repr:
                yield name, value

    def __iter__(self) -> Generator[tuple[str, Any], None, None]:
        hidden = _secret_names(type(self))
        for name, value in _values(self).items():
            yield name, masked(value) if name in hidden else value

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Settings) or type(self) is not type(other):
            return NotImplemented
        return _values(self) == _values(other)

    __hash__ = None  # type: ignore[assignment]  # as every pydantic model that is not frozen

    def model_dump(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        return BaseSettings.model_dump(concrete(self), *args, **kwargs)

    def model_dump_json(self, *args: Any, **kwargs: Any) -> str:
        return BaseSettings.model_dump_json(concrete(self), *args, **kwargs)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        values = concrete(self)
        return _with_record(super(Settings, values).model_copy(update=update, deep=deep), values)

    def __copy__(self) -> Self:
        values = concrete(self)
        return _with_record(super(Settings, values).__copy__(), values)

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        values = concrete(self)
        return _with_record(super(Settings, values).__deepcopy__(memo), values)

    def __reduce__(self) -> tuple[Any, ...]:
        held = _held(self)
        if isinstance(held, Waiting):
            return _revive, (type(self), held.environment, held.config)
        return _revive, (type(self), getattr(held, "asked_environment", None), getattr(held, "asked_config", None))

    def __reduce_ex__(self, protocol: object) -> tuple[Any, ...]:
        return self.__reduce__()


class _NotTheMethod:
    """Stands where pydantic has a method by the name of a field (`copy`, `json`): a lazy instance would show that."""

    def __get__(self, instance: object, owner: type) -> Any:
        raise AttributeError  # and so Python goes on to `__getattr__`


def _with_record(copied: S, values: S) -> S:
    object.__setattr__(copied, "__estate__", _held(values))
    return copied


def _revive(cls: type[S], environment: str | None, config: Any) -> S:
    return _waiting(cls, Waiting(environment, config))


def _values(instance: Settings) -> dict[str, Any]:
    """The declared fields alone: what a `cached_property` made of them stands beside them, and may show a secret."""
    held = vars(concrete(instance))
    return {name: held[name] for name in type(instance).model_fields if name in held}


def _secret_names(cls: type[Settings]) -> frozenset[str]:
    return frozenset(item.path[0] for item in cls.__estate_settings__ if item.secret and len(item.path) == 1)


# --- lazy instances --------------------------------------------------------------------------------------------------

_lazies: list[weakref.ref[Settings]] = []
_lazies_lock = threading.Lock()


def lazy(cls: type[S]) -> S:
    """Return an instance that resolves on its first attribute access, or at `load(settings)`.

    It does no I/O and needs no credentials: safe at module level. Raises nothing; what is wrong is raised, as a
    `ConfigurationError`, where it is first used.
    """
    return _waiting(cls, Waiting())


def _waiting(cls: type[S], waiting: Waiting) -> S:
    instance = cls.__new__(cls)
    for name, value in (
        ("__pydantic_fields_set__", set()),
        ("__pydantic_extra__", None),
        ("__pydantic_private__", None),
    ):
        object.__setattr__(instance, name, value)
    object.__setattr__(instance, "__estate__", waiting)
    with _lazies_lock:
        _lazies[:] = [ref for ref in _lazies if ref() is not None]
        _lazies.append(weakref.ref(instance))
    return instance


def _after_fork() -> None:
    """A lock that another thread held when the process was forked is never given back in the child."""
    global _lazies_lock  # noqa: PLW0603 - it is this lock that is made anew
    _lazies_lock = threading.Lock()
    for instance in lazies_of(Settings):
        waiting = waiting_of(instance)
        waiting.lock, waiting.refreshing = threading.RLock(), threading.RLock()
        if vars(instance) and waiting.current is not None:
            show(instance, waiting.current)  # the fork may have come between the two halves of a swap


os.register_at_fork(after_in_child=_after_fork)


def lazies_of(cls: type[Settings]) -> list[Settings]:
    """Return the living lazy instances of a class or of one that inherits from it."""
    with _lazies_lock:
        alive = [ref() for ref in _lazies]
    return [instance for instance in alive if isinstance(instance, cls)]


def _held(instance: Settings) -> Waiting | Record | None:
    """What the instance carries beside its values: nothing while it is being built."""
    try:
        return object.__getattribute__(instance, "__estate__")  # type: ignore[no-any-return]
    except AttributeError:
        return None


def hold(instance: Settings, record: Record) -> None:
    """Attach the record of its load to an instance."""
    object.__setattr__(instance, "__estate__", record)


def record_of(instance: Settings) -> Record | None:
    """Return the record of the load that gave the instance its values; loads a lazy one."""
    held = _held(concrete(instance))
    return None if isinstance(held, Waiting) else held


def is_lazy(instance: Settings) -> bool:
    return isinstance(_held(instance), Waiting)


def waiting_of(instance: Settings) -> Waiting:
    """Return the state of a lazy instance."""
    held = _held(instance)
    assert isinstance(held, Waiting)  # noqa: S101 - callers ask is_lazy first
    return held


def loaded(instance: S) -> S | None:
    """Return the instance that holds the values, None if a lazy one has none yet. Never loads."""
    if not is_lazy(instance):
        return instance
    from estate_config.swap import swapped

    swap = swapped(type(instance))
    if swap is not None:
        return swap.loaded(instance)
    return waiting_of(instance).current  # type: ignore[return-value]  # of the lazy instance's own class


def concrete(instance: S) -> S:
    """Return the instance that holds the values in this context, loading a lazy one if it has none yet."""
    if not is_lazy(instance):
        return instance
    from estate_config.loading import ensure

    return ensure(instance)


def show(instance: Settings, values: Settings | None) -> None:
    """Let a lazy instance show these values at full speed, or, with None, ask `__getattr__` again. One assignment."""
    if values is not None:
        object.__setattr__(instance, "__pydantic_fields_set__", values.model_fields_set)
    object.__setattr__(instance, "__dict__", {} if values is None else vars(values))
