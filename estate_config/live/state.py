"""What is known of a live instance beside its values: how old they are, what failed, who wants to hear of changes."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

from estate_config.settings import Settings, is_lazy, lazies_of, waiting_of

if TYPE_CHECKING:
    from estate_config.errors import Problem
    from estate_config.provenance import Record

S = TypeVar("S", bound=Settings)


@dataclass(slots=True)
class Call:
    """Somebody is to be told of a change: with the version that made it."""

    fields: tuple[str, ...]
    version: Settings = field(repr=False)


def _nobody() -> None:
    """Nobody watches."""


class State:
    """What goes on with one lazy instance. One refresh at a time; readers never wait for it."""

    def __init__(self) -> None:
        self.confirmed: dict[str, float] = {}
        """When the store last said that a value is the current one, on the monotonic clock."""
        self.failing: dict[str, Problem] = {}
        """Fields that could not be read again, and why."""
        self.refused: tuple[Problem, ...] = ()
        """What is wrong with the newest version, which was not taken."""
        self.refused_for: frozenset[str] = frozenset()
        """The fields that had new values in it: when the store has the old ones again, it is over."""
        self.untaken: set[str] = set()
        """Fields that were leased anew and not taken: the lease in use is not renewed any longer."""
        self.rejected: dict[tuple[str, ...], float] = {}
        """When fields were last looked for because their values were refused, on the monotonic clock."""
        self.callbacks: list[tuple[str, Callable[[Settings], object]]] = []
        self.calls: deque[Call] = deque()
        self.kept: float | None = None
        """When the last known good was written, on the monotonic clock; None: by the load."""
        self.not_kept: tuple[Problem, ...] = ()
        """Why it is not there."""
        self.wake: Callable[[], object] = _nobody
        """Tells who watches that there is a new version: what was leased with it is to be renewed."""
        self.renew_locks()

    def loaded_anew(self) -> None:
        """Forget what was known of the values before: all of them were read, or given, by a load."""
        self.confirmed, self.failing, self.untaken = {}, {}, set()
        self.refused, self.refused_for = (), frozenset()
        self.kept, self.not_kept = None, ()
        self.wake()

    def confirm(self, fields: Iterable[str]) -> None:
        """Remember that the store has, for these fields, what is in use."""
        now = time.monotonic()
        for name in fields:
            self.confirmed[name] = now
            self.failing.pop(name, None)
            self.refused_for -= {name}
        if not self.refused_for:
            self.refused = ()

    def renew_locks(self) -> None:
        """Make the locks anew: after a fork, the old ones may be held by threads that are not there."""
        self.rejecting = threading.RLock()  # as all of them: a handler of a signal may come in the middle
        self.keeping = threading.RLock()
        self.calling = threading.Condition()
        self.caller: int | None = None
        """The thread that is calling back now."""


_making = threading.RLock()


def must_be_an_instance(given: object) -> None:
    """Raise `TypeError` for a class: `load` takes one, so it is easily handed over here too."""
    if isinstance(given, type):
        raise TypeError(f"{given.__name__} is the class: give the instance of it that lazy({given.__name__}) made")


def state_of(instance: Settings) -> State:
    """Return the state of a lazy instance. Raises `TypeError` for another one: it is one version, and stays it."""
    must_be_an_instance(instance)
    cls = type(instance).__name__
    if not is_lazy(instance):
        raise TypeError(f"this {cls} is one version and stays it; live is what lazy({cls}) gives")
    waiting = waiting_of(instance)
    with _making:
        if waiting.live is None:
            waiting.live = State()
        return waiting.live


def _after_fork() -> None:
    global _making  # noqa: PLW0603 - another thread of the parent may have held it
    _making = threading.RLock()
    for instance in lazies_of(Settings):
        state = waiting_of(instance).live
        if state is not None:
            if state.caller == threading.get_ident() and state.calls:
                state.calls.popleft()  # this very thread is making it, and goes on with it
            state.renew_locks()


os.register_at_fork(after_in_child=_after_fork)


def lines_of(problems: Iterable[Problem]) -> list[str]:
    """Return a line for each trouble, with all fields that have it: a store that is away is one line, not fifty."""
    fields: dict[tuple[str, str], list[str]] = {}
    for problem in problems:
        fields.setdefault((problem.code, problem.message), []).append(problem.field)
    return [f"{code} {', '.join(names)}: {message}" for (code, message), names in fields.items()]


def age_of(name: str, record: Record, state: State | None) -> float | None:
    """Return the seconds since the store last said that this is the value of a field; None: no store has it."""
    fetched_at = record.settings[name].fetched_at
    if fetched_at is None or record.settings[name].provider in {"override", "template"}:
        return None
    now = time.monotonic()
    if state is not None and name in state.confirmed:
        return now - state.confirmed[name]
    loaded = datetime.now(UTC).timestamp() - (now - record.at)  # on the wall, as far as nobody sets the clock
    return now - record.at + max(0.0, loaded - fetched_at.timestamp())
