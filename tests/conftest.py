"""On CI a skipped test is a failure, unless tests/allowed_skips.txt lists it with its reason."""

from __future__ import annotations

import os
from pathlib import Path

import hypothesis
import pytest

# A machine under load is slow, and that is no fault of the code; the same examples every run, so that red is red again.
hypothesis.settings.register_profile(
    "estate", deadline=None, derandomize=True, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("estate")

_LIST = Path(__file__).parent / "allowed_skips.txt"


def pytest_configure(config: pytest.Config) -> None:
    on_ci = os.environ.get("CI", "").lower() in ("1", "true")
    if on_ci and not hasattr(config, "workerinput"):  # the reports of all workers come together in one process
        config.pluginmanager.register(NoSilentSkips(allowed(_LIST.read_text("utf-8"))))


def allowed(text: str) -> frozenset[str]:
    """Return the node ids of a list of lines `node id  # reason`. Raises `ValueError` for a line without a reason."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if bare := [line for line in lines if not line.partition("  # ")[2].strip()]:
        raise ValueError(f"tests/allowed_skips.txt: no reason beside {bare[0]!r}; write two spaces, # and the reason")
    return frozenset(line.partition("  # ")[0].strip() for line in lines)


class NoSilentSkips:
    """Fails the run if a test was skipped that may not be. What is meant to fail (`xfail`) is no skip."""

    def __init__(self, may_skip: frozenset[str]) -> None:
        self.may_skip = may_skip
        self.skipped: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped and not hasattr(report, "wasxfail"):
            self.skipped.add(report.nodeid)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.skipped:
            self.skipped.add(report.nodeid)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.skipped - self.may_skip:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for node_id in sorted(self.skipped - self.may_skip):
            terminalreporter.write_line(f"FAILED {node_id}: skipped, and tests/allowed_skips.txt does not list it")
