"""A value as text: what a setting of its type reads back."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel, HttpUrl, Secret, SecretBytes, SecretStr

from estate_config import Settings, load, secret, setting
from estate_config.spelling import spelled


class Colour(Enum):
    RED = "red"


class Level(IntEnum):
    HIGH = 3


class Part(BaseModel):
    key: SecretStr
    text: str = secret(default="t")


@dataclass
class Point:
    x: int
    key: SecretStr


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, None),
        ("text", "text"),
        ("", ""),
        (b"\0\xff", b"\0\xff"),
        (True, "true"),
        (7, "7"),
        (0.5, "0.5"),
        (Decimal("1.10"), "1.10"),
        (SecretStr("s"), "s"),
        (SecretBytes(b"\xff"), b"\xff"),
        (Secret[int](7), "7"),
        (Secret[str | None](None), None),
        (Colour.RED, "red"),
        (Level.HIGH, "3"),
        (timedelta(seconds=90), "PT1M30S"),
        (date(2026, 1, 2), "2026-01-02"),
        (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02T00:00:00Z"),
        (HttpUrl("http://x/y"), "http://x/y"),
        (Path("a/b"), "a/b"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (["a", SecretStr("b")], '["a", "b"]'),
        ((1, None), "[1, null]"),
        ({SecretStr("b")}, '["b"]'),
        (deque([1]), "[1]"),
        ({"a": SecretStr("ü")}, '{"a": "ü"}'),
        (Part(key=SecretStr("k")), '{"key": "k", "text": "t"}'),
        (Point(1, SecretStr("k")), '{"x": 1, "key": "k"}'),
        (1j, "1j"),
    ],
)
def test_a_value_is_spelled(value: object, text: object) -> None:
    assert spelled(value) == text


class Kinds(Settings):
    flag: bool = setting(default=True)
    number: float = setting(default=0.5)
    wait: timedelta = setting(default=timedelta(minutes=90))
    day: date = setting(default=date(2026, 1, 2))
    url: HttpUrl = setting(default=HttpUrl("http://x/y"))
    colour: Colour = setting(default=Colour.RED)
    names: list[str] = setting(default=["a", "b,c"])
    table: dict[str, int] = setting(default={"a": 1})
    part: Part = secret(default=Part(key=SecretStr("k")))
    raw: SecretBytes = secret(default=SecretBytes(b"\xff\0"))


def test_what_is_spelled_is_read_back_as_it_was() -> None:
    chain: dict[str, Any] = {"environments": {"test": {"chain": ["fixture"]}}}
    first = load(Kinds, environment="test", config=chain)
    texts = {name: spelled(getattr(first, name)) for name in Kinds.model_fields}
    assert load(Kinds, environment="test", config=chain, overrides=texts) == first
