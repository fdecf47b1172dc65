"""Current values are found wherever they stand, by hash, and short ones are not looked for."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from estate_config.known_examples import is_known_example
from estate_config.scanning.values import SHORTEST, marks_of

VALUE = "kq7Z-vXw2/Lr9T"


@pytest.mark.parametrize(
    "line",
    [
        f"KEY={VALUE}",
        f'key = "{VALUE}"',
        f"key: {VALUE}, other",
        f"postgresql://app:{VALUE}@host/db",
        f"  key: {base64.b64encode(VALUE.encode()).decode()}",
        f"https://host/?key={quote(VALUE, safe='')}&x=1",
        VALUE,
    ],
)
def test_a_value_is_found_in_its_line_as_it_is_and_encoded(line: str) -> None:
    marks = marks_of([("estate/key", VALUE)])
    assert list(marks.found_in(f"first\n{line}\nlast {line}\n")) == [(2, "estate/key"), (3, "estate/key")]


def test_parts_of_a_value_that_are_secrets_themselves_are_found() -> None:
    rds = json.dumps({"user": "application", "nested": [{"password": VALUE}]})
    marks = marks_of([("estate/rds", rds), ("estate/database/url", "postgresql://app:pass-word-1@host/db")])
    assert list(marks.found_in(f"x = '{VALUE}'")) == [(1, "estate/rds")]
    assert list(marks.found_in("x = 'pass-word-1'")) == [(1, "estate/database/url")]


def test_binary_values_are_found_in_base64() -> None:
    raw = bytes(range(200, 220))
    marks = marks_of([("estate/key", raw)])
    assert list(marks.found_in(f"key: {base64.b64encode(raw).decode()}")) == [(1, "estate/key")]


def test_structured_values_are_looked_into() -> None:
    assert list(marks_of([("p", {"a": (VALUE, 7)})]).found_in(VALUE)) == [(1, "p")]


def test_t25_a_short_value_is_not_looked_for() -> None:
    marks = marks_of([("p", "true"), ("q", "x" * (SHORTEST - 1))])
    assert list(marks.found_in("true xxxxxxx\n")) == []
    assert list(marks_of([]).found_in("anything")) == []


@pytest.mark.parametrize("value", ["http://[::1", "{" * 5000, "[10, 2000"])
def test_values_that_only_look_structured_are_taken_whole(value: str) -> None:
    assert list(marks_of([("p", value)]).found_in(f'"{value}"')) == [(1, "p")]


def test_a_value_with_half_a_character_leaves_the_others_to_be_found() -> None:
    marks = marks_of([("p", json.dumps({"password": f"{VALUE}\ud800"})), ("q", VALUE)])
    assert list(marks.found_in(f"key = '{VALUE}'")) == [(1, "q")]


@pytest.mark.parametrize("value", ["your-openai-api-key", "postgresql://user:password@localhost/your-database-url"])
def test_a_placeholder_that_was_not_filled_in_is_not_looked_for(value: str) -> None:
    marks = marks_of([("p", value), ("q", json.dumps({"key": value, "other": VALUE}))])
    assert list(marks.found_in(f"KEY={value}\nOTHER={VALUE}\n")) == [(2, "q")]


@given(st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Zs", "Zl", "Zp")), min_size=SHORTEST))
def test_any_value_in_quotes_is_found(value: str) -> None:
    assume(not is_known_example(value))
    assert list(marks_of([("p", value)]).found_in(f'key = "{value}"')) == [(1, "p")]


@given(st.text(), st.text(min_size=SHORTEST))
def test_nothing_is_found_where_it_is_not(text: str, value: str) -> None:
    found = list(marks_of([("p", f"not {value} at all")]).found_in(text))
    assert not found


def test_the_marks_hold_no_value() -> None:
    marks = marks_of([("p", VALUE)])
    assert VALUE[:6] not in repr(vars(marks))
