"""How a secret gets its next value, and how the system that it opens comes to know it: one class for each kind.

Nothing here raises: there are values in every frame.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import Protocol

from estate_config.errors import Code
from estate_config.model import Deadline, Failed
from estate_config.redaction import Hidden
from estate_config.rotation import postgresql
from estate_config.rotation.credential import Credential, credential_of, of_url, renewed, too_long
from estate_config.rotation_table import RotationTable

_PASSWORD = 32
"""Random bytes of a password, spelled in letters, digits, `-` and `_`, which no URL, JSON or shell has to quote."""


@dataclass(frozen=True, slots=True)
class Values:
    """What the stages of a secret hold, and the secret of who makes users, where the way needs it."""

    current: Hidden[str]
    pending: Hidden[str]
    previous: Hidden[str] | None = None
    admin: Hidden[str] | None = None


class Way(Protocol):
    """One kind of rotation. Each step may be done again, after it was done in part or whole."""

    def create(self, current: Hidden[str]) -> Hidden[str] | Failed:
        """Return the next value."""
        ...

    def set(self, values: Values, deadline: Deadline) -> Failed | None:
        """Let the pending value be accepted."""
        ...

    def test(self, values: Values, deadline: Deadline) -> Failed | None:
        """Return what is wrong with the pending value."""
        ...


def way_of(table: RotationTable) -> Way:
    """Return how a secret is rotated of which `estate.toml` says this."""
    if table.kind == "generated":
        return Generated(table.length)
    given = of_url(table.connection or "")
    kind = OneUser if table.kind == "postgresql-single" else TwoUsers
    return kind(given if isinstance(given, Credential) else None)


@dataclass(frozen=True, slots=True)
class Generated:
    """A random text that nobody but its readers has to know: a key that signs."""

    length: int

    def create(self, current: Hidden[str]) -> Hidden[str] | Failed:
        try:
            is_object = isinstance(json.loads(current.reveal()), dict)
        except (ValueError, RecursionError):
            is_object = False
        if is_object:
            hint = "is a JSON object, and a generated value would replace all its members"
            return Failed(Code.MALFORMED, hint, "keep what is generated in a secret of its own")
        return Hidden(secrets.token_urlsafe(self.length)[: self.length])

    def set(self, values: Values, deadline: Deadline) -> Failed | None:
        """Nobody has to be told."""
        del values, deadline
        return None

    def test(self, values: Values, deadline: Deadline) -> Failed | None:
        """It could be read, and there is nobody who could refuse it."""
        del values, deadline
        return None


@dataclass(frozen=True, slots=True)
class OneUser:
    """A user of PostgreSQL that changes its own password.

    From `set` to `finish` the current version is refused to new connections.
    """

    given: Credential | None

    def create(self, current: Hidden[str]) -> Hidden[str] | Failed:
        login = credential_of(current, self.given)
        return login if isinstance(login, Failed) else renewed(current, None, secrets.token_urlsafe(_PASSWORD))

    def set(self, values: Values, deadline: Deadline) -> Failed | None:
        logins = _logins(values, self.given)
        if isinstance(logins, Failed):
            return logins
        current, pending = logins
        if (pending.user, pending.address) != (current.user, current.address):
            return _ANOTHER
        known = postgresql.log_in(pending, deadline)
        if known is not postgresql.REFUSED:
            return known
        for secret in (values.current, values.previous):
            login = credential_of(secret, self.given) if secret is not None else None
            if isinstance(login, Credential) and (login.user, login.address) == (pending.user, pending.address):
                done = postgresql.set_own_password(login, pending.password, deadline)
                if done is not postgresql.REFUSED:
                    return done
        return _LOCKED_OUT

    def test(self, values: Values, deadline: Deadline) -> Failed | None:
        return _tested(values, self.given, deadline)


@dataclass(frozen=True, slots=True)
class TwoUsers:
    """Two users of PostgreSQL by turns: the one that was current before goes on working until the next rotation."""

    given: Credential | None

    def create(self, current: Hidden[str]) -> Hidden[str] | Failed:
        login = credential_of(current, self.given)
        if isinstance(login, Failed):
            return login
        if login.alone:
            return Failed(
                Code.MALFORMED, "is a password alone, and users that alternate are part of the secret", _WHOLE
            )
        if too_long(login.other_user):
            return Failed(Code.MALFORMED, "has a user whose name is too long to get a second one beside it", _WHOLE)
        return renewed(current, login.other_user, secrets.token_urlsafe(_PASSWORD))

    def set(self, values: Values, deadline: Deadline) -> Failed | None:
        logins = _logins(values, self.given)
        if isinstance(logins, Failed):
            return logins
        current, pending = logins
        if (pending.user, pending.address) != (current.other_user, current.address):
            return _ANOTHER
        known = postgresql.log_in(pending, deadline)
        if known is not postgresql.REFUSED:
            return known
        # Who cannot prove that the current secret is good does not get the admin's hand.
        refused = postgresql.log_in(current, deadline)
        if refused is not None:
            return _LOCKED_OUT if refused is postgresql.REFUSED else refused
        admin = _admin(values.admin, current)
        if isinstance(admin, Failed):
            return admin
        done = postgresql.set_password_of_clone(admin, current.user, pending, deadline)
        return _NO_ADMIN if done is postgresql.REFUSED else done

    def test(self, values: Values, deadline: Deadline) -> Failed | None:
        return _tested(values, self.given, deadline)


def _logins(values: Values, given: Credential | None) -> tuple[Credential, Credential] | Failed:
    """Return the logins of the current and of the pending version."""
    current, pending = credential_of(values.current, given), credential_of(values.pending, given)
    if isinstance(current, Failed):
        return current
    return pending if isinstance(pending, Failed) else (current, pending)


def _tested(values: Values, given: Credential | None, deadline: Deadline) -> Failed | None:
    pending = credential_of(values.pending, given)
    return pending if isinstance(pending, Failed) else postgresql.log_in(pending, deadline)


def _admin(secret: Hidden[str] | None, current: Credential) -> Credential | Failed:
    """Return the login of who makes users: on the same server, which its secret need not name."""
    found = credential_of(secret or Hidden("{}"), Credential("", "", current.server))
    if isinstance(found, Failed):
        return Failed(found.code, f"has an admin whose secret {found.hint}", found.fix)
    same = found.address == current.address and not found.alone
    return found if same else Failed(Code.MALFORMED, "has an admin of another server", "name the admin of this one")


_ABANDON = "take AWSPENDING away from that version, and rotate again"
_WHOLE = "store user and password together, as a JSON object or a URL"
_ANOTHER = Failed(Code.MALFORMED, "has a pending version of another user or server than the current one's", _ABANDON)
_LOCKED_OUT = Failed(
    Code.DENIED,
    "has no version that PostgreSQL lets in: no password is right, or no connection is free; nothing was changed there",
    f"{postgresql.LOOK}; only after `password authentication failed`, set the password by hand (\\password in psql),"
    " and store it as the current version",
)
_NO_ADMIN = Failed(
    Code.DENIED,
    "has an admin whom PostgreSQL refuses: the secret that admin = … names is wrong, or no connection is free",
    postgresql.LOOK,
)
