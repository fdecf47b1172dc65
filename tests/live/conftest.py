"""Live settings on a store in memory: no variable of the machine, an empty folder, and no thread that stays behind."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from estate_config import Settings, lazy, load
from estate_config.contract import Leased, Prober, Watcher
from tests.doubles import estate, spec_of
from tests.live.doubles import LeasedStore, ProbedStore, Store, TellingStore
from tests.unit.conftest import Offer, offer  # noqa: F401 - a fixture

Live = Callable[..., Any]


@pytest.fixture(autouse=True)
def _nothing_around(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    for name in ("ESTATE_ENV", "ESTATE_CONFIG", "ESTATE_CHAIN", "ESTATE_STAGES", "NODE_ENV"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("estate_config.live.turn._SLICE", 0.1)  # so that a watch ends soon after it is told to
    yield
    assert "estate-config-watch" not in {thread.name for thread in threading.enumerate()}, "a test left its watch"


def offers_of(store: Store) -> tuple[type, ...]:
    kinds: list[tuple[type, type]] = [(ProbedStore, Prober), (TellingStore, Watcher), (LeasedStore, Leased)]
    return tuple(protocol for kind, protocol in kinds if isinstance(store, kind))


@pytest.fixture
def live(offer: Offer) -> Live:  # noqa: F811 - the fixture
    """Return a lazy instance of a class, loaded from stores in the order of the chain."""

    def made(cls: type[Settings], *stores: Store, deadline: float = 15, **words: Any) -> Settings:
        offer(*(spec_of(store.name, store, offers=offers_of(store), stages=True) for store in stores))
        settings = lazy(cls)
        return load(settings, config=estate(*(store.name for store in stores), deadline=deadline), **words)

    return made
