"""psycopg_pool: every new connection of a pool logs in with the URL of now, and those of before are closed."""

from __future__ import annotations

import asyncio
from contextvars import copy_context
from types import new_class
from typing import Any, TypeVar

from psycopg import OperationalError
from psycopg_pool import AsyncConnectionPool, ConnectionPool

from estate_config.integrations.reading import conninfo_of
from estate_config.live import on_change, retry_on_rejected, snapshot
from estate_config.settings import Settings

P = TypeVar("P", bound=ConnectionPool[Any] | AsyncConnectionPool[Any])


def follow(pool: P, settings: Settings, field: str) -> P:
    """Let a pool log in with the URL that `field` has at the time, and return it.

    The pool is one that is not open yet: `follow(ConnectionPool(open=False), settings, "database_url")`. When the URL
    changes, idle connections are closed and made anew; one in use is, when it is given back. Where the database refuses
    a login, the field is read again as `retry_on_rejected` does. Raises `ValueError` for a pool that is open or a name
    that is no field, `TypeError` for an instance that is not lazy, `ImportError` for a psycopg_pool before 3.3.
    """
    if not hasattr(pool, "drain"):
        raise ImportError("this psycopg_pool cannot let its connections go: pip install 'psycopg_pool>=3.3'")
    if not pool.closed:
        raise ValueError("the pool has begun to connect already: make it with open=False, and open it afterwards")
    if isinstance(pool, AsyncConnectionPool):
        _follow_async(pool, settings, field)
    else:
        _follow(pool, settings, field)
    return pool


def _follow(pool: ConnectionPool[Any], settings: Settings, field: str) -> None:
    made, context = pool.connection_class, copy_context()

    @retry_on_rejected(settings, field, exceptions=(OperationalError,))
    def connected(options: dict[str, Any]) -> Any:
        return made.connect(conninfo_of(snapshot(settings), field), **options)

    def connect(_: str = "", **options: Any) -> Any:
        return context.copy().run(connected, options)  # the pool's own threads know of no `use()`

    pool.connection_class = _class_with(connect, made)
    on_change(settings, field, lambda _: pool.drain())


def _follow_async(pool: AsyncConnectionPool[Any], settings: Settings, field: str) -> None:
    made = pool.connection_class
    loop: asyncio.AbstractEventLoop | None = None

    @retry_on_rejected(settings, field, exceptions=(OperationalError,))
    async def connect(_: str = "", **options: Any) -> Any:
        nonlocal loop
        loop = asyncio.get_running_loop()
        return await made.connect(conninfo_of(snapshot(settings), field), **options)

    def drain(_: object) -> None:
        if loop is not None and loop.is_running():
            asyncio.run_coroutine_threadsafe(pool.drain(), loop)

    pool.connection_class = _class_with(connect, made)
    on_change(settings, field, drain)


def _class_with(connect: Any, made: type[Any]) -> type[Any]:
    """Return the class of a pool's connections with another way to make one; it may be one for rows of some type."""
    return new_class("Connection", (made,), exec_body=lambda body: body.update(connect=staticmethod(connect)))
