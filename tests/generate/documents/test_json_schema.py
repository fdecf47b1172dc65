"""JSON Schema of a service's settings: valid, in the current dialect, and without a default of a secret."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest
from pydantic import BaseModel, SecretStr

from estate_config import Settings, load, secret, setting
from estate_config.generate.files import RefusedError
from estate_config.generate.json_schema import json_schema
from tests.generate.estates import MARK, Api, Job, catalogue
from tests.leaks import PLAIN, assert_no_canary


def schema_of(cls: type[Settings]) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(json_schema(catalogue(service=cls), MARK))
    jsonschema.Draft202012Validator.check_schema(made)
    return made


def test_it_is_a_schema_of_draft_2020_12_that_says_how_it_was_made() -> None:
    made = schema_of(Api)
    assert list(made)[:2] == ["$schema", "$comment"]
    assert made["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert made["$comment"] == MARK


def test_secrets_are_write_only_wherever_they_are() -> None:
    made = schema_of(Api)
    secrets = {name for name, field in made["properties"].items() if field.get("writeOnly")}
    assert secrets == {"database_url", "jwt_secret", "sentry_dsn", "pin", "login", "tls_key"}
    assert made["$defs"]["Cache"]["properties"]["password"]["writeOnly"] is True
    assert "writeOnly" not in made["$defs"]["Cache"]["properties"]["host"]


def test_no_secret_has_a_default_or_an_example_nor_has_what_holds_one() -> None:
    made = schema_of(Api)
    assert "default" not in made["properties"]["pin"]
    assert "default" not in made["properties"]["cache"]
    assert "default" not in made["$defs"]["Cache"]["properties"]["password"]
    assert "default" not in made["$defs"]["Credentials"]["properties"]["user"]
    assert made["properties"]["log_level"]["default"] == "info"
    assert made["properties"]["home_page"]["examples"] == ["https://estate.example/a b"]
    assert_no_canary(json.dumps(made), PLAIN)


def test_secrets_are_bare_through_lists_alternatives_and_models_in_themselves() -> None:
    class Tree(BaseModel):
        password: str = PLAIN
        children: list[Tree] = []
        named: dict[str, Tree] | None = None
        pair: tuple[Tree, int] | None = None

    class Service(Settings):
        tree: Tree | None = secret(default=Tree())
        trees: list[Tree] = secret(default=[Tree()])

    made = schema_of(Service)
    assert "default" not in made["$defs"]["Tree"]["properties"]["password"]
    assert_no_canary(json.dumps(made), PLAIN)


def test_a_secret_of_a_model_that_may_be_none_is_write_only_too() -> None:
    class Cache(BaseModel):
        password: str = secret(default=PLAIN)

    class Service(Settings):
        cache: Cache | None = None

    assert schema_of(Service)["$defs"]["Cache"]["properties"]["password"].items() >= {"writeOnly": True}.items()


def test_what_a_template_builds_may_be_left_out() -> None:
    class Database(BaseModel):
        host: str
        url: str = setting(template="postgresql://{host}")

    class Service(Settings):
        database: Database

    assert "database_url" not in schema_of(Job)["required"]
    assert schema_of(Job)["required"] == ["db_password", "jwt_secret"]
    assert schema_of(Service)["$defs"]["Database"]["required"] == ["host"]


@pytest.mark.parametrize(
    ("values", "is_valid"),
    [
        ({"db_password": "x", "jwt_secret": "y"}, True),
        ({"db_password": "x"}, False),
        ({"db_password": "x", "jwt_secret": "y", "db_pasword": "z"}, False),
        ({"db_password": "x", "jwt_secret": 5}, False),
    ],
)
def test_values_given_by_hand_can_be_checked_against_it(values: dict[str, Any], is_valid: bool) -> None:
    validator = jsonschema.Draft202012Validator(schema_of(Job))
    assert validator.is_valid(values) is is_valid


def test_its_names_are_those_of_fields_whatever_their_alias() -> None:
    class Service(Settings):
        token: SecretStr = secret(env="TOKEN_OF_THE_OLD_DAYS")

    assert list(schema_of(Service)["properties"]) == ["token"]


def test_a_type_that_json_has_no_word_for_may_be_anything() -> None:
    class Odd:
        pass

    class Service(Settings, arbitrary_types_allowed=True):
        hook: Callable[[], None] | None = None
        odd: Odd = Odd()
        numbers: set[str] = setting(default={"c", "a", "b"})

    made = schema_of(Service)["properties"]
    assert "type" not in made["odd"]
    assert made["numbers"]["default"] == ["a", "b", "c"]
    assert load(Service, config={"default_environment": "x", "environments": {"x": {"chain": ["env"]}}}).hook is None


def test_of_several_services_one_has_to_be_named() -> None:
    with pytest.raises(RefusedError, match="name one of them: api, job"):
        json_schema(catalogue(), MARK)
