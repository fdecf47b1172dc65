"""The provider `env`: what a variable says, what a file says that a variable points to, and what nothing reads."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from estate_config import Settings, lazy, load, refresh, secret, setting
from estate_config.contract import Context, Inspector
from estate_config.errors import Code
from estate_config.model import Deadline, Failed, Found, Key, Notice
from estate_config.naming import variable_name
from estate_config_providers.env import spec
from estate_config_providers.env.environment_variables import EnvironmentVariables

URL = Key("database/url", "database_url")
CERTIFICATE = Key("tls/certificate", "tls_certificate", binary=True)


@pytest.fixture(autouse=True)
def _no_variables_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "DATABASE_URL_FILE", "TLS_CERTIFICATE", "TLS_CERTIFICATE_FILE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def provider(tmp_path: Path) -> EnvironmentVariables:
    return build(tmp_path)


def build(folder: Path, **options: Any) -> EnvironmentVariables:
    built = spec.build(spec.options(**options), Context(environment="production", folder=folder))
    assert isinstance(built, EnvironmentVariables)
    return built


def fetch(provider: EnvironmentVariables, *keys: Key) -> Mapping[Key, Found | Failed]:
    return provider.fetch(keys, Deadline(5))


def failure(provider: EnvironmentVariables, key: Key) -> Failed:
    answer = fetch(provider, key)[key]
    assert isinstance(answer, Failed)
    return answer


def found(provider: EnvironmentVariables, key: Key) -> Found:
    answer = fetch(provider, key)[key]
    assert isinstance(answer, Found)
    return answer


class TestNames:
    @pytest.mark.parametrize(
        ("logical", "variable"),
        [
            ("database/url", "DATABASE_URL"),
            ("openai/api-key", "OPENAI_API_KEY"),
            ("rds//pass..word", "RDS_PASS_WORD"),
            ("LogLevel", "LOGLEVEL"),
            ("2fa/token", "_2FA_TOKEN"),
            ("///", ""),
            ("", ""),
        ],
    )
    def test_one_rule_derives_them_t27(self, logical: str, variable: str) -> None:
        """T27: case and separators follow one rule."""
        assert variable_name(logical) == variable

    def test_a_prefix_goes_before_a_derived_name_as_it_is(self) -> None:
        assert variable_name("2fa/token", "Estate_") == "Estate_2FA_TOKEN"
        assert variable_name("/", "ESTATE_") == ""

    @given(st.text(), st.sampled_from(["", "APP_"]))
    def test_a_derived_name_is_one_that_a_shell_can_set(self, logical: str, prefix: str) -> None:
        name = variable_name(logical, prefix)
        assert name == "" or (name.isascii() and name.isidentifier())

    def test_a_prefix_holds_for_derived_names_and_not_for_given_ones(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        provider = build(tmp_path, prefix="ESTATE_")
        given_by_hand = Key("rds/password", "password", address="PGPASSWORD")
        monkeypatch.setenv("ESTATE_DATABASE_URL", "derived")
        monkeypatch.setenv("PGPASSWORD", "whole")
        assert found(provider, URL).value == "derived"
        assert found(provider, given_by_hand).value == "whole"
        assert [provider.locate(key).text for key in (URL, given_by_hand)] == ["ESTATE_DATABASE_URL", "PGPASSWORD"]

    def test_case_is_exact_t27(self, provider: EnvironmentVariables, monkeypatch: pytest.MonkeyPatch) -> None:
        """T27: `database_url` is another variable than `DATABASE_URL`."""
        monkeypatch.setenv("database_url", "lower")
        assert fetch(provider, URL) == {}

    def test_the_way_to_set_one_is_a_line_for_the_shell_without_a_value(self, provider: EnvironmentVariables) -> None:
        assert provider.locate(URL).fix == "export DATABASE_URL='…'"

    @pytest.mark.parametrize("address", ["", "A=B", "A\0B", "\ud800"])
    def test_an_address_that_no_variable_can_have_is_said_to_be_one(
        self, provider: EnvironmentVariables, address: str
    ) -> None:
        answer = failure(provider, Key("a", "a", address=address))
        assert (answer.code, answer.hint) == (Code.SCHEMA, "is not a name that a variable can have")

    def test_a_name_without_letters_has_no_variable_not_the_shells_own_underscore(
        self, provider: EnvironmentVariables, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("_", "/bin/sh")
        key = Key("/", "a")
        assert failure(provider, key).code is Code.SCHEMA
        assert provider.locate(key).text == "(no variable for '/')"
        assert provider.locate(key).fix == "give the field a name with env=…"


class TestVariables:
    def test_the_value_is_the_text_as_it_is(
        self, provider: EnvironmentVariables, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """T13: nothing guesses a type, T15: nothing strips."""
        monkeypatch.setenv("DATABASE_URL", " 0123\n")
        answer = found(provider, URL)
        assert (answer.value, answer.origin.provider, answer.origin.place) == (" 0123\n", "env", "DATABASE_URL")

    def test_it_is_read_at_the_time_of_asking(
        self, provider: EnvironmentVariables, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert fetch(provider, URL) == {}
        monkeypatch.setenv("DATABASE_URL", "first")
        assert found(provider, URL).value == "first"
        monkeypatch.setenv("DATABASE_URL", "second")
        assert found(provider, URL).value == "second"

    def test_empty_is_found_and_not_absent(
        self, provider: EnvironmentVariables, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DATABASE_URL", "")
        assert found(provider, URL).value == ""

    def test_bytes_that_are_no_text_are_for_binary_fields_only(
        self, provider: EnvironmentVariables, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("DATABASE_URL", "TLS_CERTIFICATE"):
            monkeypatch.setenv(name, os.fsdecode(b"\xff\xfe"))
        assert found(provider, CERTIFICATE).value == b"\xff\xfe"
        answer = failure(provider, URL)
        assert (answer.code, answer.hint) == (Code.MALFORMED, "is not UTF-8 text")
        assert "SecretBytes" in answer.fix

    def test_fetching_changes_no_variable_t17(
        self, provider: EnvironmentVariables, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        """T17: `os.environ` is read, never changed."""
        (tmp_path / "url").write_text("from a file")
        monkeypatch.setenv("DATABASE_URL_FILE", "url")
        before = dict(os.environ)
        fetch(provider, URL, CERTIFICATE)
        provider.close()
        assert dict(os.environ) == before

    def test_an_unknown_option_is_an_error(self) -> None:
        with pytest.raises(ValidationError, match="prefixes"):
            spec.options.model_validate({"prefixes": "ESTATE_"})

    @pytest.mark.parametrize("prefix", ["est-", "1_", "A B", "A=", "É_", "A_\n"])
    def test_a_prefix_is_one_that_a_shell_can_set(self, prefix: str) -> None:
        with pytest.raises(ValidationError, match="prefix"):
            spec.options.model_validate({"prefix": prefix})


class TestPointers:
    @pytest.mark.parametrize(
        ("content", "text"),
        [(b"pa ss\n", "pa ss"), (b"x\r\n", "x"), (b"x\n\n", "x\n"), (b"\n", ""), (b" x ", " x "), (b"x\r", "x\r")],
    )
    def test_one_trailing_newline_is_removed_from_text_t15(
        self,
        provider: EnvironmentVariables,
        monkeypatch: pytest.MonkeyPatch,
        tmp_path: Path,
        content: bytes,
        text: str,
    ) -> None:
        """T15: the newline that editors put last is no part of a password; all else is."""
        path = tmp_path / "url"
        path.write_bytes(content)
        monkeypatch.setenv("DATABASE_URL_FILE", str(path))
        answer = found(provider, URL)
        assert (answer.value, answer.origin.place) == (text, f"DATABASE_URL_FILE -> {path}")

    def test_a_binary_field_gets_the_bytes_as_they_are(
        self, provider: EnvironmentVariables, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        (tmp_path / "certificate").write_bytes(b"\x00\xff\n")
        monkeypatch.setenv("TLS_CERTIFICATE_FILE", "certificate")
        assert found(provider, CERTIFICATE).value == b"\x00\xff\n"

    def test_a_relative_path_starts_from_the_folder_of_estate_toml(
        self, provider: EnvironmentVariables, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        (tmp_path / "secrets").mkdir()
        (tmp_path / "secrets" / "url").write_text("here")
        monkeypatch.setenv("DATABASE_URL_FILE", "secrets/url")
        assert found(provider, URL).value == "here"

    def test_both_set_is_an_ambiguity_that_names_both(
        self, provider: EnvironmentVariables, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        (tmp_path / "url").write_text("from-the-file")
        monkeypatch.setenv("DATABASE_URL", "from-the-variable")
        monkeypatch.setenv("DATABASE_URL_FILE", "url")
        answer = failure(provider, URL)
        assert answer.code is Code.MALFORMED
        assert answer.hint == "is set, and so is DATABASE_URL_FILE: only one of them can be meant"
        assert answer.fix == "unset one of the two: `unset DATABASE_URL` or `unset DATABASE_URL_FILE`"

    @pytest.mark.parametrize(
        ("kind", "hint"),
        [
            ("missing", "does not exist"),
            ("directory", "is a directory, not a file"),
            ("fifo", "is a FIFO, a socket or a device, not a file"),
            ("undecodable", "is not UTF-8 text"),
            ("large", "is larger than 65,536 bytes, the most that is read"),
            ("n" * 300, "has a name that is too long for a file"),
            ("undecodable/x", "has a path that leads through something that is not a folder"),
            ("circle", "is a link that leads in a circle or was changed while it was read"),
            ("", "does not exist"),
        ],
    )
    def test_a_file_that_cannot_be_read_is_never_absent_t9(
        self,
        provider: EnvironmentVariables,
        monkeypatch: pytest.MonkeyPatch,
        tmp_path: Path,
        kind: str,
        hint: str,
    ) -> None:
        """T9, T15: a pointer that leads nowhere stops the start; the next provider is not asked instead."""
        (tmp_path / "directory").mkdir()
        os.mkfifo(tmp_path / "fifo")
        (tmp_path / "undecodable").write_bytes(b"\xff")
        (tmp_path / "large").write_bytes(b"x" * 65_537)
        (tmp_path / "circle").symlink_to("circle")
        monkeypatch.setenv("DATABASE_URL_FILE", kind)
        answer = failure(provider, URL)
        assert (answer.code, answer.hint) == (
            Code.MALFORMED,
            f"is given by DATABASE_URL_FILE: the file that it names {hint}",
        )
        assert answer.fix

    def test_a_secret_that_was_put_where_the_path_belongs_is_not_shown(
        self, provider: EnvironmentVariables, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DATABASE_URL_FILE", "hunter2")
        assert "hunter2" not in repr(failure(provider, URL))

    def test_a_field_whose_own_name_ends_in_file_is_a_value_and_not_a_pointer(
        self, provider: EnvironmentVariables, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        certificate_file = Key("tls/certificate_file", "tls_certificate_file")
        monkeypatch.setenv("TLS_CERTIFICATE_FILE", "/etc/tls.pem")
        answers = fetch(provider, CERTIFICATE, certificate_file)
        assert set(answers) == {certificate_file}
        assert found(provider, certificate_file).value == "/etc/tls.pem"


class TestInspection:
    def test_the_spec_offers_it(self, provider: EnvironmentVariables) -> None:
        assert spec.offers == (Inspector,)
        assert isinstance(provider, Inspector)

    def test_without_a_prefix_the_variables_of_the_machine_are_nobodys_business(
        self, provider: EnvironmentVariables, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DATABASE_ULR", "x")
        assert list(provider.inspect([URL])) == []

    def test_a_misspelt_variable_is_named_with_the_one_that_was_meant(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("ESTATE_DATABASE_ULR", "hunter2")
        monkeypatch.setenv("ESTATE_DATABASE_URL", "x")
        monkeypatch.setenv("ESTATE_DATABASE_URL_FILE", "x")
        monkeypatch.setenv("OTHER", "x")
        assert list(build(tmp_path, prefix="ESTATE_").inspect([URL])) == [
            Notice(
                Code.UNKNOWN,
                "ESTATE_DATABASE_ULR",
                'is set, and nothing reads it; did you mean "ESTATE_DATABASE_URL"?',
                "rename it, or `unset ESTATE_DATABASE_ULR`",
            )
        ]

    def test_a_variable_whose_name_is_no_text_is_shown_escaped(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(os.fsdecode(b"ESTATE_\xff"), "x")
        (notice,) = build(tmp_path, prefix="ESTATE_").inspect([Key("/", "a")])
        assert notice.place == "ESTATE_\\xff"
        assert notice.message == "is set, and nothing reads it"


class Declared(Settings):
    key: SecretStr = secret("tls/key")
    key_file: str = setting("tls/key_file", live=False)


def test_what_another_field_reads_by_its_own_name_is_no_pointer_though_it_is_not_asked_this_time(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TLS_KEY", "the key")
    monkeypatch.setenv("TLS_KEY_FILE", "/etc/tls/key")
    settings = load(lazy(Declared))
    assert settings.key_file == "/etc/tls/key"
    assert refresh(settings).problems == ()
    assert refresh(settings, "key").problems == ()
    assert load(Declared, overrides={"key_file": "by hand"}).key.get_secret_value() == "the key"
