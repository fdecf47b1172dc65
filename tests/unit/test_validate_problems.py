"""What is wrong: each fault once, with the code that is right, in words without a value."""

from __future__ import annotations

import dataclasses
from datetime import date
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from pydantic import (
    BaseModel,
    Field,
    HttpUrl,
    PostgresDsn,
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
from tests.unit.validating import made, problems


class Mode(Enum):
    FAST = "fast"
    SAFE = "safe"


class Ranges(BaseModel):
    low: list[int] = Field(default=[5])
    high: int

    @model_validator(mode="after")
    def ordered(self) -> Ranges:
        if max(self.low) > self.high:
            raise ValueError
        return self


class Changing(Shelf):
    """Has another command for what is there."""

    def locate(self, key: Key) -> Place:
        return dataclasses.replace(super().locate(key), change=f"change {key.name} on {self.name}")


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

    def test_who_found_a_value_knows_best_how_to_replace_it(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Not in `.env`, over which another file goes; not in the variable, beside which none may point to a file."""

        class Service(Settings):
            local: int
            empty: str = secret()
            pointed: int
            plain: int

        (tmp_path / ".env").write_text("LOCAL=1\nPLAIN=few\n")
        (tmp_path / ".env.local").write_text("EMPTY=\nLOCAL=many\n")
        (tmp_path / "pointed.txt").write_text("many\n")
        for file in tmp_path.iterdir():
            file.chmod(0o600)
        monkeypatch.setenv("POINTED_FILE", "pointed.txt")
        with pytest.raises(ConfigurationError) as caught:
            load(Service, config=estate("env", "dotenv"))
        assert {problem.field: problem.fix for problem in caught.value.problems} == {
            "local": "correct LOCAL in line 2 of .env.local",
            "empty": "export EMPTY='…'\ncorrect EMPTY in line 1 of .env.local",
            "pointed": "put the value, and nothing else, into the file that POINTED_FILE names",
            "plain": "correct PLAIN in line 2 of .env",
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


def test_a_validator_of_the_whole_that_does_not_return_self_is_a_problem_as_what_it_returns_is_lost() -> None:
    class Service(Settings):
        port: int = 1

        @model_validator(mode="after")
        def _other(self) -> Service:
            return self.model_copy(update={"port": 2})

    problem = problems(Service)[""]
    assert (problem.code, problem.fix) == (
        Code.INVALID,
        "let it return self; put values right in a validator of the field",
    )
    assert "a validator of Service as a whole returns something else than self" in problem.message
