"""Values that a test gives beside the fakes: nested, dotted or as a model, they are the ones that count."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from pydantic import BaseModel, SecretStr

from estate_config import Settings, load, secret, setting, use
from estate_config.testing import Estate, fake_values, from_schema
from estate_config.testing.fakes import completed


class Rds(BaseModel):
    host: str = setting()
    password: SecretStr = secret("rds/password")


class AiSettings(Settings):
    token: str = secret()
    rds: Rds


class Unknown(Settings):
    check: object = setting()


GIVEN = {
    "dotted": {"rds.password": "mine"},
    "nested": {"rds": {"password": "mine"}},
    "a model": {"rds": Rds(host="h", password=SecretStr("mine"))},
}
each_way = pytest.mark.parametrize("values", GIVEN.values(), ids=GIVEN)


@each_way
def test_they_go_before_the_fakes_which_complete_them(values: Mapping[str, Any]) -> None:
    with use(AiSettings, completed(AiSettings, values)):
        settings = load(AiSettings)
    assert settings.rds.password.get_secret_value() == "mine"
    assert settings.rds.host in {"fake-rds-host", "h"}
    assert settings.token == fake_values(AiSettings)["token"]


@each_way
def test_the_fixture_and_its_marker_take_them(values: Mapping[str, Any]) -> None:
    with Estate("a test", "test") as estate:
        assert estate.fake(AiSettings, **values).rds.password.get_secret_value() == "mine"
    with Estate("a test", "test") as estate:
        estate.mark(AiSettings, values, fake=True)
        assert load(AiSettings).rds.password.get_secret_value() == "mine"


@given(from_schema(AiSettings, rds={"password": "mine"}, token="t"))
def test_a_strategy_takes_them(settings: AiSettings) -> None:
    assert settings.rds.password.get_secret_value() == "mine"
    assert settings.token == "t"


def test_a_type_that_nothing_is_known_of_is_given_by_hand() -> None:
    with pytest.raises(TypeError, match="no fake value is known for check"):
        fake_values(Unknown)
    assert completed(Unknown, {"check": 1}) == {"check": 1}


def test_none_for_a_nested_model_is_none() -> None:
    class Perhaps(Settings):
        rds: Rds | None = None

    with use(Perhaps, completed(Perhaps, {"rds": None})):
        assert load(Perhaps).rds is None


@pytest.mark.parametrize("given_as", ['rds={"password": "pw"}', 'rds=Rds(host="h", password="pw")'])
def test_an_embedded_server_is_seeded_with_them(pytester: pytest.Pytester, given_as: str) -> None:
    (pytester.path / "estate.toml").write_text('[environments.production]\nchain = ["aws"]\n')
    pytester.makepyfile(
        f"""
from estate_config import Settings, load, secret, setting
from pydantic import BaseModel, SecretStr

class Rds(BaseModel):
    host: str = setting(default="h")
    password: SecretStr = secret("rds/password")

class AiSettings(Settings):
    rds: Rds

def test_seeded(estate, estate_aws):
    estate_aws.seed(AiSettings, {given_as})
    estate.environment("production")
    assert load(AiSettings).rds.password.get_secret_value() == "pw"
"""
    )
    pytester.runpytest_subprocess("-p", "estate_config", "-W", "error").assert_outcomes(passed=1)
