"""A stranger's provider may do anything. The start ends with a clear problem, and nothing is half-loaded."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import pytest

from estate_config import Asked, Code, ConfigurationError, Problem, Settings, lazy, load, secret, setting
from estate_config.errors import ProviderError
from estate_config.model import Deadline, Failed, Found, Key, Origin, Place
from estate_config.settings import loaded
from tests.doubles import Hooked, Shelf, estate, spec_of
from tests.leaks import PLAIN, assert_no_canary_in_error
from tests.unit.conftest import Offer

PLACE = Origin("stranger", "a place")


class Service(Settings):
    token: str = secret("x/token")
    level: str = setting(default="info")


Hook = Callable[[Sequence[Key], Deadline], Any]


def failed_start(offer: Offer, provider: Any, *, deadline: float = 10) -> Problem:
    """Return the problem of the required field, once a lazy instance has failed to load and kept nothing of it."""
    offer(spec_of("stranger", provider))
    settings = lazy(Service)
    with pytest.raises(ConfigurationError) as caught:
        load(settings, config=estate("stranger", deadline=deadline))
    assert loaded(settings) is None
    assert vars(settings) == {}
    assert_no_canary_in_error(caught.value, PLAIN)
    return next(problem for problem in caught.value.problems if problem.field == "token")


def hooked(hook: Hook) -> Shelf:
    return Hooked("stranger", hook)


class _Weird(BaseException):
    pass


class _BadCodeError(ProviderError):
    def __init__(self) -> None:
        super().__init__("DENIED", PLAIN)  # type: ignore[arg-type]  # that is the fault


class _RaisingError(ProviderError):
    @property
    def hint(self) -> str:
        raise RuntimeError(PLAIN)

    @hint.setter
    def hint(self, value: str) -> None:
        pass


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (RuntimeError(PLAIN), "raised RuntimeError in "),
        (KeyboardInterrupt(PLAIN), "raised KeyboardInterrupt in "),
        (SystemExit(PLAIN), "raised SystemExit in "),
        (_Weird(PLAIN), "raised _Weird in "),
        (_BadCodeError(), "raised a ProviderError without a code of ours and a hint in words"),
        (_RaisingError(Code.DENIED, "x"), "raised RuntimeError in "),
        (ProviderError(Code.DENIED, "x", fix=5), "raised a ProviderError without a code"),  # type: ignore[arg-type]
    ],
)
def test_it_raises_anything(offer: Offer, error: BaseException, words: str) -> None:
    def hook(keys: Sequence[Key], deadline: Deadline) -> Any:
        kept = PLAIN  # in the frame that raises
        raise error if kept else AssertionError

    problem = failed_start(offer, hooked(hook))
    assert problem.code is Code.PLUGIN
    assert problem.message.startswith(f'the provider "stranger" {words}')
    assert problem.fix.startswith('the provider "stranger" breaks its contract: report it to its makers')
    assert problem.places == (Asked("stranger", "stranger:x/token", "PLUGIN"),)


class _BadMapping(Mapping[Key, Any]):
    def __getitem__(self, key: Key) -> Any:
        raise RuntimeError(PLAIN)

    def __iter__(self) -> Iterator[Key]:
        raise RuntimeError(PLAIN)

    def __len__(self) -> int:
        return 1


class _NastyKey:
    def __init__(self, key: Key) -> None:
        self.hash = hash(key)

    def __hash__(self) -> int:
        return self.hash

    def __eq__(self, other: object) -> bool:
        raise RuntimeError(PLAIN)


def _answers(reply: object) -> Hook:
    return lambda keys, deadline: dict.fromkeys(keys, reply)


@pytest.mark.parametrize(
    ("hook", "words"),
    [
        (lambda keys, deadline: None, "answered with a NoneType instead of a mapping"),
        (lambda keys, deadline: [PLAIN], "answered with a list instead of a mapping"),
        (lambda keys, deadline: _BadMapping(), "raised RuntimeError in _BadMapping.__iter__ "),
        (lambda keys, deadline: {PLAIN: 1, **dict.fromkeys(keys)}, "answered 1 keys that nobody asked for"),
        (lambda keys, deadline: {Key("y", "y"): Found(PLAIN, PLACE)}, "answered 1 keys that nobody asked for"),
        (lambda keys, deadline: {_NastyKey(keys[0]): Found(PLAIN, PLACE)}, "raised RuntimeError in _NastyKey.__eq__ "),
        (_answers(PLAIN), "answered with a str that is not filled in"),
        (_answers(None), "answered with a NoneType that is not filled in"),
        (_answers(Found(PLAIN, PLAIN)), "answered with a Found that is not filled in"),  # type: ignore[arg-type]
        (_answers(Found(PLAIN, Origin("stranger", 5))), "answered with a Found that is not"),  # type: ignore[arg-type]
        (_answers(Found(PLAIN, Origin("stranger", "x", version=5))), "answered with a Found"),  # type: ignore[arg-type]
        (_answers(Found(PLAIN, Origin("x", "y", fetched_at=5))), "answered with a Found"),  # type: ignore[arg-type]
        (_answers(Found(PLAIN, Origin("x", "y", fetched_at=datetime.min))), "answered with a Found"),  # noqa: DTZ901 - naive
        (_answers(Failed("DENIED", "no")), "answered with a Failed that is not filled in"),  # type: ignore[arg-type]
        (_answers(Failed(Code.DENIED, ["no"])), "answered with a Failed that is not filled in"),  # type: ignore[arg-type]
    ],
)
def test_it_answers_what_the_contract_does_not_know(offer: Offer, hook: Hook, words: str) -> None:
    problem = failed_start(offer, hooked(hook))
    assert problem.code is Code.PLUGIN
    assert problem.message.startswith(f'the provider "stranger" {words}')


class _Nasty:
    """A value that shows itself wherever it can, and breaks what it can."""

    def __repr__(self) -> str:
        return PLAIN

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        raise RuntimeError(PLAIN)

    def __bool__(self) -> bool:
        raise RuntimeError(PLAIN)

    __hash__ = None  # type: ignore[assignment]  # it cannot be hashed either


class _NastyText(str):
    __slots__ = ()

    def __len__(self) -> int:
        raise RuntimeError(PLAIN)

    def __eq__(self, other: object) -> bool:
        raise RuntimeError(PLAIN)

    __hash__ = None  # type: ignore[assignment]  # it cannot be hashed either

    def __repr__(self) -> str:
        return "nasty"


def test_a_value_of_no_known_kind_is_invalid(offer: Offer) -> None:
    problem = failed_start(offer, hooked(_answers(Found(_Nasty(), PLACE))))
    assert problem.code is Code.INVALID
    assert problem.message == "is not valid (declared: str)"


def test_a_text_that_is_none_is_taken_as_plain_text(offer: Offer) -> None:
    offer(spec_of("stranger", hooked(lambda keys, deadline: {k: Found(_NastyText("v"), PLACE) for k in keys})))
    assert type(load(Service, config=estate("stranger")).token) is str


def test_it_changes_what_it_is_given(offer: Offer) -> None:
    def hook(keys: list[Key], deadline: Deadline) -> Any:
        answers = {key: Found("v", PLACE) for key in keys}
        keys.clear()
        deadline.seconds = -1
        deadline._at = 0
        return answers

    offer(spec_of("stranger", hooked(hook)))  # type: ignore[arg-type]  # the contract gives a sequence
    settings = load(Service, config=estate("stranger"))
    assert (settings.token, settings.level) == ("v", "v")


def test_it_puts_the_deadline_off(offer: Offer) -> None:
    release = threading.Event()

    def hook(keys: Sequence[Key], deadline: Deadline) -> Any:
        deadline._at = float("inf")
        release.wait(30)

    started = time.monotonic()
    assert failed_start(offer, hooked(hook), deadline=0.2).code is Code.UNAVAILABLE
    assert time.monotonic() - started < 10
    release.set()


class _BadLocate(Shelf):
    def __init__(self, locate: Callable[[], Any]) -> None:
        super().__init__("stranger")
        self._locate = locate

    def locate(self, key: Key) -> Place:
        place: Place = self._locate()
        return place


def _raises(error: BaseException) -> Any:
    raise error


@pytest.mark.parametrize(
    ("locate", "text"),
    [
        (lambda: _raises(RuntimeError(PLAIN)), "(locate raised RuntimeError)"),
        (lambda: _raises(SystemExit(PLAIN)), "(locate raised SystemExit)"),
        (lambda: PLAIN, "(locate answered with a str)"),
        (lambda: Place(5), "(locate answered with a Place)"),  # type: ignore[arg-type]
    ],
)
def test_it_cannot_say_where_it_looks(offer: Offer, locate: Callable[[], Any], text: str) -> None:
    problem = failed_start(offer, _BadLocate(locate))
    assert (problem.code, problem.places) == (Code.MISSING, (Asked("stranger", text, "absent"),))


class _BadClose(Shelf):
    def __init__(self, close: Callable[[], Any]) -> None:
        super().__init__("stranger", {"x/token": "v"})
        self._close = close

    def close(self) -> None:
        self._close()


@pytest.mark.parametrize("error", [RuntimeError(PLAIN), SystemExit(PLAIN)])
def test_it_closes_badly(offer: Offer, caplog: pytest.LogCaptureFixture, error: BaseException) -> None:
    offer(spec_of("stranger", _BadClose(lambda: _raises(error))))
    assert load(Service, config=estate("stranger")).token == "v"
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert warnings == [f"the provider stranger cannot be closed: {type(error).__name__}"]


def test_it_hangs_when_it_is_closed(
    offer: Offer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("estate_config.loading._CLOSING", 0.1)
    release = threading.Event()
    offer(spec_of("stranger", _BadClose(lambda: release.wait(30))))
    assert load(Service, config=estate("stranger")).token == "v"
    release.set()
    assert "the provider stranger cannot be closed: takes longer than 0.1 seconds" in caplog.text


def test_every_provider_is_closed_once_whatever_came_of_the_load(offer: Offer) -> None:
    good, bad = Shelf("good"), hooked(lambda keys, deadline: _raises(RuntimeError("x")))
    offer(spec_of("good", good), spec_of("stranger", bad))
    with pytest.raises(ConfigurationError):
        load(Service, config=estate("good", "stranger"))
    assert (good.closed, bad.closed) == (1, 1)


def test_what_is_no_provider_at_all(offer: Offer) -> None:
    problem = failed_start(offer, lambda options, context: None)
    assert problem.code is Code.PLUGIN
    assert "raised AttributeError" in problem.message


def test_a_provider_that_hangs_does_not_keep_the_process_from_ending() -> None:
    code = """
import threading
from estate_config import Settings, load_or_exit, secret, use
from estate_config import environments
environments.DEADLINE = 0.2
class Hanging:
    def locate(self, key):
        from estate_config.model import Place
        return Place("nowhere")
    def fetch(self, keys, deadline): threading.Event().wait()
    def close(self): threading.Event().wait()
class Service(Settings):
    token: str = secret()
with use(Service, Hanging()):
    load_or_exit(Service)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 78
    assert "UNAVAILABLE  token\n  double did not answer within 0.2 seconds" in done.stderr
