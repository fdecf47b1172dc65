"""Current values of secrets in a text, found by hash: what is searched for is kept as marks, not as values."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import re
import secrets
from collections.abc import Iterable, Iterator
from urllib.parse import quote, urlsplit

from estate_config.known_examples import is_known_example

SHORTEST = 8
"""Characters of a value at least: a shorter one stands in half of all files by chance."""

_START = re.compile(r"(?<![A-Za-z0-9])(?=\S)|(?<=[A-Za-z0-9])(?=[^A-Za-z0-9\s])")
"""Where a value may begin: after a character that is no letter and no digit, or with one."""


class Marks:
    """The hashes of values, with a key of this process: of their beginnings, and of the whole by its length."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._places: dict[bytes, dict[int, dict[bytes, str]]] = {}

    def add(self, value: str | bytes, place: str) -> None:
        """Mark a value, and how it is written in base64 (in a Kubernetes Secret) and in a URL."""
        raw = value if isinstance(value, bytes) else value.encode("utf-8", "surrogatepass")
        texts = {base64.b64encode(raw).decode()}
        if isinstance(value, str):
            texts |= {value, value.strip(), quote(value, safe="", errors="surrogatepass")}
        for text in texts:
            if len(text) >= SHORTEST:
                beginning = self._places.setdefault(self._hash(text[:SHORTEST]), {})
                beginning.setdefault(len(text), {})[self._hash(text)] = place

    def found_in(self, text: str) -> Iterator[tuple[int, str]]:
        """Yield the line and the place of each value that stands in a text, each once a line."""
        if not self._places:
            return
        seen: set[tuple[int, str]] = set()
        for start in (match.start() for match in _START.finditer(text)):
            lengths = self._places.get(self._hash(text[start : start + SHORTEST]), {})
            for length, marks in lengths.items():
                place = marks.get(self._hash(text[start : start + length]))
                if place is not None:
                    seen.add((text.count("\n", 0, start) + 1, place))
        yield from sorted(seen)

    def _hash(self, text: str) -> bytes:
        return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), key=self._key, digest_size=16).digest()


def marks_of(values: Iterable[tuple[str, object]]) -> Marks:
    """Return the marks of values, given with their places: whole, and each text of JSON and the password of a URL."""
    marks = Marks()
    for place, value in values:
        for text in _texts(value):
            marks.add(text, place)
    return marks


def _texts(value: object) -> Iterator[str | bytes]:
    if isinstance(value, dict):
        yield from (text for item in value.values() for text in _texts(item))
    elif isinstance(value, list | tuple):
        yield from (text for item in value for text in _texts(item))
    elif isinstance(value, str) and is_known_example(value):
        return  # not filled in yet: it stands in every `.env.example`, and opens nothing
    elif isinstance(value, str | bytes):
        yield value
        if isinstance(value, str):
            yield from _parts(value)


def _parts(value: str) -> Iterator[str | bytes]:
    with contextlib.suppress(ValueError, RecursionError):
        document = json.loads(value)
        if isinstance(document, dict | list):
            yield from _texts(document)
    with contextlib.suppress(ValueError):
        if "://" in value and (password := urlsplit(value).password):
            yield password
