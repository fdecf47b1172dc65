"""The engine that `DATABASES` names: Django's own for PostgreSQL, with another way to know how to log in."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS
from django.db.backends.postgresql import base
from psycopg import OperationalError
from psycopg.conninfo import conninfo_to_dict

from estate_config.integrations.reading import conninfo_of, text_of
from estate_config.live import retry_on_rejected
from estate_config.settings import Settings


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection of one thread. The one that is open is closed after a request in which the URL has changed."""

    def __init__(self, settings_dict: dict[str, Any], alias: str = DEFAULT_DB_ALIAS) -> None:
        super().__init__(settings_dict, alias)
        settings, self._field = settings_dict["FOLLOWS"]()
        if settings_dict["OPTIONS"].get("pool"):
            raise ImproperlyConfigured("Django's pool keeps one password for ever: leave it out, and use CONN_MAX_AGE")
        self._retry = retry_on_rejected(settings, self._field, exceptions=(OperationalError,))
        self._made_with: Settings | None = None
        if settings_dict["NAME"] == "":  # tests name their own database; None is the server's
            settings_dict["NAME"] = self._login().get("dbname", "")

    def get_connection_params(self) -> dict[str, Any]:
        """Return what to connect with now. The name of the database is Django's: tests have one of their own."""
        params: dict[str, Any] = super().get_connection_params()
        return params | {key: value for key, value in self._login().items() if key != "dbname"}

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Connect; where the login is refused, read the field again as `retry_on_rejected` does, and connect anew."""
        del conn_params  # read anew for each attempt, and a traceback with locals would show it

        @self._retry
        def connected() -> Any:
            self._made_with = self._retry.seen()
            return super(DatabaseWrapper, self).get_new_connection(self.get_connection_params())

        return connected()

    def close_if_unusable_or_obsolete(self) -> None:
        """As Django does before and after each request; a connection made with a URL of before has outlived its age."""
        if self._made_with is not None and self._text(self._made_with) != self._text(self._retry.seen()):
            self.close_at = 0.0
        super().close_if_unusable_or_obsolete()

    def _login(self) -> dict[str, Any]:
        return conninfo_to_dict(conninfo_of(self._retry.seen(), self._field))

    def _text(self, version: Settings) -> str:
        return text_of(version, self._field)
