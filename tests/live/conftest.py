"""Live settings on a store in memory: no variable of the machine, an empty folder, and no thread that stays behind."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from estate_config import Settings, lazy, load, refresh
from estate_config.contract import Leased, Prober, Watcher
from tests.doubles import estate, spec_of
from tests.live.doubles import LeasedStore, ProbedStore, Store, TellingStore
from tests.unit.conftest import Offer, offer  # noqa: F401 - a fixture

Live = Callable[..., Any]
HangUp = Callable[[Settings], Callable[[], None]]


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


@pytest.fixture
def hang_up() -> Iterator[HangUp]:
    """Let SIGHUP refresh an instance, as services do; return how to send it, and wait until it is handled."""
    before = signal.getsignal(signal.SIGHUP), signal.getsignal(signal.SIGALRM)
    handled = threading.Event()
    stuck: list[str] = []

    def too_long(*_: object) -> None:
        stuck.append("it waits for a lock that its own thread holds, or for one that waits for it")
        raise TimeoutError  # which a callback's caller may swallow

    def send() -> None:
        handled.clear()
        os.kill(os.getpid(), signal.SIGHUP)
        assert handled.wait(30)

    def handle(settings: Settings) -> Callable[[], None]:
        def refreshing(*_: object) -> None:
            refresh(settings)
            handled.set()

        signal.signal(signal.SIGHUP, refreshing)
        return send

    signal.signal(signal.SIGALRM, too_long)
    signal.alarm(30)
    yield handle
    signal.alarm(0)
    signal.signal(signal.SIGHUP, before[0])
    signal.signal(signal.SIGALRM, before[1])
    assert stuck == []
