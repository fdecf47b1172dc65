"""How watched settings stand, and what happens to them: names, versions, ages, next checks, health. Never a value."""

from __future__ import annotations

import contextlib
import queue
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from estate_config.live.standing import Health, health
from estate_config.live.state import age_of, state_of
from estate_config.live.watching import Watch
from estate_config.observing import Event, Refused, Swapped, observe
from estate_config.settings import record_of


@dataclass(frozen=True, slots=True)
class Standing:
    """How one setting stands."""

    field: str
    secret: bool
    provider: str
    place: str
    version: str | None
    stage: str | None
    age: float | None
    """Seconds since the store last said that this is its value; None where no store has it."""
    next_check: float | None
    """Seconds until its provider is looked at again; None where it is pinned, or no provider of the chain gave it."""

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON-ready data, times in seconds."""
        age, next_check = (one and round(one, 1) for one in (self.age, self.next_check))
        return {**asdict(self), "age": age, "next_check": next_check}


def standings(watched: Watch) -> list[Standing]:
    """Return how each setting stands now, in the order of the schema."""
    record, state, checks = record_of(watched.instance), state_of(watched.instance), watched.next_checks()
    assert record is not None  # noqa: S101 - watch() has loaded it
    return [
        Standing(
            field=item.field,
            secret=item.secret,
            provider=record.settings[item.field].provider,
            place=record.settings[item.field].place,
            version=record.settings[item.field].version,
            stage=record.settings[item.field].stage,
            age=age_of(item.field, record, state),
            next_check=checks.get(record.settings[item.field].provider) if item.declaration.live else None,
        )
        for item in type(watched.instance).__estate_settings__
    ]


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that has happened to the settings of a service."""

    service: str
    what: Swapped | Refused | Health
    """New values, a version that was refused, or another health."""
    at: datetime


class Happenings:
    """What happens to watched settings from now on."""

    def __init__(self, watches: dict[str, Watch]) -> None:
        """By the names of their services; each is loaded under a name of its own."""
        self._watches = watches
        self._names = {
            record.info.service: name for name, one in watches.items() if (record := record_of(one.instance))
        }
        self._health = {name: health(one.instance) for name, one in watches.items()}
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self.end = observe(self._events.put)

    def wait(self, seconds: float) -> Iterator[Happening]:
        """Yield what has happened since the last time, after so many seconds at most."""
        events: list[Event] = []
        with contextlib.suppress(queue.Empty):
            events.append(self._events.get(timeout=seconds))
        # before the rest of the events are taken: an event is told before the health changes for it
        health_now = {name: health(one.instance) for name, one in self._watches.items()}
        while not self._events.empty():
            events.append(self._events.get())
        for event in events:
            if isinstance(event, Swapped | Refused) and event.service in self._names:
                yield Happening(self._names[event.service], event, event.at)
        for name, now in health_now.items():
            before, self._health[name] = self._health[name], now
            if _gist(now) != _gist(before):
                yield Happening(name, now, datetime.now(UTC))


def _gist(one: Health) -> tuple[object, ...]:
    """Without the seconds that reasons may tell: they change by themselves."""
    return (one.live, one.ready, one.degraded, *(reason.partition(":")[0] for reason in one.reasons))
