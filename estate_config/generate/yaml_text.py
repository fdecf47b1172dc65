"""Data as YAML in blocks, as people write manifests."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9_./-]*")
_WORDS = {"true", "false", "yes", "no", "on", "off", "y", "n", "null"}
"""What YAML 1.1 takes for something else than text."""

_BLOCK = re.compile(r"(?:[!-~][ -~]*\n)(?:[ -~]+\n)*")
"""A text of several lines that can stand as it is."""


def yaml_documents(mark: str, *documents: Mapping[str, Any]) -> str:
    """Return a file of documents, ending in a newline; `mark` says how it was made."""
    texts = ["\n".join(_lines(document)) for document in documents]
    return f"# {mark}\n" + "\n---\n".join(texts) + "\n"


def _lines(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping) and value:
        for name, inner in value.items():
            yield from _entry(f"{_scalar(name)}:", inner, "" if _is_list(inner) else "  ")
    elif _is_list(value):
        for inner in value:
            first, *rest = _lines(inner)
            yield f"- {first}"
            yield from (f"  {line}" for line in rest)
    else:
        yield _scalar(value)


def _entry(head: str, value: Any, indent: str) -> Iterator[str]:
    if _is_list(value) or (isinstance(value, Mapping) and value):
        yield head
        yield from (f"{indent}{line}" for line in _lines(value))
    elif isinstance(value, str) and _BLOCK.fullmatch(value):
        yield f"{head} |"
        yield from (f"  {line}" for line in value.splitlines())
    else:
        yield f"{head} {_scalar(value)}"


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str) and bool(value)


def _scalar(value: Any) -> str:
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    return json.dumps(value, ensure_ascii=False)
