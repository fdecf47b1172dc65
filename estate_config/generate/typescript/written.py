"""Data as TypeScript writes it, on one line where that fits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from estate_config.generate.typescript.types import key, literal

_WIDTH = 118


def written(value: Any, indent: str = "  ") -> str:
    """Return data of mappings, lists and plain values; what does not fit is broken, one member a line."""
    short = literal(value)
    if len(indent) + len(short) <= _WIDTH or not isinstance(value, Mapping | list):
        return short
    inner = indent + "  "
    if isinstance(value, list):
        return "[\n" + "".join(f"{inner}{written(item, inner)},\n" for item in value) + f"{indent}]"
    lines = [f"{inner}{key(name)}: {written(item, inner)},\n" for name, item in value.items()]
    return f"{{\n{''.join(lines)}{indent}}}"
