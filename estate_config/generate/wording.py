"""What a schema declares, in words: values as a person would write them in a `.env` file, but never a secret's."""

from __future__ import annotations

import json
from collections.abc import Set as AbstractSet
from datetime import timedelta
from enum import Enum
from typing import Any

from pydantic_core import PydanticUndefined, to_jsonable_python

from estate_config.schema import Setting

CHAIN_END = "default, template, or MISSING"
"""What comes after the last provider of a chain."""

_UNITS = (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1))
"""Milliseconds of each unit, as `shapes` reads them back."""


def one_line(words: str) -> str:
    """Return words on one line: control characters and line ends become one space."""
    return " ".join("".join(char if char.isprintable() else " " for char in words).split())


def default_text(item: Setting) -> str | None:
    """Return the default of a setting as it would be written; None where it is a secret's, made by code, or none."""
    info = item.info
    made = info.default_factory is not None or info.default in (None, ..., PydanticUndefined)
    return None if made or item.secret else value_text(info.default)


def default_words(item: Setting) -> str | None:
    """Return what is said of the default of a setting, None where it has none.

    A factory is named and not called: what it makes may differ from machine to machine.
    """
    info = item.info
    if info.default_factory is not None:
        return f"made by {getattr(info.default_factory, '__name__', 'a function')}()"
    if info.is_required():
        return None
    if info.default is None:
        return "none"
    return "not shown" if item.secret else value_text(info.default)


def value_text(value: Any) -> str:
    """Return a value that is no secret as text that the setting could be read from."""
    if isinstance(value, timedelta):
        return duration_words(value)
    if isinstance(value, Enum):
        return value_text(value.value)
    if isinstance(value, str):
        return value
    plain = to_jsonable_python(value, fallback=lambda _: "…")
    if isinstance(value, AbstractSet):
        plain = sorted(plain, key=json.dumps)  # the order of a set differs from run to run
    return plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False)


def rotation_words(value: timedelta | None) -> str:
    """Return how often a secret is meant to be changed: `every 90 days`; "" where the schema does not say."""
    if value is None:
        return ""
    days, rest = divmod(value, timedelta(days=1))
    if rest or days < 1:
        return f"every {duration_words(value)}"
    return "every day" if days == 1 else f"every {days} days"


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
