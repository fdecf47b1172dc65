"""Time two things in turn, so that whatever else the machine does hits both, and compare their medians."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Comparison:
    """One claim: ours against a peer's, in the same run."""

    what: str
    peer: str
    ours: float
    """Seconds, or a count."""
    theirs: float
    limit: float | None = None
    """The most that ours may be of theirs, where something is promised."""

    @property
    def ratio(self) -> float:
        return self.ours / self.theirs

    @property
    def holds(self) -> bool:
        return self.limit is None or self.ratio <= self.limit


def in_turn(ours: Callable[[], float], theirs: Callable[[], float], rounds: int) -> tuple[float, float]:
    """Return the medians of both, in seconds, measured alternately after one round that does not count."""
    for warming_up in (ours, theirs):
        warming_up()
    pairs = [(ours(), theirs()) if number % 2 else (theirs(), ours())[::-1] for number in range(rounds)]
    return statistics.median(one for one, _ in pairs), statistics.median(other for _, other in pairs)


def timed(work: Callable[[], object]) -> Callable[[], float]:
    """Return a function that does the work once and returns the seconds it took."""

    def once() -> float:
        start = time.perf_counter()
        work()
        return time.perf_counter() - start

    return once


def started(code: str) -> Callable[[], float]:
    """Return a function that runs code in a new interpreter and returns the seconds that the code itself took."""
    program = f"import time; start = time.perf_counter()\n{code}\nprint(time.perf_counter() - start)"

    def once() -> float:
        command = [sys.executable, "-I", "-c", program]
        return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    return once
