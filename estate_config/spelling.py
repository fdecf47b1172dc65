"""A value as text, as a place that holds texts would have it: a variable, a store."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from enum import Enum

from pydantic import BaseModel
from pydantic_core import to_jsonable_python


def spelled(value: object) -> str | bytes | None:
    """Return a value in plain sight: text and bytes as they are, None for None, anything else as pydantic writes JSON.

    It can be read back by a setting of its type. Durations are in ISO 8601, lists and objects are JSON.
    """
    plain = _plain(value)
    if plain is None or isinstance(plain, str | bytes):
        return plain
    written = to_jsonable_python(plain, fallback=str)
    return written if isinstance(written, str) else json.dumps(written, ensure_ascii=False)


def _plain(value: object) -> object:
    """Return a value with all that hides in it unwrapped: JSON would have asterisks there."""
    reveal = getattr(value, "get_secret_value", None)
    if reveal is not None:
        return _plain(reveal())
    if isinstance(value, Enum):
        return _plain(value.value)
    if isinstance(value, BaseModel):
        value = {name: getattr(value, name) for name in type(value).model_fields}
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple | AbstractSet) else value
