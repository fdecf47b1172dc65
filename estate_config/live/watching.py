"""`watch()`: one thread per process that looks for new values, is told of them, and renews what is leased."""

from __future__ import annotations

import logging
import math
import os
import threading
import time
from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Self, TypeVar

from estate_config.live.state import state_of
from estate_config.live.turn import Turn
from estate_config.redaction import where
from estate_config.settings import Settings, concrete

S = TypeVar("S", bound=Settings)

log = logging.getLogger("estate_config")

EVERY = 300.0
"""Seconds between two looks at a store, a tenth more or less: twelve DescribeSecret an hour for each secret."""

_LONGEST = 3600.0
"""Seconds that the thread waits for the next look without looking up: a wait cannot be as long as one likes."""
_ENDING = 6.0
"""Seconds that are waited for the thread to end: longer than it listens without looking up."""


class Watch:
    """One who watches a settings instance. Ends with `stop()`, with its `with`, or with the process.

    Others may watch the same instance: its turn in the thread is one for all of them.
    """

    def __init__(self, turn: Turn, every: float) -> None:
        self.turn = turn
        self.instance = turn.instance
        self.every = every

    def stop(self) -> None:
        """Watch no longer; waits until the thread has seen it, a few seconds at most. Safe to call twice."""
        _thread.leave(self)

    def next_checks(self) -> dict[str, float]:
        """Return in how many seconds each provider is looked at again, by its name; empty until the thread is at it."""
        now = time.monotonic()
        return {name: max(0.0, circuit.due - now) for name, circuit in dict(self.turn.looks).items()}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def watch(instance: Settings, *, every: float = EVERY) -> Watch:
    """Look for new values of a lazy instance from now on: new ones appear in it once the whole is valid.

    Loads it if it is not loaded. A daemon thread, one per process for all instances, compares versions every `every`
    seconds (a tenth more or less), without reading values where the store can say versions; listens to events where
    the provider is told of any; and renews leases. A field with a `max_stale` is looked at twice in it. It works on in
    a forked child by itself. What several watch is looked at as often as the most impatient of them wants, until the
    last one stops. Raises `ConfigurationError` if the instance cannot be loaded, `TypeError` if it is not lazy, and
    `ValueError` unless `every` is a positive number.
    """
    if not 0 < every < math.inf:
        raise ValueError("every is a number of seconds, and more than 0")
    state_of(instance)
    concrete(instance)
    return _thread.join(instance, every)


def is_running(instance: Settings) -> bool:
    """Whether nobody watches the instance, or somebody does and is alive."""
    return _thread.is_alive_for(instance)


def troubles(instance: Settings) -> list[str]:
    """Return what the thread that watches could not do when it last tried, and why; nothing where nobody watches."""
    return [line for turn in _thread.turns() if turn.instance is instance for line in turn.troubles()]


class _Thread:
    """The thread of this process and what it watches."""

    def __init__(self) -> None:
        self.watches: list[Watch] = []
        self.renew()

    def renew(self) -> None:
        """Start from nothing but the list: in a forked child, the thread and who holds the lock are not there."""
        self.lock = threading.RLock()  # a handler of a signal may stop a watch
        self.wake = threading.Event()
        self.thread: threading.Thread | None = None

    def turns(self) -> list[Turn]:
        return list(dict.fromkeys(one.turn for one in tuple(self.watches)))

    def join(self, instance: Settings, every: float) -> Watch:
        made = Turn(instance, every)  # reads estate.toml, and holds up nobody
        with self.lock:
            turn = next((one for one in self.turns() if one.instance is instance), made)
            watch = Watch(turn, made.every)
            self.watches.append(watch)
            self._pace(turn)
            self._ensure()
        state_of(instance).wake = self._awake
        self._awake()
        return watch

    def _awake(self) -> None:
        self.wake.set()  # that of now: a child has one of its own

    def leave(self, watch: Watch) -> None:
        with self.lock:
            if watch not in self.watches:
                return
            self.watches.remove(watch)
            self._pace(watch.turn)
            thread = None if self.watches else self.thread
        self._awake()
        if thread is not None and thread is not threading.current_thread():
            thread.join(_ENDING)

    def _pace(self, turn: Turn) -> None:
        turn.wanted = min((one.every for one in self.watches if one.turn is turn), default=turn.wanted)

    def is_alive_for(self, instance: Settings) -> bool:
        thread = self.thread
        is_watched = any(one.instance is instance for one in tuple(self.watches))
        return not is_watched or (thread is not None and thread.is_alive())

    def _ensure(self) -> None:
        if self.thread is None or not self.thread.is_alive():
            self.thread = threading.Thread(target=self._run, name="estate-config-watch", daemon=True)
            self.thread.start()

    def _run(self) -> None:
        while True:
            self.wake.clear()
            with self.lock:
                turns = self.turns()
                if not turns:
                    self.thread = None
                    return
            for turn in turns:
                self._safely(turn, turn.take)
            due = min(turn.due() for turn in turns)
            listeners = [turn for turn in turns if turn.listens()]
            if not listeners:
                self.wake.wait(min(_LONGEST, max(0.0, due - time.monotonic())))
            for turn in listeners:
                seconds = max(0.0, due - time.monotonic())
                self._safely(turn, partial(turn.listen, seconds, len(listeners)))

    def _safely(self, turn: Turn, work: Callable[[], None]) -> None:
        try:
            turn.context.run(work)
        except BaseException as error:  # noqa: BLE001 - one instance that cannot be looked after must not end the others
            log.error("watching raised %s in %s", type(error).__name__, where(error))  # noqa: TRY400 - a traceback may show values
            turn.stumbled()

    def after_fork(self) -> None:
        self.renew()
        for turn in self.turns():
            turn.after_fork()
        if self.watches:
            self._ensure()


_thread = _Thread()
os.register_at_fork(after_in_child=_thread.after_fork)
