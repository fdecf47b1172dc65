"""The text of a field in one version of the settings: what a tool logs in with."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from estate_config.settings import Settings


def text_of(version: Settings, field: str) -> str:
    """Return the text of a field, dotted if it is nested. Raises `ValueError` if it has none to log in with."""
    value: Any = version
    for name in field.split("."):
        value = getattr(value, name)
    value = value.get_secret_value() if hasattr(value, "get_secret_value") else value
    text = "" if value is None or isinstance(value, (bytes, BaseModel)) else str(value)
    del value  # a traceback with locals would show it
    if not text:
        raise ValueError(f"{type(version).__name__}.{field} is no text to log in with: name one field that has one")
    return text
