"""One settings file: bytes in, a table out. Nothing here raises or keeps a text: a parser's error holds all of it."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from estate_config.errors import Code
from estate_config.model import Failed
from estate_config.small_file import as_text, read_small_file

_LIMIT = 1_048_576
"""Bytes that one settings file may have."""

Document = dict[str, Any]


def _yaml(text: str) -> Any:
    from dynaconf.loaders.yaml_loader import yaml

    return yaml.safe_load(text)


FORMATS: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    ".toml": ("TOML", tomllib.loads),
    ".yaml": ("YAML", _yaml),
    ".yml": ("YAML", _yaml),
    ".json": ("JSON", json.loads),
}


def read_document(path: Path) -> Document | Failed | None:
    """Return the table in a file, None if there is no file. Numbers, texts and lists are as its format has them."""
    raw = read_small_file(os.fspath(path), _LIMIT)
    text = as_text(raw) if isinstance(raw, bytes) else raw
    if text is None:
        return None
    if isinstance(text, Failed):
        return Failed(text.code, text.hint, "" if text.code is Code.MALFORMED else text.fix)
    return _parsed(text, *FORMATS[path.suffix])


def _parsed(text: str, kind: str, parse: Callable[[str], Any]) -> Document | Failed:
    try:
        document = parse(text)
    except Exception as error:  # noqa: BLE001 - whatever a parser raises, it holds the text
        return Failed(Code.MALFORMED, f"is not {kind}{_position(error)} (the text is not shown: it may hold a secret)")
    if document is None:  # an empty file of YAML
        return {}
    if not isinstance(document, dict) or not all(isinstance(name, str) for name in document):
        return Failed(Code.MALFORMED, f"is {kind}, and not a table with names")
    return document


def _position(error: Exception) -> str:
    """Return where a parser stopped, ` (line 3, column 5)`, by its numbers alone."""
    mark = getattr(error, "problem_mark", None)
    if isinstance(error, json.JSONDecodeError):
        line, column = error.lineno, error.colno
    elif mark is not None:
        line, column = mark.line + 1, mark.column + 1
    elif found := re.search(r"\(at line (\d+), column (\d+)\)$", str(error)):
        line, column = int(found[1]), int(found[2])
    else:
        return " (at its end)" if str(error).endswith("(at end of document)") else ""
    return f" (line {line}, column {column})"
