"""`estate explain`: where each value comes from, and no value."""

from __future__ import annotations

import json

import pytest

from estate_config.cli.output import age_text
from tests.cli.conftest import Project


def test_every_setting_is_shown_with_where_it_comes_from(project: Project) -> None:
    assert project.program("explain", "ai").out == (
        "ai in laptop\n"
        "chain: env → dotenv   from estate.toml\n"
        "  setting       kind    from     place       age  asked before\n"
        "  database_url  secret  dotenv   .env:1      0 s  env absent\n"
        "  openai_key    secret  dotenv   .env:2      0 s  env absent\n"
        "  workers               default  the schema       env absent, dotenv absent\n"
    )


def test_version_and_stage_are_shown_where_the_provider_has_them(project: Project) -> None:
    project.write("shelf.json", json.dumps({"database/url": "x", "rds": '{"password": "y"}'}))
    project.change("shelf.py", '"v1"', '"0123456789abcdef"')
    lines = project.run("explain", "etl", "--env", "cluster").out.splitlines()
    assert lines[2:] == [
        "  setting       kind    from     place               version            age  asked before",
        "  database_url  secret  shelf    shelf/database/url  CURRENT 01234567…  0 s",
        "  password      secret  shelf    shelf/rds#password  CURRENT 01234567…  0 s",
        "  note          secret  default  the schema                                  shelf absent",
    ]


def test_why_a_value_is_not_from_the_place_that_should_have_answered_is_shown(project: Project) -> None:
    project.write("shelf.json", json.dumps({"database/url": "x", "rds": '{"password": "y"}'}))
    project.change("shelf.py", 'stage="CURRENT"', 'degraded="from b: a fails" if name == "rds" else ""')
    lines = project.run("explain", "etl", "--env", "cluster").out.splitlines()
    assert lines[2:] == [
        "  setting       kind    from     place               version  age  asked before  degraded",
        "  database_url  secret  shelf    shelf/database/url  v1       0 s",
        "  password      secret  shelf    shelf/rds#password  v1       0 s                from b: a fails",
        "  note          secret  default  the schema                        shelf absent",
    ]


def test_a_service_that_cannot_start_has_its_report_and_the_others_their_table(project: Project) -> None:
    project.write(".env", "DATABASE_URL=x\nOPENAI_KEY=y\n")
    done = project.run("explain", code=1)
    assert "ai in laptop\n" in done.out
    assert "\n\netl cannot start in laptop: 1 problem." in done.out


def test_warnings_are_shown(project: Project) -> None:
    (project.folder / ".env").chmod(0o644)
    assert "INSECURE" in project.run("explain", "ai").out


def test_provenance_for_machines(project: Project) -> None:
    project.write(".env", "DATABASE_URL=x\nOPENAI_KEY=y\n")
    document = project.run("explain", "--format", "json", code=1).document
    ai, etl = document["services"]
    assert (document["ok"], ai["ok"], etl["ok"]) == (False, True, False)
    assert set(ai) == {"ok", "service", "environment", "chain", "settings", "warnings"}
    first = ai["settings"][0]
    assert {name: first[name] for name in ("field", "secret", "provider", "place", "version", "stage")} == {
        "field": "database_url",
        "secret": True,
        "provider": "dotenv",
        "place": ".env:1",
        "version": None,
        "stage": None,
    }
    assert [step["outcome"] for step in first["asked"]] == ["absent", "found"]
    assert etl["problems"][0]["field"] == "password"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59, "59 s"), (60, "1 min"), (3600, "1 h"), (7200, "2 h"), (86400, "1 d"), (864000, "10 d")],
)
def test_an_age_is_in_the_unit_that_fits(seconds: float, text: str) -> None:
    assert age_text(seconds) == text


def test_wrong_usage_is_said(project: Project) -> None:
    assert 'there is no "aii"; did you mean "ai"?' in project.run("explain", "aii", code=2).err
