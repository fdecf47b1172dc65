"""The worker: describes the listings that have no description yet. Several may run: each takes listings of its own."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event

import openai
import psycopg

from services.ai.describer import ModelError, describe
from services.ai.listings import Listing
from services.ai.secrets_manager import secrets_manager
from services.database import Connection, DatabaseUnavailableError, connect, failure

PAUSE = 30.0
"""Seconds to wait where there is nothing to do, or somebody we depend on does not do its part."""
_ALONE = "SELECT pg_advisory_xact_lock(726)"
"""Workers that start at once would create the table at once, and PostgreSQL lets one of them fail."""
_TABLE = "CREATE TABLE IF NOT EXISTS descriptions (listing_id text PRIMARY KEY, description text NOT NULL)"
_TAKE = """
SELECT id FROM listings
WHERE NOT EXISTS (SELECT FROM descriptions WHERE listing_id = id)
ORDER BY id LIMIT 10 FOR UPDATE SKIP LOCKED"""
"""Ten are one transaction: what is lost when the worker is stopped in the middle of it."""
_STILL_OPEN = """
SELECT id, address, price_krw, area_m2 FROM listings
WHERE id = ANY(%s) AND NOT EXISTS (SELECT FROM descriptions WHERE listing_id = id)
ORDER BY id"""
"""Asked once they are ours: another worker may have described them while we looked, and have given them back."""
_INSERT = "INSERT INTO descriptions VALUES (%s, %s) ON CONFLICT DO NOTHING"


def work(client: openai.OpenAI, model: str, stop: Event, say: Callable[[str], None], pause: float = PAUSE) -> None:
    """Describe listings until `stop` is set, telling `say` what was done or what kept it from being done."""
    while not stop.is_set():
        done, line = 0, "every listing is described"
        try:
            done = describe_some(connect(secrets_manager.get_database_url()), client, model)
        except (DatabaseUnavailableError, ModelError) as error:
            line = str(error)
        say(f"{done} listings described" if done else line)
        if not done:
            stop.wait(pause)


def describe_some(connection: Connection, client: openai.OpenAI, model: str) -> int:
    """Describe the next listings in one transaction; return how many there were. Closes the connection.

    Raises `DatabaseUnavailableError` and `ModelError`; then nothing was written.
    """
    try:
        with connection:
            connection.execute(_ALONE)
            connection.execute(_TABLE)
            connection.commit()
            listings = _taken(connection)
            for listing in listings:
                connection.execute(_INSERT, [listing.id, describe(client, model, listing)])
            return len(listings)
    except psycopg.Error as error:
        failed = failure(error)
    raise failed


def _taken(connection: Connection) -> list[Listing]:
    """Return the next listings that no other worker describes, none if there are none left."""
    while ids := [row[0] for row in connection.execute(_TAKE).fetchall()]:
        if rows := connection.execute(_STILL_OPEN, [ids]).fetchall():
            return [Listing(*row) for row in rows]
    return []
