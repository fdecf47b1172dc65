"""A handler of a signal refreshes in the middle of a refresh, in the same thread: what it has got stays."""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest

from estate_config import Settings, load, on_change, refresh, retry_on_rejected, secret, snapshot
from estate_config.last_known_good import LastKnownGood
from estate_config.model import Deadline, Failed, Found, Key
from tests.doubles import estate
from tests.live.conftest import Live
from tests.live.doubles import Store
from tests.live.test_keeping import Started, after_a_restart, started  # noqa: F401 - a fixture
from tests.unit.conftest import offer  # noqa: F401 - a fixture


class Service(Settings):
    token: str = secret("token")


HangUp = Callable[[Settings], Callable[[], None]]


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


class Interrupted(Store):
    """Does something, once, between reading a value and giving it away."""

    then: Callable[[], object] | None = None

    def fetch(self, keys: Sequence[Key], deadline: Deadline) -> Mapping[Key, Found | Failed]:
        got = super().fetch(keys, deadline)
        then, self.then = self.then, None
        if then is not None:
            then()
        return got


def test_a_version_that_the_handler_has_got_is_not_taken_back(live: Live, hang_up: HangUp) -> None:
    store = Interrupted(token="t1")
    settings: Service = live(Service, store)
    send = hang_up(settings)
    seen: list[str] = []
    on_change(settings, "token", lambda new: seen.append(new.token))
    store.put("token", "t2")
    store.then = lambda: (store.put("token", "t3"), send())
    refresh(settings)
    assert (settings.token, seen) == ("t3", ["t3"])


def test_it_may_come_while_the_last_known_good_is_written_and_the_file_has_its_version(
    started: Started,  # noqa: F811 - the fixture
    hang_up: HangUp,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = Store(token="t1")
    settings = started(store)
    send = hang_up(settings)
    keep = LastKnownGood.keep

    def interrupted(self: LastKnownGood, *given: object) -> object:
        if settings.token == "t2":
            store.put("token", "t3")
            send()
        return keep(self, *given)  # type: ignore[arg-type]  # as they came

    monkeypatch.setattr(LastKnownGood, "keep", interrupted)
    store.put("token", "t2")
    refresh(settings)
    assert settings.token == "t3"
    assert after_a_restart(started, store).token == "t3"


def test_it_may_come_while_a_version_is_shown_or_before_and_the_newest_one_stays_and_is_told_last(
    live: Live, hang_up: HangUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in (
        "estate_config.live.refreshing.hold",
        "estate_config.live.refreshing.publish",
        "estate_config.swap.show",
    ):
        store = Store(token="t1")
        settings: Service = live(Service, store)
        send = hang_up(settings)
        seen: list[str] = []
        on_change(settings, "token", lambda new, seen=seen: seen.append(new.token))  # type: ignore[misc]  # one each
        module, _, name = place.rpartition(".")
        real = getattr(importlib.import_module(module), name)
        pending = [lambda store=store, send=send: (store.put("token", "t3"), send())]

        def interrupted(*given: Any, real: Any = real, pending: Any = pending) -> Any:
            if pending:
                pending.pop()()
            return real(*given)

        with monkeypatch.context() as patched:
            patched.setattr(place, interrupted)
            store.put("token", "t2")
            refresh(settings)
        assert (settings.token, snapshot(settings).token, seen[-1]) == ("t3", "t3", "t3"), place


def test_it_may_come_in_a_load_while_another_thread_refreshes(live: Live, hang_up: HangUp) -> None:
    store = Interrupted(token="t1")
    settings: Service = live(Service, store)
    send = hang_up(settings)
    read, go = threading.Event(), threading.Event()

    def wait() -> None:
        read.set()
        go.wait(30)

    store.then = wait
    other = threading.Thread(target=refresh, args=(settings,))
    other.start()
    assert read.wait(30)

    def in_the_load() -> None:
        go.set()
        send()

    store.then = in_the_load
    load(settings, config=estate("store"))
    other.join()
    assert settings.token == "t1"


def test_it_may_come_while_a_refused_credential_is_looked_for(live: Live, hang_up: HangUp) -> None:
    store = Interrupted(token="t1")
    settings: Service = live(Service, store)
    send = hang_up(settings)

    @retry_on_rejected(settings, "token", exceptions=(PermissionError,), every=0.0)
    def log_in() -> None:
        if settings.token != "t9":
            raise PermissionError

    def warm(_: Service) -> None:
        with contextlib.suppress(PermissionError):
            log_in()

    on_change(settings, "token", warm)
    store.put("token", "t2")
    store.then = send
    with pytest.raises(PermissionError):
        log_in()
    assert settings.token == "t2"
