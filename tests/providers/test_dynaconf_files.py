"""The provider `dynaconf`: what may be wrong with a file, and what may stand in one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from estate_config.contract import Inspector
from estate_config.errors import Code
from estate_config.model import Found, Key
from estate_config.testing import assert_no_leak
from tests.providers.dynaconf_support import CANARY, URL, build, error, fetch, found, write


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
