"""What happens to settings, told to whoever asked: an audit trail, metrics, traces. Nobody asked: nothing is made."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from dataclasses import field as filled
from datetime import UTC, datetime

from estate_config.errors import Problem
from estate_config.model import Origin
from estate_config.redaction import where

log = logging.getLogger("estate_config")


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Read:
    """A provider was asked for one setting."""

    service: str
    environment: str
    field: str
    secret: bool
    provider: str
    place: str
    outcome: str
    """`found`, `absent`, `empty`, or the name of a `Code`."""
    version: str | None = None
    stage: str | None = None
    degraded: str = ""
    at: datetime = filled(default_factory=_now)

    def of(self, origin: Origin) -> Read:
        """Return it with where the value came from: it was found."""
        version, stage, degraded = origin.version, origin.stage, origin.degraded
        return replace(self, place=origin.place, outcome="found", version=version, stage=stage, degraded=degraded)

    @property
    def failed(self) -> bool:
        """Whether the provider could not say: not that it said that there is none."""
        return self.outcome not in {"found", "absent", "empty"}


@dataclass(frozen=True, slots=True)
class Fetched:
    """A provider was asked, for so many settings at once."""

    service: str
    environment: str
    provider: str
    settings: int
    seconds: float
    outcome: str
    """`answered`, or the name of the `Code` where it could not answer at all."""
    at: datetime = filled(default_factory=_now)
    """When it was done."""


@dataclass(frozen=True, slots=True)
class Swapped:
    """A new version of the settings took the place of the old one."""

    service: str
    environment: str
    fields: tuple[str, ...]
    """Those whose value is another one now."""
    at: datetime = filled(default_factory=_now)


@dataclass(frozen=True, slots=True)
class Refused:
    """A new version of the settings was not taken: the old one serves on."""

    service: str
    environment: str
    problems: tuple[Problem, ...]
    at: datetime = filled(default_factory=_now)


Event = Read | Fetched | Swapped | Refused
Observer = Callable[[Event], object]

_observers: list[Observer] = []


def observe(observer: Observer) -> Callable[[], None]:
    """Call `observer` with every event from now on, in the thread where it happens; return how to end that.

    No event holds a value. What an observer raises is logged by its type, and stops neither a load nor others.
    """
    _observers.append(observer)

    def end() -> None:
        if observer in _observers:
            _observers.remove(observer)

    return end


def is_observed() -> bool:
    """Whether it is worth making an event."""
    return bool(_observers)


def tell(event: Event) -> None:
    """Pass an event on to every observer."""
    for observer in tuple(_observers):
        try:
            observer(event)
        except Exception as error:  # noqa: BLE001 - an observer is a stranger's, and must not stop a load
            log.warning("an observer raised %s in %s", type(error).__name__, where(error))
