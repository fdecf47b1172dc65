"""`retry_on_rejected()`: one refused credential is one look for a newer one, however many threads were refused."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from estate_config import (
    Settings,
    explain,
    health,
    lazy,
    on_change,
    refresh,
    retry_on_rejected,
    secret,
    snapshot,
    watch,
)
from estate_config.model import Deadline, Failed, Found, Key, Place
from tests.doubles import spec_of
from tests.live.conftest import Live
from tests.live.doubles import UNREACHABLE, Members, Store, TellingStore, wait_until
from tests.unit.conftest import Offer

NOTHING: dict[str, str] = {}


class Service(Settings):
    password: str = secret("password")
    fallback: str = secret("fallback", accepts=("PENDING", "PREVIOUS"))
    url: str = secret(template="db://{password}@host/")


class Login(Settings):
    user: str = secret(store="rds#user")
    password: str = secret(store="rds#password")


class RefusedError(Exception):
    pass


@pytest.fixture
def store() -> Store:
    return Store(password="old", fallback="old")


@pytest.fixture
def settings(live: Live, store: Store) -> Any:
    return live(Service, store)


class Database:
    """Lets in who has the right password."""

    def __init__(self, right: str) -> None:
        self.right = right
        self.tries: list[str] = []

    def connect(self, password: str) -> str:
        self.tries.append(password)
        if password != self.right:
            raise RefusedError
        return "connected"


def in_a_block(retry: retry_on_rejected[Service], work: Callable[[], object]) -> None:
    for attempt in retry:
        with attempt:
            work()


def test_fields_that_belong_together_are_read_together(settings: Service, store: Store) -> None:
    @retry_on_rejected(settings, "password", "fallback", exceptions=(RefusedError,))
    def pair() -> tuple[str, str]:
        if settings.password == "old":
            raise RefusedError
        return settings.password, settings.fallback

    store.put("password", "new")
    store.put("fallback", "newer")
    assert pair() == ("new", "newer")
    assert store.fetches[1:] == [["password", "fallback"]]


def test_a_function_runs_again_with_the_newer_one(settings: Service, store: Store) -> None:
    database = Database("new")

    @retry_on_rejected(settings, "password", exceptions=(RefusedError,))
    def connect(word: str) -> str:
        return word + database.connect(settings.password)

    store.put("password", "new")
    assert connect("is ") == "is connected"
    assert database.tries == ["old", "new"]
    assert connect.__name__ == "connect"


def test_a_coroutine_function_does_too_and_the_loop_goes_on_meanwhile(settings: Service, store: Store) -> None:
    database = Database("new")
    store.put("password", "new")
    store.hanging.clear()

    @retry_on_rejected(settings, "url", exceptions=(RefusedError,))
    async def connect() -> str:
        return database.connect(settings.password)

    async def both() -> str:
        task = asyncio.create_task(connect())
        await asyncio.sleep(0)
        assert database.tries == ["old"]
        store.hanging.set()
        return await task

    assert asyncio.run(both()) == "connected"
    assert database.tries == ["old", "new"]


def test_a_block_runs_again(settings: Service, store: Store) -> None:
    database = Database("new")
    store.put("password", "new")
    for attempt in retry_on_rejected(settings, "password", exceptions=(RefusedError,)):
        with attempt:
            database.connect(settings.password)
    assert database.tries == ["old", "new"]


def test_a_block_that_is_let_in_runs_once(settings: Service, store: Store) -> None:
    before = len(store.fetches)
    runs = 0
    for attempt in retry_on_rejected(settings, "password", exceptions=(RefusedError,)):
        with attempt:
            runs += 1
    assert (runs, len(store.fetches)) == (1, before)


def test_trap_10_threads_that_are_refused_together_look_once(settings: Service, store: Store) -> None:
    database, together = Database("new"), threading.Barrier(8)
    store.put("password", "new")
    before = len(store.fetches)
    first = threading.local()

    @retry_on_rejected(settings, "password", exceptions=(RefusedError,))
    def connect() -> str:
        if not hasattr(first, "done"):
            first.done = True
            password = settings.password
            together.wait(10)
            return database.connect(password)
        return database.connect(settings.password)

    said: list[str] = []
    threads = [threading.Thread(target=lambda: said.append(connect())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert said == ["connected"] * 8
    assert len(store.fetches) == before + 1


def test_trap_10_a_password_that_stays_wrong_is_no_storm_of_reads(settings: Service, store: Store) -> None:
    database = Database("something else")
    before = len(store.fetches)

    @retry_on_rejected(settings, "password", exceptions=(RefusedError,))
    def connect() -> str:
        return database.connect(settings.password)

    for _ in range(20):
        with pytest.raises(RefusedError):
            connect()
    assert len(store.fetches) == before + 1
    assert database.tries == ["old"] * 20


def test_after_the_interval_it_is_looked_for_again(settings: Service, store: Store) -> None:
    database = Database("new")
    connect = retry_on_rejected(settings, "password", exceptions=(RefusedError,), every=0.0)(
        lambda: database.connect(settings.password)
    )
    with pytest.raises(RefusedError):
        connect()
    store.put("password", "new")
    assert connect() == "connected"


def test_the_original_error_is_raised_where_the_store_does_not_answer(settings: Service, store: Store) -> None:
    store.down = UNREACHABLE
    refused = RefusedError("as it was")

    @retry_on_rejected(settings, "password", exceptions=(RefusedError,))
    def connect() -> str:
        raise refused

    with pytest.raises(RefusedError) as raised:
        connect()
    assert raised.value is refused


def test_a_second_refusal_is_raised(settings: Service, store: Store) -> None:
    database = Database("newest")
    store.put("password", "new")
    retry = retry_on_rejected(settings, "password", exceptions=(RefusedError,))
    with pytest.raises(RefusedError):
        retry(lambda: database.connect(settings.password))()
    with pytest.raises(RefusedError):
        in_a_block(retry, lambda: database.connect(settings.password))
    assert database.tries == ["old", "new", "new"]


def test_another_exception_is_nobody_s_business(settings: Service, store: Store) -> None:
    before = len(store.fetches)
    retry = retry_on_rejected(settings, "password", exceptions=(RefusedError,))
    with pytest.raises(KeyError):
        retry(lambda: NOTHING["nothing"])()
    with pytest.raises(KeyError):
        in_a_block(retry, lambda: NOTHING["nothing"])
    assert len(store.fetches) == before


def test_the_stages_that_the_schema_accepts_are_tried_in_turn(settings: Service, store: Store) -> None:
    store.stage("fallback", "PREVIOUS", "previous")
    database = Database("previous")
    connect = retry_on_rejected(settings, "fallback", exceptions=(RefusedError,))(
        lambda: database.connect(settings.fallback)
    )
    assert connect() == "connected"
    assert explain(settings)["fallback"].stage == "PREVIOUS"
    store.put("fallback", "new")
    refresh(settings)
    assert settings.fallback == "new"


def test_a_stage_that_the_schema_does_not_accept_is_not_tried(settings: Service, store: Store) -> None:
    store.stage("password", "PENDING", "pending")
    database = Database("pending")
    with pytest.raises(RefusedError):
        retry_on_rejected(settings, "password", exceptions=(RefusedError,))(
            lambda: database.connect(settings.password)
        )()


def test_a_name_that_is_no_field_is_said_at_once(settings: Service) -> None:
    with pytest.raises(ValueError, match="no field 'pass'"):
        retry_on_rejected(settings, "pass", exceptions=(RefusedError,))


def test_stages_are_given_as_a_tuple() -> None:
    with pytest.raises(TypeError, match=r'accepts=\("PENDING",\)'):
        secret(accepts="PENDING")  # type: ignore[arg-type]  # what is tested


def test_a_coroutine_function_loads_off_the_loop(offer: Offer, tmp_path: Path) -> None:
    threads: list[str] = []

    class Seen(Store):
        def locate(self, key: Key) -> Place:
            threads.append(threading.current_thread().name)
            return super().locate(key)

    offer(spec_of("store", Seen(password="old", fallback="old")))
    chain = 'default_environment = "here"\n[environments.here]\nchain = ["store"]\n'
    (tmp_path / "estate.toml").write_text(chain, "utf-8")
    settings = lazy(Service)

    @retry_on_rejected(settings, "password", exceptions=(RefusedError,))
    async def password() -> str:
        return settings.password

    assert asyncio.run(password()) == "old"
    assert threading.main_thread().name not in threads


def test_a_coroutine_function_raises_what_it_raised_where_nothing_is_newer(settings: Service, store: Store) -> None:
    refused = RefusedError("as it was")

    @retry_on_rejected(settings, "password", exceptions=(RefusedError,))
    async def connect() -> str:
        raise refused

    with pytest.raises(RefusedError) as raised:
        asyncio.run(connect())
    assert raised.value is refused


def test_an_event_of_before_does_not_take_back_what_a_stage_gave(live: Live) -> None:
    """The event of the last rotation may come when the next one has begun, and its version is current still."""
    store = TellingStore(password="old", fallback="old")
    settings: Service = live(Service, store)
    old = store.current["fallback"]
    pending = store.stage("fallback", "PENDING", "pending")
    assert retry_on_rejected(settings, "fallback", exceptions=(RefusedError,)).renewed(snapshot(settings))
    with watch(settings, every=1000):
        store.news.put({"fallback": old.name})
        wait_until(lambda: "STALE fallback" in str(health(settings).reasons))
        assert settings.fallback == "pending"
        store.current["fallback"] = pending
        store.news.put({"fallback": pending.name})
        wait_until(lambda: not health(settings).degraded)
    assert settings.fallback == "pending"


def test_a_stage_that_came_to_nothing_is_left_when_it_is_refused(settings: Service, store: Store) -> None:
    store.stage("fallback", "PENDING", "pending")
    retry = retry_on_rejected(settings, "fallback", exceptions=(RefusedError,), every=0.0)
    assert retry.renewed(snapshot(settings))
    assert settings.fallback == "pending"
    assert retry.renewed(snapshot(settings))
    assert settings.fallback == "old"


def test_a_label_that_moves_between_two_questions_is_followed(live: Live) -> None:
    class Moving(Store):
        def fetch(self, keys: Sequence[Key], deadline: Deadline) -> Mapping[Key, Found | Failed]:
            if any(key.stage for key in keys) and ("fallback", "PENDING") in self.stages:
                self.current["fallback"] = self.stages.pop(("fallback", "PENDING"))
            return super().fetch(keys, deadline)

    store = Moving(password="old", fallback="old")
    settings: Service = live(Service, store)
    store.stage("fallback", "PENDING", "new")
    assert retry_on_rejected(settings, "fallback", exceptions=(RefusedError,)).renewed(snapshot(settings))
    assert settings.fallback == "new"


def test_threads_that_wait_for_a_store_that_hangs_have_one_answer(live: Live) -> None:
    store = Store(password="old", fallback="old")
    settings: Service = live(Service, store, deadline=1.5)
    before, refused = len(store.fetches), threading.Barrier(8)

    @retry_on_rejected(settings, "password", exceptions=(RefusedError,), every=1.4)  # less than the store takes
    def connect() -> None:
        refused.wait(10)
        raise RefusedError

    def run() -> None:
        with contextlib.suppress(RefusedError):
            connect()

    store.hanging.clear()
    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store.hanging.set()
    assert len(store.fetches) == before + 1


def test_what_is_new_beside_the_field_that_was_refused_is_kept_too(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Members(rds='{"user": "u1", "password": "p1"}')
    settings: Login = live(Login, store)
    kept: list[bool] = []
    monkeypatch.setattr("estate_config.live.refreshing.keep_current", lambda *_, changed: kept.append(changed))
    store.put("rds", '{"user": "u1", "password": "p2"}')
    retry = retry_on_rejected(settings, "user", exceptions=(RefusedError,))
    assert not retry.renewed(snapshot(settings))
    assert (settings.password, kept) == ("p2", [True])


def test_a_callback_may_be_refused_itself(settings: Service, store: Store) -> None:
    """A pool that logs in with the new password as soon as there is one, in on_change."""
    database = Database("new")
    seen: list[str] = []
    connect = retry_on_rejected(settings, "password", exceptions=(RefusedError,), every=0.0)(
        lambda: database.connect(settings.password)
    )

    def log_in() -> None:
        with contextlib.suppress(RefusedError):
            connect()

    def warm(_: Service) -> None:
        database.right = "newest"
        log_in()
        seen.append(settings.password)

    on_change(settings, "password", warm)
    store.put("password", "new")
    thread = threading.Thread(target=log_in, daemon=True)
    thread.start()
    thread.join(10)
    assert not thread.is_alive(), "it waits for a lock that its own thread holds"
    assert seen == ["new"]
