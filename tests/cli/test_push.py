"""`estate push`: shows what it would do, asks, writes, and says what it did; no value is ever shown."""

from __future__ import annotations

import json
import os

import pytest

from tests.cli.conftest import Project

WAY = ("--from", "dotenv", "--to", "shelf", "--env", "cluster")


def test_a_store_is_filled_and_a_second_time_nothing_is_written(project: Project) -> None:
    assert project.program("push", *WAY, "--yes").out == (
        "dotenv → shelf in cluster\n"
        "  action   setting       from          to                  services\n"
        "  create   database_url  .env:1        shelf/database/url  ai, etl\n"
        "  create   openai_key    .env:2        shelf/openai/key    ai\n"
        "  create   password      .env:3        shelf/rds#password  etl\n"
        "  missing  note          NOTE in .env  shelf/note          etl\n"
        "\n"
        "3 to create, 1 missing at the source.\n"
        "dotenv → shelf in cluster\n"
        "  action   setting       from    to                  services\n"
        "  created  database_url  .env:1  shelf/database/url  ai, etl\n"
        "  created  openai_key    .env:2  shelf/openai/key    ai\n"
        "  created  password      .env:3  shelf/rds#password  etl\n"
        "\n"
        "3 created.\n"
    )
    assert project.shelf == {
        "database/url": "postgresql://u:pw@db/estate",
        "openai/key": "sk-made-up",
        "rds": '{"password": "made-up-too"}',
    }
    os.utime(project.folder / "shelf.json", (1, 1))
    again = project.program("push", *WAY, "--yes").out
    assert again.endswith("\n\n3 the same, 1 missing at the source. Nothing to write.\n")
    assert (project.folder / "shelf.json").stat().st_mtime == 1


def test_what_is_changed_and_what_is_left_is_said_and_siblings_stay(project: Project) -> None:
    project.write("shelf.json", json.dumps({"rds": '{"user": "u", "password": "old"}', "database/url": "old"}))
    out = project.run("push", "etl", *WAY, "--yes").out
    assert "changed  database_url" in out
    assert "changed  password" in out
    assert "services" not in out
    assert json.loads(project.shelf["rds"]) == {"user": "u", "password": "made-up-too"}


def test_a_service_without_secrets_has_nothing_to_push(project: Project) -> None:
    project.write(
        "schemas.py", "from estate_config import Settings\n\nclass AiSettings(Settings):\n    level: str = 'x'\n"
    )
    out = project.run("push", "ai", *WAY, "--yes").out
    assert out == "dotenv → shelf in cluster\n\nNothing to write.\n"
    project.write("schemas.py", "from estate_config import Settings\n\nclass AiSettings(Settings):\n    pass\n")
    assert project.run("explain", "ai").out == "ai in laptop\nchain: env → dotenv   from estate.toml\n"


def test_a_dry_run_shows_and_writes_nothing(project: Project) -> None:
    for words in ((), ("--yes",), ("--format", "json")):
        out = project.run("push", "ai", *WAY, "--dry-run", *words).out
        assert "create" in out
        assert "created" not in out
    assert not (project.folder / "shelf.json").exists()


def test_without_a_terminal_to_ask_on_nothing_is_written(project: Project) -> None:
    done = project.program("push", "ai", *WAY, code=2, stdin="y\n")
    assert "2 to create." in done.out
    assert "there is no terminal to ask on; --yes goes on without asking" in done.err
    assert not (project.folder / "shelf.json").exists()


def test_with_nothing_to_write_nobody_needs_to_be_asked(project: Project) -> None:
    project.run("push", *WAY, "--yes")
    assert "Nothing to write." in project.run("push", *WAY).out


@pytest.mark.parametrize("answer", [b"y\n", b"YES\n"])
def test_a_yes_on_the_terminal_writes(project: Project, answer: bytes) -> None:
    code, shown = project.answered(answer, "push", "ai", *WAY)
    assert code == 0, shown
    assert "Write 2 to the shelf? [y/N] " in shown
    assert "created  database_url" in shown
    assert set(project.shelf) == {"database/url", "openai/key"}


@pytest.mark.parametrize("answer", [b"\n", b"n\n", b"yeah\n", b"\x04"])
def test_anything_else_writes_nothing(project: Project, answer: bytes) -> None:
    code, shown = project.answered(answer, "push", "ai", *WAY)
    assert code == 1, shown
    assert "Nothing was written." in shown
    assert not (project.folder / "shelf.json").exists()


def test_an_interruption_at_the_question_writes_nothing(project: Project) -> None:
    code, shown = project.answered(b"\x03", "push", "ai", *WAY)
    assert code == 130, shown
    assert "Traceback" not in shown
    assert not (project.folder / "shelf.json").exists()


def test_an_interruption_while_it_writes_says_that_some_may_be_written(project: Project) -> None:
    written = "self.file.write_text(json.dumps(stored))"
    project.change("shelf.py", written, f"{written}; import os, time; os.kill(os.getpid(), 2); time.sleep(20)")
    done = project.program("push", "ai", *WAY, "--yes", code=130)
    assert "create  openai_key" in done.out
    assert done.out.endswith("\nBroken off: some of these 2 may be written. Run it again: it writes the rest.\n")
    assert "Traceback" not in done.err
    (project.folder / "shelf.json").unlink()
    document = project.program("push", *WAY, "--yes", "--format", "json", code=130).document
    assert document["ok"] is False
    assert [step["note"] for step in document["steps"]] == [*["broken off: it may be written"] * 3, ""]


# --- failures --------------------------------------------------------------------------------------------------------


def test_what_may_not_be_read_there_is_not_overwritten(project: Project) -> None:
    project.write("shelf.json", json.dumps({"database/url": {"failed": "DENIED"}}))
    done = project.run("push", "ai", *WAY, "--yes", code=1)
    assert "failed  database_url" in done.out
    assert "created  openai_key" in done.out
    assert "DENIED  database_url\n  says no\n    shelf  shelf/database/url  DENIED\n  fix  ask its keeper\n" in done.out
    assert "\n1 failed, 1 to create.\n" in done.out
    assert done.out.endswith("\n1 created.\n")
    assert project.shelf["database/url"] == {"failed": "DENIED"}


def test_what_may_not_be_written_is_said_with_its_fix(project: Project) -> None:
    project.change("estate.toml", '["shelf"]', '["shelf"]\n[providers.shelf]\nrefused = ["openai/key"]')
    done = project.run("push", "ai", *WAY, "--yes", code=1)
    assert "created  database_url" in done.out
    assert "fix  allow it" in done.out
    assert set(project.shelf) == {"database/url"}


def test_a_source_that_cannot_be_read_is_said(project: Project) -> None:
    project.write(".env", "no line\n")
    done = project.run("push", "ai", *WAY, "--yes", code=1)
    assert done.out.endswith("2 failed. Nothing to write.\n")
    assert "MALFORMED  database_url, openai_key" in done.out


def test_a_schema_that_cannot_be_imported_stops_it_before_it_asks_anybody(project: Project) -> None:
    project.write("schemas.py", "1/0\n")
    assert "cannot be imported" in project.run("push", *WAY, "--yes", code=1).out


def test_options_come_from_the_environment(project: Project) -> None:
    project.change("estate.toml", '["shelf"]', '["env"]\n[environments.cluster.providers.shelf]\nfile = "other.json"')
    project.run("push", "ai", *WAY, "--yes")
    assert (project.folder / "other.json").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--from", "dotenv", "--to", "dotenv"), "is where the values come from"),
        (("--from", "shelf", "--to", "dotenv"), "dotenv cannot be written to; `estate providers` shows which can"),
        (("--from", "shlef", "--to", "shelf"), 'Invalid value for --from: there is no "shlef"; did you mean "shelf"?'),
        (("--from", "env", "--to", "shlef"), 'Invalid value for --to: there is no "shlef"; did you mean "shelf"?'),
        ((*WAY, "--format", "json"), "asks nothing: give --yes or --dry-run"),
        (("--to", "shelf"), "--from"),
        (("nope", *WAY), 'there is no "nope"'),
    ],
)
def test_wrong_usage_is_said(project: Project, words: tuple[str, ...], said: str) -> None:
    assert said in project.run("push", *words, code=2).err


def test_steps_for_machines(project: Project) -> None:
    project.change("estate.toml", '["shelf"]', '["shelf"]\n[providers.shelf]\nrefused = ["openai/key"]')
    document = project.run("push", *WAY, "--yes", "--format", "json", code=1).document
    assert {name: document[name] for name in ("ok", "environment", "from", "to", "warnings")} == {
        "ok": False,
        "environment": "cluster",
        "from": "dotenv",
        "to": "shelf",
        "warnings": [],
    }
    first, second, *_ = document["steps"]
    assert first == {
        "services": ["ai", "etl"],
        "field": "database_url",
        "from": ".env:1",
        "to": "shelf/database/url",
        "action": "create",
        "note": "",
        "written": True,
        "problem": None,
    }
    assert (second["action"], second["written"], second["problem"]["code"]) == ("failed", False, "DENIED")
    assert [step["action"] for step in document["steps"]] == ["create", "failed", "create", "missing"]
