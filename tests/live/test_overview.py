"""What `estate watch` shows: how each setting stands, and what happens to it."""

from __future__ import annotations

import pytest

from estate_config import Health, Settings, health, refresh, secret, setting, watch
from estate_config.live import overview
from estate_config.live.overview import Happenings, standings
from estate_config.observing import Refused, Swapped
from tests.leaks import assert_no_canary
from tests.live.conftest import Live
from tests.live.doubles import UNREACHABLE, Store, wait_until

CANARY = "canary-44d0c2e8f1"


class Service(Settings):
    token: str = secret("token")
    pinned: str = secret("pinned", live=False)
    workers: int = setting(default=1)


@pytest.fixture
def store() -> Store:
    return Store(token=CANARY, pinned=CANARY)


def test_each_setting_stands_with_its_version_its_age_and_its_next_check(live: Live, store: Store) -> None:
    with watch(live(Service, store), every=1000) as watching:
        wait_until(watching.next_checks)
        token, pinned, workers = standings(watching)
    assert (token.field, token.secret, token.provider, token.version) == ("token", True, "store", "v1")
    assert token.age is not None
    assert 0 <= token.age < 60
    assert token.next_check is not None
    assert 0 < token.next_check <= 1100
    assert (pinned.next_check, workers.next_check, workers.age) == (None, None, None)
    assert token.as_json()["next_check"] == round(token.next_check, 1)
    assert_no_canary(f"{token} {token.as_json()}", CANARY)


def test_what_happens_is_told_once_and_in_order(live: Live, store: Store) -> None:
    settings = live(Service, store)
    with watch(settings, every=1000) as watching:
        happenings = Happenings({"ai": watching})
        assert list(happenings.wait(0)) == []
        store.put("token", f"{CANARY}-2")
        refresh(settings)
        store.put("workers", "none")
        refresh(settings)
        swapped, refused, degraded = happenings.wait(1)
        assert isinstance(swapped.what, Swapped)
        assert isinstance(refused.what, Refused)
        assert isinstance(degraded.what, Health)
        assert (swapped.service, swapped.what.fields, refused.what.problems[0].field) == ("ai", ("token",), "workers")
        assert list(happenings.wait(0)) == []
        store.put("workers", "2")
        store.down = UNREACHABLE
        refresh(settings)
        (still,) = happenings.wait(0)
        assert isinstance(still.what, Health)
        assert still.what.reasons != degraded.what.reasons
        happenings.end()
        store.down = None
        refresh(settings)
        assert [type(one.what) for one in happenings.wait(0)] == [Health]
        assert_no_canary(f"{swapped} {refused} {degraded} {still}", CANARY)


def test_why_health_is_another_is_told_before_it(live: Live, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where a version is refused in the moment in which nothing had happened yet: nobody waits for it in vain."""
    settings = live(Service, store)
    with watch(settings, every=1000) as watching:
        happenings = Happenings({"ai": watching})

        def refused_meanwhile(instance: Settings) -> Health:
            store.put("workers", "none")
            refresh(settings)
            return health(instance)

        monkeypatch.setattr(overview, "health", refused_meanwhile)
        assert [type(one.what) for one in happenings.wait(0)] == [Refused, Health]
        happenings.end()
