"""`make demo` tells a true story, shows no secret, and leaves nothing running, after Ctrl-C neither."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools import story as story_module
from tools.made_up import OPENAI_KEY, shown_in
from tools.story import Story, StoryError

LINUX = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks for processes in /proc")
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


def started(scratch: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(DEMO)],
        env={"PATH": os.environ["PATH"], "TMPDIR": str(scratch)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


@pytest.mark.integration
@LINUX
def test_the_story_is_true_within_two_minutes_and_nothing_is_left(scratch: Path) -> None:
    start = time.monotonic()
    with started(scratch) as demo:
        told, _ = demo.communicate(timeout=120)
    assert demo.returncode == 0, told
    assert time.monotonic() - start < 120
    assert "exit code 78" in told
    assert "All of it worked" in told
    assert "\x1b" not in told
    assert shown_in(told) == []
    assert left_running(scratch) == []
    assert list(scratch.iterdir()) == []


@pytest.mark.integration
@LINUX
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_demo_leaves_nothing(number: signal.Signals, code: int, scratch: Path) -> None:
    with started(scratch) as demo:
        assert demo.stdout is not None
        for line in demo.stdout:
            if line.startswith("1."):  # all servers are up
                break
        assert left_running(scratch)
        os.killpg(demo.pid, number)  # as the terminal does: to the whole group
        told, _ = demo.communicate(timeout=60)
    assert demo.returncode == code, told
    assert left_running(scratch) == []
    assert list(scratch.iterdir()) == []


def story(tmp_path: Path) -> Story:
    told = Story({}, tmp_path)
    told.step("a step")
    return told


def test_a_command_that_does_what_is_said_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
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
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    monkeypatch.setenv("NO_COLOR", no_color)
    story(Path())
    assert ("\x1b" in capsys.readouterr().out) is colour
