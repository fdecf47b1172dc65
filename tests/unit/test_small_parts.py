"""The small parts that several others lean on: values by hand, did-you-mean, where an error was raised, templates."""

from __future__ import annotations

import dataclasses
import random
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import BaseModel

from estate_config.errors import Asked, Code, Problem
from estate_config.handmade import CLOSED, NOWHERE, at
from estate_config.jitter import between
from estate_config.model import Failed, Found, Key, Notice, Origin, Place
from estate_config.naming import variable_name
from estate_config.redaction import where
from estate_config.suggest import did_you_mean
from estate_config.templates import placeholders, render
from tests.leaks import PLAIN, assert_no_canary


class Model(BaseModel):
    c: int = 1


class TestValuesByHand:
    @pytest.mark.parametrize(
        "values",
        [
            {"a.b.c": 1},
            {"a.b": {"c": 1}},
            {"a": {"b.c": 1}},
            {"a": {"b": {"c": 1}}},
            {"a": {"b": Model()}},
            {"a.b": {}, "a": {"b": {"c": 1}}},
        ],
    )
    def test_dotted_nested_or_models_in_any_mixture(self, values: Any) -> None:
        assert at(values, ("a", "b", "c")) == 1

    @pytest.mark.parametrize(
        "values", [{}, {"a": {}}, {"a": 5}, {"a": {"b": Model}}, {"b": {"c": 1}}, {"a": {"b": {}}}]
    )
    def test_nowhere(self, values: Any) -> None:
        assert at(values, ("a", "b", "c")) is NOWHERE
        assert at({"a": Model()}, ("a", "d")) is NOWHERE

    def test_none_for_an_enclosing_one_is_an_answer_and_none_for_the_field_is_its_value(self) -> None:
        assert at({"a": None}, ("a", "b", "c")) is CLOSED
        assert at({"a": {"b": {"c": None}}}, ("a", "b", "c")) is None


class TestDidYouMean:
    def test_what_is_close_is_offered_in_its_own_spelling(self) -> None:
        assert did_you_mean("databse_url", ["database_url", "x"]) == '; did you mean "database_url"?'
        assert did_you_mean("database_url", ["DATABASE_URL"]) == '; did you mean "DATABASE_URL"?'

    def test_else_what_there_is(self) -> None:
        assert did_you_mean("zzz", ["b", "a"]) == "; there is: a, b"
        assert did_you_mean("zzz", []) == ""

    @given(st.text(), st.lists(st.text()))
    def test_it_always_says_something_or_nothing(self, word: str, known: list[str]) -> None:
        assert did_you_mean(word, known) == "" or did_you_mean(word, known).startswith("; ")


class TestWhere:
    def test_it_names_the_function_and_line_and_nothing_that_was_said(self) -> None:
        def inner() -> None:
            raise ValueError(PLAIN)

        with pytest.raises(ValueError, match=PLAIN) as caught:
            inner()
        said = where(caught.value)
        assert said.startswith(
            "TestWhere.test_it_names_the_function_and_line_and_nothing_that_was_said.<locals>.inner ("
        )
        assert "test_small_parts.py:" in said
        assert_no_canary(said, PLAIN)

    def test_one_that_was_never_raised_was_raised_nowhere(self) -> None:
        assert where(ValueError("x")) == ""


class TestTemplates:
    @given(st.dictionaries(st.text("abc", min_size=1), st.text(), min_size=1))
    def test_outside_of_urls_a_template_is_its_parts(self, parts: dict[str, str]) -> None:
        template = "|".join(f"{{{name}}}" for name in parts)
        assert placeholders(template) == list(parts)
        assert render(template, list(parts.values())) == "|".join(parts.values())

    @given(st.text(st.characters()))
    @example("\ud800")
    def test_in_a_url_no_part_changes_what_stands_around_it(self, part: str) -> None:
        built = render("db://u:{p}@h/d", [part])  # also half of a surrogate pair: the error would hold the part
        assert built.startswith("db://u:")
        assert built.endswith("@h/d")
        assert not set(built[len("db://u:") : -len("@h/d")]) & set("@/:?#[] ")


@given(st.text(), st.text("ABC_"))
def test_t27_a_variable_s_name_is_one_that_a_shell_can_set(name: str, prefix: str) -> None:
    """T27: one naming rule for every provider that has variables."""
    variable = variable_name(name, prefix)
    assert variable == "" or variable.isidentifier()
    assert variable == variable.upper()


@pytest.mark.parametrize(
    "thing",
    [
        Found(PLAIN, Origin("aws", "x")),
        Key("x", "x"),
        Place("x", "fix"),
        Failed(Code.DENIED, "x"),
        Notice(Code.UNKNOWN, "x", "y"),
        Asked("x", "y", "z"),
        Problem("x", Code.DENIED, "y"),
    ],
)
def test_what_passes_between_the_core_and_a_provider_is_frozen_and_shows_no_value(thing: Any) -> None:
    assert_no_canary(f"{thing!r} {thing}", PLAIN)
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(thing, dataclasses.fields(thing)[0].name, "x")
    with pytest.raises(TypeError):
        vars(thing)


class TestJitter:
    def test_a_service_that_seeds_random_keeps_its_own_numbers(self) -> None:
        before = random.getstate()
        assert 2.0 <= between(2, 3) <= 3.0
        assert random.getstate() == before

    def test_two_processes_that_seed_random_alike_do_not_march_in_step(self) -> None:
        drawn = []
        for _ in range(2):
            random.seed(7)
            drawn.append([between(0, 1) for _ in range(4)])
        assert drawn[0] != drawn[1]
