"""The provider `dotenv`: which file wins, which line it was, and what is wrong with the others."""

from __future__ import annotations

import os
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from estate_config.contract import Context, Inspector
from estate_config.errors import Code, ProviderError
from estate_config.model import Deadline, Failed, Found, Key
from estate_config_providers.dotenv import spec
from estate_config_providers.dotenv.dotenv_files import DotenvFiles
from estate_config_providers.dotenv.parsing import Entry, parse

URL = Key("database/url", "database_url")


def build(base: Path, /, **options: Any) -> DotenvFiles:
    built = spec.build(spec.options(**options), Context(environment="production", folder=base))
    assert isinstance(built, DotenvFiles)
    return built


def fetch(base: Path, /, *keys: Key, **options: Any) -> Mapping[Key, Found | Failed]:
    return build(base, **options).fetch(keys, Deadline(5))


def found(base: Path, key: Key = URL, /, **options: Any) -> tuple[object, str]:
    answer = fetch(base, key, **options)[key]
    assert isinstance(answer, Found)
    assert answer.origin.provider == "dotenv"
    return answer.value, answer.origin.place


def error(base: Path, /, **options: Any) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        fetch(base, URL, **options)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    return caught.value


class TestFiles:
    def test_later_files_win_over_earlier_ones_name_by_name(self, tmp_path: Path) -> None:
        keys = [Key(name, name) for name in "abcd"]
        for count, name in enumerate((".env", ".env.local", ".env.production", ".env.production.local")):
            (tmp_path / name).write_text("".join(f"{key.name.upper()}={name}\n" for key in keys[count:]))
        answers = fetch(tmp_path, *keys)
        assert [answer.value for answer in answers.values() if isinstance(answer, Found)] == [
            ".env",
            ".env.local",
            ".env.production",
            ".env.production.local",
        ]

    def test_files_of_other_environments_are_not_read_t19(self, tmp_path: Path) -> None:
        """T19: the secrets of another environment are none of this one's."""
        (tmp_path / ".env.staging").write_text("DATABASE_URL=staging\n")
        assert fetch(tmp_path, URL) == {}

    def test_without_any_file_everything_is_absent(self, tmp_path: Path) -> None:
        assert fetch(tmp_path, URL) == {}

    def test_folders_above_are_not_searched_t16(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """T16: neither the folder above nor the working directory is looked at."""
        below = tmp_path / "below"
        below.mkdir()
        (tmp_path / ".env").write_text("DATABASE_URL=above\n")
        monkeypatch.chdir(tmp_path)
        assert fetch(below, URL) == {}

    @pytest.mark.parametrize("absolute", [True, False])
    def test_a_folder_may_be_named_and_its_files_are_shown_from_that_of_estate_toml(
        self, tmp_path: Path, absolute: bool
    ) -> None:
        folder = tmp_path / "config"
        folder.mkdir()
        (folder / ".env").write_text("DATABASE_URL=x\n")
        option = folder if absolute else "config"
        assert found(tmp_path, folder=option) == ("x", "config/.env:1")
        assert build(tmp_path, folder=option).locate(URL).text == "DATABASE_URL in config/.env"

    def test_a_folder_elsewhere_is_shown_whole(self, tmp_path: Path) -> None:
        here, there = tmp_path / "here", tmp_path / "there"
        there.mkdir()
        (there / ".env").write_text("DATABASE_URL=x\n")
        assert found(here, folder=there) == ("x", f"{there}/.env:1")

    def test_a_folder_that_was_named_and_is_not_there_is_an_error(self, tmp_path: Path) -> None:
        problem = error(tmp_path, folder="confg")
        assert (problem.code, problem.hint) == (Code.UNAVAILABLE, "has no folder confg to read from")

    def test_the_place_and_the_line_to_add_are_told_without_a_file(self, tmp_path: Path) -> None:
        place = build(tmp_path / "nowhere").locate(URL)
        assert (place.text, place.fix) == ("DATABASE_URL in .env", "add the line DATABASE_URL=<value> to .env")

    def test_an_unknown_option_is_an_error(self) -> None:
        with pytest.raises(ValidationError, match="path"):
            spec.options.model_validate({"path": ".env"})


class TestNames:
    def test_a_name_given_for_env_is_the_name_here_too(self, tmp_path: Path) -> None:
        (tmp_path / ".env").write_text("PGPASSWORD=x\n")
        assert spec.address_names == ("env",)
        assert found(tmp_path, Key("rds/password", "password", address="PGPASSWORD")) == ("x", ".env:1")

    def test_case_is_exact_t27(self, tmp_path: Path) -> None:
        """T27: the same rule as for variables."""
        (tmp_path / ".env").write_text("database_url=x\n")
        assert fetch(tmp_path, URL) == {}

    def test_the_last_line_of_a_name_wins_as_in_a_shell(self, tmp_path: Path) -> None:
        (tmp_path / ".env").write_text("DATABASE_URL=first\nDATABASE_URL=last\n")
        assert found(tmp_path) == ("last", ".env:2")


class TestValues:
    @pytest.mark.parametrize(
        ("line", "value"),
        [
            ("DATABASE_URL=0123", "0123"),
            ("DATABASE_URL=pa$HOME${HOME}", "pa$HOME${HOME}"),
            ('DATABASE_URL="pa${HOME}"', "pa${HOME}"),
            ("export DATABASE_URL='a b # c'", "a b # c"),
            ('DATABASE_URL="a\\nb"', "a\nb"),
            ('DATABASE_URL="a\nb"', "a\nb"),
            ("DATABASE_URL=", ""),
            ("DATABASE_URL=x # why", "x"),
            ("DATABASE_URL=a=b#c", "a=b#c"),
            ("DATABASE_URL=aGk==", "aGk=="),
            ("DATABASE_URL='='", "="),
            ("DATABASE_URL=schlüssel", "schlüssel"),
        ],
    )
    def test_they_are_text_with_nothing_filled_in_t13(self, tmp_path: Path, line: str, value: str) -> None:
        """T13: no type is guessed; no `$` is taken for another variable."""
        (tmp_path / ".env").write_text(line + "\n", encoding="utf-8")
        assert found(tmp_path)[0] == value

    def test_a_binary_field_gets_the_bytes_of_the_text(self, tmp_path: Path) -> None:
        (tmp_path / ".env").write_text("KEY=ü\n", encoding="utf-8")
        assert found(tmp_path, Key("key", "key", binary=True))[0] == b"\xc3\xbc"

    def test_a_byte_order_mark_is_no_part_of_the_first_name(self, tmp_path: Path) -> None:
        (tmp_path / ".env").write_bytes(b"\xef\xbb\xbfDATABASE_URL=x\r\n")
        assert found(tmp_path) == ("x", ".env:1")

    def test_the_environment_is_neither_read_nor_changed_t17(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """T17: nothing of a `.env` file gets into `os.environ`, and nothing of that into a value."""
        monkeypatch.setenv("DATABASE_URL", "from the environment")
        monkeypatch.setenv("PYTHON_DOTENV_DISABLED", "1")
        (tmp_path / ".env").write_text("DATABASE_URL=from the file\nNEW_VARIABLE=x\n")
        before = dict(os.environ)
        assert found(tmp_path)[0] == "from the file"
        assert dict(os.environ) == before

    @given(st.text(st.characters(exclude_categories=["Cs"])))
    def test_a_quoted_value_comes_back_as_it_was_written(self, value: str) -> None:
        quoted = value.replace("\\", "\\\\").replace("'", "\\'")
        assert parse(f"\n# a\nA='{quoted}'\nB=1\n").entries["A"] == Entry(value, 3)

    @given(st.text(st.characters(exclude_categories=["Cs"])))
    def test_no_text_at_all_makes_the_parser_raise(self, text: str) -> None:
        parsed = parse(text)
        lines = [*parsed.bad_lines, *(entry.line for entry in parsed.entries.values())]
        assert all(1 <= line <= len(text) + 1 for line in lines)


class TestBadFiles:
    def test_every_bad_line_of_every_file_is_named_and_none_is_shown_t4(self, tmp_path: Path) -> None:
        """T4: a line that cannot be read may be a secret; its number is enough."""
        (tmp_path / ".env").write_text('\n\nA=1\nhunter2\n\nB="hunter2\nexport\n# fine\n=hunter2\n')
        (tmp_path / ".env.local").write_text("hunter2 hunter2\n")
        problem = error(tmp_path)
        assert problem.code is Code.MALFORMED
        assert problem.hint == (
            "cannot be used: "
            ".env has lines 4, 6, 7, 9, which are not NAME=value (the text is not shown: it may hold a secret); "
            ".env.local has line 1, which is not NAME=value (the text is not shown: it may hold a secret)"
        )
        assert problem.fix.startswith("write each line as NAME=value")
        assert problem.fix.count("\n") == 0
        assert "hunter2" not in str(problem)

    @pytest.mark.parametrize("blank", ["", "  "])
    def test_the_end_of_a_base64_text_of_several_lines_is_no_name_t4(self, tmp_path: Path, blank: str) -> None:
        """T4: `openssl rand -base64 64` has two lines, and the second would be a name with the value `=`."""
        (tmp_path / ".env").write_text(f"DATABASE_URL=aHVudGVyMg/\n{blank}hunter2+/w=={blank}\n")
        assert error(tmp_path).hint.startswith("cannot be used: .env has line 2, which is not NAME=value")

    def test_the_frames_of_an_error_hold_no_value_t1(self, tmp_path: Path) -> None:
        """T1: tools that record the locals of a traceback find nothing."""
        (tmp_path / ".env").write_text("DATABASE_URL=hunter2\nhunter2\n")
        provider = build(tmp_path)
        with pytest.raises(ProviderError) as caught:
            provider.fetch([URL], Deadline(5))
        told = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
        assert "hunter2" not in told

    @pytest.mark.parametrize(
        ("content", "hint"),
        [
            (b"A=\xff\n", ".env is not UTF-8 text"),
            ("A=ü\n".encode("utf-16"), ".env is not UTF-8 text"),
            (b"A=" + b"x" * 1_048_575, ".env is larger than 1,048,576 bytes, the most that is read"),
        ],
    )
    def test_a_file_that_is_no_text_or_too_large_is_an_error(self, tmp_path: Path, content: bytes, hint: str) -> None:
        (tmp_path / ".env").write_bytes(content)
        problem = error(tmp_path)
        assert (problem.code, problem.hint) == (Code.MALFORMED, f"cannot be used: {hint}")
        assert "SecretBytes" not in problem.fix

    def test_a_directory_in_its_place_is_an_error_t15(self, tmp_path: Path) -> None:
        """T15: nothing is passed over in silence."""
        (tmp_path / ".env.local").mkdir()
        assert error(tmp_path).hint == "cannot be used: .env.local is a directory, not a file"

    def test_a_fifo_in_its_place_holds_nobody_up(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / ".env")
        assert "is a FIFO" in error(tmp_path).hint

    def test_a_file_that_may_not_be_read_is_denied_and_not_absent_t9(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """T9: (the call is made to fail, since root may read everything)."""

        def deny(*_: object, **__: object) -> int:
            raise PermissionError(13, "hunter2")

        monkeypatch.setattr(os, "open", deny)
        problem = error(tmp_path)
        monkeypatch.undo()
        assert problem.code is Code.DENIED
        assert ".env may not be read by this process" in problem.hint
        assert problem.fix == "give the user of this process the right to read it"


class TestInspection:
    def test_the_spec_offers_it(self, tmp_path: Path) -> None:
        assert spec.offers == (Inspector,)
        assert isinstance(build(tmp_path), Inspector)

    @pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602])
    def test_a_file_that_others_can_read_or_change_is_insecure(self, tmp_path: Path, mode: int) -> None:
        path = tmp_path / ".env.local"
        path.touch()
        path.chmod(mode)
        (notice,) = build(tmp_path).inspect([URL])
        assert (notice.code, notice.place, notice.fix) == (Code.INSECURE, ".env.local", "chmod 600 .env.local")
        assert notice.message == f"can be read or changed by other users of this machine (mode {mode:04o})"

    def test_a_file_of_its_owners_alone_is_fine(self, tmp_path: Path) -> None:
        path = tmp_path / ".env"
        path.touch()
        path.chmod(0o600)
        (tmp_path / ".env.local").mkdir(mode=0o755)  # what fetch reports need not be said twice
        assert list(build(tmp_path).inspect([URL])) == []
