"""A store that can be taken away, a clock, and an estate.toml that keeps the last known good."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr

from estate_config import (
    Code,
    ConfigurationError,
    Settings,
    last_known_good,
    load,
    secret,
    setting,
)
from estate_config.model import Deadline, Failed, Found, Key, Origin
from tests.doubles import Shelf, estate, spec_of
from tests.unit.conftest import Offer

DOWN = Failed(Code.UNAVAILABLE, "cannot be reached", "look at the network")
FETCHED = datetime(2026, 11, 25, 15, tzinfo=UTC)
FOUND = Found("of the store", Origin("aws", "aws:a (v1)", "v1", "AWSCURRENT", FETCHED, FETCHED - timedelta(days=1)))


class Nested(BaseModel):
    password: SecretStr = secret()


class Service(Settings):
    a: str = secret("a")
    optional: str | None = secret("optional", default=None)
    nested: Nested | None = None
    level: str = setting(default="info")


class Store(Shelf):
    """A shelf that can be taken away. It is fetched from at the hour of `FETCHED`."""

    down: Failed | None = None

    def fetch(self, keys: Any, deadline: Deadline) -> Mapping[Any, Found | Failed]:
        return super().fetch(keys, deadline) if self.down is None else dict.fromkeys(keys, self.down)

    def _answer(self, key: Key) -> Found | Failed:
        answer = super()._answer(key)
        if isinstance(answer, Failed):
            return answer
        return replace(answer, origin=replace(answer.origin, fetched_at=FETCHED))


@pytest.fixture
def store(offer: Offer) -> Store:
    """Give the store `aws`, with a value in it; `env` and `dotenv` are there besides."""
    aws = Store("aws", {"a": FOUND})
    offer(spec_of("aws", aws, remote=True))
    return aws


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """Set the clock of the module."""

    class Clock(datetime):
        at = FETCHED

        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]  # it gives the base class, as ours do
            return cls.at

    monkeypatch.setattr(last_known_good, "datetime", Clock)

    def set_to(at: datetime) -> None:
        Clock.at = at

    return set_to


@pytest.fixture
def here(now: Callable[[datetime], None], tmp_path: Path) -> dict[str, Any]:
    """Return an estate.toml that keeps the last known good in the test's folder."""
    (tmp_path / "key").write_bytes(base64.b64encode(b"k" * 32))
    return asking("env", "aws")


def asking(*chain: object, **words: Any) -> dict[str, Any]:
    table = estate(*chain)
    table["environments"]["here"]["last_known_good"] = {"file": "{service}.lkg", "key": "file:key", **words}
    return table


FILE = Path("Service.lkg")


def refusal(config: Any, cls: type[Settings] = Service) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as caught:
        load(cls, config=config)
    return caught.value
