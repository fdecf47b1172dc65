"""From answers to a valid instance: what a text becomes, defaults, nested models."""

from __future__ import annotations

import dataclasses
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from pydantic import (
    AnyUrl,
    BaseModel,
    Field,
    HttpUrl,
    PostgresDsn,
    Secret,
    SecretBytes,
    SecretStr,
    model_validator,
)

from estate_config import Code, Settings, load, secret, setting
from tests.doubles import Shelf, estate, spec_of
from tests.leaks import PLAIN, assert_no_canary
from tests.unit.conftest import Offer
from tests.unit.validating import made, problems


class Mode(Enum):
    FAST = "fast"
    SAFE = "safe"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


@dataclasses.dataclass
class Endpoint:
    host: str
    port: int = 80


class Account(BaseModel):
    user: str = Field(alias="userName")
    password: SecretStr


class Rds(BaseModel):
    host: str = "localhost"
    password: str = secret()
    port: int = 5432


class TestTypes:
    """What a text becomes."""

    @pytest.mark.parametrize(
        ("annotation", "text", "value"),
        [
            (str, "0123", "0123"),
            (int, "0123", 123),
            (float, "1.5", 1.5),
            (bool, "yes", True),
            (bool, "0", False),
            (Decimal, "1.10", Decimal("1.10")),
            (Mode, "safe", Mode.SAFE),
            (Level, "2", Level.HIGH),
            (Literal["a", "b"], "b", "b"),
            (date, "2026-11-24", date(2026, 11, 24)),
            (datetime, "2026-11-24T08:00:00", datetime(2026, 11, 24, 8)),  # noqa: DTZ001 - as it is written
            (timedelta, "90d", timedelta(days=90)),
            (timedelta, "P90D", timedelta(days=90)),
            (UUID, "12345678123456781234567812345678", UUID("12345678-1234-5678-1234-567812345678")),
            (Path, "/run/x", Path("/run/x")),
            (list[int], "1,2", [1, 2]),
            (list[int], "[1, 2]", [1, 2]),
            (list[str] | None, "a", ["a"]),
            (set[Mode], "fast,safe", {Mode.FAST, Mode.SAFE}),
            (tuple[int, ...], "1,2,3", (1, 2, 3)),
            (dict[str, int], '{"a": "1"}', {"a": 1}),
            (Endpoint, '{"host": "h", "port": "8"}', Endpoint("h", 8)),
            (int | str, "x", "x"),
            (SecretStr, "0123", SecretStr("0123")),
            (SecretBytes, b"\x00\xff", SecretBytes(b"\x00\xff")),
            (bytes, "text", b"text"),
            (Secret[int], "42", Secret[int](42)),
            (Secret[list[str]], "a,b", Secret[list[str]](["a", "b"])),
            (Secret[dict[str, int]], '{"a": 1}', Secret[dict[str, int]]({"a": 1})),
            (PostgresDsn, "postgresql://u:p@h/d", PostgresDsn("postgresql://u:p@h/d")),
            (HttpUrl, "http://h/", HttpUrl("http://h/")),
            (AnyUrl, "redis://h", AnyUrl("redis://h")),
        ],
    )
    def test_a_text_becomes_what_the_field_says(self, annotation: Any, text: str | bytes, value: object) -> None:
        cls = type("Service", (Settings,), {"__annotations__": {"field": annotation}, "__module__": __name__})
        assert made(cls, field=text).field == value

    def test_t13_a_pin_with_leading_zero_stays_text(self) -> None:
        class Service(Settings):
            pin: str = secret()
            yes: SecretStr
            date: str = secret()

        settings = made(Service, pin="0123", yes="true", date="2026-11-24")
        assert (settings.pin, settings.yes.get_secret_value(), settings.date) == ("0123", "true", "2026-11-24")

    def test_a_json_secret_may_use_a_model_s_aliases(self) -> None:
        class Service(Settings):
            account: Account = secret()

        settings = made(Service, account='{"userName": "u", "password": "p"}')
        assert (settings.account.user, settings.account.password.get_secret_value()) == ("u", "p")

    def test_a_provider_of_structured_data_needs_no_text(self) -> None:
        class Service(Settings):
            hosts: list[str]
            limits: dict[str, int]

        settings = made(Service, hosts=["a", "b"], limits={"x": 1})
        assert (settings.hosts, settings.limits) == (["a", "b"], {"x": 1})

    def test_a_field_may_bear_a_name_that_pydantic_uses(self) -> None:
        with pytest.warns(UserWarning, match="shadows an attribute"):
            cls = type("Service", (Settings,), {"__annotations__": {"copy": str, "json": int}, "json": 1})
        settings = made(cls, copy="x")
        assert (settings.copy, settings.json) == ("x", 1)

    def test_fields_may_bear_the_names_of_our_functions(self) -> None:
        class Service(Settings):
            load: str
            explain: str
            environment: str
            config: str
            overrides: str
            self: str

        values = dict.fromkeys(("load", "explain", "environment", "config", "overrides", "self"), "x")
        assert dict(Service(**values)) == values


class TestDefaults:
    def test_t23_a_default_that_is_wrong_is_a_problem_not_a_surprise(self) -> None:
        """Second list, 23: defaults that bypass validation hide bad defaults."""

        class Service(Settings):
            port: int = "eighty"  # type: ignore[assignment]  # that is the mistake
            token: SecretStr = secret(default=None)

        found = problems(Service)
        assert found["port"].message.startswith("its default: input should be a valid integer")
        assert found["port"].fix == "correct the default in the schema"
        assert found["token"].message == "its default: is not valid (declared: SecretStr)"

    def test_a_factory_gives_a_new_default_each_time(self) -> None:
        class Service(Settings):
            hosts: list[str] = setting(default_factory=list)

        assert made(Service).hosts is not made(Service).hosts

    def test_a_factory_may_use_the_fields_before_it(self) -> None:
        class Service(Settings):
            host: str
            url: str = Field(default_factory=lambda data: f"http://{data['host']}/")

        assert made(Service, host="h").url == "http://h/"

    def test_a_factory_that_fails_is_a_problem(self) -> None:
        def fail() -> str:
            raise OSError(PLAIN)

        class Service(Settings):
            url: str = setting(default_factory=fail)

        (problem,) = problems(Service).values()
        assert problem.code is Code.INVALID
        assert problem.message.startswith("a validator or a default_factory raised OSError in ")
        assert_no_canary(str(problem), PLAIN)


class TestNested:
    class Service(Settings):
        rds: Rds
        replica: Rds | None = None
        spare: Rds = Rds(password="built in")

    def test_t20_a_nested_model_is_merged_leaf_by_leaf_from_different_providers(self, offer: Offer) -> None:
        offer(
            spec_of("env", Shelf("env", {"rds/host": "from env"})),
            spec_of("aws", Shelf("aws", {"rds/host": "from aws", "rds/password": "p"})),
        )
        settings = load(self.Service, config=estate("env", "aws"))
        assert (settings.rds.host, settings.rds.password, settings.rds.port) == ("from env", "p", 5432)

    def test_an_optional_one_stays_away_where_none_of_its_fields_is_found(self) -> None:
        settings = made(self.Service, rds={"password": "p"})
        assert settings.replica is None
        assert settings.spare.password == "built in"

    def test_an_optional_one_must_be_whole_where_one_of_its_fields_is_found(self) -> None:
        found = problems(self.Service, rds={"password": "p"}, replica={"host": "h"})
        assert {name: problem.code for name, problem in found.items()} == {"replica.password": Code.MISSING}

    def test_a_required_one_is_missing_field_by_field(self) -> None:
        assert list(problems(self.Service)) == ["rds.password"]

    def test_a_required_one_with_defaults_alone_needs_nothing(self) -> None:
        class Defaults(BaseModel):
            port: int = 1

        class Service(Settings):
            inner: Annotated[Defaults, Field(description="x")]

        assert made(type("Service", (Settings,), {"__annotations__": {"inner": Defaults}})).inner.port == 1
        assert Service.model_fields["inner"].is_required()

    def test_one_settings_class_may_be_nested_in_another_and_is_no_load_of_its_own(self) -> None:
        class Outer(Settings):
            inner: InnerSettings

        settings = made(Outer, inner={"token": "t"})
        assert settings.inner.token == "t"
        assert "'t'" not in repr(settings)

    def test_a_validator_of_a_nested_model_is_named_with_its_field(self) -> None:
        class Service(Settings):
            range: Range

        found = problems(Service, range={"low": 2, "high": 1})
        assert list(found) == ["range"]
        assert found["range"].message.startswith("refused by Range.ordered (")

    def test_a_wrong_value_inside_is_named_by_its_dotted_field(self) -> None:
        assert list(problems(self.Service, rds={"password": "p", "port": "x"})) == ["rds.port"]


class InnerSettings(Settings):
    token: str = secret()
    other: str = "default"


class Range(BaseModel):
    low: int
    high: int

    @model_validator(mode="after")
    def ordered(self) -> Range:
        if self.low > self.high:
            raise ValueError(f"{self.low} > {self.high}")
        return self
