"""The fault matrix: for each row, what a service does that starts, and one that is running. The page is made of it."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from estate_config import ConfigurationError, Settings, health, refresh
from tests.faults import told_rows
from tests.faults.page import ROWS, page
from tests.faults.row import CANARY, Row
from tests.leaks import assert_no_canary

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "faults.md"

rows = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.what)


def token(settings: Settings) -> str:
    return str(vars(settings)["token"])


@rows
def test_a_service_that_starts(row: Row, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), row.world() as world:
        row.breaks(world)
        if row.at_start is None:
            world.load()
        else:
            with pytest.raises(ConfigurationError) as raised:
                world.load()
            assert row.at_start in {problem.code for problem in raised.value.problems}
            assert all(problem.fix for problem in raised.value.problems), raised.value
            assert_no_canary(str(raised.value), CANARY)
        assert row.logged in caplog.text
        row.mends(world)
        assert token(world.load()).startswith(CANARY)
    assert_no_canary(caplog.text, CANARY)


@rows
def test_a_service_that_is_running(row: Row, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), row.world() as world:
        settings = world.load()
        world.rotate(f"{CANARY}-2")
        assert not row.logged or row.logged not in caplog.text
        row.breaks(world)
        done = refresh(settings)
        said = health(settings)
        assert (said.live, said.ready, said.degraded) == (True, True, row.degraded), said
        if row.running is None:
            assert (token(settings), done.problems) == (f"{CANARY}-2", ())
        else:
            assert token(settings) == f"{CANARY}-1"
            assert row.running in {problem.code for problem in done.problems}
        assert row.logged in caplog.text
        row.mends(world)
        refresh(settings)
        assert token(settings) in {f"{CANARY}-2", f"{CANARY}-3"}
        assert not health(settings).degraded
        assert_no_canary(f"{done} {said}", CANARY)
    assert_no_canary(caplog.text, CANARY)


@pytest.mark.parametrize("row", told_rows.ROWS, ids=lambda row: row.what)
def test_what_is_told_is_seen_by_a_test(row: told_rows.Told) -> None:
    assert f"def {row.test}(" in (PAGE.parents[2] / row.file).read_text("utf-8")


def test_there_are_forty_rows_and_the_page_has_them_all() -> None:
    assert len(ROWS) >= 40
    assert PAGE.read_text("utf-8") == page(), "PYTHONPATH=examples/estate python -m tests.faults.page writes it"
