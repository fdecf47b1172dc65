"""`health()`: reasons and ages for probes; nobody is asked for anything, and no value is shown."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import pytest
from pydantic import Field

from estate_config import Code, Health, Settings, health, lazy, load, refresh, secret, setting, snapshot, watch
from estate_config.live import watching
from estate_config.model import Failed, Found, Origin
from tests.doubles import Shelf, estate, spec_of
from tests.leaks import assert_no_canary
from tests.live.conftest import Live
from tests.live.doubles import UNREACHABLE, ProbedStore, Store, wait_until
from tests.unit.conftest import Offer

CANARY = "canary-1c77e05ab3"


class Service(Settings):
    token: str = secret("token", max_stale=timedelta(seconds=60))
    port: int = setting(default=1)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that are added to the monotonic clock."""
    import time

    added, real = [0.0], time.monotonic
    monkeypatch.setattr("estate_config.live.state.time.monotonic", lambda: real() + added[0])
    return added


def test_what_is_not_loaded_is_not_ready_and_is_not_loaded_for_that() -> None:
    said = health(lazy(Service))
    assert (said.live, said.ready, said.degraded, said.reasons) == (
        True,
        False,
        False,
        ("the settings are not loaded yet",),
    )


def test_what_was_not_loaded_at_all_is_not_ready() -> None:
    assert not health(Service.model_construct()).ready


def test_what_is_loaded_is_ready_without_a_reason(live: Live) -> None:
    said = health(live(Service, Store(token=CANARY)))
    assert said.as_json() == {"live": True, "ready": True, "degraded": False, "reasons": ()}
    assert_no_canary(repr(said), CANARY)


def test_a_store_that_does_not_answer_degrades_and_a_value_too_old_is_not_ready(live: Live, clock: list[float]) -> None:
    store = Store(token=CANARY)
    settings = live(Service, store)
    store.down = UNREACHABLE
    refresh(settings)
    said = health(settings)
    assert (said.ready, said.degraded) == (True, True)
    assert said.reasons == ("UNAVAILABLE token, port: store cannot be reached",)
    clock[0] = 61
    said = health(settings)
    assert (said.live, said.ready, said.degraded) == (True, False, True)
    assert said.reasons[0] == "STALE token: confirmed 61 s ago, and max_stale is 60 s"
    assert_no_canary(json.dumps(said.as_json()), CANARY)
    store.down = None
    refresh(settings)
    assert health(settings).ready


def test_a_version_that_is_refused_degrades(live: Live) -> None:
    store = Store(token="t1", port="1")
    settings = live(Service, store)
    store.put("port", CANARY)
    refresh(settings)
    said = health(settings)
    assert (said.ready, said.degraded) == (True, True)
    assert said.reasons[0].startswith("INVALID port: ")
    assert_no_canary(repr(said), CANARY)
    store.put("port", "2")
    refresh(settings)
    assert not health(settings).degraded


def test_one_version_grows_old_too(offer: Offer, clock: list[float]) -> None:
    offer(spec_of("store", Store(token="t1")))
    one = load(Service, config=estate("store"))
    assert health(one).ready
    clock[0] = 61
    assert not health(one).ready


def test_a_value_is_as_old_as_its_fetch(offer: Offer) -> None:
    fetched = datetime.now(UTC) - timedelta(seconds=300)
    found = Found("t1", Origin("shelf", "x", fetched_at=fetched, degraded="last known good, read from disk"))
    offer(spec_of("shelf", Shelf("shelf", {"token": found})))
    said = health(load(Service, config=estate("shelf")))
    assert not said.ready
    assert said.reasons[0].startswith("STALE token: confirmed 300 s ago")
    assert said.reasons[1] == "token: last known good, read from disk"


def test_what_no_store_has_does_not_grow_old(live: Live, clock: list[float]) -> None:
    settings = live(Service, Store(), overrides={"token": "t"})
    clock[0] = 1000
    assert health(settings).ready


def test_looking_at_versions_confirms_a_value(live: Live, clock: list[float]) -> None:
    store = ProbedStore(token="t1")
    settings = live(Service, store)
    clock[0] = 61
    assert not health(settings).ready
    with watch(settings, every=0.05):
        wait_until(lambda: health(settings).ready)


def test_a_thread_that_has_ended_is_not_live(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = live(Service, Store(token="t1"))
    with watch(settings, every=1000):
        assert health(settings).live
        ended: Any = threading.Thread()
        with monkeypatch.context() as patched:
            patched.setattr(watching._thread, "thread", ended)
            said = health(settings)
    assert (said.live, said.ready, said.degraded) == (False, True, True)
    assert said.reasons == ("the thread that watches for new values has ended: start the process anew",)


def test_a_version_that_was_refused_is_over_when_the_store_has_the_old_one_again(live: Live) -> None:
    store = ProbedStore(token="t1", port="1")
    settings = live(Service, store)
    good = store.current["port"]
    store.put("port", CANARY)
    with watch(settings, every=0.05):
        wait_until(lambda: health(settings).degraded)
        store.current["port"] = good
        wait_until(lambda: not health(settings).degraded)


@pytest.mark.parametrize("kind", [Store, ProbedStore])
def test_it_is_over_too_when_there_is_none_any_more_and_the_default_serves_on(live: Live, kind: type[Store]) -> None:
    store = kind(token="t1")
    settings = live(Service, store)
    store.put("port", CANARY)
    with watch(settings, every=0.05):
        wait_until(lambda: health(settings).degraded)
        del store.current["port"]
        wait_until(lambda: not health(settings).degraded)


def test_a_value_is_looked_at_twice_in_its_max_stale_not_to_grow_stale(live: Live) -> None:
    class Brief(Settings):
        token: str = secret("token", max_stale=timedelta(milliseconds=100))
        other: str = secret("other", default="none", max_stale=timedelta(milliseconds=300))

    store = ProbedStore(token="t1")
    with watch(live(Brief, store), every=1000) as watching_it:
        assert watching_it.turn.every == 0.05
        wait_until(lambda: store.probes > 3)


@pytest.mark.parametrize("verb", [health, snapshot, refresh, watch], ids=lambda verb: verb.__name__)
def test_a_class_is_no_instance(verb: Any) -> None:
    with pytest.raises(TypeError, match=r"Service is the class: give the instance of it that lazy\(Service\) made"):
        verb(Service)


def test_a_load_by_hand_begins_anew(live: Live) -> None:
    store = Store(token="t1")
    settings = live(Service, store)
    store.failing["token"] = Failed(Code.DENIED, "may not be read")
    refresh(settings)
    assert health(settings).degraded
    store.failing.clear()
    load(settings, config=estate("store"))
    assert health(settings) == Health(live=True, ready=True, degraded=False)


class Strict(Settings):
    token: Annotated[str, Field(max_length=4)] = secret("token")


@pytest.mark.parametrize("new", [Failed(Code.DENIED, "may not be read"), "too long"], ids=["denied", "refused"])
def test_what_a_refresh_saw_of_the_values_before_a_load_is_over_with_them(live: Live, new: Failed | str) -> None:
    store = Store(token="t1")
    settings = live(Strict, store)
    if isinstance(new, Failed):
        store.failing["token"] = new
    else:
        store.put("token", new)
    store.hanging.clear()
    before = len(store.fetches)
    refreshing = threading.Thread(target=refresh, args=(settings,))
    refreshing.start()
    wait_until(lambda: len(store.fetches) > before)
    loading = threading.Thread(
        target=lambda: load(settings, config=estate("store"), overrides={"token": "mine"}), daemon=True
    )
    loading.start()
    loading.join(0.5)  # it waits for the refresh; one that did not would be done by now
    store.hanging.set()
    refreshing.join()
    loading.join()
    assert settings.token == "mine"
    assert not health(settings).degraded
