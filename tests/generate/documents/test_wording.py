"""Values in words: what a person would write, and what is read back as the same value."""

from __future__ import annotations

import subprocess
import sys
from datetime import date, timedelta
from decimal import Decimal
from enum import IntEnum
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from estate_config.generate.wording import duration_words, one_line, rotation_words, value_text
from estate_config.shapes import Shape, shaped


class Level(IntEnum):
    HIGH = 3


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("as it is", "as it is"),
        (True, "true"),
        (10, "10"),
        (1.5, "1.5"),
        (Decimal("1.50"), "1.50"),
        (Level.HIGH, "3"),
        (date(2026, 1, 2), "2026-01-02"),
        (Path("/srv"), "/srv"),
        (["é", 1], '["é", 1]'),
        ({"a": [1]}, '{"a": [1]}'),
        (frozenset({3, 1, 2}), "[1, 2, 3]"),
        (timedelta(hours=26, milliseconds=250), "1d2h250ms"),
        (timedelta(0), "0s"),
        (object, "…"),
    ],
)
def test_a_value_is_written_as_a_person_would_write_it(value: Any, text: str) -> None:
    assert value_text(value) == text


@given(st.timedeltas())
def test_a_duration_is_read_back_as_it_was(value: timedelta) -> None:
    read = TypeAdapter(timedelta).validate_python(shaped(duration_words(value), Shape.DURATION))
    # pydantic takes years of ISO 8601 for 365 days, and floats round parts of a microsecond
    assert abs(read - value) < timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, ""),
        (timedelta(days=1), "every day"),
        (timedelta(days=90), "every 90 days"),
        (timedelta(hours=36), "every 1d12h"),
        (timedelta(hours=4), "every 4h"),
    ],
)
def test_a_rotation_is_in_days_where_it_can_be(value: timedelta | None, words: str) -> None:
    assert rotation_words(value) == words


@given(st.text())
def test_one_line_is_one_printable_line(words: str) -> None:
    assert one_line(words) == " ".join(one_line(words).split())
    assert one_line(words).isprintable()


def test_a_set_has_one_order_in_every_process() -> None:
    code = "from estate_config.generate.wording import value_text; print(value_text({'a', 'b', 'c', 'd'}))"
    said = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert said == {'["a", "b", "c", "d"]\n'}
