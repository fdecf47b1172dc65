"""Read listings from the database."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import psycopg

from services.database import Connection, failure

_QUERY = "SELECT id, address, price_krw, area_m2 FROM listings WHERE id = %s"


@dataclass(frozen=True, slots=True)
class Listing:
    """A home on offer."""

    id: str
    address: str
    price_krw: int
    area_m2: Decimal


def read_listing(connection: Connection, listing_id: str) -> Listing | None:
    """Return the listing, None if there is none with this id, and close the connection.

    Raises `DatabaseUnavailableError`.
    """
    try:
        with connection:
            row = connection.execute(_QUERY, [listing_id]).fetchone()
    except psycopg.Error as error:
        failed = failure(error)
    else:
        return Listing(*row) if row else None
    raise failed
