"""Tell a story on the terminal, step by step, and check that every step did what the story says."""

from __future__ import annotations

import os
import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tools.made_up import shown_in
from tools.processes import running

_BOLD, _DIM, _GREEN, _RED, _END = "\x1b[1m", "\x1b[2m", "\x1b[32m", "\x1b[31m", "\x1b[0m"
COMMAND = 60.0
"""Seconds that one command may take."""


class StoryError(Exception):
    """A step did not do what the story says."""


class Story:
    """Prints numbered steps. What it is told to expect and does not see raises `StoryError`."""

    def __init__(self, environment: Mapping[str, str], folder: Path) -> None:
        self._environment = dict(environment)
        self._folder = folder
        self._step = 0
        self._start = time.monotonic()
        self._colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")

    def step(self, title: str) -> None:
        """Begin the next step."""
        self._step += 1
        self._print(f"\n{self._step}. {title}", _BOLD)

    def say(self, *lines: str) -> None:
        """Tell something."""
        for line in lines:
            self._print(f"   {line}")

    def saw(self, *lines: str) -> None:
        """Say what has just been seen."""
        for number, line in enumerate(lines):
            self._print(f"   {' ' if number else '→'} {line}", _GREEN)

    def command(
        self, *words: str, exit_code: int = 0, expect: Sequence[str] = (), show: str | None = None, last: int = 0
    ) -> None:
        """Run a command, and show it with what it printed (or its `last` lines).

        Raises `StoryError` for another exit code, something expected that it did not print, or a secret that it did;
        `TimeoutError` if it takes longer than `COMMAND`.
        """
        shown = show or shlex.join(words)
        self.type(shown)
        program = str(Path(sys.executable).with_name(words[0]))
        with running(shown, [program, *words[1:]], environment=self._environment, folder=self._folder) as child:
            code, printed = child.finish(COMMAND), child.output()
        self.output(printed, last)
        if code:
            self._print(f"   exit code {code}", _DIM)
        self.check(code == exit_code, f"{shown}: exit code {code}, expected {exit_code}")
        self.check_output(shown, printed, expect)

    def type(self, command: str) -> None:
        """Show a command that is run."""
        self._print(f"   $ {command}", _BOLD)

    def output(self, text: str, last: int = 0) -> None:
        """Show what something printed."""
        lines = text.rstrip().splitlines()
        if last and len(lines) > last:
            lines = ["…", *lines[-last:]]
        for line in lines:
            self._print(f"     {line}".rstrip(), _DIM)

    def check_output(self, what: str, text: str, expect: Sequence[str] = ()) -> None:
        """Raise `StoryError` where something expected is not there, or a secret is."""
        for words in expect:
            self.check(words in text, f"{what}: {words!r} was expected and is not there")
        self.check(not shown_in(text), f"{what}: a secret was shown")

    def check(self, holds: bool, otherwise: str) -> None:  # noqa: FBT001 - reads like assert
        """Raise `StoryError` unless it `holds`."""
        if not holds:
            raise StoryError(f"step {self._step}: {otherwise}")

    def end(self) -> None:
        """Say how long it took."""
        self._print(f"\nAll of it worked, in {time.monotonic() - self._start:.0f} seconds.", _BOLD)

    def failed(self, error: Exception) -> None:
        """Say what went wrong."""
        self._print(f"\nThe demo failed. {error}", _RED)

    def _print(self, text: str, how: str = "") -> None:
        painted = f"{how}{text}{_END}" if self._colour and how else text
        sys.stdout.write(painted + "\n")
        sys.stdout.flush()
