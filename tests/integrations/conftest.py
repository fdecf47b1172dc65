"""A PostgreSQL whose password is rotated, and settings whose values are files that a test puts in place."""

from __future__ import annotations

import asyncio
import secrets
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, LiteralString, TypeVar
from urllib.parse import quote

import psycopg
import pytest
from psycopg import sql
from pydantic import PostgresDsn

from estate_config import Settings, lazy, load, refresh, secret, setting
from estate_config.model import Deadline

sys.path.insert(0, str(Path(__file__).parents[2] / "examples" / "estate"))

from tests.leaks import PLAIN, assert_no_canary, chain_of
from tools.postgres import Postgres, postgres

S = TypeVar("S", bound=Settings)


class Service(Settings):
    database_url: PostgresDsn = secret("database/url")
    workers: int = setting("workers", default=1)


class Unchecked(Settings):
    url: str = secret("url")


def is_on_a_loop() -> bool:
    """Whether an event loop stands still while this is done."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


UNREADABLE = (
    PLAIN,
    f"postgresql://service:begun@{PLAIN}@host/database",
    f"postgresql://service:begun@{PLAIN}/word@host/database",
    f"postgresql://service:begun@{PLAIN}?word@host/database",
    f"postgresql://service:{PLAIN}/database",
)
"""Texts of a field that are no URL of a database: a password alone, some with an `@`, and one with no host."""
UNREADABLE_BY_LIBPQ = (
    *UNREADABLE,
    f"postgresql://service:{PLAIN}%zz@host/database",
    f"postgresql://service:{PLAIN}/word@host/database",
    f"postgresql://service:1/{PLAIN}@host/database",
)


class Mounted:
    """A folder that the provider `files` reads: what is put there is what the next look at it finds."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, **values: str) -> None:
        for name, value in values.items():
            beside = self.folder / f".{name}"
            beside.touch(0o600)
            beside.write_text(value, "utf-8")
            beside.replace(self.folder / name)

    @property
    def config(self) -> dict[str, Any]:
        return {
            "default_environment": "here",
            "environments": {"here": {"chain": ["files"]}},
            "providers": {"files": {"folder": str(self.folder)}},
        }

    def live(self, cls: type[S]) -> S:
        return load(lazy(cls), config=self.config)


class Rotated:
    """A user of the database for one test, whose password is changed there and then in the settings."""

    def __init__(self, server: Postgres, mounted: Mounted) -> None:
        self.server = server
        self.mounted = mounted
        self.user = f"service_{secrets.token_hex(4)}"
        self._run("CREATE ROLE {} LOGIN")
        self.change()
        self.tell()

    def change(self) -> None:
        """Give the user another password: from now on the one of before is refused."""
        self.password = f"{secrets.token_urlsafe(12)} @/:%ü"
        self._run("ALTER ROLE {} PASSWORD {}", sql.Literal(self.password))

    def tell(self) -> None:
        """Put the URL of now where the settings are read from."""
        at = f"{self.server.host}:{self.server.port}/{self.server.database}"
        self.mounted.put(database_url=f"postgresql://{self.user}:{quote(self.password, safe='')}@{at}")

    def rotate(self, settings: Settings) -> None:
        self.change()
        self.tell()
        assert refresh(settings).changed == ("database_url",)

    def sessions(self) -> set[int]:
        """Return the processes of the server that serve this user now."""
        with psycopg.connect(self.server.url) as connection:
            rows = connection.execute("SELECT pid FROM pg_stat_activity WHERE usename = %s", [self.user]).fetchall()
        return {pid for (pid,) in rows}

    def _run(self, statement: LiteralString, *values: sql.Literal) -> None:
        with psycopg.connect(self.server.url) as connection:
            connection.execute(sql.SQL(statement).format(sql.Identifier(self.user), *values))


@pytest.fixture(scope="session")
def server() -> Iterator[Postgres]:
    with postgres() as server:
        yield server


@pytest.fixture
def mounted(tmp_path: Path) -> Mounted:
    folder = tmp_path / "mounted"
    folder.mkdir(0o700)
    return Mounted(folder)


@pytest.fixture
def rotated(server: Postgres, mounted: Mounted) -> Rotated:
    return Rotated(server, mounted)


@pytest.fixture
def settings(rotated: Rotated, mounted: Mounted) -> Service:
    return mounted.live(Service)


@pytest.fixture(autouse=True)
def _nothing_around(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("ESTATE_ENV", "ESTATE_CONFIG", "ESTATE_CHAIN", "ESTATE_STAGES", "NODE_ENV"):
        monkeypatch.delenv(name, raising=False)


def wait_until(is_so: Callable[[], object], seconds: float = 10) -> None:
    """Wait until something has come about in another thread or process. Raises `AssertionError` if it does not."""
    deadline = Deadline(seconds)
    while not is_so():
        assert deadline.remaining(), "it did not come to that in time"
        time.sleep(0.02)


def assert_hidden(error: BaseException, secret: str) -> None:
    """Fail if the words of an error, or the locals of our frames that it went through, show a secret.

    The frames of a driver hold it: that is what they log in with.
    """
    for one in chain_of(error):
        ours = [
            frame for frame, _ in traceback.walk_tb(one.__traceback__) if "/estate_config/" in frame.f_code.co_filename
        ]
        assert ours or one is not error
        for text in (str(one), repr(one), *(repr(frame.f_locals) for frame in ours)):
            assert_no_canary(text, secret)
