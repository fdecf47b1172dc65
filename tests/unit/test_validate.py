"""From answers to a valid instance, or to problems: each fault once, all in one report, in words without a value."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
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
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from estate_config import Asked, Code, ConfigurationError, Problem, Settings, load, secret, setting, use
from estate_config.model import Failed, Key, Place
from estate_config.resolve import Answer
from estate_config.validate import validate
from tests.doubles import Shelf, estate, spec_of
from tests.leaks import PLAIN, assert_no_canary
from tests.unit.conftest import Offer


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


def made(cls: type[Settings], **values: Any) -> Any:
    with use(cls, values):
        return load(cls)


def problems(cls: type[Settings], values: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Problem]:
    with pytest.raises(ConfigurationError) as caught:
        made(cls, **{**(values or {}), **more})
    found = caught.value.problems
    assert len({problem.field for problem in found}) == len(found), "a field has two problems"
    return {problem.field: problem for problem in found}


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


class Ranges(BaseModel):
    low: list[int] = Field(default=[5])
    high: int

    @model_validator(mode="after")
    def ordered(self) -> Ranges:
        if max(self.low) > self.high:
            raise ValueError
        return self


class TestTemplates:
    class Service(Settings):
        host: str = setting("rds/host")
        user: str = setting("rds/user", default="estate")
        password: SecretStr = secret("rds/password")
        database_url: PostgresDsn = secret("database/url", template="postgresql://{user}:{password}@{host}/db")

    def test_a_field_is_built_from_others_and_percent_encoded_in_a_url(self) -> None:
        settings = made(self.Service, host="h", password="p@ss/w:rd%é")
        assert str(settings.database_url) == "postgresql://estate:p%40ss%2Fw%3Ard%25%C3%A9@h/db"

    def test_a_value_of_its_own_goes_before_the_template(self) -> None:
        settings = made(self.Service, host="h", password="p", database_url="postgresql://x:y@z/d")
        assert str(settings.database_url) == "postgresql://x:y@z/d"

    def test_outside_of_urls_nothing_is_encoded(self) -> None:
        class Service(Settings):
            a: str
            b: str = setting(template="{{{a}}} {a}")

        assert made(Service, a="x/y").b == "{x/y} x/y"

    def test_a_template_may_use_fields_that_are_built_themselves_and_defaults_of_any_kind(self) -> None:
        class Service(Settings):
            c: str = setting(template="{b}-{mode}-{raw}-{port}")
            b: str = setting(template="{a}!")
            a: str = "a"
            mode: Mode = Mode.FAST
            raw: bytes = b"raw"
            port: int = setting(default_factory=lambda: 80)

        settings = made(Service)
        assert (settings.b, settings.c) == ("a!", "a!-fast-raw-80")

    def test_a_part_whose_factory_needs_other_fields_has_no_value_for_a_template(self) -> None:
        class Service(Settings):
            host: str
            path: str = Field(default_factory=lambda data: data["host"])
            url: str = setting(template="http://{host}/{path}")

        (problem,) = problems(Service, host="h").values()
        assert problem.message == "no provider has it, and it cannot be built: path has no value"

    def test_a_template_of_a_nested_model_uses_its_own_fields(self) -> None:
        class Service(Settings):
            password: str = "outer"
            rds: Templated

        assert made(Service, rds={"password": "inner"}).rds.url == "db://inner@h"

    def test_a_field_built_from_defaults_alone_does_not_bring_an_optional_model_to_life(self) -> None:
        class Deep(BaseModel):
            rds: Labelled

        class Service(Settings):
            rds: Labelled | None = None
            kept: Labelled = Labelled(password="of the default", label="of the default")
            deep: Deep | None = None

        settings = made(Service)
        assert (settings.rds, settings.kept.label, settings.deep) == (None, "of the default", None)
        found = made(Service, rds={"password": "p"}, deep={"rds": {"password": "p"}})
        assert found.rds is not None
        assert found.deep is not None
        assert found.rds.label == found.deep.rds.label == "estate!"
        assert problems(Service, deep={"rds": {"user": "u"}}).keys() == {"deep.rds.password"}

    def test_a_part_that_is_missing_is_the_one_problem(self) -> None:
        found = problems(self.Service, host="h")
        assert {name: problem.code for name, problem in found.items()} == {"password": Code.MISSING}

    def test_a_part_that_is_wrong_is_the_one_problem(self) -> None:
        class Service(Settings):
            port: Annotated[int, Field(lt=65_536)]
            url: HttpUrl = setting(template="http://h:{port}/")
            twice: HttpUrl = setting(template="{url}x")

        assert list(problems(Service, port="99999")) == ["port"]

    def test_an_optional_part_without_a_value_is_named_by_the_field_that_needs_it(self) -> None:
        class Service(Settings):
            host: str | None = None
            inner: str | None = setting(default=None, template="{host}")
            url: str = setting(template="http://{inner}{host}/")

        (problem,) = problems(Service).values()
        assert (problem.field, problem.code) == ("url", Code.MISSING)
        assert problem.message == "no provider has it, and it cannot be built: host has no value"

    def test_a_part_that_is_denied_is_the_one_problem(self, offer: Offer) -> None:
        denied = Shelf("aws", {"rds/password": Failed(Code.DENIED, "is denied"), "rds/host": "h"})
        offer(spec_of("aws", denied))
        with pytest.raises(ConfigurationError) as caught:
            load(self.Service, config=estate("aws"))
        assert [(p.field, p.code) for p in caught.value.problems] == [("password", Code.DENIED)]

    def test_a_field_that_is_denied_is_not_built_instead(self, offer: Offer) -> None:
        denied = {"database/url": Failed(Code.DENIED, "is denied"), "rds/host": "h", "rds/password": "p"}
        offer(spec_of("aws", Shelf("aws", denied)))
        with pytest.raises(ConfigurationError) as caught:
            load(self.Service, config=estate("aws"))
        assert [(p.field, p.code) for p in caught.value.problems] == [("database_url", Code.DENIED)]

    def test_what_comes_out_wrong_though_its_parts_are_right_is_a_problem_of_the_template(self) -> None:
        class Service(Settings):
            host: str
            url: HttpUrl = setting(template="ftp://{host}/")

        (problem,) = problems(Service, host="h").values()
        assert problem.field == "url"
        assert problem.fix == "correct the values it is built from host, or the template"


class Templated(BaseModel):
    password: str = secret()
    url: str = secret(template="db://{password}@h")


class Changing(Shelf):
    """Has another command for what is there."""

    def locate(self, key: Key) -> Place:
        return dataclasses.replace(super().locate(key), change=f"change {key.name} on {self.name}")


class Labelled(BaseModel):
    password: str = secret()
    user: str = "estate"
    label: str = setting(template="{user}!")


class TestProblems:
    def test_what_is_nowhere_says_where_it_was_looked_for_and_how_to_put_it_there(self, offer: Offer) -> None:
        class Service(Settings):
            token: str = secret("x/token")

        offer(spec_of("one", Shelf("one")), spec_of("two", Shelf("two")))
        with pytest.raises(ConfigurationError) as caught:
            load(Service, config=estate("one", "two"))
        assert caught.value.problems == (
            Problem(
                "token",
                Code.MISSING,
                "no provider of the chain has it",
                (Asked("one", "one:x/token", "absent"), Asked("two", "two:x/token", "absent")),
                "put x/token on one\nput x/token on two",
            ),
        )

    def test_a_value_that_is_there_is_replaced_and_one_that_is_not_is_put_there(self, offer: Offer) -> None:
        class Service(Settings):
            short: Annotated[str, Field(min_length=8)] = secret()
            list: dict[str, str] = secret()
            example: str = secret()
            empty: str = secret()
            nowhere: str = secret()
            kept: str = secret(providers=("env",), env="KEPT")

        values = {"short": "1", "list": "no JSON", "example": "changeme", "empty": ""}
        offer(spec_of("aws", Changing("aws", values)))
        table = estate("env", "aws")
        table["environments"]["here"]["forbid_examples"] = True
        with pytest.raises(ConfigurationError) as caught:
            load(Service, config=table)
        assert {problem.field: (problem.code, problem.fix) for problem in caught.value.problems} == {
            "short": (Code.INVALID, "change short on aws"),
            "list": (Code.MALFORMED, "change list on aws"),
            "example": (Code.PLACEHOLDER, "change example on aws"),
            "empty": (Code.EMPTY, "export EMPTY='…'\nchange empty on aws"),
            "nowhere": (Code.MISSING, "export NOWHERE='…'\nput nowhere on aws"),
            "kept": (Code.MISSING, "export KEPT='…'"),
        }

    def test_items_that_are_wrong_in_the_same_way_are_one_problem(self) -> None:
        class Service(Settings):
            ports: list[int] = secret()

        with use(Service, {"ports": "a, 1, b"}), pytest.raises(ConfigurationError) as caught:
            load(Service)
        assert [(problem.field, problem.code) for problem in caught.value.problems] == [("ports", Code.INVALID)]

    def test_t22_what_is_empty_is_said_to_be_empty(self) -> None:
        class Service(Settings):
            token: str
            note: str = setting(allow_empty=True)

        found = problems(Service, token="", note="")
        assert list(found) == ["token"]
        assert found["token"].code is Code.EMPTY

    def test_a_field_that_nobody_may_be_asked_for_says_why(self, offer: Offer) -> None:
        class Service(Settings):
            level: str
            token: str = secret(providers=("env",))
            closed: str = secret(providers=())

        offer(spec_of("aws", Shelf("aws"), secrets_only=True))
        with pytest.raises(ConfigurationError) as caught:
            load(Service, config=estate("aws"))
        assert [problem.message for problem in caught.value.problems] == [
            "no provider of the chain serves settings that are no secrets",
            "only env may be asked, and the chain has none of them",
            "nobody may be asked: its providers= is empty",
        ]

    def test_a_value_with_the_wrong_shape_is_malformed_with_the_forms_there_are(self) -> None:
        class Service(Settings):
            hosts: list[str]
            limits: dict[str, int] = secret()

        found = problems(Service, hosts="[1,", limits="{")
        assert {problem.code for problem in found.values()} == {Code.MALFORMED}
        assert found["hosts"].message == "must be a JSON list or comma-separated: not JSON at line 1, column 4"
        assert found["limits"].fix == 'give the test a value: {"limits": …}'

    @pytest.mark.parametrize(
        ("annotation", "text", "words"),
        [
            (Annotated[str, Field(min_length=20)], PLAIN, "is too short (declared: str, min_length=20)"),
            (Annotated[str, Field(pattern="^x")], PLAIN, "does not match the pattern (declared: str, pattern='^x')"),
            (PostgresDsn, PLAIN, "is not a URL (declared: PostgresDsn)"),
            (PostgresDsn, f"http://u:{PLAIN}@h", "is a URL of another scheme (declared: PostgresDsn)"),
            (int, PLAIN, "is not a whole number (declared: int)"),
            (bool, PLAIN, "is neither true nor false (declared: bool)"),
            (Literal["a"], PLAIN, "is none of the values that are allowed (declared: 'a')"),
            (Mode, PLAIN, "is none of the values that are allowed (declared: 'fast' or 'safe')"),
            (UUID, PLAIN, "is not valid (declared: UUID)"),
            (date, PLAIN, "is not valid (declared: date)"),
        ],
    )
    def test_t4_a_secret_that_is_wrong_is_described_and_not_shown(self, annotation: Any, text: str, words: str) -> None:
        namespace = {"__annotations__": {"field": annotation}, "__module__": __name__, "field": secret()}
        (problem,) = problems(type("Service", (Settings,), namespace), field=text).values()
        assert (problem.code, problem.message) == (Code.INVALID, words)

    @pytest.mark.parametrize(
        ("annotation", "text", "words"),
        [
            (int, "x", "input should be a valid integer, unable to parse string as an integer"),
            (Literal["a", "b"], "x", "input should be 'a' or 'b'"),
            (HttpUrl, "ftp://x", "URL scheme should be 'http' or 'https'"),
        ],
    )
    def test_a_setting_that_is_wrong_is_described_in_pydantic_s_words(
        self, annotation: Any, text: str, words: str
    ) -> None:
        namespace = {"__annotations__": {"field": annotation}, "__module__": __name__}
        (problem,) = problems(type("Service", (Settings,), namespace), field=text).values()
        assert problem.message == words

    def test_t4_a_validator_s_own_words_are_shown_only_where_no_secret_is_near(self) -> None:
        class Open(Settings):
            port: int

            @field_validator("port")
            @classmethod
            def check(cls, port: int) -> int:
                raise ValueError(f"{port} is taken")

        class Near(Open):
            token: str = secret()

        assert problems(Open, port="80")["port"].message == "80 is taken"
        message = problems(Near, port="80", token="t")["port"].message
        assert message.startswith("refused by TestProblems.test_t4_a_validator_s_own_words")
        assert message.endswith("its words are not shown, they may hold a value")

    def test_an_assertion_and_an_error_of_the_user_s_own_kind_are_refusals_too(self) -> None:
        class Service(Settings):
            one: str
            two: str = secret()
            three: str

            @field_validator("one")
            @classmethod
            def asserted(cls, value: str) -> str:
                assert not value, "one must be empty"
                return value

            @field_validator("two", "three")
            @classmethod
            def custom(cls, value: str) -> str:
                raise PydanticCustomError("mine", "{value} is bad", {"value": value})

        found = problems(Service, one="x", two=PLAIN, three="y")
        assert found["one"].message.startswith("refused by ")
        assert found["two"].message == "is no valid str"
        assert found["three"].message == "is no valid str"

    def test_a_validator_of_the_whole_is_a_problem_of_no_field(self) -> None:
        class Service(Settings):
            token: str = secret()

            @model_validator(mode="after")
            def check(self) -> Service:
                raise ValueError(self.token)

        (problem,) = problems(Service, token=PLAIN).values()
        assert (problem.field, problem.code) == ("", Code.INVALID)
        assert problem.message.startswith("refused by TestProblems.")
        assert problem.fix == "make the values agree, or correct the validator"

    def test_a_validator_that_raises_something_else_is_named_by_its_line(self) -> None:
        class Service(Settings):
            token: str = secret()

            @field_validator("token")
            @classmethod
            def check(cls, value: str) -> str:
                raise KeyError(value)

        (problem,) = problems(Service, token=PLAIN).values()
        assert problem.message.startswith("a validator or a default_factory raised KeyError in TestProblems.")
        assert_no_canary(str(problem), PLAIN)

    def test_a_key_out_of_a_secret_s_json_is_not_shown(self) -> None:
        class Service(Settings):
            limits: dict[str, int] = secret()

        assert_no_canary(str(problems(Service, limits=f'{{"{PLAIN}": "x"}}')), PLAIN)

    def test_validators_see_the_fields_before_them(self) -> None:
        class Service(Settings):
            low: int
            high: int

            @field_validator("high")
            @classmethod
            def above(cls, value: int, info: ValidationInfo) -> int:
                if value < info.data["low"]:
                    raise ValueError("high is below low")
                return value

        assert problems(Service, low="2", high="1")["high"].message == "high is below low"
        assert made(Service, low="1", high="2").high == 2

    def test_what_a_wrong_part_makes_of_the_whole_is_no_problem_of_its_own(self) -> None:
        class Service(Settings):
            range: Ranges

            @model_validator(mode="after")
            def whole(self) -> Service:
                raise ValueError("refused, since the default stands in for what is malformed")

        assert list(problems(Service, range={"low": "[1,", "high": 2})) == ["range.low"]

    def test_an_instance_that_pydantic_refused_is_never_taken_for_valid(self) -> None:
        class Service(Settings):
            token: str = secret()

        answers = {item.field: Answer(item) for item in Service.__estate_settings__}
        (problem,) = validate(Service.__new__(Service), {}, answers, set())
        assert (problem.code, problem.message) == (Code.INVALID, "is no valid Service: missing")


def test_t23_eight_different_faults_are_exactly_eight_problems_each_with_the_right_code(offer: Offer) -> None:
    """T23: no pipeline of its own that stops at the first one; nor is any of them told twice."""

    class Service(Settings):
        missing: str = secret()
        empty: str = secret()
        denied: str = secret()
        deleted: str = secret()
        key_is_gone: str = secret()
        malformed: dict[str, int] = secret()
        invalid: PostgresDsn = secret()
        down: str = secret()
        fine: str = secret()
        built: str = secret(template="{missing}/{denied}/{fine}")

        @model_validator(mode="after")
        def never_reached(self) -> Service:
            pytest.fail("a whole is not looked at while its parts are wrong")

    aws = Shelf(
        "aws",
        {
            "empty": "",
            "denied": Failed(Code.DENIED, "may not be read"),
            "deleted": Failed(Code.DELETED, "is scheduled for deletion"),
            "key_is_gone": Failed(Code.KMS, "cannot be decrypted"),
            "down": Failed(Code.UNAVAILABLE, "cannot be reached"),
            "malformed": "{",
            "invalid": PLAIN,
            "fine": "fine",
        },
    )
    offer(spec_of("aws", aws))
    with pytest.raises(ConfigurationError) as caught:
        load(Service, config=estate("aws"))
    assert {problem.field: problem.code for problem in caught.value.problems} == {
        "missing": Code.MISSING,
        "empty": Code.EMPTY,
        "denied": Code.DENIED,
        "deleted": Code.DELETED,
        "key_is_gone": Code.KMS,
        "malformed": Code.MALFORMED,
        "invalid": Code.INVALID,
        "down": Code.UNAVAILABLE,
    }
    assert len(caught.value.problems) == 8
