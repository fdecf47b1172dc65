"""The provider `command` with `input = "json"`: one program for all keys."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estate_config.errors import Code
from estate_config.model import Failed, Found, Key
from estate_config.testing import assert_no_leak
from tests.providers.command_support import CANARY, URL, Script, error, failure, fetch, value


class TestJson:
    def json(self, script: Script, printed: object) -> dict[str, Any]:
        text = printed if isinstance(printed, str) else json.dumps(printed)
        return {"command": [script(f"cat <<'END'\n{text}\nEND")], "input": "json"}

    def test_one_process_is_told_every_address_once(self, script: Script, tmp_path: Path) -> None:
        show = script(f'cat > {tmp_path}/told; echo x >> {tmp_path}/ran; echo \'{{"p/a": "1", "whole": "2"}}\'')
        keys = [Key("a", "a"), Key("b", "b", address="whole"), Key("c", "c", address="whole"), Key("d", "d")]
        answers = fetch(*keys, command=[show], input="json", prefix="p/")
        assert {key.name: answer.value for key, answer in answers.items() if isinstance(answer, Found)} == {
            "a": "1",
            "b": "2",
            "c": "2",
        }
        assert json.loads((tmp_path / "told").read_text()) == ["p/a", "whole", "p/d"]
        assert (tmp_path / "ran").read_text() == "x\n"

    def test_more_places_than_a_pipe_holds_do_not_stop_it(self) -> None:
        keys = [Key(f"{number:03}/{'x' * 300}", f"k{number}") for number in range(500)]
        echo = "import sys, json; json.dump({place: place for place in json.load(sys.stdin)}, sys.stdout)"
        answers = fetch(*keys, command=[sys.executable, "-IS", "-c", echo], input="json")
        assert {key: answer.value for key, answer in answers.items() if isinstance(answer, Found)} == {
            key: key.name for key in keys
        }

    def test_a_program_need_not_listen(self, script: Script) -> None:
        keys = [Key(f"{number}/{'x' * 300}", f"k{number}") for number in range(500)]
        assert fetch(*keys, **self.json(script, {})) == {}

    @pytest.mark.parametrize("answer", [1, True, None, ["x"], {"a": "b"}])
    def test_t13_what_is_not_text_is_malformed_and_never_guessed(self, script: Script, answer: object) -> None:
        """T13: a number has lost its zeros already."""
        got = failure(URL, **self.json(script, {"database/url": answer}))
        assert (got.code, got.hint) == (
            Code.MALFORMED,
            "is JSON other than a text: a program answers with texts, in quotes",
        )

    def test_half_a_character_is_malformed(self, script: Script) -> None:
        assert failure(URL, **self.json(script, '{"database/url": "\\ud800"}')).code is Code.MALFORMED

    def test_bytes_are_made_of_text(self, script: Script) -> None:
        key = Key("key", "key", binary=True)
        assert value(key, **self.json(script, {"key": "ü\n"})) == "ü\n".encode()

    def test_a_value_that_is_too_large_fails_alone(self, script: Script) -> None:
        small = Key("small", "small")
        answers = fetch(URL, small, **self.json(script, {"database/url": "x" * 65_537, "small": "x"}))
        assert isinstance(answers[small], Found)
        assert isinstance(answers[URL], Failed)

    @pytest.mark.parametrize(
        ("printed", "hint"),
        [
            (f'{{"database/url": "{CANARY}"', "printed what is not JSON (line 2, column 1)"),
            ("[" * 100_000, "printed what is not JSON"),
            (f'["{CANARY}"]', "printed JSON that is not an object from address to text"),
        ],
    )
    def test_t2_a_document_that_cannot_be_read_fails_whole_and_unseen(
        self, script: Script, printed: str, hint: str
    ) -> None:
        """T2: the parser's exception holds the document."""
        options = self.json(script, printed)
        problem = assert_no_leak(lambda: error(URL, **options), [CANARY])
        assert (problem.code, problem.hint) == (Code.MALFORMED, f"({options['command'][0]}) {hint}")

    def test_bytes_that_are_no_text_fail_whole(self, script: Script) -> None:
        problem = error(URL, command=[script(r"printf '\377'")], input="json")
        assert problem.hint.endswith("printed what is not UTF-8 text")

    def test_a_failing_program_fails_whole(self, script: Script) -> None:
        program = script("exit 3")
        problem = error(URL, command=[program], input="json")
        assert problem.code is Code.UNAVAILABLE
        assert problem.hint.startswith(f"({program}) ended with exit code 3")
        assert problem.fix == f"run it by hand and see what it says: {program}"

    def test_a_slow_program_fails_whole(self, script: Script) -> None:
        problem = error(URL, command=[script("sleep 60")], input="json", seconds=0.2)
        assert "did not end within 0.1" in problem.hint

    def test_a_program_that_is_not_there_is_named(self) -> None:
        assert error(URL, command=["no-such-program"], input="json").code is Code.PLUGIN

    @given(st.dictionaries(st.text(min_size=1), st.text(), max_size=5))
    def test_any_text_comes_through(self, values: dict[str, str]) -> None:
        """Parsing alone: the texts are in the program's words, as a program would have printed them."""
        from estate_config_providers.command.users_program import _object

        assert _object(json.dumps(values).encode()) == values
