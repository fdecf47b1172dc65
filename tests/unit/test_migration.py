"""A user of pydantic-settings changes one import. The classes below are written for `BaseSettings`."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    Json,
    PostgresDsn,
    RootModel,
    SecretStr,
    field_validator,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from estate_config import Code, ConfigurationError, Settings, explain, load, secret
from tests.leaks import PLAIN, assert_no_canary_in_error


class Database(BaseModel):
    host: str = "localhost"
    password: SecretStr


def both(define: Any) -> tuple[Any, Any]:
    """Return what a class makes of the variables as a `BaseSettings`, and as a `Settings`."""
    return define(BaseSettings)(), define(Settings)()


def set_variables(monkeypatch: pytest.MonkeyPatch, **variables: str) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


def test_fields_defaults_and_types_are_read_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    def define(base: Any) -> Any:
        class Service(base):  # type: ignore[misc]  # either one
            database_url: PostgresDsn
            api_key: SecretStr
            debug: bool = False
            hosts: list[str]
            limits: dict[str, int]
            ports: tuple[int, ...] = (1, 2)

        return Service

    set_variables(
        monkeypatch,
        DATABASE_URL="postgresql://u:p@h/d",
        API_KEY="k",
        DEBUG="true",
        HOSTS='["x", "y"]',
        LIMITS='{"a": 1}',
    )
    before, after = both(define)
    assert vars(after) == vars(before)


@pytest.mark.parametrize(
    ("config", "variables"),
    [
        ({"env_prefix": "APP_"}, {"APP_PORT": "1"}),
        ({"env_prefix": "app_"}, {"APP_PORT": "1"}),
        ({"env_nested_delimiter": "__"}, {"PORT": "1"}),
        ({"env_prefix": "APP_", "env_nested_delimiter": "__"}, {"APP_PORT": "1", "APP_DB__PASSWORD": "x"}),
        ({"env_nested_delimiter": "__"}, {"PORT": "1", "DB__PASSWORD": "x", "DB__HOST": "h"}),
    ],
)
def test_env_prefix_and_nested_delimiter_are_honoured(
    monkeypatch: pytest.MonkeyPatch, config: Any, variables: dict[str, str]
) -> None:
    def define(base: Any) -> Any:
        class Service(base):  # type: ignore[misc]  # either one
            model_config = config
            port: int
            db: Database | None = None

        return Service

    set_variables(monkeypatch, **variables)
    before, after = both(define)
    assert vars(after) == vars(before)


@pytest.mark.parametrize("words", [{"alias": "the_port"}, {"validation_alias": "THE_PORT"}])
def test_an_alias_names_the_variable_without_the_prefix(monkeypatch: pytest.MonkeyPatch, words: Any) -> None:
    def define(base: Any) -> Any:
        class Service(base):  # type: ignore[misc]  # either one
            model_config = SettingsConfigDict(env_prefix="APP_")
            port: int = Field(**words)

        return Service

    set_variables(monkeypatch, THE_PORT="5")
    before, after = both(define)
    assert before.port == after.port == 5


def test_alias_choices_name_no_single_place_and_the_class_says_so() -> None:
    with pytest.raises(ConfigurationError, match="AliasChoices names no single place"):
        type(
            "Service",
            (Settings,),
            {"__annotations__": {"port": int}, "port": Field(validation_alias=AliasChoices("a", "b"))},
        )


def test_validators_run_and_see_what_they_saw(monkeypatch: pytest.MonkeyPatch) -> None:
    def define(base: Any) -> Any:
        class Service(base):  # type: ignore[misc]  # either one
            hosts: Annotated[list[str], NoDecode]
            numbers: Json[list[int]]
            name: str
            shout: str = ""

            @field_validator("hosts", mode="before")
            @classmethod
            def split(cls, value: str) -> list[str]:
                return value.split(";")

            @field_validator("name")
            @classmethod
            def title(cls, value: str) -> str:
                return value.title()

            @model_validator(mode="before")
            @classmethod
            def fill(cls, values: dict[str, Any]) -> dict[str, Any]:
                return {**values, "shout": values["name"].upper()}

        return Service

    set_variables(monkeypatch, HOSTS="a;b", NUMBERS="[1, 2]", NAME="x")
    before, after = both(define)
    assert vars(after) == vars(before)
    assert after.hosts == ["a", "b"]


def test_enable_decoding_false_leaves_lists_to_the_class(monkeypatch: pytest.MonkeyPatch) -> None:
    def define(base: Any) -> Any:
        class Service(base):  # type: ignore[misc]  # either one
            model_config = SettingsConfigDict(enable_decoding=False)
            hosts: list[str]

            @field_validator("hosts", mode="before")
            @classmethod
            def split(cls, value: str) -> list[str]:
                return value.split("|")

        return Service

    set_variables(monkeypatch, HOSTS="a|b")
    before, after = both(define)
    assert before.hosts == after.hosts == ["a", "b"]


def test_t14_a_list_may_be_commas_where_pydantic_settings_wants_json(monkeypatch: pytest.MonkeyPatch) -> None:
    class Service(Settings):
        hosts: list[str]
        ports: list[int]

    set_variables(monkeypatch, HOSTS="a, b", PORTS="[1, 2]")
    settings = load(Service)
    assert (settings.hosts, settings.ports) == (["a", "b"], [1, 2])


def test_words_given_to_the_class_go_first(monkeypatch: pytest.MonkeyPatch) -> None:
    class Service(Settings):
        port: int

    monkeypatch.setenv("PORT", "1")
    assert Service(port=2).port == 2


def test_a_field_with_neither_word_is_a_setting_with_a_derived_name(monkeypatch: pytest.MonkeyPatch) -> None:
    class Service(Settings):
        log_level: str

    monkeypatch.setenv("LOG_LEVEL", "x")
    assert explain(load(Service))["log_level"].place == "LOG_LEVEL"
    assert not explain(load(Service))["log_level"].secret


def test_repr_false_stays_out_of_the_repr(monkeypatch: pytest.MonkeyPatch) -> None:
    def define(base: Any) -> Any:
        class Service(base):  # type: ignore[misc]  # either one
            password: str = Field(repr=False)
            level: str = "x"

        return Service

    monkeypatch.setenv("PASSWORD", PLAIN)
    before, after = both(define)
    assert repr(before) == repr(after) == "Service(level='x')"


def test_t1_what_pydantic_settings_shows_on_a_sibling_s_failure_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """T1: `input_value` shows the whole dict that was loaded."""

    def define(base: Any) -> Any:
        class Service(base):  # type: ignore[misc]  # either one
            password: SecretStr
            port: int

        return Service

    monkeypatch.setenv("PASSWORD", PLAIN)
    with pytest.raises(ValueError, match=PLAIN):
        define(BaseSettings)()
    with pytest.raises(ConfigurationError) as caught:
        define(Settings)()
    assert [p.field for p in caught.value.problems] == ["port"]
    assert_no_canary_in_error(caught.value, PLAIN)


class Constant(PydanticBaseSettingsSource):
    """A source of the user's own."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        raise NotImplementedError

    def __call__(self) -> dict[str, Any]:
        return {"port": self.current_state.get("port", 1) + 1, "db": {"password": "from the source"}, "none": None}


class Second(Constant):
    pass


class TestOwnSources:
    class Service(Settings):
        port: int = 0
        db: Database | None = None
        none: str = "default"
        other: str = "default"

        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return init_settings, Constant(settings_cls), Second(settings_cls), env_settings, dotenv_settings

    def test_they_come_before_the_chain(self, monkeypatch: pytest.MonkeyPatch) -> None:
        set_variables(monkeypatch, PORT="80", OTHER="from env")
        settings = load(self.Service)
        assert settings.db is not None
        assert (settings.port, settings.db.password.get_secret_value()) == (2, "from the source")
        assert (settings.none, settings.other) == ("default", "from env")

    def test_provenance_names_them(self) -> None:
        told = explain(load(self.Service))
        assert (told["port"].provider, told["port"].place) == ("sources", "Constant: port")
        first = told["other"].asked[0]
        assert (first.provider, first.place) == ("sources", "Service.settings_customise_sources: other")

    def test_overrides_come_before_them(self) -> None:
        assert self.Service(port=7).port == 7

    def test_one_that_breaks_is_a_clear_problem(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def broken(self: object) -> dict[str, Any]:
            raise RuntimeError(PLAIN)

        monkeypatch.setattr(Constant, "__call__", broken)
        with pytest.raises(ConfigurationError) as caught:
            load(self.Service)
        assert {p.code for p in caught.value.problems} == {Code.PLUGIN}
        assert caught.value.problems[0].message.startswith('the provider "sources" raised RuntimeError in ')
        assert_no_canary_in_error(caught.value, PLAIN)


class TestOptionsThatNothingReads:
    @pytest.mark.parametrize("option", ["env_file", "secrets_dir", "toml_file"])
    def test_each_is_warned_of(self, option: str) -> None:
        config: Any = {option: "somewhere"}

        class Service(Settings):
            model_config = config

        (warning,) = explain(load(Service)).warnings
        assert warning.code is Code.UNKNOWN
        assert warning.message == f"model_config of Service sets {option}, which nothing reads"

    def test_the_usual_env_file_is_read_by_dotenv(self) -> None:
        class Service(Settings):
            model_config = SettingsConfigDict(env_file=".env")

        assert explain(load(Service)).warnings == ()

    def test_sources_of_the_class_s_own_may_read_them(self) -> None:
        class Service(TestOwnSources.Service):
            model_config = SettingsConfigDict(toml_file="x.toml")

        assert explain(load(Service)).warnings == ()


def test_an_alias_of_a_nested_field_names_the_last_part_of_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    class Pool(BaseModel):
        size: int = Field(default=10, validation_alias="poolSize")
        model_config = {"populate_by_name": True}

    class Camel(BaseModel):
        max_wait: int = 1
        max_idle: int = 1
        model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    def define(base: Any) -> Any:
        class Service(base):  # type: ignore[misc]  # either one
            model_config = SettingsConfigDict(env_nested_delimiter="__")
            db: Pool = Pool()
            camel: Camel = Camel()

        return Service

    set_variables(monkeypatch, DB__POOLSIZE="60", CAMEL__MAXWAIT="2", CAMEL__MAXIDLE="3", POOLSIZE="99")
    before, after = both(define)
    assert after.db.size == before.db.size == 60
    assert (after.camel.max_wait, after.camel.max_idle) == (before.camel.max_wait, before.camel.max_idle) == (2, 3)


def test_a_logical_name_goes_before_an_alias_that_a_class_makes_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    class Service(Settings):
        model_config = SettingsConfigDict(alias_generator=to_camel, populate_by_name=True)
        database_url: str = secret("database/url")

    set_variables(monkeypatch, DATABASE_URL="as it is called everywhere")
    assert load(Service).database_url == "as it is called everywhere"


def test_a_model_that_is_its_root_is_read_as_that(monkeypatch: pytest.MonkeyPatch) -> None:
    class Hosts(RootModel[list[str]]):
        pass

    def define(base: Any) -> Any:
        class Service(base):  # type: ignore[misc]  # either one
            hosts: Hosts = Hosts(["nowhere"])

        return Service

    set_variables(monkeypatch, HOSTS='["a", "b"]')
    before, after = both(define)
    assert after.hosts.root == before.hosts.root == ["a", "b"]
