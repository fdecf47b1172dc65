"""The example of a `.env` file: what it says, and that a copy with values in it is read."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AmqpDsn, AnyUrl, Field, HttpUrl, PostgresDsn, RedisDsn, SecretBytes, SecretStr
from pydantic.fields import FieldInfo

from estate_config import Settings, explain, load, secret, setting
from estate_config.generate.dotenv import dotenv, placeholder, quoted
from estate_config.generate.files import RefusedError
from estate_config.known_examples import is_known_example
from estate_config_providers.dotenv.parsing import parse
from tests.generate.estates import MARK, TABLE, catalogue


class Listing(Settings):
    """Keeps listings."""

    log_level: str = setting(default="info", description="How much it says")
    database_url: PostgresDsn = secret("database/url", description="Listings database")
    openai_api_key: SecretStr = secret("openai/api_key")
    motto: str = setting(default='it\'s # "fine"\n\\o/', description="Of several\nlines")
    timeout: timedelta = setting(default=timedelta(seconds=90), examples=["15"])
    tags: list[str] = setting(default=["a", "b c"])
    token: SecretStr | None = secret(default=None)


class Report(Settings):
    database_url: PostgresDsn = secret("database/url", template="postgresql://{db_user}@db/estate")
    db_user: str = setting(default="estate")
    region: str = setting(examples=["north", "south"])


def blocks(text: str) -> dict[str, list[str]]:
    """Return the comment lines above each variable, commented out or not."""
    found = {}
    for block in text.split("\n\n"):
        *comment, last = block.splitlines()
        if match := re.match(r"(?:# )?(\w+)=", last):
            found[match[1]] = [line.removeprefix("# ") for line in comment]
    return found


class TestWhatItSays:
    def test_what_has_to_be_filled_in_comes_first(self) -> None:
        text = dotenv(catalogue(listing=Listing, report=Report), MARK)
        needed, optional = text.split("# === Not needed: what holds without them ===")
        assert re.findall(r"^\w+(?==)", needed, re.MULTILINE) == ["DATABASE_URL", "OPENAI_API_KEY", "REGION"]
        assert re.findall(r"^# (\w+)=", optional, re.MULTILINE) == [
            "LOG_LEVEL",
            "MOTTO",
            "TIMEOUT",
            "TAGS",
            "TOKEN",
            "DB_USER",
        ]
        assert parse(optional).entries == {}

    def test_a_variable_is_there_once_with_all_who_read_it(self) -> None:
        text = dotenv(catalogue(listing=Listing, report=Report), MARK)
        assert text.count("DATABASE_URL=") == 1
        assert blocks(text)["DATABASE_URL"] == ["Listings database", "Secret, PostgresDsn; read by listing, report"]

    def test_a_variable_says_what_it_is_and_what_holds_without_it(self) -> None:
        said = blocks(dotenv(catalogue(listing=Listing, report=Report), MARK))
        assert said["MOTTO"] == ["Of several lines", "str; read by listing"]
        assert said["TIMEOUT"] == ["timedelta (90d, 1h30m, 250ms, or seconds); read by listing", "For example: 15"]
        assert said["TOKEN"] == ["Secret, SecretStr; read by listing", "Without it: none"]
        assert blocks(dotenv(catalogue(report=Report), MARK))["DATABASE_URL"] == [
            "Secret, PostgresDsn; read by report",
            "Without it: built from db_user",
        ]

    def test_a_required_setting_with_an_example_shows_it(self) -> None:
        assert "\nREGION=north\n" in dotenv(catalogue(report=Report), MARK)

    def test_a_service_that_needs_nothing_has_no_heading_for_it(self) -> None:
        class Needy(Settings):
            token: str

        class Calm(Settings):
            port: int = 1

        assert "To be filled in" not in dotenv(catalogue(calm=Calm), MARK)
        assert "Not needed" not in dotenv(catalogue(needy=Needy), MARK)

    def test_what_is_not_read_from_a_env_file_is_not_in_it(self) -> None:
        class Service(Settings):
            tls_key: SecretBytes = secret("tls/key", providers=("files",))
            odd: str = secret(env="NO=NAME", providers=("dotenv",))
            own: str = secret(env="OTHER", dotenv="OWN")

        assert list(blocks(dotenv(catalogue(service=Service), MARK))) == ["OWN"]

    def test_it_is_for_the_environment_that_reads_env_files(self) -> None:
        chains = {"production": {"chain": ["env"]}, "laptop": {"chain": ["dotenv"]}, "desk": {"chain": ["dotenv"]}}
        table = {**TABLE, "environments": chains, "default_environment": None}
        assert "For the environment laptop." in dotenv(catalogue(table, listing=Listing), MARK)
        table["default_environment"] = "desk"
        assert "For the environment desk." in dotenv(catalogue(table, listing=Listing), MARK)

    def test_where_nobody_reads_env_files_there_is_none(self) -> None:
        table = {**TABLE, "environments": {"production": {"chain": ["env"]}}}
        with pytest.raises(RefusedError, match=r'put "dotenv" into the chain'):
            dotenv(catalogue(table, listing=Listing), MARK)


class TestItIsRead:
    @given(st.text(alphabet=st.characters(codec="utf-8")) | st.text(alphabet="'\"\\ #=$\n\rn{}a", min_size=1))
    def test_any_value_is_read_back_as_it_was(self, value: str) -> None:
        parsed = parse(f"BEFORE=1\nNAME={quoted(value)}\nAFTER=2\n")
        assert parsed.bad_lines == ()
        assert {name: entry.value for name, entry in parsed.entries.items()} == {
            "BEFORE": "1",
            "NAME": value,
            "AFTER": "2",
        }

    @given(st.text(alphabet=st.characters(codec="utf-8")) | st.text(alphabet="'\"\\ #=$\n\rn{}a", min_size=1))
    def test_no_word_of_a_schema_becomes_a_line_of_its_own(self, words: str) -> None:
        info: FieldInfo = setting(default=words, description=words, owner=words, examples=[words])
        cls = type("Odd", (Settings,), {"__annotations__": {"odd": str}, "odd": info, "__doc__": words})
        text = dotenv(catalogue(None, **{f"x{words}": cls}), f"x{words}".replace("\n", "").replace("\r", ""))
        parsed = parse(text)
        assert (parsed.entries, parsed.bad_lines) == ({}, ())

    def test_a_copy_with_values_in_it_starts_the_service_from_that_file_alone(self, tmp_path: Path) -> None:
        text = dotenv(catalogue(listing=Listing), MARK)
        filled = text.replace("user:password@localhost/your-database-url", "me:made-up@db/estate").replace(
            "your-openai-api-key", "sk-made-up"
        )
        uncommented = re.sub(r"^# (?=\w+=)", "", filled, flags=re.MULTILINE)
        for content, provider in ((filled, "default"), (uncommented, "dotenv")):
            file = tmp_path / ".env"
            file.write_text(content, encoding="utf-8")
            file.chmod(0o600)
            settings = load(
                Listing, environment="development", config={**TABLE, "providers": {"files": {"folder": "."}}}
            )
            assert str(settings.database_url) == "postgresql://me:made-up@db/estate"
            assert settings.openai_api_key.get_secret_value() == "sk-made-up"
            assert explain(settings)["motto"].provider == provider
            assert (settings.motto, settings.tags, settings.timeout, settings.token) == (
                'it\'s # "fine"\n\\o/',
                ["a", "b c"],
                timedelta(seconds=90),
                None,
            )


class Placeholders(Settings):
    text: str
    key: SecretStr = secret("openai/api_key")
    number: int
    postgres: PostgresDsn
    redis: RedisDsn | None = secret("cache/url")
    queue: AmqpDsn
    page: HttpUrl
    anything: AnyUrl


class Long(Settings):
    short: Annotated[str, Field(min_length=4)] = secret("x")
    jwt: Annotated[SecretStr, Field(min_length=32)] = secret("jwt/secret")
    longer: Annotated[str, Field(min_length=200)] = secret("long")
    shared: str = secret("shared/key")
    items: Annotated[list[str], Field(min_length=32)] = secret("items")


class AlsoLong(Settings):
    shared: Annotated[str, Field(min_length=16)] = secret("shared/key")


def test_a_placeholder_is_as_long_as_every_reader_asks_for() -> None:
    made = {item.field: placeholder(item) for item in catalogue(service=Long).settings}
    assert made["short"] == "your-x"
    assert made["jwt"] == "your-jwt-secret-at-least-32-characters"
    assert made["items"] == "your-items"
    assert 200 <= len(made["longer"]) < 210
    assert is_known_example(made["longer"])
    assert "\nSHARED_KEY=your-shared-key-at-least-16-characters\n" in dotenv(catalogue(a=Long, b=AlsoLong), "m")


def test_every_placeholder_is_one_that_a_start_refuses_where_examples_are_forbidden() -> None:
    made = {item.field: placeholder(item) for item in catalogue(service=Placeholders).settings}
    assert made["key"] == "your-openai-api-key"
    assert made["postgres"] == "postgresql://user:password@localhost/your-postgres"
    assert made["redis"] == "redis://user:password@localhost/your-cache-url"
    assert made["anything"] == "https://user:password@localhost/your-anything"
    assert [name for name, value in made.items() if not is_known_example(value)] == []
