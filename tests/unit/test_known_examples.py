"""Values of examples: recognised, and refused where the environment forbids them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estate_config import Code, ConfigurationError, Settings, load, secret, setting
from estate_config.known_examples import is_known_example
from tests.leaks import assert_no_canary_in_error


class Service(Settings):
    jwt_secret: str = secret("jwt/secret")
    key: str = secret(examples=["sk-example-1"], default="k")
    url: str = secret(template="postgresql://app:{jwt_secret}@host/db")
    mode: str = setting(default="changeme")


def config(*, forbid: bool, **values: str) -> dict[str, Any]:
    production = {"chain": ["fixture"], "forbid_examples": forbid}
    return {
        "default_environment": "production",
        "environments": {"production": production},
        "providers": {"fixture": {"values": values}},
    }


@pytest.mark.parametrize(
    "text",
    [
        "supersecretjwtkey",
        "postgresql://user:password@localhost:5432/mydb",
        "postgresql://user:password@localhost:5432/estate_db",
        "your-local-jwt-secret",
        "your-openai-key",
        "changeme",
        " CHANGE-ME\n",
        "replace_me",
        "<openai/api_key>",
        "xxxxxxxx",
        "…",
        "TODO",
        "my-secret",
        "AKIAIOSFODNN7EXAMPLE",
    ],
)
def test_what_stands_in_documents_is_known(text: str) -> None:
    assert is_known_example(text)


@pytest.mark.parametrize(
    "text", ["sk-live-1", "", "correct horse", "postgresql://estate:pw@db/estate", "xx", "<", "0123"]
)
def test_what_may_be_real_is_not(text: str) -> None:
    assert not is_known_example(text)


@given(st.from_regex(r"[A-Za-z0-9]{24,40}", fullmatch=True))
def test_a_long_random_text_is_no_example(text: str) -> None:
    assert not is_known_example(f"0{text}")


def test_an_environment_that_forbids_examples_stops_the_start_and_says_each_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(Service, config=config(forbid=True, jwt_secret="supersecretjwtkey", key="sk-example-1"))
    problems = {problem.field: problem for problem in caught.value.problems}
    assert {name: problem.code for name, problem in problems.items()} == dict.fromkeys(
        ("jwt_secret", "key"), Code.PLACEHOLDER
    )
    assert problems["jwt_secret"].places[0].outcome == "found"
    assert_no_canary_in_error(caught.value, "supersecretjwtkey")


def test_one_that_does_not_starts() -> None:
    loaded = load(Service, config=config(forbid=False, jwt_secret="supersecretjwtkey"))
    assert loaded.jwt_secret == "supersecretjwtkey"


def test_settings_that_are_no_secrets_may_look_as_they_like() -> None:
    assert load(Service, config=config(forbid=True, jwt_secret="a real one", mode="changeme")).mode == "changeme"
