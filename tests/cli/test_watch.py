"""`estate watch`: a table that lives on a terminal, a line for each change elsewhere, and never a value."""

from __future__ import annotations

import base64
import json
import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from tests.cli.conftest import ESTATE, Project, limited
from tests.leaks import assert_no_canary

CANARY = "canary-60b9e2f4a1"


@pytest.fixture
def cluster(project: Project) -> Project:
    """A store in a file, with versions: the length of the value."""
    project.change("shelf.py", '"v1"', 'f"v{len(str(value))}"')
    project.change("schemas.py", 'secret("openai/key")', 'secret("openai/key", live=False)')
    put(project, "1")
    return project


def put(project: Project, end: str, **more: str) -> None:
    """Write the whole store at once, as whoever reads it must never see half of it."""
    values = {"database/url": CANARY + end, "openai/key": CANARY, **more}
    file = project.write("shelf.json.new", json.dumps(values))
    file.rename(project.folder / "shelf.json")


@contextmanager
def watching(project: Project, *words: str, services: Sequence[str] = ("ai",)) -> Iterator[subprocess.Popen[str]]:
    """A run of `estate watch` that is ended by Ctrl-C, and says nothing on stderr but what the engine logs."""
    process = subprocess.Popen(
        [ESTATE, "watch", *services, "--env", "cluster", "--every", "0.1", *words],
        cwd=project.folder,
        env=project.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with limited(process):
        yield process
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 130, err
        assert "Traceback" not in err
        assert_no_canary(out + err, CANARY)


def lines_until(process: subprocess.Popen[str], is_it: Callable[[str], object]) -> list[str]:
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line.rstrip("\n"))
        if is_it(line):
            assert_no_canary("".join(lines), CANARY)
            return lines
    raise AssertionError(f"it ended, or it did not come to that in time: {lines}")


def test_without_a_terminal_there_is_a_line_for_each_setting_and_then_for_each_change(cluster: Project) -> None:
    with watching(cluster) as process:
        assert lines_until(process, lambda line: "fine" in line) == [
            "ai database_url: shelf, shelf/database/url, CURRENT v18",
            "ai openai_key: shelf, shelf/openai/key, CURRENT v17",
            "ai workers: default, the schema",
            "ai fine",
        ]
        put(cluster, "22")
        (new,) = lines_until(process, lambda line: " new " in line)
        assert re.fullmatch(r"\d\d:\d\d:\d\d ai new database_url: shelf, shelf/database/url, CURRENT v19", new)
        put(cluster, "22", workers="many")
        refused = lines_until(process, lambda line: "refused" in line)[-1]
        assert refused[9:].startswith("ai a new version is refused: INVALID workers: ")
        assert lines_until(process, lambda line: "degraded" in line)[-1][9:].startswith(
            "ai degraded; INVALID workers: "
        )
        put(cluster, "22")
        assert lines_until(process, lambda line: "fine" in line)[-1][9:] == "ai fine"


def test_of_two_services_with_one_class_each_has_what_happens_to_it(cluster: Project) -> None:
    cluster.change("estate.toml", "[services]\n", '[services]\nworker = "schemas:AiSettings"\n')
    with watching(cluster, "--format", "json", services=["ai", "worker"]) as process:
        lines_until(process, lambda line: '"service": "worker"' in line)
        put(cluster, "22")
        assert sorted(document_of(process, "swapped")["service"] for _ in range(2)) == ["ai", "worker"]


def test_the_last_known_good_of_the_service_is_left_alone(cluster: Project) -> None:
    """It may be of another user, who could not read it any more if this one wrote it."""
    cluster.change("shelf.py", "offers=(Writer,)", "offers=(Writer,), remote=True")
    table = '\n[environments.cluster.last_known_good]\nfile = "{service}.lkg"\nkey = "file:key"\nmax_age = 1\n'
    cluster.write("estate.toml", (cluster.folder / "estate.toml").read_text("utf-8") + table)
    cluster.write("key", base64.b64encode(b"k" * 32).decode())
    kept = cluster.write("ai.lkg", "of the service")
    with watching(cluster) as process:
        lines_until(process, lambda line: "fine" in line)
        for end in ("22", "333"):  # by the second, what the first has changed would be kept
            put(cluster, end)
            lines_until(process, lambda line: " new " in line)
    assert kept.read_text("utf-8") == "of the service"
    cluster.write("shelf.json", json.dumps({"database/url": {"failed": "DENIED"}, "openai/key": CANARY}))
    assert "DENIED" in cluster.run("watch", "ai", "--env", "cluster", code=1).out
    assert kept.read_text("utf-8") == "of the service"


def test_one_that_hangs_fails_with_what_it_has_printed() -> None:
    code = "import sys, time; print('up', flush=True); print('asking', file=sys.stderr, flush=True); time.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with pytest.raises(AssertionError, match="in time: \\['up'\\]") as caught, limited(process, seconds=1):
        lines_until(process, lambda line: "never" in line)
    assert caught.value.__notes__ == ["the program has printed: ('', 'asking\\n')"]


def test_for_machines_each_line_is_a_document(cluster: Project) -> None:
    with watching(cluster, "--format", "json") as process:
        (line,) = lines_until(process, lambda line: True)
        document = json.loads(line)
        assert (document["event"], document["service"]) == ("watched", "ai")
        assert document["health"] == {"live": True, "ready": True, "degraded": False, "reasons": []}
        url, key, workers = document["settings"]
        assert 0 <= url.pop("age") < 60
        assert url.pop("next_check") in (None, pytest.approx(0.1, abs=0.1))  # none before the thread is at it
        assert url == {
            "field": "database_url",
            "secret": True,
            "provider": "shelf",
            "place": "shelf/database/url",
            "version": "v18",
            "stage": "CURRENT",
        }
        assert (key["next_check"], workers["age"], workers["next_check"]) == (None, None, None)
        put(cluster, "22")
        new = document_of(process, "swapped")
        assert [(item["field"], item["version"]) for item in new["settings"]] == [("database_url", "v19")]
        put(cluster, "22", workers="many")
        (problem,) = document_of(process, "refused")["problems"]
        assert (problem["field"], problem["code"]) == ("workers", "INVALID")
        assert document_of(process, "health")["health"]["degraded"] is True


def document_of(process: subprocess.Popen[str], event: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(lines_until(process, lambda line: f'"event": "{event}"' in line)[-1])
    return document


def test_on_a_terminal_a_table_lives(cluster: Project) -> None:
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [ESTATE, "watch", "ai", "--env", "cluster", "--every", "0.1"],
        cwd=cluster.folder,
        env={**cluster.environment, "TERM": "xterm", "COLUMNS": "120", "LINES": "40"},
        stdin=subprocess.DEVNULL,
        stdout=terminal,
        stderr=terminal,
    )
    os.close(terminal)
    with limited(process):
        shown = read_until(
            controller, "", r"database_url +secret +shelf +shelf/database/url +CURRENT v18 +\d+ s +in \d+ s"
        )
        assert "ai: fine" in shown
        assert re.search(r"setting +kind +from +place +version +age +next check", shown)
        put(cluster, "22", workers="many")
        shown = read_until(controller, shown, "ai: degraded")
        shown = read_until(controller, shown, "a new version is refused")
        put(cluster, "22")
        shown = read_until(controller, shown, "ai new database_url: shelf, shelf/database/url, CURRENT v19")
        assert "the old one serves on" not in shown  # what is logged would break the picture
        process.send_signal(signal.SIGINT)
        read_until(controller, shown, None)
        assert process.wait(60) == 130
        assert_no_canary(shown, CANARY)
    os.close(controller)


def read_until(controller: int, shown: str, pattern: str | None) -> str:
    """Return what a terminal has shown once it shows a pattern; without one, once the program has gone."""
    while pattern is None or not re.search(pattern, shown):
        try:
            shown += os.read(controller, 65536).decode(errors="replace")
        except OSError:
            assert pattern is None, shown
            break
    return shown


def test_what_cannot_start_is_reported_and_nothing_is_watched(project: Project) -> None:
    project.write(".env", "DATABASE_URL=x\n")
    done = project.run("watch", code=1)
    assert done.out.startswith("ai cannot start in laptop: 1 problem.")
    assert "etl cannot start in laptop: 1 problem." in done.out
    documents = [json.loads(line) for line in project.run("watch", "--format", "json", code=1).out.splitlines()]
    assert [(one["event"], one["service"]) for one in documents] == [("failed", "ai"), ("failed", "etl")]


def test_an_estate_that_is_wrong_is_an_event_on_a_line_too(project: Project) -> None:
    project.write("estate.toml", "nonsense")
    (line,) = project.run("watch", "--format", "json", code=1).out.splitlines()
    document = json.loads(line)
    assert (document["event"], document["ok"], document["problems"][0]["code"]) == ("failed", False, "SCHEMA")
    assert project.run("watch", code=1).out.startswith("the configuration cannot be used")


@pytest.mark.parametrize("seconds", ["0", "-1", "often", "inf", "1e400", "nan"])
def test_how_often_is_a_number_that_makes_sense(project: Project, seconds: str) -> None:
    assert "--every" in project.run("watch", "ai", "--every", seconds, code=2).err
