"""`refresh()`: a new version is read, validated as a whole, and shown in one step; or not at all."""

from __future__ import annotations

import logging
import threading
from typing import Any

import pytest
from pydantic import BaseModel, model_validator

from estate_config import (
    Code,
    ConfigurationError,
    Refreshed,
    Settings,
    explain,
    lazy,
    load,
    refresh,
    retry_on_rejected,
    secret,
    setting,
    snapshot,
    use,
)
from estate_config.model import Failed
from estate_config.settings import show
from estate_config.swap import swapped
from tests.doubles import estate, spec_of
from tests.leaks import assert_no_canary
from tests.live.conftest import Live
from tests.live.doubles import UNREACHABLE, LeasedStore, Members, Store, wait_until
from tests.unit.conftest import Offer

CANARY = "canary-7d1f0a9e44"


class Rds(BaseModel):
    user: str = secret()
    password: str = secret()


class Service(Settings):
    token: str = secret("token")
    rds: Rds
    url: str = secret(template="db://{token}@host/")
    pinned: str = secret("pinned", live=False)
    workers: int = setting(default=1)

    @model_validator(mode="after")
    def _belong_together(self) -> Service:
        if self.rds.user.removeprefix("user") != self.rds.password.removeprefix("pw"):
            raise ValueError("user and password are not of one version")
        return self


def values() -> dict[str, str]:
    return {"token": "t1", "rds/user": "user1", "rds/password": "pw1", "pinned": "p1"}


@pytest.fixture
def store() -> Store:
    return Store(**values())


@pytest.fixture
def settings(live: Live, store: Store) -> Any:
    return live(Service, store)


def test_new_values_are_shown_and_named(settings: Service, store: Store) -> None:
    store.put("token", "t2")
    done = refresh(settings)
    assert (done.changed, done.problems, done.refused) == (("token", "url"), (), False)
    assert (settings.token, settings.url) == ("t2", "db://t2@host/")
    assert explain(settings)["token"].version == "v5"


def test_nothing_new_changes_nothing_and_says_when_it_was_looked(settings: Service, store: Store) -> None:
    before, looked = snapshot(settings), explain(settings)["token"].fetched_at
    assert refresh(settings).changed == ()
    assert snapshot(settings) is before
    now = explain(settings)["token"].fetched_at
    assert looked is not None
    assert now is not None
    assert now > looked


def test_only_what_is_named_is_read(settings: Service, store: Store) -> None:
    store.put("token", "t2")
    store.put("rds/user", "user2")
    store.put("rds/password", "pw2")
    assert refresh(settings, "rds").changed == ("rds.user", "rds.password")
    assert store.fetches[-1] == ["rds/user", "rds/password"]
    assert settings.token == "t1"


def test_a_template_is_read_with_its_parts(settings: Service, store: Store) -> None:
    store.put("token", "t2")
    assert refresh(settings, "url").changed == ("token", "url")


def test_a_pinned_field_keeps_its_value(settings: Service, store: Store) -> None:
    store.put("pinned", "p2")
    assert refresh(settings).changed == ()
    assert refresh(settings, "pinned").changed == ()
    assert settings.pinned == "p1"


def test_what_was_given_by_hand_keeps_its_value(live: Live, store: Store) -> None:
    settings: Service = live(Service, store, overrides={"token": "by hand"})
    store.put("token", "t2")
    assert refresh(settings).changed == ()
    assert settings.token == "by hand"


def test_t12_an_invalid_version_is_refused_and_the_old_one_serves_on(
    settings: Service, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    store.put("rds/user", f"user-{CANARY}")
    store.put("token", "t2")
    with caplog.at_level(logging.DEBUG):
        done, again = refresh(settings), refresh(settings)
    assert (done.changed, done.refused, again.refused) == ((), True, True)
    assert [problem.code for problem in done.problems] == [Code.INVALID]
    assert (settings.rds.user, settings.token) == ("user1", "t1")
    assert [record.levelno for record in caplog.records].count(logging.ERROR) == 1
    assert_no_canary(caplog.text + repr(done), CANARY)
    store.put("rds/password", f"pw-{CANARY}")
    assert refresh(settings).changed == ("token", "rds.user", "rds.password", "url")


def test_trap_13_a_store_that_does_not_answer_costs_no_value(
    settings: Service, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    store.down = UNREACHABLE
    before = snapshot(settings)
    done, _ = refresh(settings), refresh(settings)
    assert done.changed == ()
    assert {problem.code for problem in done.problems} == {Code.UNAVAILABLE}
    assert snapshot(settings) == before
    assert caplog.text.count("UNAVAILABLE token, rds.user, rds.password, ") == 1
    store.down = None
    assert refresh(settings).problems == ()


@pytest.mark.parametrize("code", [Code.DENIED, Code.DELETED, Code.KMS, Code.NO_VALUE, Code.MALFORMED])
def test_a_secret_that_fails_alone_keeps_its_value_while_others_change(
    settings: Service, store: Store, code: Code
) -> None:
    store.failing["pinned"] = store.failing["token"] = Failed(code, "is not to be had")
    store.put("rds/user", "user2")
    store.put("rds/password", "pw2")
    done = refresh(settings)
    assert (done.changed, [problem.code for problem in done.problems]) == (("rds.user", "rds.password"), [code])
    assert settings.token == "t1"


def test_one_that_could_not_be_read_holds_back_what_came_with_it(settings: Service, store: Store) -> None:
    store.failing["rds/password"] = Failed(Code.THROTTLED, "was throttled")
    store.put("token", "t2")
    assert refresh(settings).changed == ()
    store.failing.clear()
    assert refresh(settings).changed == ("token", "url")


def test_a_secret_that_is_gone_is_a_version_that_is_refused(settings: Service, store: Store) -> None:
    del store.current["token"]
    done = refresh(settings)
    assert (done.refused, done.problems[0].code, settings.token) == (True, Code.MISSING, "t1")


def test_trap_12_an_older_version_is_not_taken_unasked(settings: Service, store: Store) -> None:
    store.put("token", "t2")
    refresh(settings)
    store.go_back("token")
    done = refresh(settings)
    assert (done.changed, [problem.code for problem in done.problems]) == ((), [Code.STALE])
    assert "version v1 is older than v5" in done.problems[0].message
    assert settings.token == "t2"
    assert refresh(settings, allow_older=True).changed == ("token", "url")
    assert settings.token == "t1"


def test_a_snapshot_stays_what_it_is(settings: Service, store: Store) -> None:
    before = snapshot(settings)
    store.put("token", "t2")
    refresh(settings)
    assert (before.token, before.url, snapshot(settings).token) == ("t1", "db://t1@host/", "t2")


def test_one_version_is_no_live_one(store: Store, offer: Offer) -> None:
    offer(spec_of("store", store))
    one = load(Service, config=estate("store"))
    with pytest.raises(TypeError, match=r"live is what lazy\(Service\) gives"):
        refresh(one)
    assert snapshot(one) is one


def test_a_name_that_is_no_field_is_said(settings: Service) -> None:
    with pytest.raises(ValueError, match="no field 'tokn'; did you mean \"token\""):
        refresh(settings, "tokn")


def test_an_instance_that_cannot_be_loaded_says_so(offer: Offer) -> None:
    offer(spec_of("store", Store()))
    with pytest.raises(ConfigurationError):
        refresh(lazy(Service))


def test_a_double_is_refreshed_where_it_is_in_use(settings: Service) -> None:
    double = Store("double", **values())
    with use(Service, double):
        assert settings.token == "t1"
        double.put("token", "d2")
        assert refresh(settings).changed == ("token", "url")
        assert settings.token == "d2"
    assert settings.token == "t1"


def test_readers_never_see_half_of_a_version(settings: Service, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[set[str], set[str]]] = []

    def numbers(one: Service) -> set[str]:
        return {one.token[-1], one.rds.user[-1], one.rds.password[-1], one.url.removesuffix("@host/")[-1]}

    def looked_at(instance: Settings, values: Settings | None) -> None:
        seen.append((numbers(snapshot(settings)), numbers(settings)))
        show(instance, values)
        seen.append((numbers(snapshot(settings)), numbers(settings)))

    monkeypatch.setattr("estate_config.swap.show", looked_at)
    for name, value in (("token", "t2"), ("rds/user", "user2"), ("rds/password", "pw2")):
        store.put(name, value)
    refresh(settings)
    assert seen == [({"2"}, {"1"}), ({"2"}, {"2"})], "the whole of one version each"


def test_one_refresh_at_a_time(settings: Service, store: Store) -> None:
    store.hanging.clear()
    threads = [threading.Thread(target=refresh, args=(settings,)) for _ in range(3)]
    before = len(store.fetches)
    for thread in threads:
        thread.start()
    wait_until(lambda: len(store.fetches) > before)
    assert settings.token == "t1"
    assert len(store.fetches) == before + 1
    store.hanging.set()
    for thread in threads:
        thread.join()
    assert len(store.fetches) == before + 3


def test_what_was_leased_anew_in_a_version_that_is_refused_is_taken_by_itself(live: Live) -> None:
    store, leased = Store(**values()), LeasedStore("leased", token="t1")
    del store.current["token"]
    settings: Service = live(Service, store, leased)
    store.put("rds/user", "user2")
    leased.put("token", "t2")
    done = refresh(settings)
    assert (done.refused, settings.token, settings.rds.user) == (True, "t2", "user1")
    assert leased.fetches[-1] == ["token"]


class Account(Settings):
    user: str = secret(store="rds#user", accepts=("PENDING",))
    password: str = secret(store="rds#password")
    other: str = secret(store="other#value")


@pytest.fixture
def account() -> Members:
    return Members(rds='{"user": "u1", "password": "p1"}', other='{"value": "o1"}')


def test_members_of_one_secret_are_read_together_whichever_is_named(live: Live, account: Members) -> None:
    settings: Account = live(Account, account)
    account.put("rds", '{"user": "u2", "password": "p2"}')
    account.put("other", '{"value": "o2"}')
    assert refresh(settings, "password").changed == ("user", "password")
    assert (settings.user, settings.password, settings.other) == ("u2", "p2", "o1")


def test_members_of_one_secret_are_tried_at_one_stage(live: Live, account: Members) -> None:
    settings: Account = live(Account, account)
    account.stage("rds", "PENDING", '{"user": "u2", "password": "p2"}')
    retry = retry_on_rejected(settings, "user", exceptions=(OSError,))
    assert retry.renewed(snapshot(settings))
    assert (settings.user, settings.password, settings.other) == ("u2", "p2", "o1")


def test_what_was_never_loaded_has_nobody_to_ask() -> None:
    settings = lazy(Service)
    made = Service.model_construct(token="t")
    with use(Service, {"token": "t", "rds": {"user": "u", "password": "p"}, "pinned": "p"}):
        swapped(Service).show(settings, made)  # type: ignore[union-attr]  # there is one
        assert refresh(settings) == Refreshed()


def test_a_child_whose_chain_cannot_be_made_any_more_keeps_what_it_has(
    live: Live, store: Store, monkeypatch: pytest.MonkeyPatch, offer: Offer, caplog: pytest.LogCaptureFixture
) -> None:
    settings: Service = live(Service, store)
    store.put("token", "t2")
    monkeypatch.setattr("os.getpid", lambda: -1)
    monkeypatch.setattr("estate_config.discovery.installed", dict)
    assert refresh(settings) == Refreshed()
    assert settings.token == "t1"
    assert "the chain of Service cannot be made anew: " in caplog.text


def test_a_part_of_two_templates_is_read_once(live: Live) -> None:
    class Twice(Settings):
        token: str = secret("token")
        one: str = secret(template="one-{token}")
        two: str = secret(template="two-{token}-{one}")

    store = Store(token="t1")
    settings: Twice = live(Twice, store)
    store.put("token", "t2")
    assert refresh(settings, "two", "one").changed == ("token", "one", "two")
    assert settings.two == "two-t2-one-t2"


def test_what_was_leased_anew_beside_one_that_could_not_be_read_is_taken_by_itself(live: Live) -> None:
    """Its old lease is renewed no longer, so nothing is gained by waiting."""
    store = LeasedStore(**values())
    settings: Service = live(Service, store)
    store.put("token", "t2")
    store.failing["rds/user"] = Failed(Code.UNAVAILABLE, "is away")
    done = refresh(settings)
    assert (settings.token, done.changed) == ("t2", ("token", "url"))
    assert [problem.field for problem in done.problems] == ["rds.user"]


def test_a_load_that_comes_meanwhile_is_not_taken_back(live: Live) -> None:
    store = Store(**values())
    settings: Service = live(Service, store)
    store.put("token", "t2")
    store.hanging.clear()
    before = len(store.fetches)
    thread = threading.Thread(target=refresh, args=(settings,))
    thread.start()
    wait_until(lambda: len(store.fetches) > before)
    rds = {"user": "user1", "password": "pw1"}
    by_hand = {"token": "mine", "rds": rds, "url": "mine", "pinned": "mine", "workers": 2}
    load(settings, config=estate("store"), overrides=by_hand)
    store.hanging.set()
    thread.join()
    assert settings.token == "mine"
