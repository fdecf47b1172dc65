"""Where each value came from: the record of a load, and `explain()`."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from estate_config.errors import Asked, LoadInfo, Problem
from estate_config.redaction import Hidden
from estate_config.settings import Settings, record_of

if TYPE_CHECKING:
    from estate_config.chains import Chain
    from estate_config.resolve import Answer


@dataclass(frozen=True, slots=True)
class Provenance:
    """How one setting got its value. Never the value."""

    field: str
    secret: bool
    provider: str
    """The provider that had it; `default`, `template`, `override`, `sources` (of the class's own)."""
    place: str
    """In the provider's own spelling."""
    version: str | None = None
    stage: str | None = None
    fetched_at: datetime | None = None
    asked: tuple[Asked, ...] = ()
    """Who was asked, in order, and what they said."""
    created_at: datetime | None = None
    """When this version was made, where the store says so."""
    degraded: str = ""
    """Why it is not the first place that should have answered: another region, the last known good."""

    @property
    def age(self) -> float | None:
        """Seconds since the value was fetched."""
        return None if self.fetched_at is None else (datetime.now(UTC) - self.fetched_at).total_seconds()

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON-ready data, times in ISO 8601, age in seconds."""
        fetched, created = (at and at.isoformat() for at in (self.fetched_at, self.created_at))
        age = None if self.age is None else round(self.age, 1)
        times = {"fetched_at": fetched, "created_at": created, "age": age}
        return {**asdict(self), "asked": [asdict(step) for step in self.asked], **times}


@dataclass(frozen=True, slots=True)
class Record:
    """What is remembered of a load beside the values."""

    info: LoadInfo
    settings: Mapping[str, Provenance]
    warnings: tuple[Problem, ...] = ()
    seconds: float = 0.0
    asked_environment: str | None = None
    asked_config: Any = field(default=None, repr=False)
    chain: Chain | None = field(default=None, repr=False)
    """Who was asked, to ask again."""
    answers: Hidden[Mapping[str, Answer]] = field(default_factory=lambda: Hidden({}), repr=False)
    """What came back, to keep what cannot be read again."""
    at: float = field(default_factory=time.monotonic)
    """When, on the monotonic clock, in seconds."""
    process: int = field(default_factory=os.getpid)
    """In which process: after a fork, its providers are another one's."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """The provenance of a whole instance; iterate over it, or take one field: `explain(settings)["database_url"]`."""

    info: LoadInfo
    settings: Mapping[str, Provenance]
    warnings: tuple[Problem, ...]

    def __getitem__(self, field_name: str) -> Provenance:
        return self.settings[field_name]

    def __iter__(self) -> Iterator[Provenance]:
        return iter(self.settings.values())

    def __len__(self) -> int:
        return len(self.settings)

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        return {
            "service": self.info.service,
            "environment": self.info.environment,
            "chain": list(self.info.chain),
            "settings": [item.as_json() for item in self],
            "warnings": [asdict(warning) for warning in self.warnings],
        }


def explain(instance: Settings) -> Explanation:
    """Return where every value of an instance came from, without any value. Loads a lazy instance.

    Raises `ConfigurationError` if a lazy instance cannot be loaded, and `TypeError` for an instance that was not
    loaded at all (`model_construct`).
    """
    record = record_of(instance)
    if record is None:
        raise TypeError(f"this {type(instance).__name__} was not loaded, so there is nothing to explain")
    return Explanation(record.info, record.settings, record.warnings)
