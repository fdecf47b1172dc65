"""Drafts of fields, guessed from names and values. No value leaves this module: what it writes is a type."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from estate_config.naming import variable_name
from estate_config.settings import Settings

_SECRET = re.compile(
    r"(secret|passw(or)?d|passphrase|token|credential|private|dsn|(^|_)key|(^|_)pin)s?(_|$)", re.IGNORECASE
)
_DSNS = {
    "postgres": "PostgresDsn",
    "postgresql": "PostgresDsn",
    "mysql": "MySQLDsn",
    "mariadb": "MariaDBDsn",
    "redis": "RedisDsn",
    "rediss": "RedisDsn",
    "amqp": "AmqpDsn",
    "amqps": "AmqpDsn",
    "mongodb": "MongoDsn",
}


_USED = frozenset({"secret", "setting", "str", "int", "float", "bool", "list", "dict"})
"""What the lines of a class are written with: a field of that name would hide it from those after it."""


@dataclass(frozen=True, slots=True)
class Draft:
    """One field as it will be written."""

    field: str
    type: str
    secret: bool
    imports: tuple[tuple[str, str], ...] = ()
    """Module and name of each thing that the type needs."""
    env: str | None = None
    """The variable, where it is not the one that is derived."""
    address: tuple[str, str] | None = None
    """Provider and place, where one is given by hand: `("dynaconf", "database.url")`."""
    default: str | None = None
    """As Python; only what the code held already, and no text but a word of a `Literal`."""
    description: str | None = None


def guessed(variable: str, value: object, address: tuple[str, str] | None = None) -> Draft:
    """Return a draft for a variable or a setting of another library; its value says the type, and is not kept."""
    name = field_name(variable)
    kind, secret = _kind(variable, value)
    imports = (("pydantic", kind),) if kind[0].isupper() else ()
    env = None if variable_name(name) == variable or address else variable
    return Draft(name, kind, secret, imports, env, address)


def field_name(variable: str) -> str:
    """Return a name that a field may have."""
    name = re.sub(r"[^A-Za-z0-9]+", "_", variable).strip("_").lower() or "setting"
    if name[0].isdigit():
        name = f"setting_{name}"
    taken = keyword.iskeyword(name) or hasattr(Settings, name) or name.startswith("model_")
    return f"{name}_" if taken else unhidden(name)


def unhidden(name: str) -> str:
    """Return a name that hides nothing which a class is written with."""
    return f"{name}_" if name in _USED else name


def without_twins(drafts: Iterable[Draft]) -> list[Draft]:
    """Return the drafts, the first of each name."""
    found: dict[str, Draft] = {}
    for draft in drafts:
        found.setdefault(draft.field, draft)
    return list(found.values())


def _kind(name: str, value: object) -> tuple[str, bool]:
    scheme, separator, rest = str(value).partition("://")
    if separator and isinstance(value, str):
        if scheme.split("+")[0] in _DSNS:
            return _DSNS[scheme.split("+")[0]], True
        if scheme in ("http", "https"):
            return "HttpUrl", "@" in rest or bool(_SECRET.search(name))
    if "@" in rest:  # of a URL: who is before it has a password, perhaps
        return ("list[str]" if isinstance(value, list) else "SecretStr"), True
    if _SECRET.search(name):
        return "SecretStr", True
    return _plain(value), False


def _plain(value: object) -> str:
    if isinstance(value, bool) or str(value).lower() in ("true", "false"):
        return "bool"
    if isinstance(value, int) or re.fullmatch(r"0|[1-9][0-9]{0,8}", str(value)):  # 0123 is no number
        return "int"
    if isinstance(value, float):
        return "float"
    if isinstance(value, Mapping):
        return "dict[str, str]"
    return "list[str]" if isinstance(value, list) else "str"
