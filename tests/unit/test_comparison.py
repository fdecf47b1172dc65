"""Two environments side by side: what differs, and no value."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import SecretBytes

from estate_config import Code, Settings, secret
from estate_config.comparison import Difference, Verdict, _hashed, compared
from estate_config.environments import read
from estate_config.model import Failed
from tests.doubles import Shelf, spec_of
from tests.leaks import PLAIN, assert_no_canary
from tests.unit.conftest import Offer


class Service(Settings):
    a: str = secret("a")


@pytest.fixture
def difference(offer: Offer) -> Any:
    def of(first: object, second: object) -> Difference:
        chains = {}
        for name, value in (("one", first), ("two", second)):
            offer(spec_of(name, Shelf(name, {} if value is None else {"a": value})))
            chains[name] = {"chain": [name]}
        estate = read({"environments": chains})
        found = compared(Service, estate, estate.choose("one"), estate.choose("two"))
        (difference,) = found.differences
        assert bool(found.problems) == (difference.verdict is Verdict.UNKNOWN)
        assert_no_canary(repr(found), PLAIN)
        return difference

    return of


@pytest.mark.parametrize(
    ("first", "second", "verdict"),
    [
        ("x", "x", Verdict.SAME),
        ("x", b"x", Verdict.SAME),
        ("x\ud800", "x\ud800", Verdict.SAME),
        (["x"], '["x"]', Verdict.SAME),
        ("x", "y", Verdict.DIFFERENT),
        ('{"a": 1, "b": 2}', '{"b": 3, "a": 4}', Verdict.DIFFERENT),
        ("[1]", "[2]", Verdict.DIFFERENT),
        ('{"a": 1}', '{"b": 1}', Verdict.SHAPE),
        ('{"a": 1}', "x", Verdict.SHAPE),
        ("[1]", "1", Verdict.SHAPE),
        ("[" * 100_000, "x", Verdict.DIFFERENT),
        ("x", None, Verdict.MISSING),
        (None, "x", Verdict.EXTRA),
        (None, None, Verdict.NEITHER),
        ("x", Failed(Code.DENIED, "no"), Verdict.UNKNOWN),
        (Failed(Code.DENIED, "no"), Failed(Code.DENIED, "no"), Verdict.UNKNOWN),
    ],
)
def test_each_pair_has_its_verdict(difference: Any, first: object, second: object, verdict: Verdict) -> None:
    assert difference(first, second).verdict is verdict


def test_places_and_failures_are_named_and_no_value_is(difference: Any) -> None:
    found = difference(PLAIN, Failed(Code.DENIED, "no"))
    assert found.places == ("one:a", "DENIED")
    assert found.secret
    assert_no_canary(json.dumps(found.as_json()) + repr(found), PLAIN)


def test_the_same_value_leaves_no_mark_that_is_the_same_in_the_next_run() -> None:
    assert _hashed(b"x", b"key one") != _hashed(b"x", b"key two")


def test_bytes_are_compared_as_they_are(offer: Offer) -> None:
    class Binary(Settings):
        raw: SecretBytes

    offer(spec_of("one", Shelf("one", {"raw": b"\xff\x00"})))
    offer(spec_of("two", Shelf("two", {"raw": b"\xff\x01"})))
    estate = read({"environments": {name: {"chain": [name]} for name in ("one", "two")}})
    (found,) = compared(Binary, estate, estate.choose("one"), estate.choose("two")).differences
    assert found.verdict is Verdict.DIFFERENT


def test_what_cannot_be_told_says_why_in_which_environment_and_what_to_do(offer: Offer) -> None:
    offer(spec_of("one", Shelf("one", {"a": Failed(Code.UNAVAILABLE, "is sealed", "unseal it")})))
    estate = read({"environments": {"dev": {"chain": ["one"]}, "live": {"chain": ["one"]}}})
    found = compared(Service, estate, estate.choose("dev"), estate.choose("live"))
    assert [(one.field, one.code, one.message, one.fix) for one in found.problems] == [
        ("a", Code.UNAVAILABLE, "in dev: is sealed", "unseal it"),
        ("a", Code.UNAVAILABLE, "in live: is sealed", "unseal it"),
    ]
