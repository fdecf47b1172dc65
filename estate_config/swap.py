"""`use()`: swap where values come from, for tests and notebooks. Nests, undoes itself, safe in threads and tasks.

A swap lives in a context variable, so threads and tasks see their own. While one is active anywhere for a class, its
lazy instances keep an empty `__dict__` and answer from the context; full speed returns with the last swap's end.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Mapping
from contextvars import ContextVar, Token
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from estate_config.redaction import Hidden
from estate_config.settings import Settings, lazies_of, show, waiting_of

if TYPE_CHECKING:
    from estate_config.contract import Provider

S = TypeVar("S", bound=Settings)

_swaps: ContextVar[tuple[use[Any], ...]] = ContextVar("estate_config_swaps", default=())
_active: Counter[type[Settings]] = Counter()
_lock = threading.RLock()  # a handler of a signal may come in the middle


def _after_fork() -> None:
    global _lock  # noqa: PLW0603 - another thread of the parent may have held it
    _lock = threading.RLock()


os.register_at_fork(after_in_child=_after_fork)


class use(Generic[S]):  # noqa: N801 - read as a verb: `with use(AiSettings, {...}):`
    """Swap the chain of a class for `values`, keyed by field name, or for a provider.

    Inside the `with`, `load(cls)` and every lazy instance of `cls` answer from it, with the same checks and the same
    report; nothing else is asked. Raises `ConfigurationError` on entering if a name is not a field of the class, and
    `TypeError` for an instance instead of a class.
    """

    def __init__(self, cls: type[S], values: Mapping[str, Any] | Provider) -> None:
        self.source: Hidden[Mapping[str, Any] | Provider] = Hidden(values)
        del values  # so that a traceback with locals shows none of them
        if not isinstance(cls, type):
            raise TypeError(f"a class is swapped: give {type(cls).__name__}, not an instance of it")
        self.cls = cls
        self._instances: dict[type[Settings], S] = {}
        self._tokens: list[Token[tuple[use[Any], ...]]] = []

    def __enter__(self) -> Self:
        from estate_config.chains import check_names

        if self._tokens:
            raise RuntimeError("this swap is active already: make another `use(…)` for each `with`")
        check_names(self.cls, self.source)
        with _lock:
            _active[self.cls] += 1
            for instance in lazies_of(self.cls):
                show(instance, None)
        self._tokens.append(_swaps.set((*_swaps.get(), self)))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._instances.clear()
        with _lock:
            _active[self.cls] -= 1
            for instance in lazies_of(self.cls):
                swapped_still = is_swapped_anywhere(type(instance))
                show(instance, None if swapped_still else waiting_of(instance).current)
        _swaps.reset(self._tokens.pop())  # last: it refuses a context that is not the one of the `with`

    @property
    def is_over(self) -> bool:
        """Whether it has ended, though contexts that were copied from that of the `with` still have it."""
        return not self._tokens

    def loaded(self, instance: S) -> S | None:
        """Return what a lazy instance shows in this swap, None if it has not been asked yet."""
        return self._instances.get(type(instance))

    def keep(self, instance: S, values: S) -> S:
        """Remember what a lazy instance shows in this swap; the first one wins."""
        return self._instances.setdefault(type(instance), values)

    def show(self, instance: S, values: S) -> None:
        """Let a lazy instance show other values in this swap."""
        self._instances[type(instance)] = values


def publish(instance: S, values: S, before: S | None = None) -> bool:
    """Give a lazy instance the values it loaded; it shows them at full speed as soon as no swap is active.

    With `before`, only where these are the values in use: False if they are not. A handler of a signal may publish in
    the middle: between the look and the assignment there is no call, so there is no place for it.
    """
    waiting = waiting_of(instance)
    with _lock:
        if before is not None and waiting.current is not before:
            return False
        waiting.current = values
        while not is_swapped_anywhere(type(instance)) and vars(instance) is not vars(waiting.current):
            show(instance, waiting.current)
    return True


def swapped(cls: type[S]) -> use[S] | None:
    """Return the innermost swap of the class, or of one it inherits from, that this context is in."""
    return next((swap for swap in reversed(_swaps.get()) if issubclass(cls, swap.cls) and not swap.is_over), None)


def is_swapped_anywhere(cls: type[Settings]) -> bool:
    """Whether any thread or task has a swap of the class: then its lazy instances must answer from the context."""
    return any(count and issubclass(cls, swapped_cls) for swapped_cls, count in _active.items())
