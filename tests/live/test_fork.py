"""After `fork`, at the worst time: a child works on with locks, providers and a thread of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from estate_config import Settings, lazy, load, refresh, secret, swap, watch
from estate_config import settings as settings_module
from estate_config.live import state, watching
from estate_config.live.turn import Turn
from tests.doubles import estate, spec_of
from tests.live.conftest import Live
from tests.live.doubles import LeasedStore, Store, wait_until
from tests.unit.conftest import Offer

HEAD = """
import os, signal, sys, threading, time
from pathlib import Path
from estate_config import Settings, lazy, load, on_change, refresh, secret, watch
from estate_config import settings as settings_module
from estate_config.live.state import state_of

class Service(Settings):
    token: str = secret("token")

def put(value):
    new = Path(".env.new")
    new.touch(0o600)
    new.write_text(f"TOKEN={value}")
    new.replace(".env")

def until(is_so):
    end = time.monotonic() + 20
    while not is_so():
        if time.monotonic() > end:
            os._exit(9)
        time.sleep(0.005)

def in_child(work):
    pid = os.fork()
    if not pid:
        signal.alarm(30)  # nobody would end a child that hangs
        try:
            work()
        except BaseException as error:
            print(repr(error), flush=True)
            os._exit(8)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0

put("t1")
settings = lazy(Service)
"""


def run(tmp_path: Path, story: str, code: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", HEAD + story],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (code, ""), done.stdout + done.stderr
    return done.stdout


def test_a_child_goes_on_watching_by_itself_and_so_does_its_parent(tmp_path: Path) -> None:
    run(
        tmp_path,
        """
watch(settings, every=0.05)

def child():
    put("t2")
    until(lambda: settings.token == "t2")
    in_child(lambda: (put("t3"), until(lambda: settings.token == "t3")))

in_child(child)
until(lambda: settings.token == "t3")
""",
    )


def test_a_child_of_the_callback_s_own_thread_works(tmp_path: Path) -> None:
    run(
        tmp_path,
        """
done = threading.Event()

def forking(new):
    in_child(lambda: (put("t3"), until(lambda: settings.token == "t3")))
    done.set()

on_change(settings, "token", forking)
watch(settings, every=0.05)
put("t2")
until(done.is_set)
""",
    )


def test_a_call_that_another_thread_was_making_at_the_fork_is_made_in_the_child_too(tmp_path: Path) -> None:
    run(
        tmp_path,
        """
parent, made, calling, go = os.getpid(), [], threading.Event(), threading.Event()

def slow(new):
    calling.set()
    if os.getpid() == parent:
        go.wait(20)
    made.append(new.token)

on_change(settings, "token", slow)
watch(settings, every=0.05)
put("t2")
calling.wait(20)
in_child(lambda: (until(lambda: made == ["t2"]), put("t3"), until(lambda: made == ["t2", "t3"])))
go.set()
until(lambda: made == ["t2", "t3"])
""",
    )


def test_locks_that_others_held_at_the_fork_are_free_in_the_child(tmp_path: Path) -> None:
    run(
        tmp_path,
        """
load(settings)
held, go = threading.Event(), threading.Event()

def holding():
    from estate_config import settings as module, swap
    from estate_config.live import state, watching
    one = state_of(settings)
    waiting = settings_module.waiting_of(settings)
    with waiting.lock, waiting.refreshing, one.rejecting, one.keeping, one.calling:
        with module._lazies_lock, swap._lock, state._making, watching._thread.lock:
            held.set()
            go.wait(20)

thread = threading.Thread(target=holding)
thread.start()
held.wait(20)

def child():
    put("t2")
    assert refresh(settings).changed == ("token",)
    assert lazy(Service).token == "t2"
    watch(settings, every=0.05)
    put("t3")
    until(lambda: settings.token == "t3")

in_child(child)
go.set()
thread.join()
""",
    )


def test_a_load_that_was_running_at_the_fork_is_done_anew_in_the_child(tmp_path: Path) -> None:
    run(
        tmp_path,
        """
from pydantic import field_validator

validating, go = threading.Event(), threading.Event()
parent = os.getpid()

class Slow(Service):
    @field_validator("token")
    @classmethod
    def slow_in_the_parent(cls, value):
        validating.set()
        if os.getpid() == parent:
            go.wait(20)
        return value

settings = lazy(Slow)
loading = threading.Thread(target=lambda: settings.token)
loading.start()
validating.wait(20)
assert not settings_module.waiting_of(settings).lock.acquire(blocking=False)
in_child(lambda: until(lambda: settings.token == "t1"))
assert repr(settings) == "Slow('not loaded')"
go.set()
loading.join()
assert settings.token == "t1"
""",
    )


class Service(Settings):
    token: str = secret("token")
    other: str = secret("other", default="none")


def test_a_child_makes_providers_of_its_own_once(offer: Offer, monkeypatch: pytest.MonkeyPatch) -> None:
    store, makers = Store(token="t1"), list[int]()

    def build(options: object, context: object) -> Store:
        makers.append(os.getpid())
        return store

    offer(spec_of("store", build))
    settings = load(lazy(Service), config=estate("store"))
    assert makers == [parent := os.getpid()]
    monkeypatch.setattr("os.getpid", lambda: -1)
    for value in ("t2", "t3"):
        store.put("token", value)
        assert refresh(settings).changed == ("token",)
        assert makers == [parent, -1]


def test_a_child_that_cannot_make_its_providers_tries_again_until_it_can(live: Live) -> None:
    store = LeasedStore(token="t1")
    settings = live(Service, store)
    with watch(settings, every=0.05) as watching_it:
        wait_until(lambda: store.renewed)
        before, of_parent = len(store.fetches), watching_it.turn.links
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("estate_config.live.turn.chain_of", lambda *_: 1 / 0)
            watching_it.turn.after_fork()
            watching._thread.wake.set()
            wait_until(lambda: any(look.failures > 1 for look in watching_it.turn.looks.values()))
        wait_until(lambda: not watching_it.turn.is_child)
        assert watching_it.turn.links is not of_parent
        assert store.fetches[before] == ["token"]


def test_a_child_reads_anew_what_its_parent_has_leased(live: Live) -> None:
    store = LeasedStore(token="t1")
    settings = live(Service, store)
    before = len(store.fetches)
    with watch(settings, every=1000) as watching_it:
        wait_until(lambda: store.renewed)
        watching_it.turn.after_fork()
        watching._thread.wake.set()
        wait_until(lambda: len(store.fetches) > before)
    assert store.fetches[before:] == [["token"]]


def test_a_swap_that_was_half_done_at_the_fork_is_whole_in_the_child(live: Live) -> None:
    store = Store(token="t1")
    settings: Service = live(Service, store)
    old = vars(settings)
    store.put("token", "t2")
    refresh(settings)
    object.__setattr__(settings, "__dict__", old)
    waiting = lazy(Service)
    settings_module._after_fork()
    swap._after_fork()
    state._after_fork()
    assert settings.token == "t2"
    assert repr(waiting) == "Service('not loaded')"


@pytest.mark.parametrize("of", ["a service that starts", "a service that is running"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_signal_during_a_swap_ends_the_process_as_it_should(when: str, of: str, tmp_path: Path) -> None:
    said = run(
        tmp_path,
        f"when, is_running = {when!r}, {of == 'a service that is running'}"
        """
from estate_config import snapshot, swap

class Account(Settings):
    user: str = secret("user")
    password: str = secret("password")

def rotate(number):
    Path(".env").write_text(f"USER=user{number}\\nPASSWORD=pw{number}")

def stop(*_):
    one, shown = snapshot(settings), vars(settings)  # the one may be a version ahead of the other
    print("ended with", one.user, one.password, "and", *shown.values(), flush=True)
    sys.exit(7)

def showing(instance, values):
    if when == "before":
        signal.raise_signal(signal.SIGTERM)
    show(instance, values)
    signal.raise_signal(signal.SIGTERM)

signal.signal(signal.SIGTERM, stop)
signal.alarm(30)
settings, show = lazy(Account), swap.show
rotate(1)
if is_running:
    watch(settings, every=1000)
    rotate(2)
swap.show = showing
refresh(settings) if is_running else load(settings)
""",
        code=7,
    )
    new = "user2 pw2" if of == "a service that is running" else "user1 pw1"
    old = "user1 pw1" if of == "a service that is running" else ""
    assert said.split() == f"ended with {new} and {old if when == 'before' else new}".split()


def test_the_watch_of_a_child_begins_with_nothing_but_its_list(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(token="t1")
    settings = live(Service, store)
    thread = watching._Thread()
    monkeypatch.setattr(watching, "_thread", thread)
    thread.after_fork()
    assert thread.thread is None
    thread.watches.append(watching.Watch(Turn(settings, 0.05), 0.05))
    thread.after_fork()
    store.put("token", "t2")
    wait_until(lambda: settings.token == "t2")
    thread.watches[0].stop()


def test_a_child_reads_nothing_anew_where_nothing_was_leased(live: Live) -> None:
    store = Store(token="t1")
    settings = live(Service, store)
    before = len(store.fetches)
    with watch(settings, every=1000) as watching_it:
        wait_until(watching_it.next_checks)
        watching_it.turn.after_fork()
        watching._thread.wake.set()
        wait_until(lambda: not watching_it.turn.is_child)
    assert len(store.fetches) == before
