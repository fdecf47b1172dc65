"""What a class declares, what it lists, and which mistakes it names without any provider."""

from __future__ import annotations

from datetime import timedelta
from enum import Enum
from typing import Annotated, Any, Generic, Literal, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AliasChoices, AliasPath, BaseModel, Field, PostgresDsn, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from estate_config import Code, ConfigurationError, Problem, Settings, secret, setting
from estate_config.describe import constraints, declared, type_text
from estate_config.schema import Setting, check, settings_of
from estate_config.shapes import Shape
from tests.leaks import PLAIN, assert_no_canary

T = TypeVar("T")


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Credentials(BaseModel):
    user: str = setting()
    password: str = secret()


def listed(cls: type[BaseModel]) -> dict[str, Setting]:
    return {item.field: item for item in settings_of(cls)}


def problems_of(define: Any) -> tuple[Problem, ...]:
    with pytest.raises(ConfigurationError) as caught:
        define()
    return caught.value.problems


class TestWhatIsListed:
    def test_every_field_is_a_setting_in_the_order_of_declaration(self) -> None:
        class Service(Settings):
            database_url: PostgresDsn = secret("database/url")
            log_level: str = setting(default="info")
            port: int = 80
            token: SecretStr

        assert [(s.field, s.name, s.secret, s.required) for s in settings_of(Service)] == [
            ("database_url", "database/url", True, True),
            ("log_level", "log_level", False, False),
            ("port", "port", False, False),
            ("token", "token", True, True),
        ]

    def test_nested_fields_are_settings_of_their_own_under_the_parent_s_name(self) -> None:
        class Service(Settings):
            rds: Credentials
            replica: Credentials | None = setting("rds-replica", default=None)

        settings = listed(Service)
        assert [s.name for s in settings.values()] == [
            "rds/user",
            "rds/password",
            "rds-replica/user",
            "rds-replica/password",
        ]
        assert settings["rds.password"].secret
        assert settings["rds.password"].optional_parents == ()
        assert settings["replica.user"].optional_parents == (("replica",),)

    def test_a_nested_model_that_is_secret_or_has_an_address_is_one_json_value(self) -> None:
        class Service(Settings):
            rds: Credentials = secret()
            replica: Credentials = setting(aws="estate/replica")

        assert {s.field: s.shape for s in settings_of(Service)} == {"rds": Shape.OBJECT, "replica": Shape.OBJECT}

    def test_a_subclass_has_the_fields_of_its_parents_and_may_replace_them(self) -> None:
        class Base(Settings):
            token: str = secret("base/token")
            region: str = "x"

        class Middle(Base):
            port: int = 1

        class Service(Middle):
            token: str = secret("service/token")

        assert [s.name for s in settings_of(Service)] == ["service/token", "region", "port"]
        assert [s.name for s in settings_of(Base)] == ["base/token", "region"]

    def test_a_generic_class_has_the_types_it_is_given(self) -> None:
        class Service(Settings, Generic[T]):
            value: T

        assert listed(Service[list[int]])["value"].shape is Shape.LIST
        assert listed(Service[SecretStr])["value"].secret

    def test_constraints_go_into_the_type_beside_the_declaration(self) -> None:
        class Service(Settings):
            token: Annotated[str, Field(min_length=8)] = secret("x/token", owner="team", rotates=timedelta(days=90))

        item = settings_of(Service)[0]
        assert item.name == "x/token"
        assert item.declaration.owner == "team"
        assert item.declaration.rotates == timedelta(days=90)
        assert declared(item.info) == "str, min_length=8"

    def test_t24_explicit_names_only_nothing_of_the_environment_goes_into_a_name(self, monkeypatch: Any) -> None:
        """Second list, 24: names guessed from profiles would force wide policies."""

        class Service(Settings):
            token: str = secret("x/token")

        monkeypatch.setenv("ESTATE_ENV", "production")
        assert [s.name for s in settings_of(Service)] == ["x/token"]

    def test_t28_everything_is_listed_from_the_class_with_no_provider_asked(self, monkeypatch: Any) -> None:
        monkeypatch.setattr("estate_config.discovery.find", lambda name: pytest.fail("a provider was looked for"))

        class Service(Settings):
            rds: Credentials
            hosts: Annotated[list[str], Field(min_length=1)]

        assert {s.field: declared(s.info) for s in settings_of(Service)} == {
            "rds.user": "str",
            "rds.password": "str",
            "hosts": "list[str], min_length=1",
        }
        assert check(Service) == []

    def test_the_parts_of_a_setting_s_repr_are_names_and_types(self) -> None:
        class Service(Settings):
            token: str = secret(default=PLAIN)

        assert_no_canary(repr(settings_of(Service)), PLAIN)


class TestVariables:
    """T27: one naming rule, and what pydantic-settings' own options ask for."""

    def variables(self, cls: type[BaseModel]) -> dict[str, str | None]:
        return {s.field: s.addresses.get("env") for s in settings_of(cls)}

    def test_t27_a_derived_name_has_no_address_so_that_each_provider_spells_it_by_its_one_rule(self) -> None:
        class Service(Settings):
            url: str = secret("database/url")
            given: str = secret("x", env="OTHER")

        assert self.variables(Service) == {"url": None, "given": "OTHER"}

    def test_env_prefix_goes_before_derived_names_and_not_before_given_ones(self) -> None:
        class Service(Settings):
            model_config = SettingsConfigDict(env_prefix="app_")
            port: int
            rds: Credentials
            url: str = secret("database/url")
            token: str = Field(alias="the_token")

        assert self.variables(Service) == {
            "port": "APP_PORT",
            "rds.user": "APP_RDS_USER",
            "rds.password": "APP_RDS_PASSWORD",
            "url": None,
            "token": "THE_TOKEN",
        }

    def test_env_nested_delimiter_stands_between_the_parts_of_nested_names(self) -> None:
        class Service(Settings):
            model_config = SettingsConfigDict(env_prefix="APP_", env_nested_delimiter="__")
            port: int
            rds: Credentials

        assert self.variables(Service) == {
            "port": "APP_PORT",
            "rds.user": "APP_RDS__USER",
            "rds.password": "APP_RDS__PASSWORD",
        }

    def test_a_delimiter_alone_changes_nested_names_only(self) -> None:
        class Service(Settings):
            model_config = SettingsConfigDict(env_nested_delimiter="__")
            port: int
            rds: Credentials

        assert self.variables(Service) == {"port": None, "rds.user": "RDS__USER", "rds.password": "RDS__PASSWORD"}


class TestDeclaring:
    def test_a_default_and_a_factory_are_one_too_many(self) -> None:
        with pytest.raises(TypeError, match="not both"):
            secret(default="x", default_factory=lambda: "y")

    @pytest.mark.parametrize("word", ["min_length", "pattern", "alias", "ge", "repr"])
    def test_a_constraint_is_not_taken_for_a_provider(self, word: str) -> None:
        words: Any = {word: "x"}
        with pytest.raises(TypeError, match=rf"^{word}= is a word of pydantic's Field: write Annotated"):
            setting(**words)

    @pytest.mark.parametrize("address", ["", 5, None])
    def test_an_address_is_a_text_and_not_empty(self, address: Any) -> None:
        with pytest.raises(TypeError, match="the address aws= must be a text, and not empty"):
            secret(aws=address)

    def test_providers_is_a_tuple_and_a_missing_comma_is_noticed(self) -> None:
        with pytest.raises(TypeError, match=r'providers= takes a tuple: providers=\("aws",\)'):
            secret(providers="aws")  # type: ignore[arg-type]  # that is the slip

    @pytest.mark.parametrize("word", ["rotates", "max_stale"])
    @pytest.mark.parametrize("length", ["90d", 90, timedelta(0)])
    def test_a_length_of_time_is_one(self, word: str, length: Any) -> None:
        with pytest.raises(TypeError, match=rf"{word}= takes a timedelta, and more than none: {word}=timedelta"):
            secret(**{word: length})

    def test_what_is_pinned_is_not_confirmed_and_so_it_has_no_age_to_keep(self) -> None:
        with pytest.raises(TypeError, match="max_stale= is for a field that is looked at again: leave out live=False"):
            secret(live=False, max_stale=timedelta(hours=1))


class TestMistakes:
    """Each is found when the class is defined, without any provider."""

    @pytest.mark.parametrize("name", ["a b", "", "/a", "a/", "a//b", "ä", "a\n", "x" * 401, "a#b", "a:b"])
    def test_a_bad_logical_name(self, name: str) -> None:
        def define() -> None:
            class Service(Settings):
                token: str = secret(name)

        if not name:  # an empty name is none: it is derived
            define()
            return
        (problem,) = problems_of(define)
        assert (problem.field, problem.code) == ("token", Code.SCHEMA)
        assert "is not a logical name" in problem.message
        assert 'as in "database/url"' in problem.fix

    @given(st.lists(st.text("abcXYZ019_.-", min_size=1, max_size=9), min_size=1, max_size=5).map("/".join))
    def test_good_names_are_letters_digits_and_a_few_signs_between_slashes(self, name: str) -> None:
        class Service(Settings):
            token: str = secret(name, env="TOKEN")

        assert settings_of(Service)[0].name == name

    @pytest.mark.parametrize(
        ("first", "second", "place"),
        [
            (secret("a/b"), secret("a/b"), "env A_B"),
            (secret("a/b"), secret("a-b"), "env A_B"),
            (secret("a/b"), secret("x", env="A_B"), "env A_B"),
            (secret("a", aws="x#y"), secret("b", aws="x#y"), "aws x#y"),
        ],
    )
    def test_two_fields_on_one_place(self, first: Any, second: Any, place: str) -> None:
        def define() -> None:
            class Service(Settings):
                one: str = first
                two: str = second

        (problem,) = problems_of(define)
        assert (problem.field, problem.message) == ("two", f"looks in the same place as one: {place}")
        assert 'template="{one}"' in problem.fix

    def test_members_of_one_json_secret_are_different_places(self) -> None:
        class Service(Settings):
            user: str = secret("rds/user", aws="estate/rds#user")
            password: str = secret("rds/password", aws="estate/rds#password")

        assert check(Service) == []

    @pytest.mark.parametrize("alias", [AliasChoices("a", "b"), AliasPath("a", 0)])
    def test_an_alias_that_names_no_single_place(self, alias: Any) -> None:
        def define() -> None:
            class Service(Settings):
                token: str = Field(validation_alias=alias)

        (problem,) = problems_of(define)
        assert problem.message == f"{type(alias).__name__} names no single place"
        assert problem.fix == 'name one: env="NAME"'

    def test_a_model_that_is_nested_in_itself(self) -> None:
        def define() -> None:
            class Service(Settings):
                tree: Tree

        (problem,) = problems_of(define)
        assert (problem.field, problem.message) == ("tree.child", "Tree is nested in itself")
        assert "declare the field with secret()" in problem.fix

    def test_a_nested_class_that_reads_variables_by_itself(self) -> None:
        def define() -> None:
            class Service(Settings):
                inner: ReadsByItself

        (problem,) = problems_of(define)
        assert problem.message == "ReadsByItself is a BaseSettings of pydantic-settings, and reads variables by itself"

    @pytest.mark.parametrize(
        ("template", "words"),
        [
            ("{user", "cannot be read"),
            ("{}", "cannot be read"),
            ("{user!r}", "cannot be read"),
            ("{user:>10}", "cannot be read"),
            ("user}", "cannot be read"),
            ("{usr}", "names 'usr', and there is no such field; did you mean \"user\"?"),
        ],
    )
    def test_a_template_that_cannot_be_built(self, template: str, words: str) -> None:
        def define() -> None:
            class Service(Settings):
                user: str
                url: str = secret(template=template)

        (problem,) = problems_of(define)
        assert (problem.field, problem.code) == ("url", Code.SCHEMA)
        assert words in problem.message

    def test_templates_in_a_circle(self) -> None:
        def define() -> None:
            class Service(Settings):
                a: str = secret(template="{b}")
                b: str = secret(template="{c}{plain}")
                c: str = secret(template="{a}{b}")
                d: str = secret(template="{a}")
                plain: str

        assert {p.field: p.message for p in problems_of(define)} == dict.fromkeys(
            "abc", "its template is built from itself"
        )

    def test_t23_all_mistakes_of_a_class_are_told_at_once(self) -> None:
        def define() -> None:
            class Service(Settings):
                one: str = secret("a b")
                two: str = secret("x")
                three: str = secret("x")
                four: str = secret(template="{five}")

        assert [p.field for p in problems_of(define)] == ["one", "three", "four"]


class Tree(BaseModel):
    child: Tree | None = None


class ReadsByItself(BaseSettings):
    token: str = "x"


class TestDescribing:
    @pytest.mark.parametrize(
        ("annotation", "text"),
        [
            (str, "str"),
            (list[int], "list[int]"),
            (tuple[int, ...], "tuple[int, …]"),
            (dict[str, int] | None, "dict[str, int]"),
            (int | str, "int or str"),
            (Annotated[int, Field(ge=1)], "int"),
            (Any, "Any"),
            (Literal["a", 1], "'a' or 1"),
            (Colour, "'red' or 'blue'"),
            (T, "T"),
        ],
    )
    def test_a_type_is_said_as_a_person_writes_it(self, annotation: Any, text: str) -> None:
        assert type_text(annotation) == text

    def test_constraints_are_said_as_they_were_written(self) -> None:
        class Service(BaseModel):
            a: Annotated[str, Field(min_length=1, max_length=3, pattern="^x")]
            b: Annotated[int, Field(ge=1, lt=5)]
            c: Annotated[str, print]

        said = {name: constraints(info) for name, info in Service.model_fields.items()}
        assert said == {"a": ("min_length=1", "max_length=3", "pattern='^x'"), "b": ("ge=1", "lt=5"), "c": ()}
