"""A pool that follows the settings, on a PostgreSQL whose password is rotated."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from psycopg import AsyncConnection, Connection
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, ConnectionPool, PoolTimeout

from estate_config import refresh, use
from estate_config.integrations.psycopg_pool import follow
from tests.integrations.conftest import UNREADABLE_BY_LIBPQ, Mounted, Rotated, Service, Unchecked, wait_until
from tests.leaks import PLAIN, assert_no_canary


def pool_of(**options: Any) -> ConnectionPool[Connection[Any]]:
    return ConnectionPool(open=False, min_size=1, max_size=3, timeout=5, **options)


@pytest.fixture
def pool(settings: Service) -> Iterator[ConnectionPool[Connection[Any]]]:
    with follow(pool_of(), settings, "database_url") as pool:
        pool.wait()  # one that is asked before it is full makes a connection more
        yield pool


def pid_of(pool: ConnectionPool[Connection[Any]]) -> int:
    with pool.connection() as connection:
        return connection.info.backend_pid


def test_connections_are_pooled_while_nothing_changes(
    pool: ConnectionPool[Connection[Any]], settings: Service, mounted: Mounted
) -> None:
    before = pid_of(pool)
    mounted.put(workers="2")
    assert refresh(settings).changed == ("workers",)
    assert pid_of(pool) == before


def test_idle_connections_of_before_are_closed_and_made_anew(
    pool: ConnectionPool[Connection[Any]], settings: Service, rotated: Rotated
) -> None:
    before = pid_of(pool)
    rotated.rotate(settings)
    wait_until(lambda: len(rotated.sessions()) == 1 and before not in rotated.sessions())
    assert {pid_of(pool)} == rotated.sessions()


def test_a_connection_in_use_finishes_its_work_and_is_then_closed(
    pool: ConnectionPool[Connection[Any]], settings: Service, rotated: Rotated
) -> None:
    with pool.connection() as connection:
        before = connection.info.backend_pid
        connection.execute("CREATE TEMPORARY TABLE work (done int)")
        rotated.rotate(settings)
        assert pid_of(pool) != before  # a second one, which the pool has to make
        connection.execute("INSERT INTO work VALUES (1)")
    wait_until(lambda: before not in rotated.sessions())


def test_a_refused_password_is_looked_for_at_once(pool: ConnectionPool[Connection[Any]], rotated: Rotated) -> None:
    with pool.connection(), pool.connection():
        rotated.change()
        rotated.tell()  # and nobody has refreshed
        pid_of(pool)


def test_a_password_that_stays_refused_is_the_pools_error(
    settings: Service, rotated: Rotated, caplog: pytest.LogCaptureFixture
) -> None:
    used = rotated.password
    rotated.change()
    with follow(pool_of(), settings, "database_url") as pool, pytest.raises(PoolTimeout):
        pool.getconn(timeout=0.5)
    assert "password authentication failed" in caplog.text
    assert_no_canary(caplog.text, used)


def test_a_url_may_name_the_driver_as_those_of_sqlalchemy_do(rotated: Rotated, mounted: Mounted) -> None:
    url = (mounted.folder / "database_url").read_text("utf-8")
    mounted.put(url=url.replace("postgresql:", "postgresql+psycopg:"))
    with follow(pool_of(), mounted.live(Unchecked), "url") as pool:
        assert {pid_of(pool)} <= rotated.sessions()


@pytest.mark.parametrize("text", UNREADABLE_BY_LIBPQ)
def test_a_text_that_is_no_url_is_a_login_that_fails_and_is_not_in_the_log(
    text: str, mounted: Mounted, caplog: pytest.LogCaptureFixture
) -> None:
    mounted.put(url=text)
    with follow(pool_of(), mounted.live(Unchecked), "url") as pool, pytest.raises(PoolTimeout):
        pool.getconn(timeout=0.5)
    assert "Unchecked.url is no URL of a database" in caplog.text
    assert_no_canary(caplog.text, PLAIN)


def test_a_text_that_is_no_url_is_not_in_the_log_of_an_async_pool_either(
    mounted: Mounted, caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> None:
        made: AsyncConnectionPool[AsyncConnection[Any]] = AsyncConnectionPool(open=False, min_size=1)
        async with follow(made, mounted.live(Unchecked), "url") as pool:
            with pytest.raises(PoolTimeout):
                await pool.getconn(timeout=0.5)

    mounted.put(url=PLAIN)
    asyncio.run(run())
    assert "Unchecked.url is no URL of a database" in caplog.text
    assert_no_canary(caplog.text, PLAIN)


def test_options_of_the_pool_hold_and_so_does_its_class_of_connections(settings: Service) -> None:
    class Own(Connection[Any]):
        pass

    pool = pool_of(connection_class=Own, kwargs={"application_name": "orders"})
    with follow(pool, settings, "database_url"), pool.connection() as connection:
        assert isinstance(connection, Own)
        assert connection.execute("SHOW application_name").fetchone() == ("orders",)


def test_rows_may_be_of_a_type_of_their_own(settings: Service) -> None:
    made = ConnectionPool(
        connection_class=Connection[DictRow], kwargs={"row_factory": dict_row}, open=False, min_size=1
    )
    with follow(made, settings, "database_url") as pool, pool.connection() as connection:
        assert connection.execute("SELECT 1 AS one").fetchone() == {"one": 1}


def test_the_pools_threads_see_the_doubles_of_a_test(settings: Service, mounted: Mounted) -> None:
    url = settings.database_url
    mounted.put(database_url="postgresql://nobody:wrong@127.0.0.1:9/nowhere")
    with use(Service, {"database_url": url}), follow(pool_of(), mounted.live(Service), "database_url") as pool:
        pid_of(pool)


def test_an_async_pool_follows_too(settings: Service, rotated: Rotated) -> None:
    async def run() -> None:
        made: AsyncConnectionPool[AsyncConnection[Any]] = AsyncConnectionPool(
            open=False, min_size=1, max_size=3, timeout=5
        )
        async with follow(made, settings, "database_url") as pool:
            async with pool.connection() as connection:
                before = connection.info.backend_pid
                await asyncio.to_thread(rotated.rotate, settings)
                async with pool.connection() as second:
                    assert second.info.backend_pid != before
                await connection.execute("SELECT 1")
            await asyncio.to_thread(wait_until, lambda: before not in rotated.sessions())
            rotated.change()
            rotated.tell()
            async with pool.connection(), pool.connection(), pool.connection():
                pass

    asyncio.run(run())
    rotated.rotate(settings)  # the pool is closed and its loop has ended: nobody is to be told


def test_a_pool_that_connects_already_is_refused(settings: Service, rotated: Rotated) -> None:
    with ConnectionPool(str(settings.database_url), min_size=1) as pool, pytest.raises(ValueError, match="open=False"):
        follow(pool, settings, "database_url")


def test_a_psycopg_pool_that_cannot_drain_is_refused(settings: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(ConnectionPool, "drain")  # as in 3.2
    with pytest.raises(ImportError, match=r"pip install 'psycopg_pool>=3\.3'"):
        follow(pool_of(), settings, "database_url")
