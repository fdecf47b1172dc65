"""`explain()`: where every value came from, and never the value."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime, timedelta

import pytest

from estate_config import Asked, ConfigurationError, Settings, explain, lazy, load, secret, setting
from estate_config.contract import Inspector
from estate_config.errors import Code
from estate_config.model import Found, Notice, Origin
from tests.doubles import Shelf, estate, spec_of
from tests.leaks import PLAIN, assert_no_canary
from tests.unit.conftest import Offer
from tests.unit.test_resolve import Looking

FETCHED = datetime.now(UTC) - timedelta(seconds=90)


class Service(Settings):
    token: str = secret("x/token")
    url: str = secret(template="http://{token}/")
    level: str = setting(default="info")
    region: str = setting()


@pytest.fixture
def settings(offer: Offer) -> Service:
    found = Found(PLAIN, Origin("aws", "estate/x/token", "v-17", "AWSCURRENT", FETCHED))
    notice = Notice(Code.UNKNOWN, "APP_TYPO", "nothing reads it", "unset APP_TYPO")
    offer(
        spec_of("env", Looking("env", [notice]), offers=(Inspector,)), spec_of("aws", Shelf("aws", {"x/token": found}))
    )
    return load(Service, config=estate("env", "aws"), overrides={"region": "r"})


def test_it_tells_the_winner_its_place_version_and_age_and_who_was_asked_before(settings: Service) -> None:
    token = explain(settings)["token"]
    assert (token.provider, token.place, token.version, token.stage) == ("aws", "estate/x/token", "v-17", "AWSCURRENT")
    assert token.fetched_at == FETCHED
    assert token.age == pytest.approx((datetime.now(UTC) - FETCHED).total_seconds(), abs=5)
    assert token.asked == (Asked("env", "env:x/token", "absent"), Asked("aws", "estate/x/token", "found"))
    assert token.secret


def test_it_tells_of_what_no_provider_gave(settings: Service) -> None:
    told = explain(settings)
    assert (told["level"].provider, told["level"].place, told["level"].age) == ("default", "the schema", None)
    assert (told["region"].provider, told["region"].place) == ("override", "region")
    assert (told["url"].provider, told["url"].place) == ("template", "built from token")
    assert [step.outcome for step in told["level"].asked] == ["absent", "absent"]


def test_it_can_be_walked_and_counted(settings: Service) -> None:
    told = explain(settings)
    assert [item.field for item in told] == ["token", "url", "level", "region"]
    assert len(told) == 4
    with pytest.raises(KeyError):
        told["nope"]


def test_it_tells_what_was_warned_of(settings: Service) -> None:
    (warning,) = explain(settings).warnings
    assert (warning.code, warning.places[0].place) == (Code.UNKNOWN, "APP_TYPO")


def test_machines_read_it_as_json(settings: Service) -> None:
    told = json.loads(json.dumps(explain(settings).as_json()))
    assert (told["service"], told["environment"], told["chain"]) == ("Service", "here", ["env", "aws"])
    token = told["settings"][0]
    assert (token["field"], token["fetched_at"], token["version"]) == ("token", FETCHED.isoformat(), "v-17")
    assert token["asked"][0] == {"provider": "env", "place": "env:x/token", "outcome": "absent"}
    assert told["settings"][2]["fetched_at"] is None
    assert told["warnings"][0]["code"] == "UNKNOWN"


def test_it_holds_no_value(settings: Service) -> None:
    told = explain(settings)
    for shown in (told, told.as_json(), dataclasses.asdict(told), settings.__estate__):  # type: ignore[attr-defined]
        assert_no_canary(repr(shown), PLAIN)


def test_a_lazy_instance_is_loaded_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    class Small(Settings):
        token: str = secret()

    instance = lazy(Small)
    with pytest.raises(ConfigurationError):
        explain(instance)
    monkeypatch.setenv("TOKEN", "x")
    assert explain(instance)["token"].place == "TOKEN"


def test_copies_keep_what_is_known_of_them(settings: Service) -> None:
    assert explain(settings.model_copy())["token"].version == "v-17"


def test_what_was_not_loaded_cannot_be_explained() -> None:
    with pytest.raises(TypeError, match="this Service was not loaded, so there is nothing to explain"):
        explain(Service.model_construct(token="x"))
