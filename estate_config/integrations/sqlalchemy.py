"""SQLAlchemy: every new connection of an engine logs in with the URL of now, and one of before is used no more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Dialect, Engine, event, make_url
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.util import await_only

from estate_config.integrations.reading import has_stray_part, text_of, unreadable
from estate_config.live import retry_on_rejected
from estate_config.redaction import Hidden
from estate_config.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine  # needs greenlet, which who has no async engine may not have

E = TypeVar("E", Engine, "AsyncEngine")

_VERSION = "estate_config.version"
"""Where a connection has the version of the settings that it was made with."""
_IS_NEW = "estate_config.is_new"
"""Where it has that nobody has worked with it yet."""


def follow(engine: E, settings: Settings, field: str) -> E:
    """Let an engine log in with the URL that `field` has at the time, and return it.

    The URL that the engine was made with only names the dialect and the driver: `create_engine("postgresql+psycopg://")`.
    Nothing is loaded before the first connection. A connection in use when the URL changes finishes its work; it is
    closed, as idle ones are, when the pool would next hand it out. Where the database refuses a login, the field is
    read again as `retry_on_rejected` does. Raises `TypeError` for an instance that is not lazy, `ValueError` for a name
    that is no field.
    """
    target = engine if isinstance(engine, Engine) else engine.sync_engine
    refused: type[Exception] = target.dialect.loaded_dbapi.Error
    retry = retry_on_rejected(settings, field, exceptions=(refused,))

    def connect(dialect: Dialect, record: ConnectionPoolEntry, _args: list[Any], options: dict[str, Any]) -> Any:
        def connected(version: Settings) -> Any:
            record.info.update({_VERSION: version, _IS_NEW: True})
            login = _login(dialect, Hidden(text_of(version, field)))
            if login is None:
                raise target.dialect.loaded_dbapi.OperationalError(unreadable(version, field))
            return dialect.connect(*login.reveal()[0], **{**options, **login.reveal()[1]})

        seen = await_only(retry.aseen()) if dialect.is_async else retry.seen()
        try:
            return connected(seen)
        except refused:
            again = await_only(retry.arenewed(seen)) if dialect.is_async else retry.renewed(seen)
            if not again:
                raise
        return connected(retry.seen())

    def check(_connection: Any, record: ConnectionPoolEntry, _proxy: Any) -> None:
        if record.info.pop(_IS_NEW, False):
            return  # made for this very checkout: good enough, even if the URL has changed in the meantime
        version = record.info.get(_VERSION)
        if version is None or text_of(version, field) != text_of(retry.seen(), field):
            raise DisconnectionError("it was made with a URL of before")  # and so the pool makes another one

    event.listen(target, "do_connect", connect)
    event.listen(target, "checkout", check)
    return engine


def _login(dialect: Dialect, url: Hidden[str]) -> Hidden[Any] | None:
    """Return the arguments to connect with; None if the URL cannot be read: what says so may show a part of it."""
    try:
        login = Hidden(dialect.create_connect_args(make_url(url.reveal())))
    except Exception:  # noqa: BLE001 - a dialect may raise anything
        return None
    return None if has_stray_part(url) else login
