"""Where each value came from: the record of a load, and `explain()`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from estate_config.errors import Asked, LoadInfo, Problem
from estate_config.settings import Settings, record_of


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

    @property
    def age(self) -> float | None:
        """Seconds since the value was fetched."""
        return None if self.fetched_at is None else (datetime.now(UTC) - self.fetched_at).total_seconds()

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON-ready data, times in ISO 8601, age in seconds."""
        fetched = self.fetched_at.isoformat() if self.fetched_at else None
        age = None if self.age is None else round(self.age, 1)
        return {**asdict(self), "asked": [asdict(step) for step in self.asked], "fetched_at": fetched, "age": age}


@dataclass(frozen=True, slots=True)
class Record:
    """What is remembered of a load beside the values."""

    info: LoadInfo
    settings: Mapping[str, Provenance]
    warnings: tuple[Problem, ...] = ()
    seconds: float = 0.0
    asked_environment: str | None = None
    asked_config: Any = field(default=None, repr=False)


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
