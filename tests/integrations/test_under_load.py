"""Two users of a database that take turns, as an alternating rotation has them, under work that does not pause."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import cycle
from typing import Any

from psycopg import Connection
from psycopg_pool import ConnectionPool
from sqlalchemy import create_engine, text

from estate_config.integrations.psycopg_pool import follow as follow_pool
from estate_config.integrations.sqlalchemy import follow
from tests.integrations.conftest import Mounted, Rotated, Service, wait_until
from tools.postgres import Postgres

ROTATIONS = 8


def test_no_work_fails_and_nobody_stays_with_the_user_of_before(
    settings: Service, rotated: Rotated, server: Postgres, mounted: Mounted
) -> None:
    engine = follow(create_engine("postgresql+psycopg://", pool_size=1, max_overflow=1), settings, "database_url")
    made: ConnectionPool[Connection[Any]] = ConnectionPool(open=False, min_size=1, max_size=2)
    done = {"engine": 0, "pool": 0}
    over = threading.Event()

    def with_engine() -> None:
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
        done["engine"] += 1

    def with_pool() -> None:
        with pool.connection() as connection:
            connection.execute("SELECT 1")
        done["pool"] += 1

    def keep_on(work: Callable[[], None]) -> None:
        while not over.is_set():
            work()

    with follow_pool(made, settings, "database_url") as pool, ThreadPoolExecutor(4) as threads:
        works = [threads.submit(keep_on, work) for work in (with_engine, with_pool) * 2]
        users = cycle((Rotated(server, mounted), rotated))
        try:
            for _ in range(ROTATIONS):
                next(users).rotate(settings)
                worked = {name: count + 10 for name, count in done.items()}
                wait_until(partial(_reached, done, worked))
            before = next(users)
            wait_until(lambda: not before.sessions())
        finally:
            over.set()
        for work in works:
            work.result(10)  # raises what went wrong in it
    engine.dispose()


def _reached(done: dict[str, int], goal: dict[str, int]) -> bool:
    return all(done[name] >= goal[name] for name in goal)
