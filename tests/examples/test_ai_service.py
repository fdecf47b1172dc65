"""The AI service as a process, on a real PostgreSQL, with secrets from the embedded AWS."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import httpx
import psycopg
import pytest

from services.ai import describer
from services.ai.listings import Listing, read_listing
from services.database import DatabaseUnavailableError, connect
from services.etl import board, job
from tools.account import Account
from tools.made_up import OPENAI_KEY, PASSWORD, shown_in
from tools.postgres import Postgres
from tools.processes import Child, accepts, bare_environment, free_port, running

pytestmark = pytest.mark.integration

HOME = board.Listing(id="KREB-00001", address="1 Teheran-ro", price_krw=901_000_000, area_m2=Decimal("60.5"))


@dataclass(frozen=True)
class Service:
    """The running service."""

    url: str
    child: Child

    def ask(self, method: str, path: str, document: object = None) -> httpx.Response:
        return httpx.request(method, self.url + path, json=document, timeout=20)


@pytest.fixture
def listings(empty_database: Postgres) -> Postgres:
    job.load([board.Page(page=1, pages=1, items=[HOME])], connect(empty_database.url), lambda _: None)
    return empty_database


@contextmanager
def serving(environment: Mapping[str, str]) -> Iterator[Service]:
    port = free_port()
    command = [sys.executable, "-m", "services.ai"]
    environment = {**bare_environment(), **environment, "LISTEN_PORT": str(port), "LOG_LEVEL": "debug"}
    with running("services.ai", command, environment=environment, folder=Path(describer.__file__).parents[2]) as child:
        child.wait_until(lambda: accepts(port), 30)
        yield Service(f"http://127.0.0.1:{port}", child)


def test_it_describes_a_listing_and_says_where_its_settings_came_from(
    account: Account, listings: Postgres, model: str
) -> None:
    account.create(openai_api_key=OPENAI_KEY, database_url=listings.url)
    with serving({**account.environment, "OPENAI_BASE_URL": model}) as service:
        described = service.ask("POST", "/describe", {"listing_id": "KREB-00001"})
        health = service.ask("GET", "/healthz")
        unknown = service.ask("POST", "/describe", {"listing_id": "nowhere"})
        output = service.child.output()
    assert described.status_code == 200
    assert "1 Teheran-ro: 60.5 m², 901,000,000 KRW." in described.json()["description"]
    origins = {item["field"]: (item["provider"], item["place"]) for item in health.json()["settings"]}
    assert origins["openai_api_key"] == ("aws", "estate/openai/api_key")
    assert origins["openai_base_url"] == ("env", "OPENAI_BASE_URL")
    assert origins["openai_model"][0] == "default"
    assert unknown.status_code == 404
    assert "Secrets loaded successfully from AWS Secrets Manager" in output
    assert shown_in(described.text + health.text + unknown.text + output) == []


def test_a_refused_key_is_502_and_shows_nowhere_even_at_debug_level(
    account: Account, listings: Postgres, model: str
) -> None:
    account.create(openai_api_key=OPENAI_KEY + "-old", database_url=listings.url)
    with serving({**account.environment, "OPENAI_BASE_URL": model}) as service:
        answer = service.ask("POST", "/describe", {"listing_id": "KREB-00001"})
        output = service.child.output()
    assert answer.status_code == 502
    assert answer.json()["detail"] == "the language model refuses our key (estate/openai/api_key)"
    assert "no description for KREB-00001: the language model refuses our key" in output
    assert shown_in(answer.text + output) == []


def test_a_wrong_database_password_is_503_and_shows_nowhere(account: Account, listings: Postgres, model: str) -> None:
    account.create(openai_api_key=OPENAI_KEY, database_url=listings.url_with("canary-wrong"))
    with serving({**account.environment, "OPENAI_BASE_URL": model}) as service:
        answer = service.ask("POST", "/describe", {"listing_id": "KREB-00001"})
        output = service.child.output()
    assert answer.status_code == 503
    assert "refuses the user or the password" in answer.json()["detail"]
    assert shown_in(answer.text + output) == []


def test_it_does_not_start_without_its_secrets_and_says_all_that_is_wrong(
    account: Account, run: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    account.create(openai_api_key=OPENAI_KEY)
    account.iam.denied.add("estate/openai/api_key")
    port = free_port()
    done = run("services.ai", {**account.environment, "LISTEN_PORT": str(port)})
    assert done.returncode == 78
    assert "DENIED  openai_api_key" in done.stderr
    assert "MISSING  database_url" in done.stderr
    assert done.stdout == ""
    assert not accepts(port)
    assert shown_in(done.stderr) == []


def test_a_listing_is_read_as_it_was_written(listings: Postgres) -> None:
    assert read_listing(connect(listings.url), HOME.id) == Listing(**HOME.model_dump())
    assert read_listing(connect(listings.url), "nowhere") is None


def test_a_table_that_is_not_there_says_what_to_run(empty_database: Postgres) -> None:
    with pytest.raises(DatabaseUnavailableError, match="run the ETL job") as caught:
        read_listing(connect(empty_database.url), "any")
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda url: url.removesuffix("estate") + "nowhere", "it has no such database or user"),
        (lambda url: url.replace("127.0.0.1", "nowhere.invalid"), "its host name is not known"),
        (lambda url: "postgresql://u:p@127.0.0.1:1/x", "nobody listens there"),
        (lambda url: "postgresql://u:p@127.0.0.1:port/x", "OperationalError|ProgrammingError"),
    ],
)
def test_a_database_that_cannot_be_reached_is_said_in_our_own_words(
    database: Postgres, change: Callable[[str], str], words: str
) -> None:
    with pytest.raises(DatabaseUnavailableError, match=words) as caught:
        connect(change(database.url))
    assert caught.value.__context__ is None
    assert shown_in(str(caught.value)) == []


def test_a_traceback_with_locals_shows_no_part_of_the_url(database: Postgres) -> None:
    import traceback

    with pytest.raises(DatabaseUnavailableError) as caught:
        read_listing(connect(database.url_with("canary-wrong")), "any")
    # the first frame is this test's own
    seen = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    frames = [frame for frame in seen.stack if "services" in frame.filename]
    assert [frame.name for frame in frames] == ["connect"]
    assert shown_in("".join(str(frame.locals) for frame in frames)) == []


def test_a_statement_is_not_waited_for_longer_than_agreed(database: Postgres) -> None:
    with connect(database.url) as connection:
        row = connection.execute("SELECT current_setting('statement_timeout')").fetchone()
    assert row == ("10s",)
    assert PASSWORD not in repr(connection)
    assert isinstance(connection, psycopg.Connection)
