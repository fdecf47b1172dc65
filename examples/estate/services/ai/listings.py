"""Read listings from the database."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import psycopg

from services.database import connect, failure

_QUERY = "SELECT id, address, price_krw, area_m2 FROM listings WHERE id = %s"


@dataclass(frozen=True, slots=True)
class Listing:
    """A home on offer."""

    id: str
    address: str
    price_krw: int
    area_m2: Decimal


def read_listing(database_url: str, listing_id: str) -> Listing | None:
    """Return the listing, None if there is none with this id; raise `DatabaseUnavailableError`."""
    connection = connect(database_url)
    del database_url  # a traceback that shows locals must not show it
    try:
        with connection:
            row = connection.execute(_QUERY, [listing_id]).fetchone()
    except psycopg.Error as error:
        failed = failure(error)
    else:
        return Listing(*row) if row else None
    raise failed
