"""Parts of a stored value: members as text, and writing them without losing their siblings."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estate_config.errors import Code
from estate_config.model import Failed
from estate_config.payload import member_of, part_of, split_member, with_members
from tests.leaks import PLAIN, assert_no_canary

DOCUMENT = '{"text": "0123", "number": 1.10, "big": 12345678901234567890, "list": [1, "ü"], '
DOCUMENT += '"deep": {"ports": [1.10, 1E5], "far": 1e999}, "yes": true, "none": null}'


@pytest.mark.parametrize(
    ("address", "parts"),
    [("a/b", ("a/b", None)), ("a/b#c", ("a/b", "c")), ("a#b#c", ("a", "b#c")), ("a#", ("a", ""))],
)
def test_an_address_may_name_a_member(address: str, parts: tuple[str, str | None]) -> None:
    assert split_member(address) == parts


@pytest.mark.parametrize(
    ("member", "text"),
    [
        ("text", "0123"),
        ("number", "1.10"),
        ("deep", '{"ports": [1.10, 1E5], "far": 1e999}'),
        ("big", "12345678901234567890"),
        ("list", '[1, "ü"]'),
        ("yes", "true"),
        ("absent", None),
    ],
)
def test_t13_a_member_keeps_the_digits_it_was_written_with(member: str, text: str | None) -> None:
    assert member_of(DOCUMENT, member) == text


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        (f'{{"a": "{PLAIN}', Code.MALFORMED, "is not JSON (line 1, column 7)"),
        ("[" * 100_000, Code.MALFORMED, "nested too deeply"),
        (f'["{PLAIN}"]', Code.MALFORMED, "is JSON but not an object"),
        ("9" * 5000, Code.MALFORMED, "is not JSON, and"),
        ('{"a": null}', Code.NO_VALUE, "it is null"),
    ],
)
def test_t2_what_cannot_be_read_is_said_by_its_position_alone(text: str, code: Code, words: str) -> None:
    answer = member_of(text, "a")
    assert isinstance(answer, Failed)
    assert answer.code is code
    assert words in answer.hint
    assert_no_canary(repr(answer), PLAIN)


def test_bytes_are_given_as_they_are_or_read_as_text() -> None:
    assert part_of(b"\xff", None, binary=True) == b"\xff"
    assert part_of(b'{"a": "x"}', "a", binary=False) == "x"
    assert part_of("text", None, binary=False) == "text"
    undecodable = part_of(b"\xff", None, binary=False)
    assert isinstance(undecodable, Failed)
    assert undecodable.code is Code.MALFORMED


def test_members_are_written_beside_their_siblings() -> None:
    assert with_members(None, {"a": "1"}) == '{"a": "1"}'
    assert json.loads(str(with_members('{"b": 2, "a": "0"}', {"a": "1"}))) == {"b": 2, "a": "1"}
    assert with_members('{ "a" : "1" }', {"a": "1"}) == '{ "a" : "1" }'


@pytest.mark.parametrize(
    "number",
    [
        "1.10",
        "1E5",
        "-0",
        "12345678901234567890.1234567890",
        "1e999",
        "NaN",
        "7" * 5000,
        '[0.10, {"x": 1e-7}]',
        '"1.10"',
    ],
)
def test_t13_the_numbers_beside_a_member_that_is_written_keep_their_digits(number: str) -> None:
    assert with_members(f'{{"n": {number}, "a": 1.10}}', {"a": "1"}) == f'{{"n": {number}, "a": "1"}}'


@pytest.mark.parametrize("text", ["no JSON", "[1]", "[" * 100_000])
def test_a_text_that_would_be_lost_is_not_written_over(text: str) -> None:
    refused = with_members(text, {"a": "1"})
    assert isinstance(refused, Failed)
    assert refused.code is Code.MALFORMED


@given(st.dictionaries(st.text(), st.text()), st.text(), st.text())
def test_what_is_written_is_read(document: dict[str, str], member: str, value: str) -> None:
    written = with_members(json.dumps(document), {member: value})
    assert isinstance(written, str)
    assert member_of(written, member) == value
    assert json.loads(written) == {**document, member: value}
