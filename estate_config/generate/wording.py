"""Values that a schema declares, in words: as a person would write them in a `.env` file. Never those of a secret."""

from __future__ import annotations

import json
from collections.abc import Set as AbstractSet
from datetime import timedelta
from enum import Enum
from typing import Any

from pydantic_core import PydanticUndefined, to_jsonable_python

from estate_config.schema import Setting

_UNITS = (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1))
"""Milliseconds of each unit, as `shapes` reads them back."""


def default_words(item: Setting) -> str | None:
    """Return the default of a setting in words, None where it has none.

    A factory is named and not called: what it makes may differ from machine to machine.
    """
    if item.info.default_factory is not None:
        return f"made by {getattr(item.info.default_factory, '__name__', 'a function')}()"
    if item.required or item.info.default is PydanticUndefined:
        return None
    if item.info.default is None:
        return "none"
    return "set in the schema, not shown" if item.secret else example_words(item.info.default)


def example_words(value: Any) -> str:
    """Return a value that is no secret as text that the setting could be read from."""
    if isinstance(value, timedelta):
        return duration_words(value)
    if isinstance(value, Enum):
        return example_words(value.value)
    if isinstance(value, str):
        return value
    plain = to_jsonable_python(value, fallback=lambda _: "…")
    if isinstance(value, AbstractSet):
        plain = sorted(plain, key=json.dumps)  # the order of a set differs from run to run
    return plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False)


def duration_words(value: timedelta) -> str:
    """Return a duration as `90d`, `1h30m`, `250ms`; a negative one, or a part of a millisecond, in ISO 8601."""
    milliseconds, rest = divmod(value, timedelta(milliseconds=1))
    if rest or milliseconds < 0:
        return str(to_jsonable_python(value))
    words = ""
    for unit, size in _UNITS:
        count, milliseconds = divmod(milliseconds, size)
        words += f"{count}{unit}" if count else ""
    return words or "0s"
