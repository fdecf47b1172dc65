"""An engine that follows the settings, on a PostgreSQL whose password is rotated."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from pydantic import field_validator
from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from estate_config import Settings, lazy, load, refresh, secret, use
from estate_config.integrations.sqlalchemy import follow
from tests.integrations.conftest import (
    UNREADABLE,
    Mounted,
    Rotated,
    Service,
    Unchecked,
    assert_hidden,
    is_on_a_loop,
)
from tests.leaks import PLAIN

PID = text("SELECT pg_backend_pid()")


@pytest.fixture
def engine(settings: Service) -> Iterator[Engine]:
    engine = follow(create_engine("postgresql+psycopg://", pool_size=2), settings, "database_url")
    yield engine
    engine.dispose()


def pid_of(engine: Engine) -> int:
    with engine.connect() as connection:
        pid: int = connection.execute(PID).scalar_one()
    return pid


def test_connections_are_pooled_while_nothing_changes(engine: Engine) -> None:
    assert pid_of(engine) == pid_of(engine)


def test_after_a_rotation_new_connections_log_in_with_the_password_of_now(
    engine: Engine, settings: Service, rotated: Rotated
) -> None:
    with engine.connect():
        rotated.rotate(settings)
        pid_of(engine)  # a second one, which the pool has to make: the password of before would be refused


def test_a_connection_in_use_finishes_its_work_and_is_then_closed(
    engine: Engine, settings: Service, rotated: Rotated
) -> None:
    with engine.begin() as connection:
        before = connection.execute(PID).scalar_one()
        connection.execute(text("CREATE TEMPORARY TABLE work (done int)"))
        rotated.rotate(settings)
        connection.execute(text("INSERT INTO work VALUES (1)"))
    assert pid_of(engine) != before
    assert before not in rotated.sessions()


def test_an_idle_connection_of_before_is_not_handed_out(engine: Engine, settings: Service, rotated: Rotated) -> None:
    before = pid_of(engine)
    rotated.rotate(settings)
    now = pid_of(engine)
    assert rotated.sessions() == {now} != {before}


def test_a_url_that_changes_while_a_connection_is_made_fails_nobody(
    engine: Engine, settings: Service, rotated: Rotated
) -> None:
    event.listen(engine, "connect", lambda *_: rotated.rotate(settings))
    pid_of(engine)


def test_a_change_of_another_field_leaves_the_connections_alone(
    engine: Engine, settings: Service, mounted: Mounted
) -> None:
    before = pid_of(engine)
    mounted.put(workers="2")
    assert refresh(settings).changed == ("workers",)
    assert pid_of(engine) == before


def test_a_refused_password_is_looked_for_at_once(engine: Engine, rotated: Rotated) -> None:
    rotated.change()
    rotated.tell()  # and nobody has refreshed
    pid_of(engine)


def test_a_password_that_stays_refused_is_the_drivers_error(engine: Engine, rotated: Rotated) -> None:
    used = rotated.password
    rotated.change()
    with pytest.raises(OperationalError, match="password authentication failed") as caught:
        pid_of(engine)
    assert_hidden(caught.value, used)


def test_options_of_the_engine_hold(settings: Service) -> None:
    options = {"application_name": "orders", "user": "somebody else"}
    engine = follow(create_engine("postgresql+psycopg://", connect_args=options), settings, "database_url")
    with engine.connect() as connection:
        assert connection.execute(text("SHOW application_name")).scalar_one() == "orders"
    engine.dispose()


def test_an_engine_that_was_in_use_already_leaves_its_connections(settings: Service, rotated: Rotated) -> None:
    engine = create_engine(rotated_url(settings))
    before = pid_of(engine)
    rotated.rotate(settings)
    assert pid_of(follow(engine, settings, "database_url")) != before
    engine.dispose()


def rotated_url(settings: Service) -> str:
    return str(settings.database_url).replace("postgresql:", "postgresql+psycopg:")


def test_an_async_engine_follows_too(settings: Service, rotated: Rotated) -> None:
    async def run() -> None:
        engine = follow(create_async_engine("postgresql+psycopg://"), settings, "database_url")

        async def pid(connection: AsyncConnection) -> int:
            pid: int = (await connection.execute(PID)).scalar_one()
            return pid

        async with engine.connect() as connection:
            before = await pid(connection)
            rotated.rotate(settings)
            assert await pid(connection) == before
        async with engine.connect() as connection:
            assert rotated.sessions() == {await pid(connection)} != {before}
            rotated.change()
            rotated.tell()
            async with engine.connect() as refused_at_first:
                await pid(refused_at_first)
        await engine.dispose()

    asyncio.run(run())


def test_an_async_engine_loads_off_its_loop(settings: Service) -> None:
    on_a_loop: list[bool] = []

    class Noticing(Service):
        @field_validator("database_url", mode="before")
        @classmethod
        def _notice(cls, value: object) -> object:
            on_a_loop.append(is_on_a_loop())
            return value

    async def run() -> None:
        engine = follow(create_async_engine("postgresql+psycopg://"), lazy(Noticing), "database_url")
        async with engine.connect() as connection:
            await connection.execute(PID)
        await engine.dispose()

    with use(Noticing, {"database_url": str(settings.database_url)}):
        asyncio.run(run())
    assert on_a_loop == [False]


def test_nothing_is_loaded_before_the_first_connection(settings: Service) -> None:
    engine = follow(create_engine("postgresql+psycopg://"), lazy(Service), "database_url")
    with use(Service, {"database_url": settings.database_url}):
        pid_of(engine)
    engine.dispose()


def test_what_is_no_field_or_not_lazy_is_refused_where_it_is_written(settings: Service) -> None:
    engine = create_engine("postgresql+psycopg://")
    with pytest.raises(ValueError, match="Service has no field 'databse_url'"):
        follow(engine, settings, "databse_url")
    with (
        use(Service, {"database_url": "postgresql://host/"}),
        pytest.raises(TypeError, match=r"live is what lazy\(Service\) gives"),
    ):
        follow(engine, load(Service), "database_url")


class Optional(Settings):
    url: str | None = secret("url", default=None)


def test_a_field_without_text_is_named(mounted: Mounted) -> None:
    engine = follow(create_engine("postgresql+psycopg://"), mounted.live(Optional), "url")
    with pytest.raises(ValueError, match=r"Optional\.url is no text to log in with"):
        engine.connect()


@pytest.mark.parametrize("text", [*UNREADABLE, f"postgresql://service:{PLAIN}@host:port/database"])
def test_a_text_that_is_no_url_is_named_and_not_shown(text: str, mounted: Mounted) -> None:
    mounted.put(url=text)
    engine = follow(create_engine("postgresql+psycopg://"), mounted.live(Unchecked), "url")
    with pytest.raises(OperationalError, match=r"Unchecked\.url is no URL of a database") as caught:
        engine.connect()
    assert_hidden(caught.value, PLAIN)


def test_a_password_with_half_a_character_is_named_and_not_shown() -> None:
    engine = follow(create_engine("postgresql+psycopg://"), lazy(Unchecked), "url")
    half = use(Unchecked, {"url": f"postgresql://service:{PLAIN}\ud800@host/database"})
    with half, pytest.raises(OperationalError, match=r"Unchecked\.url is no URL of a database") as caught:
        engine.connect()
    assert_hidden(caught.value, PLAIN)


def test_a_password_may_have_a_slash_where_its_url_can_be_read(settings: Service, rotated: Rotated) -> None:
    engine = follow(create_engine("postgresql+psycopg://"), lazy(Unchecked), "url")
    url = rotated_url(settings).replace(quote(rotated.password, safe=""), quote(rotated.password, safe="/"))
    assert url != rotated_url(settings)
    with use(Unchecked, {"url": url}):
        pid_of(engine)
    engine.dispose()


def test_an_engine_that_is_not_async_needs_no_greenlet() -> None:
    code = "import sys; sys.modules['greenlet'] = None; import estate_config.integrations.sqlalchemy"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
