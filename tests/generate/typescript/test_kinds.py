"""Every type that there is in TypeScript: it takes the texts that Python takes, and they mean the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr

from tests.generate.typescript.both import Both
from tests.generate.typescript.schemas import Kinds

pytestmark = pytest.mark.xdist_group("node")

SCHEMA = "kinds"

TEXTS: dict[str, list[str]] = {
    "text": ["a", " a ", "0123", "true", "[1]", "漢字🔑", "a\nb"],
    "sized": ["a", "ab", "abcd", "abcde", "🔑", "🔑🔑🔑🔑"],
    "spelled": ["a/b", "A", "a\nb", "/", "a1"],
    "whole": [
        "1",
        "-1",
        "+1",
        " 1 ",
        "007",
        "1_000",
        "1__0",
        "_1",
        "1_",
        "1.0",
        "1.",
        "1.5",
        "1e3",
        "0x10",
        "\uff19",
        "a",
        "-0",
    ],
    "ranged": ["0", "1", "9", "10", "-1"],
    "even": ["2", "3", "-4", "0"],
    "real": ["1", "1.5", ".5", "5.", "1e3", "1E-3", "-1.5", "+1", "1_0.5", " 1 ", "0x10", "a", "1e", ".", "1,5"],
    "flag": ["1", "0", "true", "TRUE", "t", "yes", "Y", "on", "off", "f", "No", "n", "2", "ja", " true", "wahr"],
    "level": ["debug", "info", "Debug", "warn", " info"],
    "region": ["north", "south", "NORTH", "Region.NORTH", "west"],
    "url": [
        "https://a/b",
        "x:y",
        "a",
        "postgresql://h/d",
        "http://",
        "https://a:99999/",
        "https://[::1]/",
        "//a",
        "http://a b",
    ],
    "page": ["https://a/b", "http://a", "ftp://a", "https:///", "a", "https://a:b", "HTTPS://A"],
    "dsn": [
        "postgresql://u:p%40@h:5432/d",
        "postgres://h",
        "postgresql+asyncpg://u@h/d",
        "postgresql://h1:1,h2:2/d",
        "postgresql://u:p@h1,h2/d",
        "postgresql:///d",
        "postgresql://",
        "postgresql://h:port/d",
        "postgresql://h1:1,h2:x/d",
        "mysql://h/d",
        "h",
    ],
    "span": [
        "90",
        "1.5",
        "90d",
        "1h30m",
        "1h 30m",
        "250ms",
        "1H",
        "2w",
        "P1D",
        "PT1H30M",
        "PT0.5S",
        "P1W",
        "P",
        "PT",
        "1x",
        "h",
    ],
    "bounded": ["0", "1s", "1d", "25h", "P2D"],
    "words": ["a", "a,b", " a , b ,", ",", "[]", '["a", "b"]', "[1]", '["a"', '[["a"]]', "a,[b]"],
    "numbers": ["1", "1,2", "1,a", "[1, 2]", '["1"]', "[1.0]", "[1.5]", "[true]", "[]", "1,2,3,4", "[null]"],
    "once": ["a,b,a", '["b", "a", "b"]', "a"],
    "several": ["1", "1.5,2", "[1, 2.5]", "a"],
    "limits": ['{"a": 1}', '{"a": "2"}', '{"a": "b"}', "{}", "[1]", "a", '{"a"', "1", "null"],
    "anything": ['{"a": [1, {"b": null}]}', "{}", "[]"],
    "login": [
        '{"user": "u"}',
        '{"user": "u", "port": "1", "more": 2}',
        '{"port": 1}',
        '{"user": 1}',
        "u",
        '{"user": "u", "password": null}',
    ],
    "closed": ['{"user": "u"}', '{"user": "u", "more": 2}', "{}"],
    "logins": ['[{"user": "u"}]', '[{"user": "u"}, {"port": 1}]', "[]", "u", '[{"user": "u", "password": "p"}]'],
    "raw": ["a", "漢字"],
    "path": ["/a/b", "a"],
}


def plain(value: Any) -> Any:
    """A value of Python as JSON has it, durations in milliseconds."""
    for kind, convert in _PLAIN:
        if isinstance(value, kind):
            return convert(value)
    return value


_PLAIN: tuple[tuple[type | tuple[type, ...], Callable[[Any], Any]], ...] = (
    (SecretStr, SecretStr.get_secret_value),
    (Enum, lambda value: value.value),
    (timedelta, lambda value: value / timedelta(milliseconds=1)),
    (bytes, lambda value: {"hex": value.hex()}),
    (BaseModel, lambda value: {name: plain(getattr(value, name)) for name in type(value).model_fields}),
    ((list, tuple), lambda value: [plain(item) for item in value]),
    (set, sorted),
    (Path, str),
)


def test_every_type_is_tried() -> None:
    assert TEXTS.keys() == Kinds.model_fields.keys()


def test_defaults_are_those_of_python(both: Both) -> None:
    answer = both.load({})
    assert answer["values"] == {name: plain(getattr(answer["python"], name)) for name in Kinds.model_fields}


@pytest.mark.parametrize("field", TEXTS)
def test_a_text_means_what_it_means_in_python(both: Both, field: str) -> None:
    for text in TEXTS[field]:
        answer = both.load({field.upper(): text})
        if "python" not in answer:
            continue
        value = answer["values"][field]
        if field in ("url", "page", "dsn"):
            assert value == text  # as it came: Python's classes may spell it in another way
        elif field == "once":
            assert sorted(value) == plain(answer["python"].once)
        else:
            assert value == plain(getattr(answer["python"], field)), text


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(["whole", "real", "flag", "span", "words", "numbers", "limits"]),
    st.text('0123456789+-_.eE ,[]{}":adhmnsPT', min_size=1, max_size=8),
)
def test_any_text_is_taken_or_refused_as_in_python(both: Both, field: str, text: str) -> None:
    answer = both.load({field.upper(): text})
    if "python" in answer:
        assert answer["values"][field] == plain(getattr(answer["python"], field))


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.text(max_size=4), st.integers(-(2**53) + 1, 2**53 - 1), max_size=4))
def test_json_that_python_wrote_is_read(both: Both, limits: dict[str, int]) -> None:
    limits.pop("__proto__", None)
    text = json.dumps(limits)
    assert both.load({"LIMITS": text})["values"]["limits"] == limits
