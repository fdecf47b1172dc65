"""What can be measured of settings that are loaded: ages, versions, when a rotation is due. Nobody is asked for it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from estate_config.live.standing import health
from estate_config.live.state import age_of
from estate_config.provenance import Provenance, Record
from estate_config.settings import Settings, is_lazy, loaded, record_of, waiting_of

_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")
"""What a version looks like that may be a label: an id, and nothing that was meant to be read."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One setting that a provider gave."""

    field: str
    provider: str
    version: str
    """"" where the provider has none."""
    stage: str
    age: float
    """Seconds since the store last said that this is its value."""
    rotation_due: float | None
    """Days until its rotation is due, less than 0 once it is late; None where the schema says nothing of `rotates`, or
    the store not when the version was made."""


@dataclass(frozen=True, slots=True)
class Figures:
    """All that can be measured of one instance."""

    service: str
    environment: str
    live: bool
    ready: bool
    degraded: bool
    settings: tuple[Figure, ...]


def figures_of(instance: Settings) -> Figures | None:
    """Return what can be measured of an instance now; None while it is not loaded. Loads nothing."""
    values = loaded(instance)
    record = None if values is None else record_of(values)
    if record is None:
        return None
    now = health(instance)
    settings = tuple(_figures(instance, record))
    return Figures(record.info.service, record.info.environment, now.live, now.ready, now.degraded, settings)


def _figures(instance: Settings, record: Record) -> Iterator[Figure]:
    state = waiting_of(instance).live if is_lazy(instance) else None
    for item in type(instance).__estate_settings__:
        origin, age = record.settings[item.field], age_of(item.field, record, state)
        if age is not None:
            due = _days_left(origin, item.declaration.rotates)
            yield Figure(item.field, origin.provider, _id(origin.version), origin.stage or "", age, due)


def _id(version: str | None) -> str:
    return version if version and _ID.fullmatch(version) else ""


def _days_left(origin: Provenance, rotates: timedelta | None) -> float | None:
    if rotates is None or origin.created_at is None:
        return None
    return (origin.created_at + rotates - datetime.now(UTC)) / timedelta(days=1)
