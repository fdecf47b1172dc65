"""A handler of a signal refreshes in the middle of a refresh, in the same thread: what it has got stays."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any

import pytest

from estate_config import Settings, load, on_change, refresh, retry_on_rejected, secret, snapshot, swap
from estate_config.live import refreshing
from estate_config.model import Deadline, Failed, Found, Key
from tests.doubles import estate
from tests.live.conftest import HangUp, Live
from tests.live.doubles import Store


class Service(Settings):
    token: str = secret("token")


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


@pytest.mark.parametrize(
    ("module", "name"),
    [(refreshing, "hold"), (refreshing, "publish"), (swap, "show")],
    ids=["before", "at it", "in it"],
)
def test_it_may_come_while_a_version_is_shown_or_before_and_the_newest_one_stays_and_is_told_last(
    live: Live, hang_up: HangUp, monkeypatch: pytest.MonkeyPatch, module: ModuleType, name: str
) -> None:
    store = Store(token="t1")
    settings: Service = live(Service, store)
    send, real = hang_up(settings), getattr(module, name)
    seen: list[str] = []
    on_change(settings, "token", lambda new: seen.append(new.token))

    def interrupted(*given: Any) -> Any:
        monkeypatch.setattr(module, name, real)
        store.put("token", "t3")
        send()
        return real(*given)

    monkeypatch.setattr(module, name, interrupted)
    store.put("token", "t2")
    refresh(settings)
    assert (settings.token, snapshot(settings).token, seen[-1]) == ("t3", "t3", "t3")


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
