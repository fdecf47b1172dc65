"""`make demo` tells a true story, shows no secret, and leaves nothing running, after Ctrl-C neither."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import demo
from tools import story as story_module
from tools.account import Account
from tools.made_up import OPENAI_KEY, shown_in
from tools.postgres import Postgres
from tools.story import Story, StoryError

LINUX = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks for processes in /proc")
Captured = pytest.CaptureFixture[str]
DEMO = Path(story_module.__file__).parents[1] / "demo.py"


@pytest.fixture
def scratch() -> Iterator[Path]:
    """Where the demo puts its files: PostgreSQL's own user may enter it, unlike what lies below pytest's folder."""
    with tempfile.TemporaryDirectory(prefix="test-demo-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def left_running(scratch: Path) -> list[str]:
    """Return the processes that were started with `scratch` as their place for temporary files, or work in it."""
    left = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command, environment = ((process / name).read_bytes() for name in ("cmdline", "environ"))
        except OSError:  # it has just ended
            continue
        if os.fsencode(scratch) in command + environment:
            left.append(command.replace(b"\0", b" ").decode())
    return left


@contextlib.contextmanager
def started(scratch: Path, seconds: float = 120) -> Iterator[subprocess.Popen[str]]:
    """Run the demo until the block ends, or for so many seconds: whoever reads what it prints then goes on."""
    with subprocess.Popen(
        [sys.executable, str(DEMO)],
        env={"PATH": os.environ["PATH"], "TMPDIR": str(scratch)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        too_long = threading.Timer(seconds, end, [process])
        too_long.start()
        try:
            yield process
        finally:
            too_long.cancel()
            end(process)


def end(process: subprocess.Popen[str]) -> None:
    """End the demo and all of its session; first as it is told to, for its servers have sessions of their own."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(20)


@pytest.mark.integration
@LINUX
def test_the_story_is_true_within_two_minutes_and_nothing_is_left(scratch: Path) -> None:
    start = time.monotonic()
    with started(scratch) as process:
        told, _ = process.communicate(timeout=150)
    assert process.returncode == 0, told
    assert time.monotonic() - start < 120
    assert re.search("By the real hashicorp/aws|Left out: ", told)
    assert "A home to fall for. 1 Teheran-ro" in told
    assert "exit code 78" in told
    assert "All of it worked" in told
    assert "\x1b" not in told
    assert shown_in(told) == []
    assert left_running(scratch) == []
    assert list(scratch.iterdir()) == []


@pytest.mark.integration
@LINUX
@pytest.mark.parametrize(
    ("until", "number", "code"),
    [
        ("1\\. ", signal.SIGINT, 130),  # all servers are up
        (".*terraform apply|.*Left out: ", signal.SIGTERM, 143),  # Terraform and its plug-in are at work
    ],
)
def test_an_interrupted_demo_leaves_nothing(until: str, number: signal.Signals, code: int, scratch: Path) -> None:
    with started(scratch) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if re.match(until, line):
                break
        else:
            pytest.fail("it ended, or it did not come to that in time")
        assert left_running(scratch)
        os.killpg(process.pid, number)  # as the terminal does: to the whole group
        told, _ = process.communicate(timeout=60)
    assert process.returncode == code, told
    assert left_running(scratch) == []
    assert list(scratch.iterdir()) == []


@pytest.mark.integration
def test_without_terraform_it_says_so_and_goes_on(
    account: Account, database: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    stage = demo.Stage(tmp_path, account.iam.url, account, database, backend=[], urls={}, mails=[])
    demo.the_infrastructure(story(tmp_path), stage)
    assert "→ Left out: there is no terraform on the path.\n     The push" in capsys.readouterr().out
    assert account.versions() == {}


def story(tmp_path: Path) -> Story:
    told = Story({}, tmp_path)
    told.step("a step")
    return told


def test_a_command_that_does_what_is_said_is_shown(tmp_path: Path, capsys: Captured) -> None:
    story(tmp_path).command("python", "-c", "print('one\\ntwo\\nthree')", expect=["one"], show="count", last=1)
    assert capsys.readouterr().out.splitlines()[-3:] == ["   $ count", "     …", "     three"]


@pytest.mark.parametrize(
    ("code", "expect", "words"),
    [
        ("raise SystemExit(3)", [], "step 1: python: exit code 3, expected 0"),
        ("print('two')", ["one"], "'one' was expected and is not there"),
        (f"print('{OPENAI_KEY}')", [], "a secret was shown"),
    ],
)
def test_a_command_that_does_not_is_an_error(code: str, expect: list[str], words: str, tmp_path: Path) -> None:
    with pytest.raises(StoryError, match=words):
        story(tmp_path).command("python", "-c", code, expect=expect, show="python")


@pytest.mark.parametrize(("terminal", "no_color", "colour"), [(True, "", True), (True, "1", False), (False, "", False)])
def test_colour_is_for_terminals_and_can_be_refused(
    terminal: bool,
    no_color: str,
    colour: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Captured,
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    monkeypatch.setenv("NO_COLOR", no_color)
    story(Path())
    assert ("\x1b" in capsys.readouterr().out) is colour
