"""Which verbs use the last known good on disk: what starts a service does, and what examines one does not."""

from __future__ import annotations

import base64
import json
import re

import pytest

from tests.cli.conftest import Project

DOWN = {"failed": "UNAVAILABLE"}
STORED = {"database/url": "postgresql://u:pw@db/estate", "openai/key": "sk-made-up"}


@pytest.fixture
def kept(project: Project) -> Project:
    """A project whose environment `cluster` keeps the last known good, and whose store has all values."""
    project.change("shelf.py", "offers=(Writer,)", "offers=(Writer,), remote=True")
    table = '\n[environments.cluster.last_known_good]\nfile = "{service}.lkg"\nkey = "file:key"\n'
    project.write("estate.toml", (project.folder / "estate.toml").read_text("utf-8") + table)
    project.write("key", base64.b64encode(b"k" * 32).decode())
    project.write("shelf.json", json.dumps(STORED))
    return project


def test_examining_a_service_keeps_nothing(kept: Project) -> None:
    kept.run("check", "ai", "--env", "cluster")
    kept.run("explain", "ai", "--env", "cluster")
    assert not list(kept.folder.glob("*.lkg"))


def test_run_keeps_it_and_starts_from_it_where_the_store_is_gone(kept: Project) -> None:
    words = ("run", "--env", "cluster", "ai", "--", "printenv", "DATABASE_URL")
    assert kept.program(*words).out == f"{STORED['database/url']}\n"
    kept.write("shelf.json", json.dumps(dict.fromkeys(STORED, DOWN)))
    done = kept.program(*words)
    assert done.out == f"{STORED['database/url']}\n"
    assert "2 settings have their last known good" in done.err


def test_a_check_does_not_pass_on_old_values_and_explain_shows_that_they_are_old(kept: Project) -> None:
    kept.program("run", "--env", "cluster", "ai", "--", "true")
    kept.write("shelf.json", json.dumps(dict.fromkeys(STORED, DOWN)))
    assert "UNAVAILABLE  database_url, openai_key" in kept.run("check", "ai", "--env", "cluster", code=1).out
    explained = kept.run("explain", "ai", "--env", "cluster").out
    assert "shelf UNAVAILABLE, disk last known good" in explained
    assert re.search(r"asked before +degraded\n", explained)
    assert re.search(
        r"database_url .+ last known good of [\d-]+ [\d:]+ UTC, from \S+/ai\.lkg: shelf said UNAVAILABLE\n", explained
    )
    assert "STALE" in explained
    document = kept.run("explain", "ai", "--env", "cluster", "--format", "json").document
    (setting, *_) = document["services"][0]["settings"]
    assert setting["degraded"].startswith("last known good of ")


def test_who_only_looks_and_is_refused_does_not_take_it_away_from_the_service(kept: Project) -> None:
    """An operator may be another identity than the service."""
    run = ("run", "--env", "cluster", "ai", "--", "true")
    kept.program(*run)
    kept.write("shelf.json", json.dumps({key: {"failed": "DENIED"} for key in STORED}))
    for verb in ("explain", "check"):
        assert "DENIED  database_url, openai_key" in kept.run(verb, "ai", "--env", "cluster", code=1).out
    assert list(kept.folder.glob("*.lkg"))
    assert "the last known good is removed" in kept.program(*run, code=78).err
    assert not list(kept.folder.glob("*.lkg"))
