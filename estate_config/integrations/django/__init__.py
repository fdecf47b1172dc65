"""Django on PostgreSQL: `DATABASES` in which no password stands, and connections that log in with the one of now."""

from __future__ import annotations

from typing import Any

from estate_config.live import retry_on_rejected
from estate_config.settings import Settings


def database(settings: Settings, field: str, **options: Any) -> dict[str, Any]:
    """Return an entry of `DATABASES` that logs in with the URL that `field` has at the time. Needs psycopg 3.

    `options` are other keys of the entry: `CONN_MAX_AGE=60`. Nothing is loaded before the first use of the connection.
    Raises `TypeError` for an instance that is not lazy, `ValueError` for a name that is no field.
    """
    retry_on_rejected(settings, field, exceptions=())  # that would say what is wrong with them
    # Django copies what is in here, and a copy of settings is one version that stays it; a function is not copied.
    return {"ENGINE": __name__, "NAME": "", **options, "FOLLOWS": lambda: (settings, field)}
