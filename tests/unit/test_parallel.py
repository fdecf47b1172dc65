"""The same work for many items at once, never past the deadline."""

from __future__ import annotations

import contextvars
import threading
from types import SimpleNamespace

import pytest

from estate_config import parallel
from estate_config.model import Deadline
from estate_config.parallel import at_once


def test_every_item_once_with_its_result() -> None:
    seen: list[int] = []

    def double(number: int) -> int:
        seen.append(number)
        return number * 2

    assert at_once(double, [1, 2, 3, 2, 1], Deadline(10), limit=2) == {1: 2, 2: 4, 3: 6}
    assert sorted(seen) == [1, 2, 3]


def test_nothing_to_do_starts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[str] = []
    thread = SimpleNamespace(start=lambda: started.append("one"))
    monkeypatch.setattr(parallel, "threading", SimpleNamespace(Thread=lambda **_: thread))
    assert at_once(lambda _: pytest.fail("there is no item"), [], Deadline(10)) == {}
    assert started == []


def test_as_many_at_the_same_time_as_are_allowed() -> None:
    together = threading.Barrier(3)
    assert len(at_once(lambda _: together.wait(10), range(6), Deadline(20), limit=3)) == 6


def test_who_is_late_is_left_out_and_nothing_more_is_begun() -> None:
    release, begun = threading.Event(), []

    def work(number: int) -> int:
        begun.append(number)
        if number:
            release.wait(10)
        return number

    assert at_once(work, range(5), Deadline(0.2), limit=1) == {0: 0}
    release.set()
    assert begun == [0, 1]


def test_the_first_exception_is_raised_here() -> None:
    def fail(number: int) -> None:
        raise KeyError(number)

    with pytest.raises(KeyError):
        at_once(fail, [1, 2], Deadline(10))


def test_it_works_in_the_context_of_who_asked() -> None:
    mark: contextvars.ContextVar[str] = contextvars.ContextVar("mark")
    mark.set("here")
    assert at_once(lambda _: mark.get(), [1, 2], Deadline(10)) == {1: "here", 2: "here"}
