"""One `.env` file: text in, values and the numbers of the bad lines out. Nothing here raises or keeps a text."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from io import StringIO

_NEWLINE = re.compile(r"\r\n|\n|\r")
_BASE64_END = re.compile(r"\s*[A-Za-z0-9+/_-]+==\s*")
"""The last line of a base64 text of several lines that has no quotes: not a name whose value is `=`."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A value, and the line where its name stands."""

    value: str = field(repr=False)
    line: int


@dataclass(frozen=True, slots=True)
class Parsed:
    """What one file says. The last line of a name wins, as in a shell."""

    entries: dict[str, Entry]
    bad_lines: tuple[int, ...]
    """Lines that are not `NAME=value`, counted from 1."""


def parse(text: str) -> Parsed:
    """Parse with python-dotenv's grammar, and nothing of its interpolation: a `$` in a password is a `$`.

    A line `NAME==` is a bad one: it is taken for the end of a base64 text.
    """
    from dotenv.parser import parse_stream  # only once there is a file

    entries: dict[str, Entry] = {}
    bad_lines = []
    for binding in parse_stream(StringIO(text, newline="")):
        original = binding.original
        # The parser counts from the blank lines before a name; a person looks for the name.
        blank = original.string[: len(original.string) - len(original.string.lstrip())]
        line = original.line + len(_NEWLINE.findall(blank))
        if _BASE64_END.fullmatch(original.string):
            bad_lines.append(line)
        elif binding.key is not None and binding.value is not None:
            entries[binding.key] = Entry(binding.value, line)
        elif binding.error or binding.key is not None:
            bad_lines.append(line)
    return Parsed(entries, tuple(bad_lines))
