"""The deadline of a load, and the limit of a provider within it: nobody is waited for any longer."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from estate_config import Code, Settings, secret, setting
from estate_config.model import Deadline, Failed, Found, Key, Origin
from estate_config.resolve import resolve
from estate_config.schema import settings_of
from tests.doubles import Hooked, Shelf, link
from tests.unit.test_resolve import answer_of, steps


class TestTheDeadline:
    @pytest.fixture
    def hanging(self) -> Any:
        release = threading.Event()
        yield lambda keys, deadline: release.wait(30) and {}
        release.set()

    def test_a_provider_that_hangs_is_unavailable_when_the_deadline_is_over(self, hanging: Any) -> None:
        started = time.monotonic()
        answer = answer_of(link(Hooked("aws", hanging)), seconds=0.2)
        assert 0.2 <= time.monotonic() - started < 5
        assert answer.failed == Failed(
            Code.UNAVAILABLE,
            "aws did not answer within 0.2 seconds",
            "look whether it can be reached; a longer deadline is set in estate.toml",
        )

    def test_what_others_answered_stands(self, hanging: Any) -> None:
        class Service(Settings):
            one: str = secret(providers=("aws",))
            two: str = secret(providers=("env",))

        chain = [link(Hooked("aws", hanging)), link(Shelf("env", {"two": "v"}))]
        answers = resolve(settings_of(Service), chain, Deadline(0.2)).answers
        assert steps(answers["one"]) == [("aws", "UNAVAILABLE")]
        assert steps(answers["two"]) == [("env", "found")]

    def test_the_one_after_it_still_has_its_turn_where_the_chain_says_so(self, hanging: Any) -> None:
        left: list[float] = []

        def look(keys: Sequence[Key], deadline: Deadline) -> Mapping[Key, Found]:
            left.append(deadline.remaining())
            return {key: Found("v", Origin("dotenv", "x")) for key in keys}

        chain = [link(Hooked("aws", hanging), next_on={Code.UNAVAILABLE}), link(Hooked("dotenv", look))]
        assert steps(answer_of(*chain, seconds=0.1)) == [("aws", "UNAVAILABLE"), ("dotenv", "found")]
        assert left[0] > 0

    def test_one_with_a_limit_is_left_at_it_and_the_next_has_the_time_that_is_left(self, hanging: Any) -> None:
        left: list[float] = []

        def look(keys: Sequence[Key], deadline: Deadline) -> Mapping[Key, Found]:
            left.append(deadline.remaining())
            return {key: Found("x", Origin("next", "x")) for key in keys}

        slow = replace(link(Hooked("slow", hanging), next_on=[Code.UNAVAILABLE]), limit=0.05)
        answer = answer_of(slow, link(Hooked("next", look)), seconds=20)
        assert steps(answer) == [("slow", "UNAVAILABLE"), ("next", "found")]
        assert 15 < left[0] < 20

    def test_one_with_a_limit_says_which(self, hanging: Any) -> None:
        answer = answer_of(replace(link(Hooked("slow", hanging)), limit=0.05), seconds=20)
        assert answer.failed is not None
        assert answer.failed.hint == "slow did not answer within 0.05 seconds"

    def test_a_provider_that_serves_other_keys_too_is_not_blamed_for_one_that_hangs(self, hanging: Any) -> None:
        class Service(Settings):
            token: str = secret()
            level: str = setting()

        chain = [link(Hooked("aws", hanging), secrets_only=True), link(Shelf("env", {"level": "info"}))]
        answers = resolve(settings_of(Service), chain, Deadline(0.1)).answers
        assert steps(answers["level"]) == [("env", "found")]

    def test_two_that_hang_one_after_the_other_end_too(self, hanging: Any) -> None:
        chain = [link(Hooked("a", hanging), next_on={Code.UNAVAILABLE}), link(Hooked("b", hanging))]
        assert steps(answer_of(*chain, seconds=0.1)) == [("a", "UNAVAILABLE"), ("b", "UNAVAILABLE")]

    def test_an_answer_that_comes_too_late_is_not_taken(self) -> None:
        release, asked_b = threading.Event(), threading.Event()

        def late(keys: Sequence[Key], deadline: Deadline) -> Mapping[Key, Found]:
            release.wait(10)
            return {key: Found("late", Origin("a", "x")) for key in keys}

        def after(keys: Sequence[Key], deadline: Deadline) -> Mapping[Key, Found]:
            release.set()  # now `a` answers, while `b` is being asked
            late_thread = next(t for t in threading.enumerate() if t.name == "estate-config-a")
            late_thread.join(10)
            asked_b.set()
            return {key: Found("b's", Origin("b", "x")) for key in keys}

        chain = [link(Hooked("a", late), next_on={Code.UNAVAILABLE}), link(Hooked("b", after))]
        answer = answer_of(*chain, seconds=0.1)
        assert asked_b.is_set()
        assert answer.found is not None
        assert answer.found.value == "b's"

    def test_t7_the_deadline_does_not_move_with_the_clock_on_the_wall(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """T7: a monotonic clock."""
        deadline = Deadline(100)
        monkeypatch.setattr(time, "time", lambda: 0.0)
        assert 99 < deadline.remaining() <= 100
        monkeypatch.setattr(time, "monotonic", lambda: 1e12)
        assert deadline.remaining() == 0
