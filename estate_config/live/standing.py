"""How a service's settings are, for its probes: reasons and ages, no value, and nobody is asked for anything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from estate_config.live.state import State, age_of, lines_of, must_be_an_instance
from estate_config.live.watching import is_running, troubles
from estate_config.provenance import Record
from estate_config.settings import Settings, is_lazy, loaded, record_of, waiting_of


@dataclass(frozen=True, slots=True)
class Health:
    """What a probe is answered with."""

    live: bool
    """False: the watching thread has ended though nobody stopped it. Start the process anew."""
    ready: bool
    """False: not loaded yet, or a value is older than its `max_stale`. Send no requests."""
    degraded: bool
    """It serves, and something is wrong: look at `reasons`."""
    reasons: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        return asdict(self)


def health(instance: Settings) -> Health:
    """Return how the settings are, from what is known: no store is asked, and a lazy instance is not loaded.

    Raises `TypeError` for a class.
    """
    must_be_an_instance(instance)
    values = loaded(instance)
    record = None if values is None else record_of(values)
    if record is None:
        return Health(live=True, ready=False, degraded=False, reasons=("the settings are not loaded yet",))
    state = waiting_of(instance).live if is_lazy(instance) else None
    live = is_running(instance)
    stale = list(_stale(type(instance), record, state))
    wrong = [*_wrong(record, state), *troubles(instance)]
    dead = [] if live else ["the thread that watches for new values has ended: start the process anew"]
    return Health(live, not stale, bool(dead or stale or wrong), (*dead, *stale, *wrong))


def _stale(cls: type[Settings], record: Record, state: State | None) -> Iterator[str]:
    for item in cls.__estate_settings__:
        limit, age = item.declaration.max_stale, age_of(item.field, record, state)
        if limit is not None and age is not None and age > limit.total_seconds():
            yield f"STALE {item.field}: confirmed {age:.0f} s ago, and max_stale is {limit.total_seconds():.0f} s"


def _wrong(record: Record, state: State | None) -> Iterator[str]:
    for item in record.settings.values():
        if item.degraded:
            yield f"{item.field}: {item.degraded}"
    if state is None:
        return
    yield from lines_of((*state.failing.values(), *state.refused))
