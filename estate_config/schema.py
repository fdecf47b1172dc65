"""Declaring fields, and listing what a class declares: the keys of a load, and the rows of every document."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from pydantic import AliasChoices, AliasPath, BaseModel, Field
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

from estate_config.errors import Code, ConfigurationError, LoadInfo, Problem
from estate_config.naming import variable_name
from estate_config.redaction import masking_schema
from estate_config.shapes import Shape, asks_for_text, is_secret_type, model_type, shape_of
from estate_config.templates import placeholders

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema


@dataclass(frozen=True, slots=True)
class Declaration:
    """What `secret()` or `setting()` said, kept in the field's metadata."""

    name: str | None = None
    secret: bool = False
    owner: str | None = None
    rotates: timedelta | None = None
    max_stale: timedelta | None = None
    providers: tuple[str, ...] | None = None
    allow_empty: bool = False
    template: str | None = None
    live: bool = True
    accepts: tuple[str, ...] = ()
    addresses: Mapping[str, str] = field(default_factory=dict)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return masking_schema(source, handler) if self.secret else handler(source)


@dataclass(frozen=True, slots=True)
class Setting:
    """One declared field, nested ones included: a row of the schema."""

    path: tuple[str, ...]
    name: str
    info: FieldInfo = field(repr=False)
    declaration: Declaration = field(repr=False)
    secret: bool
    shape: Shape
    addresses: Mapping[str, str] = field(repr=False)
    required: bool
    """No default of its own; a nested field is required only where its parent is, or where a sibling was found."""
    optional_parents: tuple[tuple[str, ...], ...] = ()
    """The enclosing nested fields that have a default: with none of their fields found, the default stands."""

    @property
    def field(self) -> str:
        return ".".join(self.path)


def secret(
    name: str | None = None,
    *,
    default: Any = ...,
    default_factory: Callable[[], Any] | None = None,
    description: str | None = None,
    owner: str | None = None,
    rotates: timedelta | None = None,
    max_stale: timedelta | None = None,
    providers: tuple[str, ...] | None = None,
    allow_empty: bool = False,
    template: str | None = None,
    live: bool = True,
    accepts: tuple[str, ...] = (),
    examples: list[Any] | None = None,
    **addresses: str,
) -> Any:
    """Declare a secret field.

    `name` is the logical name, `database/url`; without it, the field's name. `providers` limits who is asked.
    `template` builds the value from other fields when no provider has it: `"postgresql://{user}:{password}@{host}/db"`
    (values are percent-encoded in a URL). `allow_empty` takes an empty text for a value instead of for none.
    `live=False` pins the field: no refresh changes it. `accepts=("AWSPENDING", "AWSPREVIOUS")` are the stages that
    `retry_on_rejected` may try when the current version is refused. Older than `max_stale` is STALE: not ready.
    `**addresses` gives the place by hand for a provider, `env="DATABASE_URL"`, `aws="estate/rds#password"`; such an
    address is whole: no prefix goes before it. Constraints go into the type: `Annotated[str, Field(min_length=8)]`.

    Raises `TypeError` for a word that is a constraint of pydantic's `Field` and not a provider, for a length of time
    that is none, and for a `max_stale` of a pinned field, which nobody looks at again.
    """
    if isinstance(accepts, str):
        raise TypeError(f'accepts= takes a tuple: accepts=("{accepts}",)')
    if max_stale is not None and not live:
        raise TypeError("max_stale= is for a field that is looked at again: leave out live=False, or max_stale=")
    for word, length in (("rotates", rotates), ("max_stale", max_stale)):
        if length is not None and not (isinstance(length, timedelta) and length > timedelta(0)):
            raise TypeError(f"{word}= takes a timedelta, and more than none: {word}=timedelta(days=90)")
    words = Declaration(
        name=name,
        secret=True,
        owner=owner,
        rotates=rotates,
        max_stale=max_stale,
        providers=providers,
        allow_empty=allow_empty,
        template=template,
        live=live,
        accepts=accepts,
        addresses=_addresses(addresses),
    )
    return _field(words, default, default_factory, description, examples)


def setting(
    name: str | None = None,
    *,
    default: Any = ...,
    default_factory: Callable[[], Any] | None = None,
    description: str | None = None,
    owner: str | None = None,
    providers: tuple[str, ...] | None = None,
    allow_empty: bool = False,
    template: str | None = None,
    live: bool = True,
    examples: list[Any] | None = None,
    **addresses: str,
) -> Any:
    """Declare a field that is no secret. As `secret()`; on a nested model, `name` goes before its fields' names."""
    words = Declaration(
        name=name,
        owner=owner,
        providers=providers,
        allow_empty=allow_empty,
        template=template,
        live=live,
        addresses=_addresses(addresses),
    )
    return _field(words, default, default_factory, description, examples)


def _field(
    words: Declaration,
    default: Any,
    default_factory: Callable[[], Any] | None,
    description: str | None,
    examples: list[Any] | None,
) -> FieldInfo:
    if isinstance(words.providers, str):
        raise TypeError(f'providers= takes a tuple: providers=("{words.providers}",)')
    hidden: dict[str, Any] = {"repr": False, "json_schema_extra": _without_default} if words.secret else {}
    if default_factory is not None:
        if default is not ...:
            raise TypeError("give a default or a default_factory, not both")
        hidden["default_factory"] = default_factory
    else:
        hidden["default"] = default
    info: FieldInfo = Field(description=description, examples=examples, validate_default=True, **hidden)
    info.metadata.append(words)
    return info


def _without_default(json_schema: dict[str, Any]) -> None:
    json_schema.pop("default", None)


_CONSTRAINTS = frozenset(inspect.signature(Field).parameters)
"""Words of pydantic's `Field`: as an address they are a slip."""


def _addresses(addresses: Mapping[str, str]) -> Mapping[str, str]:
    for provider, address in addresses.items():
        if provider in _CONSTRAINTS:
            raise TypeError(f"{provider}= is a word of pydantic's Field: write Annotated[..., Field({provider}=...)]")
        if not isinstance(address, str) or not address:
            raise TypeError(f"the address {provider}= must be a text, and not empty")
    return dict(addresses)


def settings_of(cls: type[BaseModel]) -> tuple[Setting, ...]:
    """Return every setting that `cls` declares, nested models included, in the order of declaration.

    Raises `ConfigurationError` with SCHEMA problems where a model is nested in itself.
    """
    return tuple(_walk(_Level(cls, (cls,))))


@dataclass(frozen=True)
class _Level:
    """How far the walk through nested models has come."""

    root: type[BaseModel]
    models: tuple[type[BaseModel], ...]
    path: tuple[str, ...] = ()
    prefix: str = ""
    optional: tuple[tuple[str, ...], ...] = ()


def _walk(level: _Level) -> Iterator[Setting]:
    for field_name, info in level.models[-1].model_fields.items():
        words = next((item for item in info.metadata if isinstance(item, Declaration)), Declaration())
        here = (*level.path, field_name)
        name = level.prefix + (words.name or field_name)
        nested = model_type(info.annotation)
        is_secret = words.secret or is_secret_type(info.annotation)
        if nested is not None and not is_secret and not words.addresses:
            if nested in level.models:
                raise schema_error(
                    level.root,
                    ".".join(here),
                    f"{nested.__name__} is nested in itself",
                    "declare the field with secret(): it is then one JSON value",
                )
            optional = level.optional if info.is_required() else (*level.optional, here)
            yield from _walk(_Level(level.root, (*level.models, nested), here, name + "/", optional))
            continue
        yield Setting(
            path=here,
            name=name,
            info=info,
            declaration=words,
            secret=is_secret,
            shape=_shape(level.root.model_config, info),
            addresses=_all_addresses(level.root.model_config, here, name, info, words),
            required=info.is_required(),
            optional_parents=level.optional,
        )


def _shape(config: Mapping[str, Any], info: FieldInfo) -> Shape:
    """As the type asks; left to the class's own validators where pydantic-settings would leave it to them."""
    shape = shape_of(info.annotation)
    undecoded = asks_for_text(info.metadata) or config.get("enable_decoding") is False
    return Shape.TEXT if undecoded and shape in (Shape.LIST, Shape.OBJECT) else shape


def _all_addresses(
    config: Mapping[str, Any], path: tuple[str, ...], name: str, info: FieldInfo, words: Declaration
) -> Mapping[str, str]:
    """The addresses given by hand, and the variable names that pydantic-settings' own options ask for."""
    if "env" in words.addresses:
        return words.addresses
    prefix = str(config.get("env_prefix") or "")
    delimiter = str(config.get("env_nested_delimiter") or "")
    if isinstance(info.validation_alias, str) and words.name is None:
        if len(path) == 1:
            return {**words.addresses, "env": info.validation_alias.upper()}
        path = (*path[:-1], info.validation_alias) if delimiter else path
    if words.name is None and (prefix or (delimiter and len(path) > 1)):
        own = delimiter.join(path) if delimiter else variable_name(name)
        return {**words.addresses, "env": (prefix + own).upper()}
    return words.addresses


# --- what can be wrong with a schema ---------------------------------------------------------------------------------

_NAME = re.compile(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*")
_NAME_LIMIT = 400  # leaves room for a prefix within the 512 characters of an AWS secret's name


def check(cls: type[BaseModel]) -> list[Problem]:
    """Return the SCHEMA problems of a class: bad names, two fields on one place, templates that cannot be built."""
    settings = settings_of(cls)
    return [*_bad_names(settings), *_same_places(settings), *_bad_templates(settings), *_reading_models(cls)]


def schema_error(cls: type, field_name: str, message: str, fix: str = "") -> ConfigurationError:
    """Return a `ConfigurationError` with one SCHEMA problem."""
    return ConfigurationError([Problem(field_name, Code.SCHEMA, message, fix=fix)], info=LoadInfo(service=cls.__name__))


def _bad_names(settings: tuple[Setting, ...]) -> Iterator[Problem]:
    for item in settings:
        if isinstance(item.info.validation_alias, (AliasChoices, AliasPath)):
            kind = type(item.info.validation_alias).__name__
            yield Problem(item.field, Code.SCHEMA, f"{kind} names no single place", fix='name one: env="NAME"')
        if not _NAME.fullmatch(item.name) or len(item.name) > _NAME_LIMIT:
            yield Problem(
                item.field,
                Code.SCHEMA,
                f"{item.name!r} is not a logical name",
                fix='use letters, digits, "_", "-", "." and "/" between parts, as in "database/url"',
            )


def _reading_models(cls: type[BaseModel]) -> Iterator[Problem]:
    """Nested classes that would read variables of their own accord, past the chain."""
    for name, info in cls.model_fields.items():
        nested = model_type(info.annotation)
        if nested is not None and issubclass(nested, BaseSettings) and nested.__pydantic_custom_init__:
            message = f"{nested.__name__} is a BaseSettings of pydantic-settings, and reads variables by itself"
            fix = f"derive {nested.__name__} from BaseModel, or from estate_config's Settings"
            yield Problem(name, Code.SCHEMA, message, fix=fix)


def _same_places(settings: tuple[Setting, ...]) -> Iterator[Problem]:
    seen: dict[tuple[str, str], Setting] = {}
    for item in settings:
        places = [(provider, address) for provider, address in item.addresses.items()]
        places.append(("env", item.addresses.get("env") or variable_name(item.name)))
        for place in dict.fromkeys(places):
            first = seen.setdefault(place, item)
            if first is not item:
                fix = f'give one another name or address, or build it from the other: template="{{{first.field}}}"'
                message = f"looks in the same place as {first.field}: {place[0]} {place[1]}"
                yield Problem(item.field, Code.SCHEMA, message, fix=fix)
                break


def _bad_templates(settings: tuple[Setting, ...]) -> Iterator[Problem]:
    known = {item.field: item for item in settings}
    needs: dict[str, list[str]] = {}
    for item in settings:
        if item.declaration.template is None:
            continue
        try:
            needs[item.field] = [sibling(item, name) for name in placeholders(item.declaration.template)]
        except ValueError as error:
            yield Problem(
                item.field,
                Code.SCHEMA,
                f"its template cannot be read: {error}",
                fix='write it as "scheme://{user}:{password}@{host}/name", with {{ and }} for braces',
            )
            continue
        for name in needs[item.field]:
            if name not in known:
                from estate_config.suggest import did_you_mean

                yield Problem(
                    item.field,
                    Code.SCHEMA,
                    f"its template names {name!r}, and there is no such field" + did_you_mean(name, known),
                    fix="name a field of the same class",
                )
    for start in needs:
        if _reaches(start, start, needs, set()):
            yield Problem(start, Code.SCHEMA, "its template is built from itself", fix="break the circle of templates")


def sibling(item: Setting, name: str) -> str:
    """Return the dotted field that a placeholder of `item`'s template names: a field of the same model."""
    return ".".join((*item.path[:-1], name))


def _reaches(goal: str, start: str, needs: Mapping[str, list[str]], seen: set[str]) -> bool:
    for name in needs.get(start, ()):
        if name == goal:
            return True
        if name not in seen:
            seen.add(name)
            if _reaches(goal, name, needs, seen):
                return True
    return False


def default_of(item: Setting) -> Any:
    """Return the default of a setting as declared, or `PydanticUndefined`; a factory is called.

    One that fails, or that needs the other fields, counts as none: pydantic calls it again, and says what it raised.
    """
    if item.info.default_factory is not None:
        with suppress(Exception):
            return item.info.get_default(call_default_factory=True, validated_data={})
        return PydanticUndefined
    return PydanticUndefined if item.required else item.info.default
