"""Every way in which a load can fail that has a secret in its hands."""

from __future__ import annotations

import asyncio
import json
import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType
from typing import Annotated, Any, Literal
from urllib.parse import quote

import pytest
from pydantic import BaseModel, Field, PostgresDsn, Secret, SecretStr, field_validator, model_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import InitSettingsSource

from estate_config import Code, Settings, aload, lazy, load, load_or_exit, secret, use
from estate_config.errors import ProviderError
from estate_config.model import Failed, Found, Key, Origin
from tests.doubles import Hooked, estate, spec_of
from tests.unit.conftest import Offer


@dataclass
class Way:
    """One way for a load to fail with a canary in its hands."""

    canary: str
    offer: Offer

    def given(self, cls: type[Settings], **values: Any) -> None:
        with use(cls, values):
            load(cls)

    def by(self, cls: type[Settings], hook: Callable[[Sequence[Key], Any], Any]) -> None:
        self.offer(spec_of("stranger", Hooked("stranger", hook)))
        load(cls, config=estate("stranger"))


class Token(Settings):
    token: str = secret()


class Inner(BaseModel):
    password: str = secret()
    url: PostgresDsn = secret()
    code: SecretStr


def a_sibling_is_missing(way: Way) -> None:
    """T1."""

    class Two(Settings):
        token: str = secret()
        other: str

    way.given(Two, token=way.canary)


def it_is_no_dsn(way: Way) -> None:
    class Dsn(Settings):
        dsn: PostgresDsn = secret()

    way.given(Dsn, dsn=f"http://u:{quote(way.canary)}@h/{way.canary}")


def it_is_no_list(way: Way) -> None:
    """T2: the decoder's own error holds the document."""

    class Hosts(Settings):
        hosts: Secret[list[str]]

    way.given(Hosts, hosts=f'["{way.canary}')


def it_is_no_object(way: Way) -> None:
    class Table(Settings):
        table: dict[str, int] = secret()
        same: Inner = secret()

    way.given(Table, table=way.canary, same=json.dumps([way.canary]))


def a_member_is_wrong(way: Way) -> None:
    class Table(Settings):
        table: dict[str, int] = secret()
        inner: Inner = secret()

    document = json.dumps({way.canary: way.canary, "url": way.canary})
    way.given(Table, table=document, inner=document)


def it_breaks_its_constraints(way: Way) -> None:
    class Constrained(Settings):
        short: Annotated[str, Field(max_length=1)] = secret()
        other: Literal["a"] = secret()
        number: int = secret()
        pattern: Annotated[str, Field(pattern="^$")] = secret()
        hidden: Annotated[SecretStr, Field(min_length=99)]

    way.given(Constrained, **dict.fromkeys(("short", "other", "number", "pattern", "hidden"), way.canary))


def a_validator_says_it(way: Way) -> None:
    """T4."""

    class Validated(Settings):
        token: str = secret()
        level: str

        @field_validator("token", "level")
        @classmethod
        def check(cls, value: str, info: Any) -> str:
            raise ValueError(f"{value} {info.data}")

    way.given(Validated, token=way.canary, level="x")


def a_validator_says_it_with_an_error_of_its_own(way: Way) -> None:
    class Validated(Settings):
        token: str = secret()
        level: str

        @field_validator("level")
        @classmethod
        def check(cls, value: str, info: Any) -> str:
            raise PydanticCustomError("mine", "not with {token}", {"token": info.data["token"]})

    way.given(Validated, token=way.canary, level="x")


def a_validator_asserts_it(way: Way) -> None:
    class Validated(Settings):
        token: str = secret()

        @field_validator("token")
        @classmethod
        def check(cls, value: str) -> str:
            assert value == "x", value
            return value

    way.given(Validated, token=way.canary)


def a_validator_breaks(way: Way) -> None:
    class Validated(Settings):
        token: str = secret()

        @field_validator("token")
        @classmethod
        def check(cls, value: str) -> str:
            raise KeyError(value)

    way.given(Validated, token=way.canary)


def the_whole_is_refused(way: Way) -> None:
    class Whole(Settings):
        token: str = secret()

        @model_validator(mode="after")
        def check(self) -> Whole:
            raise ValueError(self.token)

    way.given(Whole, token=way.canary)


def the_whole_breaks_a_nested_one(way: Way) -> None:
    class Whole(Settings):
        inner: Refusing

    way.given(Whole, inner={"password": way.canary})


class Refusing(BaseModel):
    password: str = secret()

    @model_validator(mode="after")
    def check(self) -> Refusing:
        raise TypeError(self.password)


def a_factory_breaks(way: Way) -> None:
    class Made(Settings):
        token: str = secret()
        header: str = Field(default_factory=lambda data: {}[data["token"]])

    way.given(Made, token=way.canary)


def a_template_comes_out_wrong(way: Way) -> None:
    class Built(Settings):
        token: str = secret()
        dsn: PostgresDsn = secret(template="http://u:{token}@h/")

    way.given(Built, token=way.canary)


def a_default_is_wrong(way: Way) -> None:
    cls = type("Wrong", (Settings,), {"__annotations__": {"number": int}, "number": secret(default=way.canary)})
    load(cls, config=estate("fixture"))


def a_provider_raises_it(way: Way) -> None:
    def hook(keys: Any, deadline: Any) -> Any:
        kept = way.canary
        raise RuntimeError(kept)

    way.by(Token, hook)


def a_provider_raises_our_error_from_one_that_has_it(way: Way) -> None:
    """T1: `raise X from e` prints it again."""

    def hook(keys: Any, deadline: Any) -> Any:
        raise ProviderError(Code.UNAVAILABLE, "is down") from RuntimeError(way.canary)

    way.by(Token, hook)


def a_provider_fails_for_one_and_has_the_other(way: Way) -> None:
    class Two(Settings):
        token: str = secret()
        other: str = secret()

    def hook(keys: Any, deadline: Any) -> Any:
        return {keys[0]: Found(way.canary, Origin("stranger", "x")), keys[1]: Failed(Code.DENIED, "no")}

    way.by(Two, hook)


def a_provider_answers_bytes_that_are_no_text(way: Way) -> None:
    value = way.canary.encode() + b"\xff"
    way.by(Token, lambda keys, deadline: {key: Found(value, Origin("stranger", "x")) for key in keys})


def a_provider_answers_it_bare(way: Way) -> None:
    way.by(Token, lambda keys, deadline: dict.fromkeys(keys, way.canary))


def a_provider_answers_what_nobody_asked_for(way: Way) -> None:
    way.by(Token, lambda keys, deadline: {way.canary: way.canary})


def a_provider_cannot_be_built(way: Way) -> None:
    def build(options: Any, context: Any) -> Any:
        raise RuntimeError(options)

    class Options(BaseModel):
        password: str

    way.offer(spec_of("stranger", build, options=Options))
    load(Token, config=estate("stranger", providers={"stranger": {"password": way.canary}}))


def an_option_is_wrong(way: Way) -> None:
    load(Token, config=estate("env", providers={"env": {"password": way.canary, "prefix": [way.canary]}}))


def estate_toml_is_wrong(way: Way) -> None:
    load(Token, config={**estate("fixture", providers={"fixture": {"values": {"token": way.canary}}}), "other": 1})


def a_double_in_estate_toml_is_invalid(way: Way) -> None:
    class Number(Settings):
        number: int = secret()

    values = {"number": way.canary}
    load(Number, config=estate("fixture", "nope", providers={"fixture": {"values": values}}))


def the_file_of_a_variable_cannot_be_read(way: Way) -> None:
    monkeypatch = pytest.MonkeyPatch()
    with monkeypatch.context() as patch:
        patch.setenv("TOKEN_FILE", way.canary.replace("\0", ""))
        load(Token, config=estate("env"))


def a_line_of_dotenv_is_wrong(way: Way) -> None:
    Path(".env").write_text(f"TOKEN {way.canary!r}\n")
    load(Token, config=estate("dotenv"))


def an_override_is_wrong(way: Way) -> None:
    class Number(Settings):
        number: int = secret()

    load(Number, config=estate("fixture"), overrides={"number": way.canary, "nope": way.canary})


def the_class_is_called_with_it(way: Way) -> None:
    class Number(Settings):
        number: int = secret()
        other: str

    Number(number=way.canary, nope=way.canary)  # type: ignore[call-arg, arg-type]  # that is the mistake


def a_validator_exits(way: Way) -> None:
    _stopped_by(SystemExit(3), way)


def a_validator_is_interrupted(way: Way) -> None:
    _stopped_by(KeyboardInterrupt(), way)


def _stopped_by(error: BaseException, way: Way) -> None:
    class Service(Settings):
        token: str = secret()

        @field_validator("token")
        @classmethod
        def check(cls, value: str) -> str:
            del value
            raise error

    way.given(Service, token=way.canary)


def overrides_are_no_mapping(way: Way) -> None:
    load(Token, overrides=[("token", way.canary), way.canary])  # type: ignore[arg-type]  # that is the mistake


def overrides_are_a_text_off_the_loop(way: Way) -> None:
    asyncio.run(aload(Token, overrides=way.canary))  # type: ignore[arg-type]  # that is the mistake


def an_instance_is_swapped(way: Way) -> None:
    use(lazy(Token), {"token": way.canary})  # type: ignore[arg-type]  # that is the mistake


def a_swap_names_no_field(way: Way) -> None:
    with use(Token, {"nope": way.canary, "token": {"x": way.canary}}):
        pass


def a_lazy_instance_is_read(way: Way) -> None:
    class Number(Settings):
        number: int = secret()

    settings = lazy(Number)
    with use(Number, {"number": way.canary}):
        _ = settings.number


def a_lazy_instance_is_loaded_anew(way: Way) -> None:
    settings = lazy(Token)
    load(settings, overrides={"token": way.canary}, config=estate("fixture"))
    load(settings, overrides={"token": way.canary, "nope": way.canary}, config=estate("fixture"))


def a_process_ends_with_it(way: Way) -> None:
    load_or_exit(Token, config=estate("fixture"), overrides={"token": way.canary, "nope": way.canary})


def it_is_loaded_off_the_event_loop(way: Way) -> None:
    asyncio.run(aload(Token, config=estate("fixture"), overrides={"nope": way.canary}))


def a_field_is_set(way: Way) -> None:
    with use(Token, {"token": "x"}):
        load(Token).token = way.canary


def a_field_that_is_not_there_is_set(way: Way) -> None:
    with use(Token, {"token": "x"}):
        settings: Any = load(Token)
        settings.tokn = way.canary


def sources_of_the_class_s_own_break(way: Way) -> None:
    class Source(InitSettingsSource):
        def __call__(self) -> Any:
            raise RuntimeError(way.canary)

    def sources(cls: Any, /, settings_cls: Any, **usual: Any) -> Any:
        return (Source(settings_cls, {}),)

    cls = type("Sourced", (Token,), {"settings_customise_sources": classmethod(sources)})
    load(cls, config=estate("fixture"))


def it_is_pickled_with_a_configuration_of_code(way: Way) -> None:
    config = estate("fixture", providers={"fixture": {"values": {"token": way.canary}}})
    pickle.dumps(load(Token, config=config))


_HERE = [one for one in globals().values() if isinstance(one, FunctionType) and one.__module__ == __name__]
WAYS = [one for one in _HERE if not one.__name__.startswith("_")]
