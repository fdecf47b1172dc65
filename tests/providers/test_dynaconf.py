"""The provider `dynaconf`: names, values, variables and options."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from estate_config import Settings, load, secret, setting
from estate_config.errors import Code
from estate_config.model import Key
from estate_config_providers.dynaconf import spec
from tests.providers.dynaconf_support import CANARY, ESTATE, URL, at, build, failure, fetch, found, write


class TestNames:
    @pytest.mark.parametrize("spelled", ["database.url", "DATABASE.URL", "Database.Url", '"database__url"'])
    def test_t27_case_does_not_matter_and_places_are_dotted(self, tmp_path: Path, spelled: str) -> None:
        """T27: dynaconf's own rule."""
        write(tmp_path, f"[production]\n{spelled} = 'u'\n")
        assert found(tmp_path) == ("u", "settings.toml [production] database.url")

    @pytest.mark.parametrize("address", ["DATABASE.url", "database__url", "database.URL"])
    def test_an_address_is_dotted_as_dynaconf_has_it(self, tmp_path: Path, address: str) -> None:
        write(tmp_path, "[production.Database]\nurl = 'u'\n")
        assert found(tmp_path, at(address))[0] == "u"

    def test_what_is_not_there_is_absent(self, tmp_path: Path) -> None:
        write(tmp_path, "[production]\ndatabase.host = 'h'\n[default]\n")
        assert fetch(tmp_path, URL, Key("cache/url", "cache_url"), Key("x", "x")) == {}

    def test_an_empty_table_is_not_looked_through(self, tmp_path: Path) -> None:
        """`Dynaconf.get("database.url")` answers with the `url` at the top here."""
        write(tmp_path, f"[production]\nurl = '{CANARY}'\ndatabase = {{}}\n")
        assert fetch(tmp_path, URL) == {}

    @pytest.mark.parametrize("value", ["'text'", "5", "['a']"])
    def test_a_name_that_goes_on_where_there_is_no_table_is_malformed(self, tmp_path: Path, value: str) -> None:
        write(tmp_path, f"[production]\ndatabase = {value}\n")
        answer = failure(tmp_path)
        assert answer.code is Code.MALFORMED
        assert answer.hint.startswith("has no members: database is a ")

    def test_a_name_of_dynaconfs_own_is_a_name_like_any_other(self, tmp_path: Path) -> None:
        write(tmp_path, "[production]\nstore = 's'\nget = 'g'\ncurrent_env = 'e'\n")
        assert [found(tmp_path, Key(name, name))[0] for name in ("store", "get", "current_env")] == ["s", "g", "e"]

    @pytest.mark.parametrize(
        ("options", "text", "fix"),
        [
            ({}, "settings.toml [production] database.url", 'settings.toml:\n[production]\ndatabase.url = "<value>"'),
            ({"environment": False}, "settings.toml database.url", 'settings.toml:\ndatabase.url = "<value>"'),
            (
                {"files": ["settings.yaml", ".secrets.yaml"]},
                ".secrets.yaml [production] database.url",
                "production.database.url to .secrets.yaml",
            ),
        ],
    )
    def test_a_place_is_where_the_value_would_go(self, options: dict[str, Any], text: str, fix: str) -> None:
        place = build(Path(), **options).locate(URL)
        assert (place.text, place.fix.removeprefix("add to ").removeprefix("add ")) == (text, fix)

    def test_a_plain_setting_goes_into_the_file_that_is_not_for_secrets(self) -> None:
        key = Key("log/level", "log_level", secret=False)
        files = [".secrets.toml", "settings.toml"]
        assert build(Path(), files=files).locate(key).text == ".secrets.toml [production] log.level"
        assert build(Path(), files=files[::-1]).locate(key).text == "settings.toml [production] log.level"


class TestValues:
    @pytest.mark.parametrize(
        ("name", "text", "value"),
        [
            ("settings.toml", "x = '0123'", "0123"),
            ("settings.toml", "x = 0x10", 16),
            ("settings.toml", "x = 'true'", "true"),
            ("settings.toml", "x = ['1', 2]", ["1", 2]),
            ("settings.yaml", "x: '0123'", "0123"),
            ("settings.yaml", "x: 5432", 5432),
            ("settings.yaml", "x: yes", "yes"),
            ("settings.json", '{"x": "1e3"}', "1e3"),
            ("settings.json", '{"x": {"Y": [true]}}', {"Y": [True]}),
        ],
    )
    def test_t13_they_have_the_type_that_the_file_gives_them(
        self, tmp_path: Path, name: str, text: str, value: object
    ) -> None:
        """T13: a text stays a text."""
        write(tmp_path, text, name)
        got = found(tmp_path, Key("x", "x"), files=[name], environment=False)[0]
        assert got == value
        assert type(got) is type(value)

    def test_a_null_is_no_value(self, tmp_path: Path) -> None:
        write(tmp_path, "production:\n  database:\n    url:\n", "settings.yaml")
        answer = failure(tmp_path, files=["settings.yaml"])
        assert (answer.code, answer.hint) == (Code.NO_VALUE, "is there, and null")
        assert answer.fix == "add production.database.url to settings.yaml"

    def test_a_binary_field_gets_the_bytes_of_a_text_and_of_nothing_else(self, tmp_path: Path) -> None:
        write(tmp_path, "[production]\na = 'ü'\nb = 1\n")
        assert found(tmp_path, at("a", binary=True))[0] == "ü".encode()
        assert failure(tmp_path, at("b", binary=True)).code is Code.MALFORMED

    def test_they_reach_the_schema(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        class AiSettings(Settings):
            pin: SecretStr = secret("pin")
            port: int = setting("database/port")
            hosts: list[str] = setting("hosts")

        write(tmp_path, "[production]\npin = '0123'\ndatabase.port = 5432\nhosts = ['a', 'b']\n")
        write(tmp_path, ESTATE, "estate.toml")
        monkeypatch.chdir(tmp_path)
        settings = load(AiSettings, environment="production")
        assert (settings.pin.get_secret_value(), settings.port, settings.hosts) == ("0123", 5432, ["a", "b"])


class TestVariables:
    def test_they_are_not_read_unless_a_prefix_is_given(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        write(tmp_path, "[production.database]\nurl = 'file'\nhost = 'h'\n")
        for prefix in ("DYNACONF", "MYAPP"):
            monkeypatch.setenv(f"{prefix}_DATABASE__URL", "variable")
        assert found(tmp_path)[0] == "file"
        assert found(tmp_path, envvar_prefix="myapp") == ("variable", "MYAPP_DATABASE__URL")
        host = Key("database/host", "host")
        assert found(tmp_path, host, envvar_prefix="myapp") == ("h", "settings.toml [production] database.host")

    @pytest.mark.parametrize("text", ["0123", "1e3", "true", "@int 5", "[1", '{"a": 1}', ""])
    def test_t13_nothing_is_guessed_of_them(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
        """T13: dynaconf would parse them as TOML."""
        write(tmp_path, "")
        monkeypatch.setenv("MYAPP_AUTO_CAST_FOR_DYNACONF", "true")
        monkeypatch.setenv("MYAPP_X", text)
        assert found(tmp_path, Key("x", "x"), envvar_prefix="MYAPP") == (text, "MYAPP_X")

    def test_t17_the_environment_is_not_changed_and_gives_dynaconf_no_orders(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """T17: nor is a `.env` read into it."""
        write(tmp_path, "[production]\ndatabase.url = '@int 5'\n[other]\ndatabase.url = 'o'\n")
        write(tmp_path, "DYNACONF_FROM_DOTENV=x\n", ".env")
        write(tmp_path, "[production]\ndatabase.url = 'o'\n", "other.toml")
        monkeypatch.chdir(tmp_path)
        for name, value in {
            "ENV": "other",
            "FORCE_ENV": "other",
            "AUTO_CAST": "true",
            "LOAD_DOTENV": "true",
            "SETTINGS_FILE": "other.toml",
            "SECRETS": "other.toml",
            "INCLUDES": "other.toml",
            "YAML_LOADER": "unsafe_load",
            "VAULT_ENABLED": "true",
            "REDIS_ENABLED": "true",
        }.items():
            monkeypatch.setenv(f"{name}_FOR_DYNACONF", value)
        before = dict(os.environ)
        assert found(tmp_path) == ("@int 5", "settings.toml [production] database.url")
        assert dict(os.environ) == before

    def test_code_beside_the_files_is_not_run(self, tmp_path: Path) -> None:
        write(tmp_path, "[production]\ndatabase.url = 'u'\n")
        write(tmp_path, f"open({str(tmp_path / 'ran')!r}, 'w')\ndef post(settings): return {{}}\n", "dynaconf_hooks.py")
        assert found(tmp_path)[0] == "u"
        assert not (tmp_path / "ran").exists()


class TestOptions:
    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ({}, "`files` has to name the settings files"),
            ({"files": ["settings.py"]}, r"settings\.py: settings files are \.json, \.toml, \.yaml, \.yml"),
            ({"files": ["a.toml"], "environment": ""}, "at least 1 character"),
            ({"files": ["a.toml"], "environment": True}, "environment"),
            ({"files": ["a.toml"], "envvar_prefix": "A-B"}, "match pattern"),
            ({"files": ["a.toml"], "settings": object()}, "that object says which files"),
            ({"settings": object(), "environment": "x"}, "that object says which files"),
        ],
    )
    def test_what_cannot_work_is_refused_at_once(self, options: dict[str, Any], words: str) -> None:
        with pytest.raises(ValidationError, match=words):
            spec.options.model_validate(options)

    def test_without_dynaconf_the_install_command_is_named(self) -> None:
        code = """
import sys
sys.modules["dynaconf"] = None
from pathlib import Path
from estate_config.contract import Context
from estate_config.errors import ProviderError
from estate_config.model import Deadline, Key
from estate_config_providers.dynaconf import spec
try:
    spec.build(spec.options(files=["x.toml"]), Context("x", Path())).fetch([Key("a", "a")], Deadline(1))
except ProviderError as error:
    print(error.code, error.fix)
"""
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "PLUGIN pip install 'estate-config[dynaconf]'"
