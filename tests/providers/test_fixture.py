"""The provider `fixture`: values given by hand, and nothing of them where they do not belong."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from estate_config.contract import Context, Writer
from estate_config.errors import Code
from estate_config.model import Deadline, Failed, Found, Key
from estate_config_providers.fixture import ABSENT, GivenValues, spec

URL = Key("database/url", "database_url")
PASSWORD = Key("rds/password", "rds.password")
DEEP = Key("a/b/c", "a.b.c")


def build(values: Any) -> GivenValues:
    built = spec.build(spec.options(values=values), Context(environment="test", folder=Path()))
    assert isinstance(built, GivenValues)
    return built


def values_of(provider: GivenValues, *keys: Key) -> dict[str, object]:
    answers = provider.fetch(keys, Deadline(5))
    return {key.field: answer.value for key, answer in answers.items() if isinstance(answer, Found)}


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({"rds.password": "x"}, {"rds.password": "x"}),
        ({"rds": {"password": "x"}}, {"rds.password": "x"}),
        ({"rds.password": "dotted", "rds": {"password": "nested"}}, {"rds.password": "dotted"}),
        ({"rds": "not a mapping"}, {}),
        ({"rds": {}}, {}),
        ({"password": "x", "rds/password": "x"}, {}),
    ],
)
def test_nested_fields_are_given_dotted_or_nested(values: Mapping[str, Any], found: Mapping[str, object]) -> None:
    assert values_of(build(values), PASSWORD) == found


@pytest.mark.parametrize(
    "values",
    [{"a.b.c": 1}, {"a.b": {"c": 1}}, {"a": {"b.c": 1}}, {"a": {"b": {"c": 1}}}, {"a.b": {}, "a": {"b": {"c": 1}}}],
)
def test_dots_and_nesting_may_be_mixed(values: Mapping[str, Any]) -> None:
    assert values_of(build(values), DEEP) == {"a.b.c": 1}


@pytest.mark.parametrize("value", ["x", "", 0, False, b"x", ["a"], {"a": "b"}, 1.5])
def test_a_value_of_any_type_is_answered_as_it_is(value: object) -> None:
    assert values_of(build({"database_url": value}), URL) == {"database_url": value}


@pytest.mark.parametrize(
    "values", [{}, {"database_url": None}, {"database_url": ABSENT}, lambda _: None, lambda _: ABSENT]
)
def test_nothing_none_and_absent_are_absent(values: Any) -> None:
    assert build(values).fetch([URL], Deadline(5)) == {}


def test_without_options_everything_is_absent() -> None:
    provider = spec.build(spec.options(), Context(environment="test", folder=Path()))
    assert provider.fetch([URL], Deadline(5)) == {}


def test_a_function_is_asked_for_each_key() -> None:
    assert values_of(build(lambda key: f"value of {key.name}"), URL, PASSWORD) == {
        "database_url": "value of database/url",
        "rds.password": "value of rds/password",
    }


def test_a_failure_among_the_values_is_answered_so_that_faults_can_be_played() -> None:
    denied = Failed(Code.DENIED, "is denied, says the test")
    assert build({"database_url": denied}).fetch([URL], Deadline(5)) == {URL: denied}
    assert build(lambda _: denied).fetch([URL], Deadline(5)) == {URL: denied}


def test_a_change_of_the_mapping_is_seen_by_the_next_fetch() -> None:
    values = {"database_url": "first"}
    provider = build(values)
    values["database_url"] = "second"
    assert values_of(provider, URL) == {"database_url": "second"}


def test_what_is_put_is_found_and_the_mapping_that_was_given_stays_as_it_is() -> None:
    values = {"database_url": "given"}
    provider = build(values)
    assert spec.offers == (Writer,)
    assert isinstance(provider, Writer)
    assert provider.put({URL: "put", PASSWORD: b"put"}, Deadline(5)) == {}
    assert values_of(provider, URL, PASSWORD) == {"database_url": "put", "rds.password": b"put"}
    assert values == {"database_url": "given"}


def test_the_place_is_the_name_that_values_are_given_by() -> None:
    place = build({}).locate(PASSWORD)
    assert (place.text, place.fix) == ("fixture: rds.password", 'give the test a value: {"rds.password": …}')
    (answer,) = build({"rds.password": "x"}).fetch([PASSWORD], Deadline(5)).values()
    assert isinstance(answer, Found)
    assert (answer.origin.provider, answer.origin.place) == ("fixture", "fixture: rds.password")


def test_no_value_is_in_the_repr_of_options_or_provider_t3() -> None:
    """T3: what shows how it was set up shows no values."""
    options = spec.options(values={"database_url": "hunter2"})
    provider = spec.build(options, Context(environment="test", folder=Path()))
    assert "hunter2" not in f"{options!r} {options} {provider!r} {provider.fetch([URL], Deadline(5))!r}"


def test_values_that_are_neither_a_mapping_nor_a_function_are_refused_unseen_t1() -> None:
    """T1: pydantic would show its input."""
    with pytest.raises(ValidationError) as caught:
        build("hunter2")
    assert "hunter2" not in str(caught.value)
