"""The text of a field in one version of the settings: what a tool logs in with."""

from __future__ import annotations

import re
from typing import Any

from pydantic import BaseModel

from estate_config.redaction import Hidden
from estate_config.settings import Settings

_WITH_DRIVER = re.compile(r"^postgresql\+\w+://")
"""How a URL of SQLAlchemy's begins: libpq takes it for no URL."""
_SECOND_AT = re.compile(r"[\w+]+://(?!/)[^@]*@.*@", re.DOTALL)
"""A URL whose host may be the rest of a password."""
_LATE_AT = re.compile(r"\w+://[^@?]*/[^?]*@", re.DOTALL)
"""A URL whose host is a user for libpq, and whose port is the beginning of a password."""


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


def sendable_of(version: Settings, field: str) -> str:
    """Return the text of a field that is sent in a header. Raises `ValueError` also if no header can carry it.

    What sends it would show the header.
    """
    text = Hidden(text_of(version, field))
    if not _is_sendable(text):
        name = f"{type(version).__name__}.{field}"
        raise ValueError(f"{name} has what no header can carry: a line break, or a blank at one of its ends")
    return text.reveal()


def _is_sendable(text: Hidden[str]) -> bool:
    return text.reveal().isprintable() and text.reveal().strip() == text.reveal()


def conninfo_of(version: Settings, field: str) -> str:
    """Return the text of a field as libpq reads it: `keyword=value`, or a URL without the driver that it may name.

    Raises `psycopg.OperationalError`, as a login that is refused does, if libpq cannot read it: it would show the text.
    """
    from psycopg import OperationalError

    text = Hidden(_WITH_DRIVER.sub("postgresql://", text_of(version, field)))
    if not _is_conninfo(text):
        raise OperationalError(unreadable(version, field))
    return text.reveal()


def unreadable(version: Settings, field: str) -> str:
    """Return what to say of a field that is no URL of a database."""
    example = "postgresql://USER:PASSWORD@HOST/NAME"
    fix = "percent-encode what is no letter or digit in USER and PASSWORD, and each @ but the one before HOST"
    return f"{type(version).__name__}.{field} is no URL of a database, as {example} is: {fix}"


def has_stray_part(text: Hidden[str]) -> bool:
    """Return whether a URL may have a part of a password for its host, or has half of a character.

    An error of a driver would show either.
    """
    if _SECOND_AT.match(text.reveal()):
        return True
    try:
        text.reveal().encode()
    except UnicodeEncodeError:
        return True
    return False


def _is_conninfo(text: Hidden[str]) -> bool:
    from psycopg import Error
    from psycopg.conninfo import conninfo_to_dict

    try:
        login = conninfo_to_dict(text.reveal())
    except (Error, UnicodeError):
        return False
    if has_stray_part(text) or _LATE_AT.match(text.reveal()) or "@" in str(login.get("host", "")):
        return False
    return re.fullmatch(r"[\d,]*", str(login.get("port", ""))) is not None  # an error would show any other
