"""`watch()`: one thread looks for new values by versions, is told of them, renews leases; and ends when told to."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from estate_config import Code, ConfigurationError, Settings, health, lazy, load, on_change, refresh, secret, use, watch
from estate_config.live.circuit import Circuit
from estate_config.model import Deadline, Failed, Found, Key, Status
from tests.doubles import estate
from tests.leaks import assert_no_canary
from tests.live.conftest import Live
from tests.live.doubles import UNREACHABLE, ProbedStore, Store, TellingStore, Version, wait_until
from tests.unit.conftest import Offer

SOON = 0.05
CANARY = "canary-90c4d1be27"


class Service(Settings):
    token: str = secret("token")
    other: str = secret("other", default="none")


def watches() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "estate-config-watch"]


def test_a_new_value_appears(live: Live) -> None:
    store = Store(token="t1")
    settings = live(Service, store)
    with watch(settings, every=SOON):
        store.put("token", "t2")
        wait_until(lambda: settings.token == "t2")


def test_a_watch_says_in_how_many_seconds_each_provider_is_looked_at_again(live: Live) -> None:
    settings = live(Service, Store("local"), Store(token="t1"))
    with watch(settings, every=60) as watched:
        wait_until(lambda: len(watched.next_checks()) == 2)
        checks = watched.next_checks()
    assert set(checks) == {"local", "store"}
    assert all(0 <= seconds <= 60 for seconds in checks.values())


def test_versions_are_compared_and_values_read_only_when_they_are_new(live: Live) -> None:
    store = ProbedStore(token="t1")
    settings = live(Service, store)
    before = len(store.fetches)
    with watch(settings, every=SOON):
        wait_until(lambda: store.probes > 3)
        assert len(store.fetches) == before
        store.put("token", "t2")
        wait_until(lambda: settings.token == "t2")
    assert store.fetches[before:] == [["token"]]


def test_a_value_that_is_put_before_the_one_in_use_takes_its_place(live: Live) -> None:
    local, store = Store("local"), ProbedStore(token="t1")
    settings = live(Service, local, store)
    with watch(settings, every=SOON):
        local.put("token", "from local")
        wait_until(lambda: settings.token == "from local")
        local.put("other", "new")
        wait_until(lambda: settings.other == "new")


def test_a_value_further_down_the_chain_is_not_asked_for(live: Live) -> None:
    local, store = Store("local", token="t1", other="o1"), ProbedStore(token="hidden")
    settings = live(Service, local, store)
    with watch(settings, every=SOON):
        wait_until(lambda: len(local.fetches) > 4)
    assert store.probes == 0


def test_one_thread_serves_all_instances_and_ends_with_the_last(live: Live) -> None:
    store = Store(token="t1")
    one, two = live(Service, store), live(Service, store)
    first = watch(one, every=SOON)
    second = watch(two, every=SOON)
    assert watches() == ["estate-config-watch"]
    first.stop()
    store.put("token", "t2")
    wait_until(lambda: two.token == "t2")
    assert one.token == "t1"
    second.stop()
    second.stop()
    assert watches() == []
    with watch(one, every=SOON):
        wait_until(lambda: one.token == "t2")


def test_a_callback_may_stop_it(live: Live) -> None:
    store = Store(token="t1")
    settings = live(Service, store)
    watching = watch(settings, every=SOON)
    on_change(settings, "token", lambda _: watching.stop())
    store.put("token", "t2")
    wait_until(lambda: not watches())


def test_it_works_beside_an_event_loop(live: Live) -> None:
    store = Store(token="t1")
    settings = live(Service, store)

    async def serving() -> str:
        loop, seen = asyncio.get_running_loop(), asyncio.Event()
        on_change(settings, "token", lambda _: loop.call_soon_threadsafe(seen.set))
        with watch(settings, every=SOON):
            store.put("token", "t2")
            await asyncio.wait_for(seen.wait(), 10)
        return str(settings.token)

    assert asyncio.run(serving()) == "t2"


def test_it_stays_within_the_swap_it_was_asked_in(live: Live) -> None:
    store, double = Store(token="real"), Store("double", token="d1")
    settings = live(Service, store)
    before = len(store.fetches)
    with use(Service, double), watch(settings, every=SOON):
        double.put("token", "d2")
        wait_until(lambda: settings.token == "d2")
    assert settings.token == "real"
    assert len(store.fetches) == before


def test_it_loads_what_is_not_loaded_or_says_why_it_cannot(offer: Offer, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = lazy(Service)
    with pytest.raises(ConfigurationError):
        watch(settings)
    monkeypatch.setenv("TOKEN", "t1")
    with watch(settings):
        assert settings.token == "t1"


def test_what_cannot_be_watched_is_said(live: Live, offer: Offer) -> None:
    settings = live(Service, Store(token="t1"))
    for seconds in (0, -1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="more than 0"):
            watch(settings, every=seconds)
    with pytest.raises(TypeError, match="lazy"):
        watch(load(Service, config=estate("store")))


def test_who_watches_what_is_watched_already_ends_it_with_the_last_and_may_be_more_impatient(live: Live) -> None:
    store = Store(token="t1")
    settings = live(Service, store)
    with watch(settings, every=1000) as outer:
        wait_until(outer.next_checks)  # the thread sleeps for minutes from here on, or is about to
        with watch(settings, every=SOON) as inner:
            wait_until(lambda: outer.turn.every == SOON)
            store.put("token", "t2")
            wait_until(lambda: settings.token == "t2")
            inner.stop()  # and again, at the end of the block
        wait_until(lambda: outer.next_checks().get("store", 0) > 500)
        assert outer.turn.every == 1000
        assert watches() == ["estate-config-watch"]
    assert watches() == []


# --- a store that does not answer ------------------------------------------------------------------------------------


def test_a_store_that_does_not_answer_is_tried_again_and_said_once(
    live: Live, caplog: pytest.LogCaptureFixture
) -> None:
    store = ProbedStore(token="t1")
    settings = live(Service, store)
    store.down = UNREACHABLE
    with watch(settings, every=SOON):
        wait_until(lambda: store.probes > 4)
        assert settings.token == "t1"
        said = health(settings)
        assert (said.live, said.ready, said.degraded) == (True, True, True)
        assert said.reasons == ("store cannot be looked at for new values: UNAVAILABLE cannot be reached",)
        store.put("token", "t2")
        store.down = None
        wait_until(lambda: settings.token == "t2")
        wait_until(lambda: not health(settings).degraded)
    assert caplog.text.count("store cannot be looked at for new values, which is tried again: UNAVAILABLE") == 1


class Anew(ProbedStore):
    """Each fetch makes another value: a look has nothing to compare."""

    def probe(self, keys: Sequence[Key], deadline: Deadline) -> Mapping[Key, Status | Failed]:
        said = super().probe(keys, deadline)
        return {key: Status(self.locate(key).text, is_made_anew=True) for key in said}


class Visible(ProbedStore):
    """Its versions may be seen by who may not read them."""

    def probe(self, keys: Sequence[Key], deadline: Deadline) -> Mapping[Key, Status | Failed]:
        said = super().probe(keys, deadline)
        return {key: Status(self.locate(key).text, self.current[key.name].name) for key in said}


@pytest.mark.parametrize("kind", [Anew, Visible])
def test_a_look_does_not_confirm_what_could_not_be_fetched(live: Live, kind: type[ProbedStore]) -> None:
    store = kind(token="t1")
    settings = live(Service, store)
    with watch(settings, every=SOON):
        wait_until(lambda: store.probes > 2)
        assert len(store.fetches) == 1, "nothing is made anew by looking"
        store.failing["token"] = Failed(Code.DENIED, "is denied")
        refresh(settings)
        looks = store.probes + 5
        wait_until(lambda: store.probes > looks or not health(settings).degraded)
        assert health(settings).degraded
        del store.failing["token"]
        wait_until(lambda: not health(settings).degraded)


class Dated(ProbedStore):
    """Its numbers begin again where a secret is made anew; it says when each version was made."""

    def probe(self, keys: Sequence[Key], deadline: Deadline) -> Mapping[Key, Status | Failed]:
        said = super().probe(keys, deadline)
        return {
            key: replace(status, created_at=self.current[key.name].created_at) if isinstance(status, Status) else status
            for key, status in said.items()
        }


def test_a_version_of_the_same_name_that_was_made_later_is_another_one(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Version, "name", "v1")
    store = Dated(token="t1")
    settings = live(Service, store)
    with watch(settings, every=SOON):
        store.put("token", "t2")
        wait_until(lambda: settings.token == "t2")
        looks = store.probes + 3
        wait_until(lambda: store.probes > looks)
    assert len(store.fetches) == 2, "and then it is the same"


def test_what_was_away_for_a_refresh_and_then_has_no_value_is_well_again(live: Live) -> None:
    """A field that stands by its default was called failing for ever."""
    store = ProbedStore(token="t1")
    settings = live(Service, store)
    store.down = UNREACHABLE
    refresh(settings)
    assert health(settings).degraded
    with watch(settings, every=SOON):
        store.down = None
        wait_until(lambda: not health(settings).degraded)
    assert health(settings).reasons == ()


def test_nobody_looks_any_more_so_nothing_is_said_of_the_store(live: Live) -> None:
    store = ProbedStore(token="t1")
    settings = live(Service, store)
    store.down = UNREACHABLE
    with watch(settings, every=SOON):
        wait_until(lambda: health(settings).degraded)
    assert not health(settings).degraded


class Hanging(Store):
    """It knows of no deadline."""

    def fetch(self, keys: Sequence[Key], deadline: Deadline) -> Mapping[Key, Found | Failed]:
        self.hanging.wait(30)
        return super().fetch(keys, deadline)


def test_one_that_hangs_costs_its_own_time_and_not_that_of_others(live: Live) -> None:
    hung, store = Hanging("hung", other="o1"), Store(token="t1")
    settings = live(Service, store, hung, deadline=1)
    hung.hanging.clear()
    assert codes_of_a_start("store", "hung", deadline=1) == {Code.UNAVAILABLE}
    with watch(settings, every=SOON):
        store.put("token", "t2")
        wait_until(lambda: settings.token == "t2")
        hung.hanging.set()
        hung.put("other", "o2")
        wait_until(lambda: settings.other == "o2")


def codes_of_a_start(*chain: str, deadline: float = 15) -> set[Code]:
    """Return why a service does not start."""
    with pytest.raises(ConfigurationError) as raised:
        load(Service, config=estate(*chain, deadline=deadline))
    return {problem.code for problem in raised.value.problems}


@pytest.mark.parametrize("kind", [Store, ProbedStore])
def test_a_provider_that_breaks_its_contract_ends_nothing(
    live: Live, kind: type[Store], caplog: pytest.LogCaptureFixture
) -> None:
    store = kind(token="t1")
    settings = live(Service, store)
    store.down = ValueError(CANARY)  # type: ignore[assignment]  # what no provider should raise
    assert codes_of_a_start("store") == {Code.PLUGIN}
    with watch(settings, every=SOON):
        wait_until(lambda: "cannot be looked at" in caplog.text)
        store.down = None
        store.put("token", "t2")
        wait_until(lambda: settings.token == "t2")
    assert "raised ValueError in " in caplog.text
    assert_no_canary(caplog.text, CANARY)


def test_a_secret_that_fails_is_read_again_and_keeps_its_value(live: Live) -> None:
    store = ProbedStore(token="t1")
    settings = live(Service, store)
    store.failing["token"] = Failed(Code.DENIED, "may not be read")
    with watch(settings, every=SOON):
        wait_until(lambda: any("DENIED token" in reason for reason in health(settings).reasons))
        assert settings.token == "t1"
        store.failing.clear()
        wait_until(lambda: not health(settings).degraded)


def test_a_look_that_goes_wrong_in_a_way_nobody_thought_of_is_tried_again(
    live: Live, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store = Store(token="t1")
    settings = live(Service, store)
    calls: list[int] = []

    def broken(*_: object) -> dict[str, Any]:
        calls.append(1)
        raise RuntimeError(CANARY)

    with monkeypatch.context() as patched:
        patched.setattr("estate_config.live.turn.glance", broken)
        watching = watch(settings, every=SOON)
        wait_until(lambda: len(calls) > 1)
    store.put("token", "t2")
    wait_until(lambda: settings.token == "t2")
    watching.stop()
    assert "watching raised RuntimeError in " in caplog.text
    assert_no_canary(caplog.text, CANARY)


def test_pauses_grow_with_each_failure_and_are_the_usual_ones_again_after_an_answer() -> None:
    circuit = Circuit(100)
    longest = []
    for number in range(12):
        pauses = []
        for _ in range(50):
            circuit.failures = number
            circuit.failed()
            pauses.append(circuit.due - time.monotonic())
        longest.append(max(pauses))
        assert min(pauses) > 0
        assert max(pauses) <= min(100, 2.0 ** (number + 1))
    assert longest[0] < 2.1 < longest[-1]
    circuit.answered()
    assert circuit.failures == 0
    assert 89 < circuit.due - time.monotonic() < 111


def test_the_context_of_who_asked_is_kept(live: Live) -> None:
    seen: list[str] = []
    name = contextvars.ContextVar("name", default="nobody")
    store = Store(token="t1")
    settings = live(Service, store)
    on_change(settings, "token", lambda _: seen.append(name.get()))
    name.set("who asked")
    with watch(settings, every=SOON):
        store.put("token", "t2")
        wait_until(lambda: seen)
    assert seen == ["who asked"]


def test_nothing_is_logged_that_shows_a_value(live: Live, caplog: pytest.LogCaptureFixture) -> None:
    store = TellingStore(token=CANARY)
    settings = live(Service, store)
    with caplog.at_level(logging.DEBUG), watch(settings, every=SOON):
        store.put("token", CANARY + "-2")
        wait_until(lambda: settings.token == CANARY + "-2")
        store.down = UNREACHABLE
        wait_until(lambda: "cannot be looked at" in caplog.text)
    assert_no_canary(caplog.text, CANARY)
