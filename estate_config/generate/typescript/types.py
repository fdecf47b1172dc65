"""From a type of Python to one of TypeScript, and to what makes it of a text: zod, and the helpers of `types.ts`.

What has no like in TypeScript is refused, never left out: a service in Node.js must not take what Python would refuse.
"""

from __future__ import annotations

import dataclasses
import json
import re
import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Secret, SecretBytes, SecretStr, ValidationError, create_model
from pydantic.fields import FieldInfo

from estate_config.describe import type_text
from estate_config.schema import Declaration
from estate_config.shapes import Shape, is_secret_type, shape_of


class NotInTypeScriptError(Exception):
    """A type, a constraint or a default that has no like in TypeScript. It holds no value."""

    def __init__(self, why: str, fix: str) -> None:
        self.why = why
        self.fix = fix
        super().__init__(why, fix)


@dataclass(frozen=True, slots=True)
class Typed:
    """One type in TypeScript."""

    type: str
    """`readonly string[]`."""
    reader: str
    """What makes it of what is found: `t.list(z.array(t.text()))`."""


Limits = dict[str, Any]
"""Constraints by pydantic's names."""
_SIMPLER = "give the field a simpler type, or leave the service to Python"


def typed(info: FieldInfo, *, secret: bool = False) -> Typed:
    """Return the type of a field, with its default. Raises `NotInTypeScriptError`."""
    found = _typed(info.annotation, _limits(info.metadata))
    helper = _FROM_TEXT.get(shape_of(info.annotation))
    return whole(Typed(found.type, f"{helper}({found.reader})") if helper else found, info, secret=secret)


_FROM_TEXT = {Shape.LIST: "t.list", Shape.OBJECT: "t.object"}


def whole(found: Typed, info: FieldInfo, *, secret: bool) -> Typed:
    """Return the type of a field that may also be None, or that has a default."""
    found = _or_none(found, info.annotation)
    if info.is_required():
        return found
    return Typed(found.type, f"{found.reader}.default({literal(_default(info, secret=secret))})")


def _or_none(found: Typed, annotation: Any) -> Typed:
    may_be_none = type(None) in get_args(_named(annotation))
    return Typed(f"{found.type} | null", f"{found.reader}.nullable()") if may_be_none else found


def refusals(cls: type[BaseModel]) -> Iterator[NotInTypeScriptError]:
    """Yield the ways in which a class changes or checks values that only Python can."""
    decorators = cls.__pydantic_decorators__
    for kind in ("validators", "field_validators", "root_validators", "model_validators"):
        for name in getattr(decorators, kind):
            why = f"{cls.__name__}.{name} is a validator in Python, which TypeScript cannot run"
            yield NotInTypeScriptError(why, "say it by the type: Annotated[str, Field(pattern=…)]")
    for name in sorted(_CHANGING & {name for name, value in cls.model_config.items() if value}):
        why = f"{name} in model_config of {cls.__name__} has no like in TypeScript"
        yield NotInTypeScriptError(why, f"remove {name}")


_CHANGING = frozenset(
    {"str_strip_whitespace", "str_to_lower", "str_to_upper", "str_min_length", "str_max_length", "strict"}
    | {"coerce_numbers_to_str", "alias_generator"}
)
"""Options of pydantic that change which values a class takes."""


# --- types -----------------------------------------------------------------------------------------------------------


def _typed(annotation: Any, limits: Limits) -> Typed:
    kind, limits = _unwrapped(annotation, limits)
    origin = get_origin(kind) or kind
    remaining = dict(limits)
    if origin is Literal:
        found = _one_of(kind, get_args(kind))
    elif origin is Any:
        found = Typed("unknown", "z.unknown()")
    else:
        found = _maker(kind, origin)(kind, remaining)
    if remaining:
        words = ", ".join(f"{name}=" for name in remaining)
        raise NotInTypeScriptError(f"{words} of {type_text(kind)} has no like in TypeScript", _SIMPLER)
    return found


def _unwrapped(annotation: Any, limits: Limits) -> tuple[Any, Limits]:
    """Return the one type that an annotation is, None and what is around it left aside, and all its constraints."""
    annotation = _named(annotation)
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _unwrapped(arguments[0], {**limits, **_limits(arguments[1:])})
    if origin is Secret:
        return _unwrapped(arguments[0], limits)
    if origin is Union or origin is types.UnionType:
        others = [argument for argument in arguments if argument is not type(None)]
        if len(others) == 1:
            return _unwrapped(others[0], limits)
    return annotation, limits


def _named(annotation: Any) -> Any:
    """Return what stands behind a name that was given to a type: by `type Name = …`, by `NewType`."""
    behind = getattr(annotation, "__value__", None) or getattr(annotation, "__supertype__", None)
    return annotation if behind is None else _named(behind)


def _limits(metadata: Iterable[Any]) -> Limits:
    """Return the constraints in a field's metadata; what is no constraint of pydantic's is in it too, and refused."""
    found: Limits = {}
    for item in metadata:
        if item is None or isinstance(item, Declaration):
            continue
        if isinstance(item, FieldInfo):
            found |= _limits(item.metadata)
        elif dataclasses.is_dataclass(item) and not isinstance(item, type):
            found |= {part.name: getattr(item, part.name) for part in dataclasses.fields(item)}
        else:
            found |= getattr(item, "__dict__", None) or {type(item).__name__: item}
    return {name: value for name, value in found.items() if value is not None and name not in _OF_NO_MATTER}


_OF_NO_MATTER = frozenset({"default_host", "default_port", "default_path", "preserve_empty_path"})
"""What pydantic fills into a URL: here a URL is the text that was found, and its client has the same defaults."""

Maker = Callable[[Any, Limits], Typed]


def _maker(kind: Any, origin: Any) -> Maker:
    if isinstance(origin, type):
        if hasattr(origin, "_constraints"):
            return _url
        for base, make in _MAKERS:
            if issubclass(origin, base):
                return make
    raise NotInTypeScriptError(f"the type {type_text(kind)} has no like in TypeScript", _SIMPLER)


def _scalar(kind: str, helper: str, options: Mapping[str, str]) -> Maker:
    return lambda _, limits: Typed(kind, f"t.{helper}({_options(limits, options)})")


_LENGTH = {"min_length": "min", "max_length": "max"}
_RANGE = {"gt": "gt", "ge": "ge", "lt": "lt", "le": "le", "multiple_of": "multipleOf"}


def _enum(kind: Any, limits: Limits) -> Typed:
    del limits
    return _one_of(kind, [member.value for member in kind])


def _one_of(kind: Any, allowed: Sequence[Any]) -> Typed:
    if not all(isinstance(value, str) for value in allowed):
        raise NotInTypeScriptError(f"{type_text(kind)} allows other values than texts", "allow texts only")
    texts = [literal(value.value if isinstance(value, Enum) else value) for value in allowed]
    return Typed(" | ".join(texts), f"t.oneOf({', '.join(texts)})")


def _url(kind: Any, limits: Limits) -> Typed:
    own = _limits([kind._constraints])  # noqa: SLF001 - pydantic tells them nowhere else
    merged = {**own, **{name: limits.pop(name) for name in own.keys() | _URL.keys() if name in limits}}
    if hasattr(kind, "hosts"):
        merged["multi_host"] = True
    return Typed("string", f"t.url({_options(merged, _URL)})")


_URL = {"allowed_schemes": "schemes", "host_required": "host", "max_length": "max", "multi_host": "multiHost"}


def _list(kind: Any, limits: Limits) -> Typed:
    arguments = [argument for argument in get_args(kind) if argument is not Ellipsis]
    if len(arguments) != 1:
        raise NotInTypeScriptError(f"{type_text(kind)} does not say what is in it, or has parts of its own", _SIMPLER)
    items = _or_none(_part(arguments[0]), arguments[0])
    low, high = limits.pop("min_length", None), limits.pop("max_length", None)
    reader = f"z.array({items.reader})" + (f".min({low})" if low else "") + (f".max({high})" if high else "")
    if issubclass(get_origin(kind), AbstractSet):
        reader = f"t.unique({reader})"
    inner = f"({items.type})" if " " in items.type else items.type
    return Typed(f"readonly {inner}[]", reader)


def _mapping(kind: Any, limits: Limits) -> Typed:
    del limits
    arguments = get_args(kind)
    if not arguments or arguments[0] is not str:
        raise NotInTypeScriptError(f"{type_text(kind)} does not say what is in it, by texts", _SIMPLER)
    values = _or_none(_part(arguments[1]), arguments[1])
    return Typed(f"Readonly<Record<string, {values.type}>>", f"z.record(z.string(), {values.reader})")


def _model(kind: Any, limits: Limits) -> Typed:
    del limits
    for refusal in refusals(kind):
        raise refusal
    fields = {}
    for name, info in kind.model_fields.items():
        if info.validation_alias is not None:
            raise NotInTypeScriptError(f"{kind.__name__}.{name} has an alias", "name the field as its member is named")
        fields[name] = whole(_part(info.annotation, info.metadata), info, secret=is_secret_type(info.annotation))
    shape = {"forbid": "z.strictObject", "allow": "z.looseObject"}.get(str(kind.model_config.get("extra")), "z.object")
    members = "; ".join(f"readonly {key(name)}: {field.type}" for name, field in fields.items())
    readers = ", ".join(f"{key(name)}: {field.reader}" for name, field in fields.items())
    return Typed(f"{{ {members} }}", f"{shape}({{ {readers} }})")


def _part(annotation: Any, metadata: Iterable[Any] = ()) -> Typed:
    """Return a type inside of another one, which is read out of JSON or from between commas."""
    if shape_of(annotation) is Shape.DURATION:
        raise NotInTypeScriptError("a duration inside of another type has no like in TypeScript", _SIMPLER)
    return _typed(annotation, _limits(metadata))


_MAKERS: tuple[tuple[type | tuple[type, ...], Maker], ...] = (  # the first that fits: bool is an int, str a sequence
    (Enum, _enum),
    ((str, SecretStr, Path), _scalar("string", "text", {**_LENGTH, "pattern": "pattern"})),
    ((bytes, bytearray, SecretBytes), _scalar("Uint8Array", "bytes", _LENGTH)),
    (bool, _scalar("boolean", "boolean", {})),
    (int, _scalar("number", "integer", _RANGE)),
    (float, _scalar("number", "float", _RANGE)),
    (timedelta, _scalar("number", "duration", _RANGE)),
    (BaseModel, _model),
    (Mapping, _mapping),
    ((Sequence, AbstractSet), _list),
)


# --- values of the schema --------------------------------------------------------------------------------------------


def _default(info: FieldInfo, *, secret: bool) -> Any:
    """Return the default of a field as pydantic makes it. Raises `NotInTypeScriptError` where it cannot be written."""
    if info.default_factory is not None:
        raise NotInTypeScriptError("its default is made by a function of Python", "write the default itself: default=…")
    if secret and info.default is not None:
        why = "its default is a secret's, and no secret is written into a file"
        raise NotInTypeScriptError(why, "give it no default, or default=None")
    fields: dict[str, Any] = {"value": (info.annotation, info)}
    try:
        value = vars(create_model("Default", __config__=ConfigDict(validate_default=True), **fields)())["value"]
    except ValidationError:
        pass
    else:
        return info.default if hasattr(value, "scheme") else value  # a URL as it was written
    raise NotInTypeScriptError("its default is not valid", "correct the default in the schema")


def literal(value: Any) -> str:
    """Return a value as TypeScript writes it; durations in milliseconds, what is of no type here as its text."""
    for base, write in _LITERALS:
        if isinstance(value, base):
            return write(value)
    return _quoted(str(value))


def _quoted(value: str) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if "'" in text or "\\" in text else f"'{text[1:-1]}'"


def _members(values: Mapping[str, Any]) -> str:
    inner = ", ".join(f"{key(str(name))}: {literal(value)}" for name, value in values.items())
    return f"{{ {inner} }}" if inner else "{}"


_LITERALS: tuple[tuple[type | tuple[type, ...], Callable[[Any], str]], ...] = (
    (Enum, lambda value: literal(value.value)),
    (str, _quoted),
    ((bool, type(None)), json.dumps),
    ((int, float), lambda value: json.dumps(int(value) if value == value // 1 else value)),
    (timedelta, lambda value: literal(value / timedelta(milliseconds=1))),
    (bytes, lambda value: f"Uint8Array.of({', '.join(map(str, value))})"),
    (BaseModel, lambda value: _members({name: getattr(value, name) for name in type(value).model_fields})),
    (Mapping, _members),
    ((list, tuple), lambda value: f"[{', '.join(map(literal, value))}]"),
    ((set, frozenset), lambda value: f"[{', '.join(sorted(map(literal, value)))}]"),
)


def key(name: str) -> str:
    """Return a member's name as TypeScript writes it."""
    return name if re.fullmatch(r"[A-Za-z_$][\w$]*", name, re.ASCII) else literal(name)


def _options(limits: Limits, names: Mapping[str, str]) -> str:
    """Take the constraints with these names, and return them as an object of TypeScript with its own names."""
    taken = {ours: limits.pop(name) for name, ours in names.items() if name in limits}
    words = [f"{name}: {_pattern(value) if name == 'pattern' else literal(value)}" for name, value in taken.items()]
    return f"{{ {', '.join(words)} }}" if words else ""


_ONLY_PYTHON = re.compile(r"\\[AzZGQEhH]|\(\?(?![:=!<])|[*+?}]\+")
"""What regular expressions of JavaScript have not."""


def _pattern(pattern: str | re.Pattern[str]) -> str:
    text = pattern if isinstance(pattern, str) else pattern.pattern
    if _ONLY_PYTHON.search(text) or (isinstance(pattern, re.Pattern) and pattern.flags & ~re.UNICODE) or "\n" in text:
        why = "its pattern is one that JavaScript reads otherwise"
        raise NotInTypeScriptError(why, r"write it without flags, and with ^ and $ instead of \A and \Z")
    slashes_escaped = re.sub(r"\\.|/", lambda found: found[0] if len(found[0]) > 1 else r"\/", text)
    return f"/{slashes_escaped or '(?:)'}/u"
