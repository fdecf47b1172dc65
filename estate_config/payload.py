"""Members of a JSON secret, for every provider whose places may say `secret#member`."""

from __future__ import annotations

import json

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
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(json.loads(text, parse_int=str, parse_float=str, parse_constant=str)[member])
    return json.dumps(value, ensure_ascii=False)
