"""A login to PostgreSQL as a secret spells it: AWS's JSON, a URL, or the password alone.

Nothing here raises: there are values in every frame. No name of a user or a server is in a message either.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from estate_config.errors import Code
from estate_config.model import Failed
from estate_config.payload import with_members
from estate_config.redaction import Hidden

_CLONE = "_clone"
"""What AWS's own rotation functions put after the name of the second user."""
_LONGEST = 63
"""Bytes of a name in PostgreSQL; what is longer is cut off."""
_PASSED_ON = frozenset(
    {"sslmode", "sslrootcert", "sslcert", "sslkey", "channel_binding", "gssencmode", "target_session_attrs"}
)
"""Parameters of a URL that matter for a login; those of an ORM are not PostgreSQL's."""


@dataclass(frozen=True, slots=True)
class Credential:
    """A user, a password, and the way to the server."""

    user: str = field(repr=False)
    password: str = field(repr=False)
    server: Mapping[str, str] = field(repr=False)
    """`host`, `port`, `dbname`, and how to connect, in libpq's words; what is not said is left out."""
    alone: bool = False
    """The secret is the password, and nothing else."""

    @property
    def address(self) -> tuple[str, str]:
        """Where the server is."""
        return self.server.get("host", ""), self.server.get("port", "5432")

    @property
    def other_user(self) -> str:
        """The user that alternates with this one."""
        return self.user.removesuffix(_CLONE) if self.user.endswith(_CLONE) else self.user + _CLONE


def credential_of(secret: Hidden[str], given: Credential | None) -> Credential | Failed:
    """Return the login that a secret holds; `given` has what the secret does not say."""
    text = secret.reveal()
    document = _object(text)
    found = _of_json(document, given) if document is not None else _of_text(text, given)
    if isinstance(found, Credential) and not all((found.user, found.password, found.server.get("host"))):
        return Failed(Code.MALFORMED, "does not say which user, password and host these are", _FORMS)
    return found


def renewed(secret: Hidden[str], user: str | None, password: str) -> Hidden[str] | Failed:
    """Return the secret with another password, and another user if one is given; the rest stays as it is written."""
    text = secret.reveal()
    if _object(text) is not None:
        written = with_members(text, {**({"username": user} if user else {}), "password": password})
        return written if isinstance(written, Failed) else Hidden(written)
    if "://" not in text:
        return Hidden(password)
    scheme, _, rest = text.partition("://")
    authority = re.split("[/?#]", rest, maxsplit=1)[0]
    login, at, places = authority.rpartition("@")
    name = login.partition(":")[0] if user is None else quote(user, safe="")
    return Hidden(f"{scheme}://{name}:{quote(password, safe='')}{at}{places}{rest[len(authority) :]}")


def too_long(user: str) -> bool:
    """Whether PostgreSQL would cut a name off."""
    return len(user.encode()) > _LONGEST


_FORMS = (
    'store it as {"host": …, "port": …, "username": …, "password": …, "dbname": …}, or as postgresql://USER:PASSWORD@HOST/DB\n'
    'or, where the secret is the password alone, put connection = "postgresql://USER@HOST/DB" into estate.toml'
)


def _object(text: str) -> dict[str, Any] | None:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _of_json(document: Mapping[str, Any], given: Credential | None) -> Credential | Failed:
    if not str(document.get("engine", "postgres")).endswith(("postgres", "postgresql")):
        return Failed(Code.MALFORMED, "is of another engine than PostgreSQL", "rotate it with a function for that one")
    server = dict(given.server) if given else {}
    server |= {name: str(document[name]) for name in ("host", "port", "dbname") if document.get(name)}
    if str(document.get("ssl", "")).lower() in ("true", "false"):
        server["sslmode"] = "require" if str(document["ssl"]).lower() == "true" else "disable"
    user, password = (str(document.get(name) or "") for name in ("username", "password"))
    return Credential(user or (given.user if given else ""), password, server)


def _of_text(text: str, given: Credential | None) -> Credential | Failed:
    if "://" in text:
        return of_url(text)
    if given is None:
        return Failed(Code.MALFORMED, "is neither a JSON object nor a URL of PostgreSQL", _FORMS)
    return replace(given, password=text, alone=True)


def of_url(text: str) -> Credential | Failed:
    """Return what a URL says; a driver's name after `+` in its scheme is none of libpq's business."""
    try:
        parts = urlsplit(text)
        query = dict(parse_qsl(parts.query))
    except ValueError:
        return Failed(Code.MALFORMED, "is no URL that can be read", _FORMS)
    if parts.scheme.partition("+")[0] not in ("postgresql", "postgres"):
        return Failed(Code.MALFORMED, "is no URL of PostgreSQL", _FORMS)
    login, _, places = parts.netloc.rpartition("@")
    user, _, password = login.partition(":")
    hosts, ports = zip(*(_host_and_port(place) for place in places.split(",")), strict=True)
    server = {name: value for name, value in query.items() if name in _PASSED_ON}
    server |= {"host": ",".join(hosts), "port": ",".join(ports), "dbname": unquote(parts.path[1:])}
    return Credential(unquote(user), unquote(password), {name: value for name, value in server.items() if value})


def _host_and_port(place: str) -> tuple[str, str]:
    host, colon, port = place.rpartition(":")
    if not colon or port.endswith("]"):
        host, port = place, ""
    return unquote(host).strip("[]"), port or "5432"
