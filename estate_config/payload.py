"""Parts of a stored value, for every provider whose places may say `secret#member`."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from typing import Any

from estate_config.errors import Code
from estate_config.model import Failed


def split_member(address: str) -> tuple[str, str | None]:
    """Split `estate/rds#password` into the place and the member; the member is None where there is no `#`."""
    place, hash_sign, member = address.partition("#")
    return place, member if hash_sign else None


def member_of(text: str, member: str) -> str | Failed | None:
    """Return one member of a JSON object as text, None if the object has no such member.

    Text stays text; a number keeps the digits it was written with; lists and objects come back as JSON. A JSON error
    is reported by its position only: the parser's own exception carries the whole document.
    """
    try:
        document = json.loads(text)
    except ValueError as error:
        position = f" (line {error.lineno}, column {error.colno})" if isinstance(error, json.JSONDecodeError) else ""
        return Failed(Code.MALFORMED, f"is not JSON{position}, and the schema asks for its member {member!r}")
    except RecursionError:
        return Failed(Code.MALFORMED, f"is JSON nested too deeply, and the schema asks for its member {member!r}")
    if not isinstance(document, dict):
        return Failed(Code.MALFORMED, f"is JSON but not an object, and the schema asks for its member {member!r}")
    if member not in document:
        return None
    return _text(text, member, document[member])


def _text(text: str, member: str, value: object) -> str | Failed:
    if value is None:
        return Failed(Code.NO_VALUE, f"has the member {member!r}, but it is null")
    if isinstance(value, str):
        return value
    document, written = _as_written(text)
    return written(document[member])


def part_of(value: str | bytes, member: str | None, *, binary: bool) -> str | bytes | Failed | None:
    """Return what a key asks for of a stored value: bytes, text, a member of its JSON; None: it has no such member."""
    if binary and member is None:
        return value
    if isinstance(value, bytes):
        try:
            value = value.decode()
        except UnicodeDecodeError:
            return Failed(Code.MALFORMED, "is not text in UTF-8", "declare the field as SecretBytes if it is binary")
    return value if member is None else member_of(value, member)


def with_members(text: str | None, members: Mapping[str, str]) -> str | Failed:
    """Return the JSON object `text` with these members set and the others kept; unchanged text if they are set already.

    None stands for nothing there yet. A text that is no JSON object is `Failed`: it would be lost. Numbers keep their
    digits, which Python's own would not: 1.10, 1E5.
    """
    no_object = Failed(Code.MALFORMED, "holds no JSON object, so a member cannot be written into it")
    try:
        document, written = _as_written("{}" if text is None else text)
    except (ValueError, RecursionError):
        return no_object
    if not isinstance(document, dict):
        return no_object
    if text is not None and all(document.get(name) == value for name, value in members.items()):
        return text
    return written({**document, **members})


def _as_written(text: str) -> tuple[Any, Callable[[Any], str]]:
    """Return a JSON document, and how to write it, or a part of it, with all numbers in their own digits.

    Raises `ValueError` and `RecursionError` as `json.loads` does.
    """
    mark, numbers = os.urandom(16).hex(), list[str]()

    def kept(number: str) -> str:
        numbers.append(number)
        return f"{mark}{len(numbers) - 1}"

    def written(part: Any) -> str:
        plain = json.dumps(part, ensure_ascii=False)
        return re.sub(rf'"{mark}(\d+)"', lambda found: numbers[int(found[1])], plain)

    return json.loads(text, parse_int=kept, parse_float=kept, parse_constant=kept), written
