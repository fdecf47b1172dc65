"""The job: every listing of the board into the table `listings`, in one transaction.

Readers see the old listings or the new ones, never half of each; a job that fails leaves the old ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import psycopg

from services.database import Connection, failure
from services.etl.board import Page

_TABLE = """
CREATE TABLE IF NOT EXISTS listings (
    id text PRIMARY KEY,
    address text NOT NULL,
    price_krw bigint NOT NULL,
    area_m2 numeric NOT NULL
)"""
_UPSERT = """
INSERT INTO listings (id, address, price_krw, area_m2) VALUES (%(id)s, %(address)s, %(price_krw)s, %(area_m2)s)
ON CONFLICT (id) DO UPDATE
SET address = excluded.address, price_krw = excluded.price_krw, area_m2 = excluded.area_m2"""


def load(pages: Iterable[Page], connection: Connection, say: Callable[[str], None]) -> int:
    """Write all pages, telling `say` of each; return how many listings there were. Closes the connection.

    Raises `DatabaseUnavailableError`, and whatever reading a page raises; then nothing was written.
    """
    try:
        with connection:  # commits at its end, rolls back on any error
            return _write(pages, connection, say)
    except psycopg.Error as error:
        failed = failure(error)
    raise failed


def _write(pages: Iterable[Page], connection: Connection, say: Callable[[str], None]) -> int:
    total = 0
    connection.execute(_TABLE)
    with connection.cursor() as cursor:
        for page in pages:
            cursor.executemany(_UPSERT, [item.model_dump() for item in page.items])
            total += len(page.items)
            say(f"page {page.page} of {page.pages}: {len(page.items)} listings")
    return total
