"""A field's type and constraints in words, for reports and documents."""

from __future__ import annotations

import dataclasses
import types
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from estate_config.schema import Declaration


def type_text(annotation: Any) -> str:
    """Return a type as a person writes it: `PostgresDsn`, `list[int]`, `"debug" or "info"`."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return type_text(arguments[0])
    if origin is Union or origin is types.UnionType:
        return " or ".join(type_text(a) for a in arguments if a is not type(None))
    if getattr(origin, "__name__", getattr(origin, "_name", "")) == "Literal" or str(origin) == "typing.Literal":
        return " or ".join(repr(a) for a in arguments)
    if origin is not None:
        inner = ", ".join("…" if a is Ellipsis else type_text(a) for a in arguments)
        return f"{getattr(origin, '__name__', str(origin))}[{inner}]"
    if isinstance(annotation, type) and hasattr(annotation, "__members__"):
        return " or ".join(repr(member.value) for member in annotation)  # type: ignore[attr-defined]  # an enum
    return getattr(annotation, "__name__", str(annotation))


def constraints(info: FieldInfo) -> tuple[str, ...]:
    """Return the constraints of a field as `min_length=8`, in the order of declaration."""
    found: list[str] = []
    for item in info.metadata:
        if isinstance(item, Declaration) or callable(item):
            continue
        if dataclasses.is_dataclass(item) and not isinstance(item, type):
            pairs = {f.name: getattr(item, f.name) for f in dataclasses.fields(item)}
        else:
            pairs = dict(getattr(item, "__dict__", {}))
        found.extend(f"{name}={value!r}" for name, value in pairs.items() if value is not None and not callable(value))
    return tuple(found)


def declared(info: FieldInfo) -> str:
    """Return the type with its constraints: `str, min_length=8`."""
    return ", ".join((type_text(info.annotation), *constraints(info)))
