"""Connect to PostgreSQL, and say what is wrong without a word of the connection URL."""

from __future__ import annotations

from typing import Any

import psycopg

Connection = psycopg.Connection[tuple[Any, ...]]

CONNECT = 3
"""Seconds to wait for a connection."""
STATEMENT = 10
"""Seconds that one statement may take."""

_CONNECTING = (
    ("authentication failed", "it refuses the user or the password"),
    ("does not exist", "it has no such database or user"),
    ("timeout", f"it did not answer within {CONNECT} seconds"),
    ("refused", "nobody listens there"),
    ("resolve", "its host name is not known"),
)
"""What libpq says, and what we say. By text: it gives no code while connecting, and its text holds parts of the URL."""

_WORKING = {"42P01": "the table is not there yet: run the ETL job once", "57014": f"it took longer than {STATEMENT} s"}
"""What is wrong with a statement, by SQLSTATE (PostgreSQL, appendix A)."""


class DatabaseUnavailableError(Exception):
    """The database can't be used. The message says why, without a value."""


def connect(url: str) -> Connection:
    """Return a connection; raise `DatabaseUnavailableError` where there is none to be had.

    Call it as `connect(secrets_manager.get_database_url())`: a variable of yours would show in a traceback with locals.
    """
    try:
        return psycopg.connect(url, connect_timeout=CONNECT, options=f"-c statement_timeout={STATEMENT}s")
    except psycopg.Error as error:
        text = str(error)
        reason = next((ours for theirs, ours in _CONNECTING if theirs in text), type(error).__name__)
    del url, text  # a traceback that shows locals must not show them
    raise DatabaseUnavailableError(f"the database cannot be reached: {reason} (look at estate/database/url)")


def failure(error: psycopg.Error) -> DatabaseUnavailableError:
    """Return what to raise, outside of the `except` block, for a statement that failed."""
    reason = _WORKING.get(error.sqlstate or "", f"{type(error).__name__}, SQLSTATE {error.sqlstate}")
    return DatabaseUnavailableError(f"the database does not do it: {reason}")
