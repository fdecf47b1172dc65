"""Logging in to PostgreSQL, and setting a password there.

The server is sent what it would store of the password, which libpq computes: the password itself is in no statement, so
it gets into no log of statements. Nothing here raises: there are values in every frame.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from estate_config.errors import Code
from estate_config.model import Deadline, Failed
from estate_config.rotation.credential import Credential

if TYPE_CHECKING:
    from psycopg import Connection

_CONNECT = 10
"""Seconds that connecting to one address may take; libpq takes 2 at least."""

_BY_STATE = {
    "42501": (
        Code.DENIED,
        "does not let this user do it",
        "GRANT … WITH ADMIN OPTION, and CREATEROLE, to who makes users",
    ),
    "25006": (Code.UNAVAILABLE, "is a standby, which only reads", "let the secret name the primary"),
    "57014": (Code.UNAVAILABLE, "did not do it in time", "look for what holds locks on pg_authid, and run it again"),
}
"""What PostgreSQL's SQLSTATE means (its manual, appendix A); others are told by their five characters."""

LOOK = "look into the server's log, which says which"
REFUSED = Failed(
    Code.DENIED,
    "is not let in by PostgreSQL: user, password or database are not as it knows them, or no connection is free",
    LOOK,
)
"""Which of them it is, libpq only says in words, of the server's language; no word of it is shown."""


def log_in(login: Credential, deadline: Deadline) -> Failed | None:
    """Return None if the server lets the login in and answers it; `REFUSED` if it asked, and did not let it in."""
    return _with(login, deadline, lambda connection: connection.execute("SELECT 1"))


def set_own_password(login: Credential, password: str, deadline: Deadline) -> Failed | None:
    """Log in, and change that user's password."""

    def work(connection: Connection[Any]) -> None:
        from psycopg import sql

        stored = _as_stored(connection, login.user, password)
        connection.execute("SET ROLE NONE")  # one of two users acts as the other, who may not change its password
        connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(login.user), stored))

    return _with(login, deadline, work)


def set_password_of_clone(admin: Credential, current: str, pending: Credential, deadline: Deadline) -> Failed | None:
    """Log in as who may make users, and let `pending` be a user like `current`, with its password.

    All in one transaction. A new user is a member of the first one, and acts as it from its login on: what either makes
    belongs to the same owner, and what is granted to one is granted to both.
    """

    def work(connection: Connection[Any]) -> None:
        from psycopg import sql

        stored = _as_stored(connection, pending.user, pending.password)
        user, base = sql.Identifier(pending.user), sql.Identifier(current)
        known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (pending.user,)).fetchone()
        verb = sql.SQL("ALTER ROLE" if known else "CREATE ROLE")
        connection.execute(sql.SQL("{} {} LOGIN PASSWORD {}").format(verb, user, stored))
        if connection.execute(_IS_MEMBER, (current, pending.user)).fetchone() is None:  # or it is the first of the two
            connection.execute(sql.SQL("GRANT {} TO {}").format(base, user))
            connection.execute(sql.SQL("ALTER ROLE {} SET role = {}").format(user, base))

    return _with(admin, deadline, work)


_IS_MEMBER = (
    "SELECT 1 FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid JOIN pg_roles u ON u.oid = m.member"
    " WHERE u.rolname = %s AND r.rolname = %s"
)


def _as_stored(connection: Connection[Any], user: str, password: str) -> Any:
    """Return what the server would store of a password, computed here: SCRAM, unless the server is set to another."""
    from psycopg import sql

    return sql.Literal(connection.pgconn.encrypt_password(password.encode(), user.encode()).decode())


def _with(login: Credential, deadline: Deadline, work: Callable[[Connection[Any]], object]) -> Failed | None:
    """Do the work in one transaction of this login."""
    try:
        import psycopg
    except ImportError:
        fix = "pip install 'estate-config[rotate-postgresql]'"
        return Failed(Code.PLUGIN, "needs psycopg, which is not installed", fix)
    seconds = max(2, min(_CONNECT, int(deadline.remaining())))
    settings: dict[str, Any] = {"dbname": "postgres", **login.server, "connect_timeout": seconds}
    try:
        connection = psycopg.connect(user=login.user, password=login.password, **settings)
    except (psycopg.Error, UnicodeError) as error:
        pgconn = error.pgconn if isinstance(error, psycopg.Error) else None
        return REFUSED if pgconn is not None and pgconn.used_password else _UNREACHABLE
    try:
        if not connection.pgconn.used_password:
            return _OPEN
        limit = str(max(1, int(deadline.remaining() * 1000)))
        connection.execute("SELECT set_config('statement_timeout', %s, false)", (limit,))
        work(connection)
        connection.commit()
    except psycopg.Error as error:
        state = error.sqlstate
    else:
        return None
    finally:
        connection.close()
    return _failed(state)


_UNREACHABLE = Failed(
    Code.UNAVAILABLE,
    "names a PostgreSQL server that cannot be reached, or that does not speak as the secret says",
    "look whether it can be reached from here: network, security group, DNS, sslmode",
)
_OPEN = Failed(
    Code.INSECURE,
    "names a PostgreSQL server that lets this user in without a password: no password can be tested there",
    "let pg_hba.conf ask for scram-sha-256",
)


def _failed(state: str | None) -> Failed:
    if state in _BY_STATE:
        code, what, fix = _BY_STATE[state]
        return Failed(code, f"names a PostgreSQL server that {what}", fix)
    said = f"SQLSTATE {state}" if state else "the connection broke"
    return Failed(Code.UNAVAILABLE, f"names a PostgreSQL server that failed: {said}", "look into the server's log")
