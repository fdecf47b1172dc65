"""The steps with a provider that is not ours: it may raise, hang, and hand out what it likes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from threading import Event
from typing import Any

import pytest

from estate_config import ConfigurationError, environments
from estate_config.contract import Prober, Rotator
from estate_config.errors import Code, ProviderError
from estate_config.model import Deadline, Failed, Found, Key, Origin, Status
from estate_config.rotation.choosing import rotation_of
from estate_config.rotation.steps import Rotation, Step, perform, standing
from estate_config.rotation.ways import Generated
from tests.doubles import Shelf, link, spec_of
from tests.leaks import PLAIN, assert_no_canary
from tests.unit.conftest import Offer


class Stages(Shelf):
    """Versions by stage: `(id, value)`."""

    current, pending, previous = "NOW", "NEXT", "BEFORE"

    def __init__(self, **versions: tuple[str, object]) -> None:
        super().__init__("stages")
        self.versions = versions

    def probe(self, keys: Sequence[Key], deadline: Deadline) -> Mapping[Key, Status | Failed]:
        known = {key: self.versions.get(key.stage or "NOW") for key in keys}
        return {key: Status("it", version=one[0]) for key, one in known.items() if one}

    def fetch(self, keys: Sequence[Key], deadline: Deadline) -> Mapping[Key, Found | Failed]:
        known = {key: self.versions.get(key.stage or "NOW") for key in keys}
        return {key: Found(one[1], Origin("stages", "it", one[0])) for key, one in known.items() if one}

    def put_pending(self, key: Key, value: str, version: str, deadline: Deadline) -> Failed | None:
        self.versions["NEXT"] = (version, value)
        return None

    def make_current(self, key: Key, version: str, before: str, deadline: Deadline) -> Failed | None:
        assert (self.versions["NOW"][0], self.versions["NEXT"][0]) == (before, version)
        self.versions["BEFORE"], self.versions["NOW"] = self.versions["NOW"], self.versions["NEXT"]
        return None


def rotation_on(provider: Stages, seconds: float = 10) -> Rotation:
    made = link(provider, stages=True, offers=(Prober, Rotator))
    return Rotation("x", "here", made, Key("x", "x"), Generated(32), None, timedelta(0), seconds)


def test_any_provider_with_stages_can_rotate() -> None:
    stages = Stages(NOW=("1", "made-up"))
    for step in Step:
        assert perform(rotation_on(stages), step, "2") is None
    assert (stages.versions["NOW"][0], stages.versions["BEFORE"]) == ("2", ("1", "made-up"))


def test_the_command_that_goes_on_is_for_the_same_secret_and_environment() -> None:
    rotation = replace(rotation_on(Stages(NOW=("1", "x"), NEXT=("2", "y"))), name="rds!db-1", environment="staging")
    failed = perform(rotation, Step.SET, "3")
    assert failed is not None
    assert failed.fix == "estate rotate 'rds!db-1' --env staging   # goes on with what has begun"


@pytest.mark.parametrize("method", ["probe", "fetch", "put_pending"])
@pytest.mark.parametrize(
    ("raised", "code", "words"),
    [
        (ValueError(PLAIN), Code.PLUGIN, "ValueError in "),
        (ProviderError(Code.CREDENTIALS, "has none", "log in"), Code.CREDENTIALS, "has none"),
    ],
)
def test_what_a_provider_raises_is_a_problem_without_its_words(
    monkeypatch: pytest.MonkeyPatch, method: str, raised: Exception, code: Code, words: str
) -> None:
    def fail(self: Any, *args: Any) -> Any:
        raise raised

    monkeypatch.setattr(Stages, method, fail)
    failed = perform(rotation_on(Stages(NOW=("1", PLAIN))), Step.CREATE, "2")
    assert failed is not None
    assert failed.code is code
    assert words in failed.hint
    assert_no_canary(repr(failed), PLAIN)


def test_a_provider_that_hangs_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = Event()
    monkeypatch.setattr(Stages, "fetch", lambda *_: gone.wait(30))
    failed = perform(rotation_on(Stages(NOW=("1", "x")), seconds=0.2), Step.CREATE, "2")
    gone.set()
    assert failed is not None
    assert failed.code is Code.UNAVAILABLE
    assert "within 0.2 seconds" in failed.hint


def test_what_is_no_text_is_not_rotated() -> None:
    failed = perform(rotation_on(Stages(NOW=("1", b"\xff"))), Step.CREATE, "2")
    assert failed is not None
    assert failed.code is Code.MALFORMED


def test_what_waits_may_be_what_is_current() -> None:
    """AWS tries a function when rotation is configured: the step test, of a version that it takes away again."""
    assert perform(rotation_on(Stages(NOW=("1", "same"), NEXT=("2", "same"))), Step.TEST, "2") is None


def test_where_the_current_version_cannot_be_looked_at_the_reason_is_handed_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    denied = Failed(Code.DENIED, "may not be looked at")
    monkeypatch.setattr(Stages, "probe", lambda self, keys, deadline: {keys[0]: denied})
    assert standing(rotation_on(Stages())) == denied


def test_the_first_provider_of_the_chain_that_can_rotate_is_asked(offer: Offer) -> None:
    offer(
        spec_of("plain", Shelf("plain")),
        spec_of("stages", Stages(), stages=True, offers=(Prober, Rotator)),
        spec_of("liar", Shelf("liar"), stages=True, offers=(Prober, Rotator)),
    )
    rotates = {"x": {"kind": "generated"}, "arn:aws:x": {"kind": "generated"}}
    chains = {"here": {"chain": ["plain", "liar", "stages"]}, "there": {"chain": ["plain", "liar"]}}
    estate = environments.read({"environments": chains, "rotation": rotates})
    rotation = rotation_of(estate, estate.choose("here"), "x")
    assert (rotation.link.name, rotation.key.address) == ("stages", None)
    assert rotation_of(estate, estate.choose("here"), "arn:aws:x").key.address == "arn:aws:x"
    with pytest.raises(ConfigurationError, match="no provider in the chain of there can rotate: plain, liar"):
        rotation_of(estate, estate.choose("there"), "x")
