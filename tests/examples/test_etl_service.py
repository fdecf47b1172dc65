"""The ETL job as a process, on a real PostgreSQL, with secrets from the embedded AWS."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from services.database import DatabaseUnavailableError, connect
from services.etl import job
from services.etl.board import BoardError, Listing, Page
from tools.account import Account
from tools.made_up import KREB_KEY, PASSWORD, shown_in
from tools.postgres import Postgres
from tools.processes import bare_environment, running

pytestmark = pytest.mark.integration

Run = Callable[..., subprocess.CompletedProcess[str]]
Board = Callable[..., str]


def rows(database: Postgres) -> list[tuple[Any, ...]]:
    with psycopg.connect(database.url) as connection:
        return connection.execute("SELECT id, address, price_krw, area_m2 FROM listings ORDER BY id").fetchall()


def test_it_loads_every_listing_and_may_run_twice(
    account: Account, empty_database: Postgres, board: Board, run: Run
) -> None:
    account.create(kreb_api_key=KREB_KEY, rds_password=PASSWORD, database_url=empty_database.url)
    environment = {**account.environment, "KREB_BASE_URL": board(total=120)}
    first = run("services.etl", environment)
    assert first.returncode == 0, first.stderr
    loaded = rows(empty_database)
    assert [row[0] for row in loaded] == [f"KREB-{n:05}" for n in range(1, 121)]
    second = run("services.etl", environment)
    assert second.returncode == 0, second.stderr
    assert rows(empty_database) == loaded
    assert "Secrets loaded successfully from AWS Secrets Manager" in first.stderr
    assert "etl: page 3 of 3: 20 listings" in first.stderr
    assert "etl: 120 listings loaded" in first.stderr
    assert first.stdout == ""
    assert shown_in(first.stderr + second.stderr) == []


def test_the_database_url_is_built_from_the_password_where_aws_has_no_url(
    account: Account, empty_database: Postgres, board: Board, run: Run
) -> None:
    account.create(kreb_api_key=KREB_KEY, rds_password=PASSWORD)
    parts = {"DB_HOST": empty_database.host, "DB_PORT": str(empty_database.port)}
    done = run("services.etl", {**account.environment, **parts, "KREB_BASE_URL": board(total=1)})
    assert done.returncode == 0, done.stderr
    assert len(rows(empty_database)) == 1


def test_it_runs_from_a_dotenv_file_in_development_with_the_same_code(
    empty_database: Postgres, board: Board, run: Run, tmp_path: Path
) -> None:
    import shutil

    estate = Path(job.__file__).parents[2]
    shutil.copy(estate / "estate.toml", tmp_path)
    lines = [f"KREB_API_KEY={KREB_KEY}", f"RDS_PASSWORD='{PASSWORD}'", f"DATABASE_URL={empty_database.url}"]
    dotenv = tmp_path / ".env"
    dotenv.touch(0o600)
    dotenv.write_text("\n".join([*lines, f"KREB_BASE_URL={board(total=2)}"]))
    done = run("services.etl", {"PYTHONPATH": str(estate)}, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Secrets loaded successfully from .env files" in done.stderr
    assert len(rows(empty_database)) == 2
    assert shown_in(done.stderr) == []


def test_a_refused_key_ends_with_77_and_is_not_shown(
    account: Account, empty_database: Postgres, board: Board, run: Run
) -> None:
    account.create(kreb_api_key=KREB_KEY + "-old", rds_password=PASSWORD, database_url=empty_database.url)
    done = run("services.etl", {**account.environment, "KREB_BASE_URL": board()})
    assert done.returncode == 77
    assert "nothing was loaded: the board refuses our key (estate/kreb/api_key)" in done.stderr
    assert shown_in(done.stderr) == []


def test_a_wrong_database_password_ends_with_69_and_is_not_shown(
    account: Account, database: Postgres, board: Board, run: Run
) -> None:
    wrong = database.url_with("canary-wrong")
    account.create(kreb_api_key=KREB_KEY, rds_password=PASSWORD, database_url=wrong)
    done = run("services.etl", {**account.environment, "KREB_BASE_URL": board()})
    assert done.returncode == 69
    assert "the database cannot be reached: it refuses the user or the password" in done.stderr
    assert shown_in(done.stderr) == []


def test_three_different_faults_stop_the_start_with_one_report_and_78(
    account: Account, database: Postgres, board: Board, run: Run
) -> None:
    """T9: what is denied or deleted is said as such, never as "field required"."""
    account.create(kreb_api_key=KREB_KEY, rds_password=PASSWORD, database_url="canary, and not a URL")
    account.operator.delete_secret(SecretId="estate/rds/password")
    account.iam.denied.add("estate/kreb/api_key")
    done = run("services.etl", {**account.environment, "KREB_BASE_URL": board()})
    assert done.returncode == 78
    report = done.stderr
    assert "3 problems" in report
    for code, name in (("DELETED", "db_password"), ("DENIED", "kreb_api_key"), ("INVALID", "database_url")):
        assert f"{code}  {name}" in report
    assert "Traceback" not in report
    assert shown_in(report) == []


def test_a_denied_secret_is_not_replaced_by_a_default_or_a_part(account: Account, database: Postgres, run: Run) -> None:
    """T9: `database/url` could be built from its parts, but it was denied, not absent."""
    account.create(kreb_api_key=KREB_KEY, rds_password=PASSWORD, database_url=database.url)
    account.iam.denied.add("estate/database/url")
    done = run("services.etl", account.environment)
    assert done.returncode == 78
    assert "DENIED  database_url" in done.stderr


HOME = Listing(id="a", address="b", price_krw=1, area_m2=Decimal(30))


def said(words: str) -> None:
    """Progress that nobody reads."""


def test_a_job_that_fails_half_way_leaves_the_listings_as_they_were(empty_database: Postgres) -> None:
    job.load([Page(page=1, pages=1, items=[HOME])], connect(empty_database.url), said)

    def breaks_off() -> Iterator[Page]:
        yield Page(page=1, pages=2, items=[HOME.model_copy(update={"price_krw": 2})])
        raise BoardError("page 2: the board is gone", again=True)

    with pytest.raises(BoardError):
        job.load(breaks_off(), connect(empty_database.url), said)
    assert rows(empty_database) == [("a", "b", 1, Decimal(30))]


def test_a_listing_that_changed_is_updated(empty_database: Postgres) -> None:
    for price in (1, 2):
        pages = [Page(page=1, pages=1, items=[HOME.model_copy(update={"price_krw": price})])]
        assert job.load(pages, connect(empty_database.url), said) == 1
    assert [row[2] for row in rows(empty_database)] == [2]


def test_a_statement_that_fails_is_said_by_its_state_without_the_row(empty_database: Postgres) -> None:
    too_large = HOME.model_copy(update={"price_krw": 10**30})
    with pytest.raises(DatabaseUnavailableError, match="NumericValueOutOfRange, SQLSTATE 22003") as caught:
        job.load([Page(page=1, pages=1, items=[too_large])], connect(empty_database.url), said)
    assert caught.value.__context__ is None


def test_as_a_service_it_runs_again_and_again_until_it_is_told_to_stop(
    account: Account, empty_database: Postgres, board: Board
) -> None:
    account.create(database_url=empty_database.url, rds_password=PASSWORD, kreb_api_key=KREB_KEY)
    environment = {**bare_environment(), **account.environment, "KREB_BASE_URL": board(total=1)}
    command = [sys.executable, "-m", "services.etl", "serve"]
    with running("services.etl", command, environment=environment, folder=Path(job.__file__).parents[2]) as child:
        child.wait_until(lambda: "1 listings loaded" in child.output(), 30)
        assert child.stop() == 0
