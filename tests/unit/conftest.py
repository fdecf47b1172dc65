"""Every test of the core starts in an empty folder, with no variable that the core reads, and without a guard."""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType

import pytest

from estate_config import discovery, guard
from estate_config.contract import GROUP, ProviderSpec
from tests.leaks import CANARIES

Offer = Callable[..., None]


@pytest.fixture(autouse=True)
def _nothing_around(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("ESTATE_ENV", "ESTATE_CONFIG", "ESTATE_CHAIN", "ESTATE_STAGES", "NODE_ENV", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(guard, "_everywhere", [])


@pytest.fixture
def offer(monkeypatch: pytest.MonkeyPatch) -> Offer:
    """Install specs for one test, beside what is installed: as modules, and entry points that lead to them."""

    return lambda *specs: offered(monkeypatch, *specs)


def offered(monkeypatch: pytest.MonkeyPatch, *specs: ProviderSpec) -> None:
    """Install specs until the patch is undone."""
    points = dict(discovery.installed())
    for spec in specs:
        module = ModuleType(f"offered_{spec.name}")
        module.spec = spec  # type: ignore[attr-defined]  # that is what an entry point names
        monkeypatch.setitem(sys.modules, module.__name__, module)
        points[spec.name] = (EntryPoint(spec.name, f"{module.__name__}:spec", GROUP),)
    monkeypatch.setattr(discovery, "installed", lambda: points)


@pytest.fixture(params=CANARIES, ids=["plain", "quotes", "lines", "foreign"])
def canary(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def everything_logged() -> Iterator[io.StringIO]:
    """Log everything of everybody, with all that a record holds."""
    out = io.StringIO()

    class Everything(logging.StreamHandler[io.StringIO]):
        def emit(self, record: logging.LogRecord) -> None:
            super().emit(record)
            out.write(repr(vars(record)))

    handler, root = Everything(out), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield out
    root.removeHandler(handler)
    root.setLevel(level)
