"""`observe()`: who asks is told of every read, without a value; who raises stops nothing."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from estate_config import ConfigurationError, Settings, lazy, load, observe, refresh, secret, setting, watch
from estate_config.errors import Code, ProviderError
from estate_config.model import Deadline, Failed, Found, Key, Origin
from estate_config.observing import Event, Fetched, Read, Refused, Swapped, is_observed
from tests.doubles import Hooked, Shelf, estate, spec_of
from tests.leaks import assert_no_canary
from tests.unit.conftest import Offer

CANARY = "canary-5e1b7c20d9"


class Service(Settings):
    token: str = secret("token")
    note: str = secret("note", default="none")
    workers: int = setting(default=1)


@contextmanager
def observed() -> Iterator[list[Event]]:
    events: list[Event] = []
    end = observe(events.append)
    try:
        yield events
    finally:
        end()


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = Deadline(10)
    while not is_so():
        assert deadline.remaining(), "it did not come to that in time"
        time.sleep(0.005)


def loaded(offer: Offer, *shelves: Shelf, **words: Any) -> Service:
    offer(*(spec_of(shelf.name, shelf) for shelf in shelves))
    return load(lazy(Service), config=estate(*(shelf.name for shelf in shelves)), **words)


def of(kind: Callable[..., Event], events: list[Event]) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]  # type: ignore[arg-type]  # a class, all of them


def test_every_read_is_told_with_its_version_and_outcome(offer: Offer) -> None:
    origin = Origin("second", "second:token", "v7", "CURRENT", degraded="from another region")
    first, second = Shelf("first", {"note": ""}), Shelf("second", {"token": Found(CANARY, origin)})
    with observed() as events:
        loaded(offer, first, second)
    reads = of(Read, events)
    assert [(read.field, read.secret, read.provider, read.place, read.outcome) for read in reads] == [
        ("token", True, "first", "first:token", "absent"),
        ("token", True, "second", "second:token", "found"),
        ("note", True, "first", "first:note", "empty"),
        ("note", True, "second", "second:note", "absent"),
        ("workers", False, "first", "first:workers", "absent"),
        ("workers", False, "second", "second:workers", "absent"),
    ]
    assert [(read.version, read.stage, read.degraded) for read in reads[:3]] == [
        (None, None, ""),
        ("v7", "CURRENT", "from another region"),
        (None, None, ""),
    ]
    assert {(event.service, event.environment) for event in events} == {("Service", "here")}
    assert_no_canary(repr(events), CANARY)


def test_every_question_to_a_provider_is_told_with_how_long_it_took_and_when(offer: Offer) -> None:
    before = datetime.now(UTC)
    with observed() as events:
        loaded(offer, Shelf("first", {"token": "t"}), Shelf("second"))
    first, second = of(Fetched, events)
    assert [(one.provider, one.settings, one.outcome) for one in (first, second)] == [
        ("first", 3, "answered"),
        ("second", 2, "answered"),
    ]
    assert before <= first.at <= second.at <= datetime.now(UTC)
    assert timedelta(0) <= timedelta(seconds=second.seconds) <= second.at - first.at + timedelta(milliseconds=50)
    assert {read.at for read in of(Read, events)} == {first.at, second.at}


def test_a_failed_read_is_told_and_who_was_not_asked_after_it_is_not(offer: Offer) -> None:
    shelf = Shelf("first", {"token": Failed(Code.DENIED, "may not be read")})
    with observed() as events, pytest.raises(ConfigurationError):
        loaded(offer, shelf, Shelf("second"))
    assert [(read.provider, read.outcome) for read in of(Read, events) if read.field == "token"] == [
        ("first", "DENIED")
    ]


def _down(keys: object, deadline: object) -> dict[Key, Found]:
    raise ProviderError(Code.UNAVAILABLE, "cannot be reached", "look at the network")


def test_a_provider_that_cannot_answer_at_all_is_told_by_its_code(offer: Offer) -> None:
    with observed() as events, pytest.raises(ConfigurationError):
        loaded(offer, Hooked("down", _down))
    (fetched,) = of(Fetched, events)
    assert fetched.outcome == "UNAVAILABLE"


def test_what_is_given_by_hand_is_no_read(offer: Offer) -> None:
    with observed() as events:
        loaded(offer, Shelf("first", {}), overrides={"token": CANARY})
    assert "token" not in {read.field for read in of(Read, events)}
    assert_no_canary(repr(events), CANARY)


def test_a_new_version_is_told_and_so_is_one_that_is_refused(offer: Offer) -> None:
    shelf = Shelf("first", {"token": "t", "workers": "1"})
    settings = loaded(offer, shelf)
    with observed() as events:
        shelf.values["token"] = "new"
        refresh(settings)
        shelf.values["workers"] = "many"
        refresh(settings)
        refresh(settings)  # the same one: it is told once
    (swapped,), (refused,) = of(Swapped, events), of(Refused, events)
    assert (swapped.service, swapped.fields) == ("Service", ("token",))
    assert [(problem.field, problem.code) for problem in refused.problems] == [("workers", Code.INVALID)]


def test_what_a_watch_reads_to_compare_it_is_told_too(offer: Offer) -> None:
    shelf = Shelf("first", {"token": CANARY, "note": Failed(Code.DENIED, "may not be read")})
    down = Hooked("down", lambda keys, deadline: {})
    settings = loaded(offer, Shelf("first", {"token": CANARY}), down)
    offer(spec_of("first", shelf), spec_of("down", Hooked("down", _down)))
    with observed() as events, watch(settings, every=0.01):
        wait_until(lambda: {"first", "down"} <= {one.provider for one in of(Fetched, events)})
        wait_until(lambda: {"first", "down"} <= {one.provider for one in of(Read, events)})
    told = {(read.field, read.provider): (read.outcome, read.place) for read in reversed(of(Read, events))}
    assert told["token", "first"] == ("found", "first:token")
    assert told["note", "first"] == ("DENIED", "first:note")
    assert told["workers", "first"] == ("absent", "first:workers")
    assert told["workers", "down"] == ("UNAVAILABLE", "down:workers")
    assert {one.provider: one.outcome for one in of(Fetched, events)} == {"first": "answered", "down": "UNAVAILABLE"}
    assert_no_canary(repr(events), CANARY)


def test_an_observer_that_raises_stops_nothing_and_its_words_are_not_shown(
    offer: Offer, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(event: Event) -> None:
        raise ValueError(CANARY)

    end = observe(broken)
    try:
        with observed() as events, caplog.at_level(logging.DEBUG):
            assert loaded(offer, Shelf("first", {"token": "t"})).token == "t"
    finally:
        end()
    assert len(events) == 4
    assert caplog.text.count("an observer raised ValueError in ") == 4
    assert "broken" in caplog.text
    assert_no_canary(caplog.text, CANARY)


def test_who_has_ended_hears_no_more_and_ending_twice_is_fine(offer: Offer) -> None:
    events: list[Event] = []
    end = observe(events.append)
    assert is_observed()
    end()
    end()
    assert not is_observed()
    loaded(offer, Shelf("first", {"token": "t"}))
    assert events == []


def test_an_event_can_be_made_by_hand_and_bears_its_time() -> None:
    read = Read("ai", "here", "token", True, "first", "first:token", "found")
    assert read.at.tzinfo is UTC
    assert replace(read, at=read.at) == read
