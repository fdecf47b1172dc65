"""`on_change()`: called after the swap, outside any lock, in order; nobody's exception stops another."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import time
from typing import Any

import pytest
from pydantic import BaseModel

from estate_config import Settings, health, load, on_change, refresh, secret, snapshot, watch
from estate_config.live import state
from tests.doubles import estate
from tests.leaks import assert_no_canary
from tests.live.conftest import Live
from tests.live.doubles import Store, wait_until
from tests.unit.conftest import Offer

CANARY = "canary-5b8e2c7719"


class Rds(BaseModel):
    user: str = secret()
    password: str = secret()


class Service(Settings):
    token: str = secret("token")
    rds: Rds


@pytest.fixture
def store() -> Store:
    return Store(**{"token": "t1", "rds/user": "u1", "rds/password": "p1"})


@pytest.fixture
def settings(live: Live, store: Store) -> Any:
    return live(Service, store)


def test_it_is_called_with_the_new_version_once_for_each_swap(settings: Service, store: Store) -> None:
    seen: list[str] = []
    on_change(settings, "token", lambda new: seen.append(new.token))
    refresh(settings)
    store.put("token", "t2")
    refresh(settings)
    store.put("rds/user", "u2")
    refresh(settings)
    assert seen == ["t2"]


def test_a_nested_field_stands_for_all_of_its_fields(settings: Service, store: Store) -> None:
    seen: list[tuple[str, str]] = []
    on_change(settings, "rds", lambda new: seen.append((new.rds.user, new.rds.password)))
    on_change(settings, "rds.user", lambda new: seen.append(("user", new.rds.user)))
    store.put("rds/user", "u2")
    store.put("rds/password", "p2")
    refresh(settings)
    assert seen == [("u2", "p2"), ("user", "u2")]


def test_the_new_version_is_there_already_when_it_is_called(settings: Service, store: Store) -> None:
    seen: list[bool] = []
    on_change(settings, "token", lambda new: seen.append(snapshot(settings) is new and settings.token == new.token))
    store.put("token", "t2")
    refresh(settings)
    assert seen == [True]


def test_an_exception_stops_no_other_and_its_words_are_not_shown(
    settings: Service, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[str] = []

    def failing(new: Service) -> None:
        raise OSError(new.token)

    on_change(settings, "token", failing)
    on_change(settings, "token", lambda new: seen.append(new.token))
    store.put("token", CANARY)
    with caplog.at_level(logging.DEBUG):
        refresh(settings)
    assert seen == [CANARY]
    assert "on_change token raised OSError in test_an_exception_stops_no_other" in caplog.text
    assert_no_canary(caplog.text, CANARY)


def test_who_has_ended_it_hears_no_more(settings: Service, store: Store) -> None:
    seen: list[str] = []
    end = on_change(settings, "token", lambda new: seen.append(new.token))
    end()
    end()
    store.put("token", "t2")
    refresh(settings)
    assert seen == []


def test_it_may_refresh_and_its_own_swap_comes_after_the_one_that_called_it(settings: Service, store: Store) -> None:
    seen: list[str] = []

    def again(new: Service) -> None:
        if new.token == "t2":
            store.put("token", "t3")
            refresh(settings)
        seen.append(f"first {new.token}")

    on_change(settings, "token", again)
    on_change(settings, "token", lambda new: seen.append(f"second {new.token}"))
    store.put("token", "t2")
    refresh(settings)
    assert seen == ["first t2", "second t2", "first t3", "second t3"]


def test_it_holds_no_lock_and_calls_of_two_threads_come_in_the_order_of_their_swaps(
    settings: Service, store: Store
) -> None:
    seen: list[str] = []
    entered, go_on = threading.Event(), threading.Event()

    def slow(new: Service) -> None:
        entered.set()
        go_on.wait(10)
        seen.append(new.token)

    on_change(settings, "token", slow)
    store.put("token", "t2")
    first = threading.Thread(target=refresh, args=(settings,))
    first.start()
    assert entered.wait(10)
    store.put("token", "t3")
    second = threading.Thread(target=refresh, args=(settings,))
    second.start()
    wait_until(lambda: settings.token == "t3")
    assert seen == []
    go_on.set()
    second.join()
    first.join()
    assert seen == ["t2", "t3"]


def test_what_cannot_be_called_is_said_at_once(settings: Service, offer: Offer, store: Store) -> None:
    async def later(new: Service) -> None: ...

    with pytest.raises(TypeError, match="run_coroutine_threadsafe"):
        on_change(settings, "token", later)
    with pytest.raises(ValueError, match="no field 'tok'"):
        on_change(settings, "tok", lambda _: None)
    with pytest.raises(TypeError, match="lazy"):
        on_change(load(Service, config=estate("store")), "token", lambda _: None)


def test_sys_exit_is_logged_and_ends_nothing(settings: Service, store: Store, caplog: pytest.LogCaptureFixture) -> None:
    seen: list[str] = []
    on_change(settings, "token", lambda new: sys.exit(new.token))
    on_change(settings, "token", lambda new: seen.append(new.token))
    store.put("token", CANARY)
    refresh(settings)
    assert seen == [CANARY]
    assert "on_change token raised SystemExit in " in caplog.text
    assert_no_canary(caplog.text, CANARY)


def test_a_child_that_is_forked_in_a_call_goes_on_with_it_and_makes_the_next_ones(
    settings: Service, store: Store
) -> None:
    seen: list[str] = []

    def forking(new: Service) -> None:
        if new.token == "t2":
            store.put("token", "t3")
            refresh(settings)
            state._after_fork()  # what is done in the child
        seen.append(new.token)

    on_change(settings, "token", forking)
    store.put("token", "t2")
    refresh(settings)
    assert seen == ["t2"]
    refresh(settings)
    assert seen == ["t2", "t3"]


def test_after_an_interruption_callbacks_are_called_as_before(settings: Service, store: Store) -> None:
    def interrupted(_new: Service) -> None:
        raise KeyboardInterrupt

    end = on_change(settings, "token", interrupted)
    store.put("token", "t2")
    with pytest.raises(KeyboardInterrupt):
        refresh(settings)
    end()
    seen: list[str] = []
    on_change(settings, "token", lambda new: seen.append(new.token))
    store.put("token", "t3")
    started = time.monotonic()
    refresh(settings)
    assert seen == ["t3"]
    assert time.monotonic() - started < 4, "nobody is waited for"


def test_a_callback_whose_loop_is_cancelled_stops_no_other_and_ends_no_watch(
    settings: Service, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[str] = []

    def cancelled(new: Service) -> None:
        raise asyncio.CancelledError(new.token)

    on_change(settings, "token", cancelled)
    on_change(settings, "token", lambda new: seen.append(new.token))
    with watch(settings, every=0.05):
        store.put("token", CANARY)
        wait_until(lambda: seen == [CANARY])
        store.put("token", "t3")
        wait_until(lambda: seen == [CANARY, "t3"])
        assert health(settings).live
    assert "on_change token raised CancelledError in " in caplog.text
    assert_no_canary(caplog.text, CANARY)
