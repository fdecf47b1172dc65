"""From text to what a field's type needs: lists, JSON objects, durations. Everything else is pydantic's."""

from __future__ import annotations

import dataclasses
import json
import re
import types
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, Union, get_args, get_origin, is_typeddict

from pydantic import BaseModel, Json, RootModel, Secret, SecretBytes, SecretStr
from pydantic_settings import NoDecode


class Shape(StrEnum):
    """What a field makes of a text."""

    TEXT = "text"
    BINARY = "binary"
    LIST = "list"
    OBJECT = "object"
    DURATION = "duration"


class MalformedError(ValueError):
    """A text that has not the shape its field needs. Its words never contain the text."""


def members_of(annotation: Any) -> Iterator[Any]:
    """Yield the types that `annotation` may be, through unions, `Annotated`, `Secret[T]` and names given to types.

    None is not one. A type that asks for its text itself is yielded as `str`.
    """
    annotation = _named(annotation)
    origin = get_origin(annotation)
    if origin is Annotated:
        annotation, *metadata = get_args(annotation)
        yield from [str] if asks_for_text(metadata) else members_of(annotation)
    elif origin is Union or origin is types.UnionType:
        for argument in get_args(annotation):
            yield from members_of(argument)
    elif origin is Secret:
        yield from members_of(get_args(annotation)[0])
    elif isinstance(annotation, type) and issubclass(annotation, RootModel):
        yield from members_of(annotation.model_fields["root"].annotation)  # it has no name of its own: it is its root
    elif annotation is not type(None):
        yield annotation


def _named(annotation: Any) -> Any:
    """Return what stands behind a name that was given to a type: by `type Name = …`, by `NewType`."""
    for attribute in ("__value__", "__supertype__"):
        if hasattr(annotation, attribute):
            return _named(getattr(annotation, attribute))
    return annotation


def asks_for_text(metadata: Iterable[Any]) -> bool:
    """Return whether a type's metadata asks for the text as it is: pydantic's `Json`, pydantic-settings' `NoDecode`."""
    return any(kind in (item, type(item)) for item in metadata for kind in (Json, NoDecode))


def is_secret_type(annotation: Any) -> bool:
    """Return whether pydantic itself treats a value of this type, or a part of it, as secret."""
    annotation = _named(annotation)
    origin = get_origin(annotation)
    candidate = origin or annotation
    if isinstance(candidate, type) and issubclass(candidate, (SecretStr, SecretBytes, Secret)):
        return True
    return any(is_secret_type(argument) for argument in get_args(annotation) if argument is not Ellipsis)


def model_type(annotation: Any) -> type[BaseModel] | None:
    """Return the pydantic model that `annotation` is (or is, where not None), if it is exactly one."""
    members = list(members_of(annotation))
    if len(members) == 1 and isinstance(members[0], type) and issubclass(members[0], BaseModel):
        return members[0]
    return None


def shape_of(annotation: Any) -> Shape:
    """Return what a text must be turned into before pydantic validates it as `annotation`."""
    shapes = {_shape(member) for member in members_of(annotation)}
    return shapes.pop() if len(shapes) == 1 else Shape.TEXT


def _shape(member: Any) -> Shape:
    origin = get_origin(member) or member
    if not isinstance(origin, type):
        return Shape.TEXT
    if dataclasses.is_dataclass(origin) or is_typeddict(origin):
        return Shape.OBJECT
    return next((shape for kinds, shape in _SHAPES if issubclass(origin, kinds)), Shape.TEXT)


_SHAPES: tuple[tuple[tuple[type, ...], Shape], ...] = (  # the first that fits: str and bytes are sequences too
    ((bytes, bytearray, SecretBytes), Shape.BINARY),
    ((str, SecretStr), Shape.TEXT),
    ((timedelta,), Shape.DURATION),
    ((Mapping, BaseModel), Shape.OBJECT),
    ((Sequence, AbstractSet), Shape.LIST),
)


def shaped(text: str, shape: Shape) -> object:
    """Return `text` in the given shape, ready for pydantic.

    Raises `MalformedError`, in words without the text, where it cannot be.
    """
    match shape:
        case Shape.LIST:
            return _items(text)
        case Shape.OBJECT:
            document = _json(text, "must be a JSON object")
            if not isinstance(document, dict):
                raise MalformedError("must be a JSON object, and is other JSON")
            return document
        case Shape.DURATION:
            return _duration(text)
        case _:
            return text


def _items(text: str) -> list[Any]:
    if text.lstrip().startswith("["):
        return _json(text, "must be a JSON list or comma-separated")  # type: ignore[no-any-return]  # it starts with [
    return [item for part in text.split(",") if (item := part.strip())]


def _json(text: str, rule: str) -> Any:
    message = rule
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        message = f"{rule}: not JSON at line {error.lineno}, column {error.colno}"
    except ValueError:
        message = f"{rule}: it has a number that is too long to read"
    except RecursionError:
        message = f"{rule}: nested too deeply"
    raise MalformedError(message)  # outside the except block: the decoder's error holds the whole text


_FLAGS = re.IGNORECASE | re.ASCII  # without ASCII, the long s of old print matches "s"
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)", _FLAGS)
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def _duration(text: str) -> object:
    """Return `90d`, `1h30m`, `15` (seconds) as a timedelta; anything else as it is: pydantic reads ISO 8601."""
    words = text.strip()
    if re.fullmatch(r"\d+(?:\.\d+)?", words, _FLAGS):
        words += "s"
    if not re.fullmatch(rf"(?:{_PART.pattern}\s*)+", words, _FLAGS):
        return text
    try:
        return timedelta(seconds=sum(float(number) * _UNITS[unit.lower()] for number, unit in _PART.findall(words)))
    except OverflowError:
        return text
