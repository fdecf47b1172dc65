"""`watch()` is told of changes and renews leases: what is announced is read at once, what ends is read again."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import pytest

from estate_config import Code, Settings, health, lazy, load, refresh, secret, watch
from estate_config.errors import ProviderError
from estate_config.model import Deadline, Failed, Key, Notice, Renewal, Status
from estate_config.observing import Event, Read, observe
from tests.doubles import estate, spec_of
from tests.leaks import assert_no_canary
from tests.live.conftest import Live
from tests.live.doubles import UNREACHABLE, LeasedStore, ProbedStore, Store, TellingStore, wait_until
from tests.unit.conftest import Offer

SOON = 0.05
CANARY = "canary-90c4d1be27"


class Service(Settings):
    token: str = secret("token")
    other: str = secret("other", default="none")


# --- being told ------------------------------------------------------------------------------------------------------


def test_what_is_announced_is_read_at_once_and_nothing_else(live: Live) -> None:
    store = TellingStore(token="t1", other="o1")
    settings = live(Service, store)
    before = len(store.fetches)
    with watch(settings, every=1000):
        new = store.put("token", "t2")
        store.news.put({"token": new.name})
        wait_until(lambda: settings.token == "t2")
        store.news.put({"token": new.name, "elsewhere": "v9"})
        store.news.put({})
        wait_until(store.news.empty)
    assert store.fetches[before:] == [["token"]]


def test_trap_12_it_is_read_until_the_announced_version_is_there(live: Live) -> None:
    store = TellingStore(token="t1")
    settings = live(Service, store)
    before = len(store.fetches)
    with watch(settings, every=1000):
        store.news.put({"token": "v2"})
        wait_until(lambda: len(store.fetches) > before + 1)
        store.put("token", "t2")
        wait_until(lambda: settings.token == "t2")


def test_a_change_without_a_version_is_read_once(live: Live) -> None:
    store = TellingStore(token="t1")
    settings = live(Service, store)
    before = len(store.fetches)
    with watch(settings, every=1000):
        store.put("token", "t2")
        store.news.put({"token": None})
        wait_until(lambda: settings.token == "t2")
    assert len(store.fetches) == before + 1


def test_an_announced_version_is_taken_though_it_is_an_older_one(live: Live) -> None:
    store = TellingStore(token="t1")
    settings = live(Service, store)
    store.put("token", "t2")
    refresh(settings)
    with watch(settings, every=1000):
        store.news.put({"token": store.go_back("token").name})
        wait_until(lambda: settings.token == "t1")


def test_a_version_that_never_comes_is_left_to_the_next_look(
    live: Live, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("estate_config.live.turn._ANNOUNCED", 0.2)
    store = TellingStore(token="t1")
    settings = live(Service, store)
    with watch(settings, every=0.5):
        store.news.put({"token": "v9"})
        wait_until(lambda: "the version that was announced is not there yet: token" in caplog.text)
        store.put("token", "t2")
        wait_until(lambda: settings.token == "t2")


def test_one_that_is_told_nothing_is_not_listened_to_again(live: Live) -> None:
    store = TellingStore(token="t1")
    settings = live(Service, store)
    store.news.put(None)
    with watch(settings, every=SOON):
        wait_until(store.news.empty)
        store.put("token", "t2")
        wait_until(lambda: settings.token == "t2")
        store.news.put({})
        probes = store.probes
        wait_until(lambda: store.probes > probes + 2)
        assert not store.news.empty()


def test_of_two_only_the_one_that_is_told_something_is_listened_to(live: Live) -> None:
    deaf, store = TellingStore("deaf"), TellingStore(token="t1")
    settings = live(Service, deaf, store)
    deaf.news.put(None)
    with watch(settings, every=1000):
        wait_until(deaf.news.empty)
        deaf.news.put({})
        for number in range(2, 4):
            store.news.put({"token": store.put("token", f"t{number}").name})
            wait_until(partial(shows, settings, f"t{number}"))
        assert not deaf.news.empty()


def test_a_look_that_reads_is_told_to_who_observes(live: Live) -> None:
    store = Store(token="t1")
    settings = live(Service, store)
    seen: list[Event] = []
    end = observe(seen.append)
    with watch(settings, every=SOON):
        wait_until(lambda: outcomes(seen) >= {"found", "absent"})
        store.failing["token"] = Failed(Code.DENIED, "may not be read")
        wait_until(lambda: "DENIED" in outcomes(seen))
    end()


def shows(settings: Service, token: str) -> bool:
    return settings.token == token


def outcomes(events: list[Event]) -> set[str]:
    return {event.outcome for event in tuple(events) if isinstance(event, Read)}


@pytest.mark.parametrize("trouble", [ProviderError(Code.DENIED, "may not listen"), ValueError(CANARY)])
def test_one_that_cannot_listen_is_looked_at_as_usual_and_listens_again_later(
    live: Live, caplog: pytest.LogCaptureFixture, trouble: Exception
) -> None:
    store = TellingStore(token="t1")
    settings = live(Service, store)
    for _ in range(2):
        store.news.put(trouble)
    with watch(settings, every=SOON):
        store.put("token", "t2")
        wait_until(lambda: settings.token == "t2")
        wait_until(store.news.empty)
    assert caplog.text.count("store cannot listen for changes, and is looked at as usual") == 1
    assert_no_canary(caplog.text, CANARY)


def test_a_spec_that_offers_what_its_provider_has_not_is_looked_at_as_usual(offer: Offer) -> None:
    from estate_config.contract import Leased, Watcher

    store = Store(token="t1")
    offer(spec_of("store", store, offers=(Watcher, Leased)))
    settings = lazy(Service)
    load(settings, config=estate("store"))
    with watch(settings, every=SOON):
        store.put("token", "t2")
        wait_until(lambda: settings.token == "t2")


# --- leases ----------------------------------------------------------------------------------------------------------


def key_of(name: str) -> Key:
    return Key(name, name)


def test_what_no_renewal_lengthens_is_read_again(live: Live) -> None:
    store = LeasedStore(token="t1")
    settings = live(Service, store)
    store.put("token", "t2")
    store.renewals.put(Renewal(0.01))
    store.renewals.put(Renewal(1000, (key_of("token"), key_of("gone"))))
    with watch(settings, every=1000):
        wait_until(lambda: settings.token == "t2")
        wait_until(lambda: store.renewed >= 3)
    assert store.renewed == 3


def test_trouble_with_renewals_is_said_and_tried_again(live: Live, caplog: pytest.LogCaptureFixture) -> None:
    store = LeasedStore(token="t1")
    settings = live(Service, store)
    store.renewals.put(ValueError(CANARY))
    notice = Notice(Code.DENIED, "sys/leases/renew", "may not be used", "allow it\nlog in anew")
    store.renewals.put(Renewal(1000, (), (notice,)))
    with watch(settings, every=1000):
        wait_until(lambda: "DENIED sys/leases/renew: may not be used; allow it or log in anew" in caplog.text)
    assert "store cannot renew its leases: raised ValueError in " in caplog.text
    assert_no_canary(caplog.text, CANARY)


def test_what_ends_and_cannot_be_read_is_tried_again_soon(live: Live) -> None:
    store = LeasedStore(token="t1")
    settings = live(Service, store)
    store.down = UNREACHABLE
    store.renewals.put(Renewal(1000, (key_of("token"),)))
    store.renewals.put(Renewal(1000, (key_of("token"),)))
    with watch(settings, every=1000):
        wait_until(lambda: store.renewed == 1)
        store.down = None
        store.put("token", "t2")
        wait_until(lambda: settings.token == "t2")
    assert store.renewed >= 2


def test_what_is_pinned_is_not_read_again_though_it_ends_and_nobody_asks_again_and_again(live: Live) -> None:
    class Pinned(Settings):
        token: str = secret("token", live=False)

    store = LeasedStore(token="t1")
    settings = live(Pinned, store)
    for _ in range(1000):
        store.renewals.put(Renewal(1000, (key_of("token"),)))
    with watch(settings, every=1000) as watching_it:
        wait_until(lambda: store.renewed)
    assert (store.renewed, len(store.fetches)) == (1, 1)
    assert watching_it.turn.renewals["store"].due - time.monotonic() > 500


def test_other_news_are_heard_while_an_announced_version_is_awaited(live: Live) -> None:
    store = TellingStore(token="t1", other="o1")
    settings = live(Service, store)
    with watch(settings, every=1000):
        store.news.put({"token": "v9"})
        wait_until(store.news.empty)
        store.news.put({"other": store.put("other", "o2").name})
        wait_until(lambda: settings.other == "o2", seconds=5)
        assert settings.token == "t1"


def test_what_a_renewal_could_not_do_is_logged_once_and_is_a_reason_until_it_is_over(
    live: Live, caplog: pytest.LogCaptureFixture
) -> None:
    store = LeasedStore(token="t1")
    settings = live(Service, store)
    for ends, again in ((15, 0.01), (10, 2)):
        notice = Notice(Code.CREDENTIALS, "VAULT_TOKEN", f"ends in {ends} s", "make a new one")
        store.renewals.put(Renewal(again, (), (notice,)))
    with watch(settings, every=1000):
        wait_until(lambda: health(settings).reasons == ("CREDENTIALS VAULT_TOKEN: ends in 10 s",))
        wait_until(lambda: not health(settings).degraded)
    assert caplog.text.count("CREDENTIALS VAULT_TOKEN: ends in ") == 1


class Babbling(LeasedStore, TellingStore):
    """What it says of its leases, and of changes, is not what the contract asks for."""

    def __init__(self, **values: str) -> None:
        super().__init__(**values)
        self.calls = 0
        nothing: Any = None
        no_mapping: Any = [CANARY]
        self.renewal: Renewal = nothing
        self.changed: Mapping[Key, str | None] = no_mapping

    def renew(self, deadline: Deadline) -> Renewal:
        self.calls += 1
        return self.renewal

    def changes(self, keys: Sequence[Key], deadline: Deadline) -> Mapping[Key, str | None] | None:
        self.calls += 1
        return self.changed


def test_one_that_answers_what_the_contract_does_not_know_is_asked_ever_later_and_looked_at_as_usual(
    live: Live, caplog: pytest.LogCaptureFixture
) -> None:
    store = Babbling(token="t1")
    settings = live(Service, store)
    with watch(settings, every=SOON) as watching:
        store.put("token", "t2")
        wait_until(lambda: settings.token == "t2")
        wait_until(lambda: watching.turn.renewals["store"].failures > 1)
        assert "PLUGIN store: cannot renew its leases: answered with a NoneType" in health(settings).reasons
    assert store.calls < 100
    assert caplog.text.count("store cannot renew its leases: answered with a NoneType") == 1
    assert caplog.text.count("store cannot listen for changes") == 1
    assert_no_canary(caplog.text, CANARY)


class Exiting(ProbedStore):
    def probe(self, keys: Sequence[Key], deadline: Deadline) -> Mapping[Key, Status | Failed]:
        super().probe(keys, deadline)
        raise SystemExit(CANARY)


def test_one_that_exits_in_a_look_ends_no_watch(live: Live, caplog: pytest.LogCaptureFixture) -> None:
    store = Exiting(token="t1")
    settings = live(Service, store)
    with watch(settings, every=SOON):
        wait_until(lambda: store.probes > 1)
        assert health(settings).live
    assert 'tried again: PLUGIN the provider "store" raised SystemExit in ' in caplog.text
    assert_no_canary(caplog.text, CANARY)


class Both(LeasedStore, TellingStore):
    """What it leases is known to it, and when it was last asked for the time that is left."""

    known = 0

    def renew(self, deadline: Deadline) -> Renewal:
        self.known = len(self.fetches)
        return super().renew(deadline)


@pytest.mark.parametrize("is_told", [True, False], ids=["by an event", "by hand"])
def test_what_is_leased_later_is_asked_for_its_time_at_once(live: Live, is_told: bool) -> None:
    store = Both(token="t1")
    settings = live(Service, store)
    with watch(settings, every=1000):
        wait_until(lambda: store.renewed == 1)
        new = store.put("token", "t2")
        if is_told:
            store.news.put({"token": new.name})
        else:
            refresh(settings)
        wait_until(lambda: settings.token == "t2")
        wait_until(lambda: store.known == len(store.fetches))


def test_a_renewal_that_failed_is_over_with_the_next_one_and_a_new_lease_is_asked_for_its_time(
    live: Live, caplog: pytest.LogCaptureFixture
) -> None:
    store = Both(token="t1")
    settings = live(Service, store)
    store.renewals.put(OSError())
    with watch(settings, every=1000) as watching:
        wait_until(lambda: store.renewed == 2)
        wait_until(lambda: not any(one.failures for one in watching.turn.renewals.values()))
        store.put("token", "t2")
        load(settings, config=estate("store"))  # which wakes the watch, as a refresh does
        wait_until(lambda: store.known == len(store.fetches))
        store.renewals.put(OSError())
        store.put("token", "t3")
        refresh(settings)
        wait_until(lambda: caplog.text.count("store cannot renew its leases: raised OSError") == 2)


def test_a_look_that_stumbles_puts_off_no_renewal(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    store = LeasedStore(token="t1")
    settings = live(Service, store)
    for _ in range(50):
        store.renewals.put(Renewal(0.01))
    monkeypatch.setattr("estate_config.live.turn.glance", lambda *_: 1 / 0)
    with watch(settings, every=SOON) as watching:
        wait_until(lambda: store.renewed > 20 and any(look.failures > 2 for look in watching.turn.looks.values()))


class Deaf(TellingStore):
    """A queue that cannot be read: nothing is said of it where there is no time to ask."""

    def changes(self, keys: Sequence[Key], deadline: Deadline) -> Mapping[Key, str | None] | None:
        if not deadline.remaining():
            return {}
        raise ProviderError(Code.DENIED, "may not be listened to", "allow it")


def test_one_that_cannot_listen_is_asked_ever_later_and_said_once(live: Live, caplog: pytest.LogCaptureFixture) -> None:
    settings = live(Service, Deaf(token="t1"))
    with watch(settings, every=1000) as watching:
        wait_until(lambda: any(ear.failures > 2 for ear in watching.turn.ears.values()))
    assert caplog.text.count("store cannot listen for changes") == 1
