"""The AI service's worker as a process, on a real PostgreSQL, with secrets from the embedded AWS."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from decimal import Decimal
from functools import partial
from pathlib import Path

import openai
import psycopg
import pytest

from services.ai import describer, worker
from services.ai.listings import Listing
from services.database import connect
from services.etl import board, job
from tools.account import Account
from tools.made_up import OPENAI_KEY, shown_in
from tools.postgres import Postgres
from tools.processes import Child, bare_environment, running

pytestmark = pytest.mark.integration


@pytest.fixture
def listings(empty_database: Postgres) -> Postgres:
    """Twenty-five homes without a description."""
    items = [
        board.Listing(id=f"KREB-{number:05}", address="1 Teheran-ro", price_krw=901_000_000, area_m2=Decimal("60.5"))
        for number in range(25)
    ]
    job.load([board.Page(page=1, pages=1, items=items)], connect(empty_database.url), lambda _: None)
    with psycopg.connect(empty_database.url) as connection:
        connection.execute("DROP TABLE IF EXISTS descriptions")
    return empty_database


_MANY = """
INSERT INTO listings (id, address, price_krw, area_m2)
SELECT 'MORE-' || number, '2 Teheran-ro', 1, 1 FROM generate_series(1, 175) AS number"""


@contextmanager
def working(account: Account, model: str) -> Iterator[Child]:
    command = [sys.executable, "-m", "services.ai", "worker"]
    environment = {**bare_environment(), **account.environment, "OPENAI_BASE_URL": model}
    with running("the worker", command, environment=environment, folder=Path(describer.__file__).parents[2]) as child:
        yield child


def says(child: Child, words: str) -> bool:
    return words in child.output()


def described(database: Postgres) -> int:
    with psycopg.connect(database.url) as connection:
        row = connection.execute("SELECT count(*) FROM descriptions WHERE description <> ''").fetchone()
    assert row is not None
    return int(row[0])


def test_two_workers_share_what_is_waiting_and_stop_when_told(account: Account, listings: Postgres, model: str) -> None:
    account.create(database_url=listings.url, openai_api_key=OPENAI_KEY)
    with working(account, model) as one, working(account, model) as other:
        for child in (one, other):
            child.wait_until(partial(says, child, "every listing is described"), 30)
        assert described(listings) == 25
        assert [child.stop() for child in (one, other)] == [0, 0]
        told = one.output() + other.output()
    assert "Secrets loaded successfully from AWS Secrets Manager" in told
    assert sum(int(line.split()[2]) for line in told.splitlines() if "listings described" in line) == 25
    assert shown_in(told) == []


def test_no_listing_is_paid_for_twice_however_many_workers_are_at_it(
    listings: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def answer(_client: object, _model: str, listing: Listing) -> str:
        asked.append(listing.id)
        return "a home"

    def run() -> None:
        while worker.describe_some(connect(listings.url), openai.OpenAI(api_key="none"), ""):
            pass

    monkeypatch.setattr(worker, "describe", answer)
    with psycopg.connect(listings.url) as connection:
        connection.execute(_MANY)
    for _ in range(15):  # one worker has to look while another one commits: most rounds have that
        asked.clear()
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(lambda _: run(), range(4)))
        assert (len(asked), len(set(asked))) == (200, 200)
        with psycopg.connect(listings.url) as connection:
            connection.execute("DELETE FROM descriptions")


def test_a_refused_key_is_said_and_nothing_is_written(account: Account, listings: Postgres, model: str) -> None:
    account.create(database_url=listings.url, openai_api_key="another-key")
    with working(account, model) as child:
        child.wait_until(lambda: "refuses our key" in child.output(), 30)
        assert child.stop() == 0
    assert described(listings) == 0


def test_without_its_secrets_it_does_not_start(account: Account, model: str) -> None:
    with working(account, model) as child:
        assert child.process.wait(30) == 78
        assert "ai cannot start in production: 2 problems" in child.output()
