"""A service is started on a version that is not the current one yet: by stage, per field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from pydantic import SecretStr

from estate_config import Code, ConfigurationError, Settings, explain, load, secret, setting
from estate_config.model import Deadline, Failed, Found, Key, Origin
from estate_config.stages import VARIABLE
from tests.doubles import Hooked, Shelf, estate, spec_of
from tests.unit.conftest import Offer


class App(Settings):
    database_url: SecretStr = secret("database/url")
    jwt_secret: SecretStr = secret("jwt/secret")
    level: str = setting(default="info")


def by_stage(keys: Sequence[Key], deadline: Deadline) -> Mapping[Key, Found | Failed]:
    return {
        key: Found(
            f"{key.name} {key.stage or 'AWSCURRENT'}", Origin("staged", key.name, stage=key.stage or "AWSCURRENT")
        )
        for key in keys
        if key.secret
    }


@pytest.fixture
def shelf(offer: Offer) -> Shelf:
    """A provider without stages, which has everything, and one with stages, for secrets only."""
    shelf = Shelf("plain", {"database/url": "plain", "jwt/secret": "plain", "level": "debug"})
    staged = spec_of("staged", Hooked("staged", by_stage), stages=True, secrets_only=True)
    offer(spec_of("plain", shelf), staged)
    return shelf


def loaded(*chain: object) -> App:
    return load(App, config=estate(*chain))


def refused(*chain: object) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as caught:
        loaded(*chain)
    return caught.value


def test_a_stage_is_asked_for_that_field_alone(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "database_url=AWSPENDING")
    app = loaded("staged")
    assert app.database_url.get_secret_value() == "database/url AWSPENDING"
    assert app.jwt_secret.get_secret_value() == "jwt/secret AWSCURRENT"
    assert (explain(app)["database_url"].stage, explain(app)["jwt_secret"].stage) == ("AWSPENDING", "AWSCURRENT")


def test_who_asks_for_a_stage_does_not_get_the_current_version_from_somebody_else(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "database_url=AWSPENDING")
    app = loaded("plain", "staged")
    assert app.database_url.get_secret_value() == "database/url AWSPENDING"
    assert app.jwt_secret.get_secret_value() == "plain"
    assert shelf.asked == [["jwt/secret", "level"]]


@pytest.mark.parametrize(("asked", "field"), [("database_url=AWSPENDING", "database_url"), ("level=NEXT", "level")])
def test_a_field_that_nobody_with_stages_serves_is_a_problem_and_nobody_is_asked(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, asked: str, field: str
) -> None:
    monkeypatch.setenv(VARIABLE, asked)
    error = refused("plain", *(["staged"] if field == "level" else []))
    assert [(problem.field, problem.code) for problem in error.problems] == [(field, Code.SCHEMA)]
    assert f"take {field} out of ESTATE_STAGES" in error.problems[0].fix
    assert shelf.asked == []


@pytest.mark.parametrize("text", ["AWSPENDING", "database_url=", "=AWSPENDING", "a=1,a=2"])
def test_what_cannot_be_read_is_refused(shelf: Shelf, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(VARIABLE, text)
    (problem,) = refused("staged").problems
    assert (problem.code, "FIELD=STAGE" in problem.message) == (Code.SCHEMA, True)


def test_a_name_that_is_nearly_a_field_is_warned_of_and_one_of_another_service_is_not(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "database_ulr=AWSPENDING, openai_api_key=AWSPENDING")
    (warning,) = explain(loaded("staged")).warnings
    assert warning.code is Code.UNKNOWN
    assert 'did you mean "database_url"?' in warning.message


def test_a_double_answers_whatever_stage_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "database_url=AWSPENDING")
    values = {"values": {"database_url": "made up", "jwt_secret": "made up"}}
    assert load(App, config=estate("fixture", providers={"fixture": values})).database_url
