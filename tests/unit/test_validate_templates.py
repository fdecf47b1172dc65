"""Fields that are built from others."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import pytest
from pydantic import (
    BaseModel,
    Field,
    HttpUrl,
    PostgresDsn,
    SecretBytes,
    SecretStr,
)

from estate_config import Code, ConfigurationError, Settings, load, secret, setting
from estate_config.model import Failed
from tests.doubles import Shelf, estate, spec_of
from tests.unit.conftest import Offer
from tests.unit.validating import made, problems


class Mode(Enum):
    FAST = "fast"
    SAFE = "safe"


class Templated(BaseModel):
    password: str = secret()
    url: str = secret(template="db://{password}@h")


class Labelled(BaseModel):
    password: str = secret()
    user: str = "estate"
    label: str = setting(template="{user}!")


class TestTemplates:
    class Service(Settings):
        host: str = setting("rds/host")
        user: str = setting("rds/user", default="estate")
        password: SecretStr = secret("rds/password")
        database_url: PostgresDsn = secret("database/url", template="postgresql://{user}:{password}@{host}/db")

    def test_a_boolean_default_is_written_as_everybody_but_python_writes_it(self) -> None:
        class Service(Settings):
            tls: bool = setting(default=True)
            url: str = setting(template="db://h/?tls={tls}")
            host: str = setting("host")
            named: str = setting(template="{host}:{tls}")

        assert made(Service, host="h").named == "h:true"

    def test_what_is_binary_and_no_text_goes_into_no_template(self) -> None:
        class Service(Settings):
            key: SecretBytes = secret()
            url: str = secret(template="https://h/?key={key}")

        assert made(Service, key=b"plain").url == "https://h/?key=plain"
        problem = problems(Service, key=b"\xff\xfe")["url"]
        assert problem.code is Code.MALFORMED
        assert problem.message == "cannot be built: key is binary, and no text in UTF-8"

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
