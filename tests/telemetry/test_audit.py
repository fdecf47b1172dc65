"""`audit_to()`: a line for every read of a secret, whatever happens to the file; and no value."""

from __future__ import annotations

import io
import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from estate_config import Settings, refresh, secret, setting
from estate_config.errors import Code
from estate_config.model import Failed
from estate_config.telemetry.audit import Entry, audit_to
from tests.leaks import assert_no_canary
from tests.live.conftest import Live
from tests.live.doubles import Store

CANARY = "canary-93c5d7b1e8"


class Service(Settings):
    token: str = secret("token")
    workers: int = setting(default=1)


Audit = Callable[..., None]


@pytest.fixture
def audit() -> Iterator[Audit]:
    """Begin a trail that ends with the test."""
    ends: list[Callable[[], None]] = []
    yield lambda *words, **named: ends.append(audit_to(*words, **named))
    for end in ends:
        end()


def entries(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_who_read_which_version_of_which_secret_and_when(audit: Audit, live: Live, tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    audit(path)
    live(Service, Store(token=CANARY))
    began, read = entries(path)
    assert (began["event"], read["event"]) == ("began", "read")
    assert read["at"] > began["at"]
    assert {name: value for name, value in read.items() if name not in {"event", "at", "host", "user"}} == {
        "pid": os.getpid(),
        "service": "Service",
        "environment": "here",
        "field": "token",
        "provider": "store",
        "place": "store:token",
        "version": "v1",
        "stage": "CURRENT",
        "outcome": "found",
        "degraded": "",
    }
    assert read["host"] == os.uname().nodename
    assert read["user"]
    assert path.stat().st_mode & 0o777 == 0o600
    assert_no_canary(path.read_text("utf-8"), CANARY)


def test_a_user_without_a_name_is_a_number(audit: Audit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 4_000_000_001)
    seen: list[Entry] = []
    audit(seen.append)
    assert seen[0]["user"] == "4000000001"


def test_failures_new_versions_and_refused_ones_are_entries(audit: Audit, live: Live) -> None:
    store, seen = Store(token=CANARY, workers="1"), list[Entry]()
    settings = live(Service, store)
    audit(seen.append)
    store.put("token", f"{CANARY}-new")
    refresh(settings)
    store.put("workers", f"{CANARY}-no-number")
    refresh(settings)
    store.failing["token"] = Failed(Code.DENIED, "may not be read")
    refresh(settings, "token")
    assert [entry["event"] for entry in seen] == ["began", "read", "swapped", "read", "refused", "read"]
    assert seen[2]["fields"] == ["token"]
    (problem,) = seen[4]["problems"]
    assert (problem["field"], problem["code"]) == ("workers", "INVALID")
    assert (seen[5]["outcome"], seen[5]["version"]) == ("DENIED", None)
    assert_no_canary(repr(seen), CANARY)


def test_a_stream_gets_whole_lines(audit: Audit, live: Live) -> None:
    stream = io.StringIO()
    audit(stream)
    live(Service, Store(token="t"))
    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["began", "read"]


def test_it_can_be_ended(live: Live) -> None:
    seen: list[Entry] = []
    audit_to(seen.append)()
    live(Service, Store(token="t"))
    assert [entry["event"] for entry in seen] == ["began"]


def test_a_file_that_was_moved_away_is_made_anew(audit: Audit, live: Live, tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    audit(path)
    path.rename(tmp_path / "audit.1.jsonl")
    live(Service, Store(token="t"))
    assert [entry["event"] for entry in entries(path)] == ["read"]


@pytest.mark.parametrize("target", ["/dev/full", "no/such/folder/audit.jsonl", "pipe"])
def test_a_trail_that_cannot_be_written_is_logged_once_and_the_service_starts(
    target: str, audit: Audit, live: Live, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    os.mkfifo(tmp_path / "pipe")  # nobody reads it
    audit(target)
    settings = live(Service, Store(token="t"))
    refresh(settings)
    assert settings.token == "t"
    assert caplog.text.count("the audit trail cannot be written: ") == 1


@pytest.mark.parametrize("target", ["/dev/full", "no/such/folder/audit.jsonl"])
def test_a_required_trail_that_cannot_be_written_keeps_the_service_from_starting(target: str) -> None:
    with pytest.raises(OSError, match=r"No space left|No such file"):
        audit_to(target, required=True)


def test_a_gap_is_said_in_the_trail(audit: Audit, live: Live, tmp_path: Path) -> None:
    path = tmp_path / "later" / "audit.jsonl"
    audit(path)
    settings = live(Service, Store(token="t"))
    path.parent.mkdir()
    refresh(settings)
    refresh(settings)
    lost, *reads = entries(path)
    assert (lost["event"], lost["entries"]) == ("lost", 2)  # that it began, and the first read
    assert [entry["event"] for entry in reads] == ["read", "read"]


def test_what_a_function_raises_stops_no_load_and_its_words_are_not_shown(
    audit: Audit, live: Live, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(entry: Entry) -> None:
        raise ValueError(CANARY)

    with caplog.at_level(logging.DEBUG):
        audit(broken)
        assert live(Service, Store(token="t")).token == "t"
    assert "the audit trail cannot be written: ValueError in " in caplog.text
    assert_no_canary(caplog.text, CANARY)


def run(code: str, folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr


def test_processes_share_a_file_without_mixing_their_lines(tmp_path: Path) -> None:
    code = """
import os
from estate_config.observing import Read, tell
from estate_config.telemetry.audit import audit_to
audit_to("audit.jsonl")
children = []
for number in range(4):
    child = os.fork()
    if not child:
        for _ in range(200):
            tell(Read("ai", "here", f"field{number}", True, "store", "x" * 300, "found"))
        os._exit(0)
    children.append(child)
assert all(os.waitpid(child, 0)[1] == 0 for child in children)
"""
    run(code, tmp_path)
    began, *reads = entries(tmp_path / "audit.jsonl")
    assert began["event"] == "began"
    assert {name: sum(read["field"] == name for read in reads) for name in {read["field"] for read in reads}} == {
        f"field{number}": 200 for number in range(4)
    }
    assert len({read["pid"] for read in reads} | {began["pid"]}) == 5


def test_a_line_that_was_cut_off_spoils_no_other(tmp_path: Path) -> None:
    code = """
import os, resource
from estate_config.observing import Read, tell
from estate_config.telemetry.audit import audit_to
limit, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
audit_to("audit.jsonl")
read = Read("ai", "here", "token", True, "store", "store:token", "found")
room = os.stat("audit.jsonl").st_size + 40  # as a disk that is full: the next line does not fit
resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
tell(read)
tell(read)
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
tell(read)
"""
    run(code, tmp_path)
    _, cut, lost, read = (tmp_path / "audit.jsonl").read_text("utf-8").splitlines()
    assert len(cut) == 40
    assert (json.loads(lost)["entries"], json.loads(read)["field"]) == (2, "token")
