"""The provider `dynaconf`: dynaconf's own layers and merges, and nothing of what it would do besides."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from dynaconf import Dynaconf
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr, ValidationError

from estate_config import Settings, load, secret, setting
from estate_config.contract import Context, Inspector
from estate_config.errors import Code, ProviderError
from estate_config.model import Deadline, Failed, Found, Key
from estate_config.testing import assert_no_leak
from estate_config_providers.dynaconf import spec
from estate_config_providers.dynaconf.layered_settings import LayeredSettings

URL = Key("database/url", "database_url")
CANARY = "canary-3f9a1d77c2"
JSON_LAYERS = ("default", "production", "global")


def build(base: Path, /, **options: Any) -> LayeredSettings:
    table = options if "settings" in options else {"files": ["settings.toml"], **options}
    built = spec.build(spec.options.model_validate(table), Context(environment="production", folder=base))
    assert isinstance(built, LayeredSettings)
    return built


def fetch(base: Path, /, *keys: Key, **options: Any) -> Mapping[Key, Found | Failed]:
    return build(base, **options).fetch(keys, Deadline(5))


def found(base: Path, key: Key = URL, /, **options: Any) -> tuple[object, str]:
    answer = fetch(base, key, **options)[key]
    assert isinstance(answer, Found), answer
    assert answer.origin.provider == "dynaconf"
    return answer.value, answer.origin.place


def failure(base: Path, key: Key = URL, /, **options: Any) -> Failed:
    answer = fetch(base, key, **options)[key]
    assert isinstance(answer, Failed)
    return answer


def error(base: Path, /, **options: Any) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        fetch(base, URL, **options)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    return caught.value


def write(base: Path, text: str, name: str = "settings.toml") -> None:
    (base / name).write_text(text)


def at(address: str, *, binary: bool = False) -> Key:
    return Key("database/url", "database_url", address=address, binary=binary)


class TestLayers:
    def test_the_own_section_goes_over_default_and_global_over_both(self, tmp_path: Path) -> None:
        write(tmp_path, "[default]\na = 1\nb = 1\nc = 1\n[production]\nb = 2\nc = 2\n[global]\nc = 3\n")
        assert [found(tmp_path, Key(name, name)) for name in "abc"] == [
            (1, "settings.toml [default] a"),
            (2, "settings.toml [production] b"),
            (3, "settings.toml [global] c"),
        ]

    def test_later_files_go_over_earlier_ones_and_local_ones_over_all(self, tmp_path: Path) -> None:
        for name, text in {
            "settings.toml": "a = 1\nb = 1\nc = 1\nd = 1",
            ".secrets.yaml": "production:\n  b: 2\n  c: 2\n  d: 2",
            "settings.local.toml": "c = 3\nd = 3",
            ".secrets.local.yaml": "production:\n  d: 4",
        }.items():
            write(tmp_path, text if "production" in text else f"[production]\n{text}", name)
        files = ["settings.toml", ".secrets.yaml"]
        assert [found(tmp_path, Key(name, name), files=files) for name in "abcd"] == [
            (1, "settings.toml [production] a"),
            (2, ".secrets.yaml [production] b"),
            (3, "settings.local.toml [production] c"),
            (4, ".secrets.local.yaml [production] d"),
        ]

    def test_t19_the_sections_of_other_environments_are_not_there(self, tmp_path: Path) -> None:
        write(tmp_path, f"[development]\ndatabase.url = '{CANARY}'\n[production]\nx = 1\n")
        provider = build(tmp_path)
        assert provider.fetch([URL], Deadline(5)) == {}
        layered = provider._from_files()
        assert not isinstance(layered, ProviderError)
        assert CANARY not in repr(dict(layered.settings.store)) + repr([layer.table for layer in layered.layers])

    def test_the_environment_is_that_of_the_estate_unless_the_option_says_otherwise(self, tmp_path: Path) -> None:
        write(tmp_path, "[production]\ndatabase.url = 'p'\n[prod-eu]\ndatabase.url = 'e'\n")
        assert found(tmp_path)[0] == "p"
        assert found(tmp_path, environment="prod-eu") == ("e", "settings.toml [prod-eu] database.url")

    def test_files_may_have_no_sections(self, tmp_path: Path) -> None:
        write(tmp_path, "production = 'x'\n[database]\nurl = 'u'\n")
        assert found(tmp_path, environment=False) == ("u", "settings.toml database.url")

    def test_files_lie_in_the_root(self, tmp_path: Path) -> None:
        (tmp_path / "config").mkdir()
        write(tmp_path, "[production]\ndatabase.url = 'u'\n", "config/settings.toml")
        assert found(tmp_path, root="config") == ("u", "config/settings.toml [production] database.url")
        assert found(Path(), root=tmp_path, files=["config/settings.toml"])[1].startswith(f"{tmp_path}/config/")

    def test_t20_a_table_replaces_the_one_below_unless_it_says_that_it_merges(self, tmp_path: Path) -> None:
        """T20: dynaconf's own rule, and no other."""
        below = "[default.database]\nurl = 'd'\npassword = 'd'\n[production.database]\nurl = 'p'\n"
        password = Key("database/password", "password")
        write(tmp_path, below)
        assert set(fetch(tmp_path, URL, password)) == {URL}
        write(tmp_path, f"{below}dynaconf_merge = true\n")
        assert found(tmp_path)[1] == "settings.toml [production] database.url"
        assert found(tmp_path, password) == ("d", "settings.toml [default] database.password")

    def test_t20_a_leaf_that_a_table_has_lost_is_asked_of_the_next_provider(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """T20: the estate merges leaf by leaf."""

        class Database(BaseModel):
            url: SecretStr
            password: SecretStr

        class AiSettings(Settings):
            database: Database

        write(tmp_path, "[default.database]\nurl = 'd'\npassword = 'd'\n[production.database]\nurl = 'p'\n")
        write(tmp_path, ESTATE, "estate.toml")
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("DATABASE_PASSWORD", "from env")
        settings = load(AiSettings, environment="production")
        assert settings.database.url.get_secret_value() == "p"
        assert settings.database.password.get_secret_value() == "from env"

    def test_t12_a_reader_sees_one_state_of_a_file_never_half_of_each(self, tmp_path: Path) -> None:
        """T12: every fetch reads anew, and nothing is reloaded in place."""
        keys = [Key(f"k{number}", f"k{number}") for number in range(20)]

        def put(value: int) -> None:
            write(tmp_path, "[production]\n" + "".join(f"{key.name} = {value}\n" for key in keys), "next.toml")
            (tmp_path / "next.toml").replace(tmp_path / "settings.toml")

        put(0)
        provider, seen, torn = build(tmp_path), set(), []
        done = threading.Event()

        def read() -> None:
            while not done.is_set():
                answers = provider.fetch(keys, Deadline(5)).values()
                values = {answer.value for answer in answers if isinstance(answer, Found)}
                torn.append(values) if len(values) != 1 or len(answers) != 20 else seen.update(values)

        readers = [threading.Thread(target=read) for _ in range(3)]
        for reader in readers:
            reader.start()
        for value in range(1, 60):
            put(value)
        done.set()
        for reader in readers:
            reader.join(10)
        assert torn == []
        assert seen


ESTATE = """
[environments.production]
chain = ["dynaconf", "env"]

[providers.dynaconf]
files = ["settings.toml"]
"""

LEAVES = st.one_of(st.text(max_size=5), st.integers(), st.booleans(), st.lists(st.integers(), max_size=2))
NAMES = st.sampled_from(["database", "Cache", "url", "PORT"])
TABLES: st.SearchStrategy[Any] = st.recursive(
    LEAVES,
    lambda inner: st.dictionaries(NAMES, inner, max_size=3).flatmap(
        lambda table: st.sampled_from([table, {**table, "dynaconf_merge": True}] if table else [table])
    ),
    max_leaves=6,
)
DOCUMENTS = st.dictionaries(st.sampled_from(JSON_LAYERS), st.dictionaries(NAMES, TABLES, max_size=3), max_size=3)


class TestAsDynaconf:
    @given(st.lists(DOCUMENTS, min_size=1, max_size=3))
    def test_the_values_are_those_that_dynaconf_itself_would_give(self, documents: list[Any]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            files = [Path(folder) / f"settings{number}.json" for number in range(len(documents))]
            for file, document in zip(files, documents, strict=True):
                file.write_text(json.dumps(document))
            theirs = Dynaconf(
                settings_files=[str(file) for file in files],
                environments=True,
                FORCE_ENV_FOR_DYNACONF="production",
                AUTO_CAST_FOR_DYNACONF=False,
                LOADERS_FOR_DYNACONF=[],
            ).as_dict()
            names = ["database", "cache", "url", "port"]
            answers = fetch(Path(folder), *(Key(name, name) for name in names), files=[file.name for file in files])
        ours = {key.name.upper(): answer.value for key, answer in answers.items() if isinstance(answer, Found)}
        assert len(ours) == len(answers)
        assert ours == {name: theirs[name] for name in map(str.upper, names) if name in theirs}


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


class TestTokens:
    TEXTS = (
        "@int 5",
        "@format {env[HOME]}",
        "@jinja {{ 7 * 6 }}",
        "@get other",
        "@read_file /etc/passwd",
        "@json {}",
        "@merge x",
        "@del",
        "@none",
        "@int @format {this.other}",
    )

    @pytest.mark.parametrize("text", TEXTS)
    def test_none_means_anything_unless_the_option_says_so(self, tmp_path: Path, text: str) -> None:
        tables = {"default": {"x": ["below"]}, "production": {"x": text, "table": {"y": [text]}, "other": "o"}}
        write(tmp_path, json.dumps(tables), "settings.json")
        assert found(tmp_path, Key("x", "x"), files=["settings.json"])[0] == text
        assert found(tmp_path, Key("table", "table"), files=["settings.json"])[0] == {"y": [text]}

    def test_they_are_evaluated_where_it_says_so(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("REGION", "eu")
        write(
            tmp_path,
            "[default]\nlist = ['a']\n[production]\nport = '@int 5'\nhost = '@format db.{env[REGION]}'\n"
            "url = '@jinja {{ this.host }}:{{ this.port }}'\nlist = '@merge b'\ndeep.url = '@format {this.url}/x'\n",
        )
        names = ("port", "host", "url", "list", "deep/url")
        values = [found(tmp_path, Key(name, name), evaluate=True)[0] for name in names]
        assert values == [5, "db.eu", "db.eu:5", ["a", "b"], "db.eu:5/x"]

    def test_one_that_fails_fails_alone_and_unseen(self, tmp_path: Path) -> None:
        write(tmp_path, f"[production]\ndatabase.url = '@format {CANARY} {{this.nowhere}}'\nx = 'x'\n")
        keys = [URL, Key("x", "x")]
        answers = assert_no_leak(lambda: fetch(tmp_path, *keys, evaluate=True), [CANARY])
        answer = answers[URL]
        assert (answer.code, answer.hint) == (
            Code.MALFORMED,
            "is a template that cannot be evaluated (DynaconfFormatError)",
        )
        assert isinstance(answers[keys[1]], Found)

    def test_one_that_cannot_be_read_spoils_the_files_unseen(self, tmp_path: Path) -> None:
        write(tmp_path, f"[production]\ndatabase.url = '@int {CANARY}'\n")
        problem = assert_no_leak(lambda: error(tmp_path, evaluate=True), [CANARY])
        assert problem.code is Code.MALFORMED
        assert problem.hint == "cannot be used: dynaconf cannot layer settings.toml (DynaconfParseError)"

    @pytest.mark.parametrize(
        ("text", "name"),
        [
            ("AUTO_CAST_FOR_DYNACONF = true", "AUTO_CAST_FOR_DYNACONF"),
            ("auto_cast_for_dynaconf = true", "auto_cast_for_dynaconf"),
            ("dynaconf_include = ['other.toml']", "dynaconf_include"),
            ("VAULT_ENABLED_FOR_DYNACONF = true", "VAULT_ENABLED_FOR_DYNACONF"),
        ],
    )
    def test_a_file_cannot_give_dynaconf_orders(self, tmp_path: Path, text: str, name: str) -> None:
        for environment, whole in (("production", f"[production]\n{text}\n"), (False, f"{text}\n")):
            write(tmp_path, whole)
            problem = error(tmp_path, environment=environment)
            assert problem.code is Code.SCHEMA
            assert f"settings.toml sets {name}: dynaconf's own options are taken from estate.toml alone" in problem.hint


class TestFiles:
    def test_t16_one_that_is_named_has_to_be_where_it_is_said_to_be(self, tmp_path: Path) -> None:
        """T16: dynaconf would look in all the folders above."""
        (tmp_path / "below").mkdir()
        write(tmp_path, "[production]\ndatabase.url = 'u'\n")
        problem = error(tmp_path / "below")
        assert problem.code is Code.UNAVAILABLE
        assert problem.hint == "cannot be used: there is no settings.toml"
        assert problem.fix == "make the file settings.toml, or correct [providers.dynaconf]"

    def test_all_that_is_wrong_is_told_at_once(self, tmp_path: Path) -> None:
        write(tmp_path, "x", "settings.toml")
        problem = error(tmp_path, files=["settings.toml", ".secrets.toml"])
        assert "settings.toml is not TOML" in problem.hint
        assert "there is no .secrets.toml" in problem.hint

    @pytest.mark.parametrize(
        ("name", "text", "words"),
        [
            ("settings.toml", f"[production]\nx = '{CANARY}", "is not TOML (at its end)"),
            ("settings.toml", f"x = '{CANARY}'\nx = '{CANARY}'\n", "is not TOML (line 2, column 24)"),
            ("settings.yaml", f"x: {CANARY}\ny: [{CANARY}", "is not YAML (line 2, column 22)"),
            ("settings.yaml", f"x: !!python/object/apply:os.system ['{CANARY}']", "is not YAML (line 1, column 4)"),
            ("settings.yaml", f"- {CANARY}", "is YAML, and not a table with names"),
            ("settings.yaml", f"1: {CANARY}", "is YAML, and not a table with names"),
            ("settings.json", f'{{"x": "{CANARY}"', "is not JSON (line 1, column 26)"),
            ("settings.json", "[" * 100_000, "is not JSON (the text"),
            ("settings.json", "\x00", "is not JSON (line 1, column 1)"),
        ],
    )
    def test_t2_one_that_is_malformed_is_told_by_its_position_alone(
        self, tmp_path: Path, name: str, text: str, words: str
    ) -> None:
        """T2: a parser's error holds the text."""
        write(tmp_path, text, name)
        problem = assert_no_leak(lambda: error(tmp_path, files=[name]), [CANARY])
        assert problem.code is Code.MALFORMED
        assert f"{name} {words}" in problem.hint

    def test_a_section_that_is_no_table_is_malformed(self, tmp_path: Path) -> None:
        write(tmp_path, f"production = '{CANARY}'\n")
        problem = assert_no_leak(lambda: error(tmp_path), [CANARY])
        assert problem.hint == "cannot be used: dynaconf cannot layer settings.toml (AttributeError)"

    @pytest.mark.parametrize("name", ["settings.toml", "settings.local.toml"])
    def test_t9_one_that_cannot_be_read_is_never_passed_over(self, tmp_path: Path, name: str) -> None:
        """T9: dynaconf gives a warning, and of a local file not even that."""
        write(tmp_path, "")
        (tmp_path / name).unlink(missing_ok=True)
        (tmp_path / name).mkdir()
        problem = error(tmp_path)
        assert (problem.code, problem.hint) == (Code.MALFORMED, f"cannot be used: {name} is a directory, not a file")

    def test_one_that_is_not_utf_8_or_too_large_is_malformed(self, tmp_path: Path) -> None:
        (tmp_path / "settings.toml").write_bytes(b"x = '\xff'")
        assert error(tmp_path).hint == "cannot be used: settings.toml is not UTF-8 text"
        write(tmp_path, f"x = '{'x' * 1_048_576}'")
        assert error(tmp_path).code is Code.MALFORMED

    @pytest.mark.parametrize("name", ["settings.toml", "settings.yaml"])
    def test_an_empty_one_is_an_empty_table(self, tmp_path: Path, name: str) -> None:
        write(tmp_path, "", name)
        assert fetch(tmp_path, URL, files=[name]) == {}

    def test_an_empty_section_is_an_empty_table(self, tmp_path: Path) -> None:
        write(tmp_path, "default:\n  x: 1\nproduction:\n", "settings.yaml")
        assert found(tmp_path, Key("x", "x"), files=["settings.yaml"]) == (1, "settings.yaml [default] x")

    def test_secrets_that_others_can_read_are_told(self, tmp_path: Path) -> None:
        for name in ("settings.toml", ".secrets.toml", ".secrets.local.toml"):
            write(tmp_path, "[production]\n", name)
            (tmp_path / name).chmod(0o644)
        provider = build(tmp_path, files=["settings.toml", ".secrets.toml"])
        assert isinstance(provider, Inspector)
        assert [(notice.code, notice.place, notice.fix) for notice in provider.inspect([URL])] == [
            (Code.INSECURE, ".secrets.toml", "chmod 600 .secrets.toml"),
            (Code.INSECURE, ".secrets.local.toml", "chmod 600 .secrets.local.toml"),
        ]
        for name in (".secrets.toml", ".secrets.local.toml"):
            (tmp_path / name).chmod(0o600)
        assert provider.inspect([URL]) == []
        (tmp_path / ".secrets.toml").unlink()
        assert provider.inspect([URL]) == []


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
        monkeypatch.setenv("MYAPP_X", text)
        monkeypatch.setenv("MYAPP_AUTO_CAST_FOR_DYNACONF", "true")
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


class TestObject:
    def object(self, tmp_path: Path, **options: Any) -> Dynaconf:
        return Dynaconf(
            settings_files=[str(tmp_path / "settings.toml")], environments=True, env="production", **options
        )

    def test_it_is_read_as_it_is_with_the_places_that_it_knows(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write(
            tmp_path,
            "[default.database]\nurl = 'd'\nhost = 'd'\n[production.database]\nurl = 'p'\ndynaconf_merge = true\n",
        )
        monkeypatch.setenv("MYAPP_DATABASE__PORT", "5432")
        settings = self.object(tmp_path, envvar_prefix="MYAPP", given="g")
        settings.set("later", "l")
        options = {"settings": settings}
        assert found(tmp_path, **options) == ("p", "settings.toml [production] database.url")
        assert found(tmp_path, Key("database/host", "h"), **options) == ("d", "settings.toml [default] database.host")
        assert found(tmp_path, Key("database/port", "p"), **options) == (5432, "MYAPP_DATABASE__PORT")
        assert found(tmp_path, Key("given", "g"), **options) == ("g", "(set_method init_kwargs) given")
        assert found(tmp_path, Key("later", "l"), **options) == ("l", "(set_method undefined) later")

    def test_one_without_environments_has_no_sections(self, tmp_path: Path) -> None:
        write(tmp_path, "database.url = 'u'\n")
        settings = Dynaconf(settings_files=[str(tmp_path / "settings.toml")])
        assert found(tmp_path, settings=settings) == ("u", "settings.toml database.url")

    def test_it_does_not_load_before_the_first_fetch(self, tmp_path: Path) -> None:
        settings = self.object(tmp_path)
        provider = build(tmp_path, settings=settings)
        assert provider.locate(URL).text == "dynaconf: database.url"
        assert provider.inspect([URL]) == []
        assert not settings.configured
        write(tmp_path, "[production]\ndatabase.url = 'u'\n")
        assert provider.fetch([URL], Deadline(5))
        assert settings.configured

    def test_its_templates_are_evaluated_only_if_the_option_says_so(self, tmp_path: Path) -> None:
        write(tmp_path, "[production]\nhost = 'h'\nurl = '@format x:{this.host}'\nlist = ['@format {this.host}']\n")
        settings = self.object(tmp_path)
        url, several = Key("url", "url"), Key("list", "list")
        assert found(tmp_path, url, settings=settings)[0] == "@format x:{this.host}"
        assert found(tmp_path, several, settings=settings)[0] == ["@format {this.host}"]
        assert found(tmp_path, url, settings=settings, evaluate=True)[0] == "x:h"
        assert found(tmp_path, several, settings=settings, evaluate=True)[0] == ["h"]

    def test_t12_it_is_not_reloaded_and_sees_what_its_owner_changes(self, tmp_path: Path) -> None:
        """T12: `reload()` empties it before it fills it."""
        write(tmp_path, "[production]\ndatabase.url = 'old'\n")
        settings = self.object(tmp_path)
        assert found(tmp_path, settings=settings)[0] == "old"
        write(tmp_path, "[production]\ndatabase.url = 'new'\n")
        assert found(tmp_path, settings=settings)[0] == "old"
        settings.reload()
        assert found(tmp_path, settings=settings)[0] == "new"

    def test_one_that_cannot_load_is_told_without_what_it_says(self, tmp_path: Path) -> None:
        write(tmp_path, f"[production]\nx = '{CANARY}\n")
        settings = self.object(tmp_path)
        problem = assert_no_leak(lambda: error(tmp_path, settings=settings), [CANARY])
        assert problem.code is Code.UNAVAILABLE
        assert problem.hint == "cannot be used: the Dynaconf object of `settings` cannot be read (TOMLDecodeError)"

    def test_threads_may_be_the_first_to_read_it(self, tmp_path: Path) -> None:
        write(tmp_path, "[production]\ndatabase.url = 'u'\n")
        provider = build(tmp_path, settings=self.object(tmp_path))
        values: list[Mapping[Key, Found | Failed]] = []
        start = threading.Barrier(8)

        def read() -> None:
            start.wait(5)
            values.append(provider.fetch([URL], Deadline(5)))

        threads = [threading.Thread(target=read) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        assert len(values) == 8
        assert {answer.value for value in values for answer in value.values() if isinstance(answer, Found)} == {"u"}


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


def test_a_document_is_left_as_it_was_read() -> None:
    """dynaconf merges into what it is given: where a value stood could not be told afterwards."""
    from estate_config_providers.dynaconf.layering import layer

    documents: dict[str, Any] = {"a": {"default": {"t": {"x": 1}}, "production": {"t": {"dynaconf_merge": True}}}}
    before = copy.deepcopy(documents)
    layer(documents, "production", evaluate=False)
    assert documents == before
