"""The provider `command`: real programs, among them slow, loud, dying and hostile ones."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from estate_config.errors import Code
from estate_config.model import Deadline, Failed, Found, Key
from estate_config.testing import assert_no_leak
from estate_config_providers.command import spec, users_program
from estate_config_providers.command.process import Ended, run
from tests.providers.command_support import CANARY, URL, Script, at, build, error, failure, fetch, value


class TestArguments:
    def test_name_and_address_stand_where_the_command_has_them(self, script: Script) -> None:
        show = [script('printf "%s|%s" "$1" "$2"'), "--of={name}", "{address}"]
        assert value(URL, command=show) == "--of=database/url|database/url"
        assert value(URL, command=show, prefix="op://production/") == "--of=database/url|op://production/database/url"
        assert value(at("op://x/y"), command=show, prefix="op://production/") == "--of=database/url|op://x/y"

    def test_an_address_is_not_filled_in_again(self, script: Script) -> None:
        assert value(at("{name}"), command=[script('printf %s "$1"'), "<{address}> {other}"]) == "<{name}> {other}"

    def test_no_shell_reads_an_argument(self, script: Script, tmp_path: Path) -> None:
        hostile = f"$(touch {tmp_path}/pwned); `touch {tmp_path}/pwned` && touch {tmp_path}/pwned"
        assert value(at(hostile), command=[script('printf %s "$1"'), "{address}"]) == hostile
        assert not (tmp_path / "pwned").exists()

    @pytest.mark.parametrize("key", [at("--reveal-everything"), at("-"), Key("-v", "v")])
    def test_a_key_cannot_become_an_option(self, script: Script, key: Key) -> None:
        answer = failure(key, command=[script("echo x"), "{address}"])
        assert (answer.code, answer.hint) == (Code.SCHEMA, 'begins with "-": the program would take it for an option')

    def test_an_option_of_the_commands_own_may_hold_a_key(self, script: Script) -> None:
        assert value(Key("-v", "v"), command=[script('printf %s "$1"'), "--of={name}"]) == "--of=-v"

    @pytest.mark.parametrize("address", ["a\0b", "\ud800"])
    def test_what_no_argument_can_hold_is_refused(self, script: Script, address: str) -> None:
        assert failure(at(address), command=[script("echo x"), "{address}"]).code is Code.SCHEMA

    def test_an_address_that_the_command_has_no_place_for_is_said(self, script: Script) -> None:
        answer = failure(at("op://x/y"), command=[script("echo x"), "{name}"])
        assert (answer.code, answer.hint) == (Code.SCHEMA, 'has an address, and `command` has no "{address}" to put it')

    def test_t24_keys_of_one_place_cost_one_process(self, script: Script, tmp_path: Path) -> None:
        """T24: nothing is fetched twice."""
        show = [script(f"echo x >> {tmp_path}/ran; echo y"), "{address}"]
        keys = [Key("a", "a", address="same"), Key("b", "b", address="same"), Key("c", "c", address="same")]
        assert len(fetch(*keys, command=show)) == 3
        assert (tmp_path / "ran").read_text() == "x\n"

    def test_eight_run_at_the_same_time_and_no_more(self, script: Script, tmp_path: Path) -> None:
        """Each waits until eight are there: it would never end if they ran one by one, and 8 are never exceeded."""
        running = tmp_path / "running"
        running.mkdir()
        show = script(
            f"touch {running}/$$; n=0\n"
            f"while [ $(ls {running} | wc -l) -lt 8 ] && [ ! -e {tmp_path}/all ]; do sleep 0.01; done\n"
            f"touch {tmp_path}/all; ls {running} | wc -l; rm {running}/$$"
        )
        keys = [Key(f"k{number}", f"k{number}") for number in range(12)]
        answers = fetch(*keys, command=[show, "{name}"])
        assert len(answers) == 12
        seen = [int(str(answer.value)) for answer in answers.values() if isinstance(answer, Found)]
        assert len(seen) == 12
        assert max(seen) <= 8

    def test_it_runs_in_the_folder_of_estate_toml_with_this_environment(
        self, script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("OP_ACCOUNT", "estate")
        script('printf "%s %s" "$PWD" "$OP_ACCOUNT"')
        (answer,) = build(tmp_path, command=["./program", "{name}"]).fetch([URL], Deadline(10)).values()
        assert isinstance(answer, Found)
        assert answer.value == f"{tmp_path} estate"

    def test_nothing_comes_from_standard_input(self, script: Script) -> None:
        assert value(URL, command=[script("cat; echo end"), "{name}"]) == "end"

    def test_a_program_without_a_terminal_cannot_wait_for_a_person(self, script: Script) -> None:
        assert (
            value(URL, command=[script("(: </dev/tty) 2>/dev/null && echo terminal || echo none"), "{name}"]) == "none"
        )


class TestOutput:
    @pytest.mark.parametrize(
        ("printed", "text"), [("0123\\n", "0123"), ("x\\r\\n", "x"), ("x\\n\\n", "x\n"), (" x ", " x "), ("", "")]
    )
    def test_t13_t15_text_loses_one_trailing_newline_and_nothing_else(
        self, script: Script, printed: str, text: str
    ) -> None:
        """T13, T15: no type is guessed, and one newline is what programs print last."""
        assert value(URL, command=[script(f"printf '{printed}'"), "{name}"]) == text

    def test_bytes_are_left_as_they_are(self, script: Script) -> None:
        show = [script(r"printf '\377\n'"), "{address}"]
        assert value(at("x", binary=True), command=show) == b"\xff\n"
        assert failure(at("x"), command=show).code is Code.MALFORMED

    @pytest.mark.parametrize(("size", "fits"), [(65_536, True), (65_537, False), (65_539, False)])
    def test_a_value_has_64_kib_at_most(self, script: Script, size: int, fits: bool) -> None:
        show = [script(f"head -c {size} /dev/zero | tr '\\0' x; echo"), "{name}"]
        answer = fetch(URL, command=show)[URL]
        assert isinstance(answer, Found) == fits
        assert fits or (isinstance(answer, Failed) and answer.code is Code.MALFORMED)

    def test_one_that_prints_for_ever_is_killed(self, script: Script) -> None:
        answer = failure(URL, command=[script("yes"), "{name}"])
        assert answer.code is Code.MALFORMED
        assert answer.hint == "prints more than 65,538 bytes: the program was killed"


class TestFailures:
    def test_t9_only_the_named_exit_codes_mean_absent(self, script: Script) -> None:
        """T9: a program that was refused is not one that has nothing."""
        show = [script('exit "$1"'), "{name}"]
        keys = [Key(str(code), f"f{code}") for code in (1, 2, 44)]
        answers = fetch(*keys, command=show, absent_exit_codes=[2, 44])
        assert list(answers) == [keys[0]]
        answer = answers[keys[0]]
        assert isinstance(answer, Failed)
        assert answer.code is Code.UNAVAILABLE
        assert answer.hint == "ended with exit code 1 (what it said is not shown: it may hold a value)"
        assert answer.fix == f"run it by hand and see what it says: {show[0]} 1"

    def test_what_it_printed_before_it_failed_is_not_a_value(self, script: Script) -> None:
        assert failure(URL, command=[script("echo half; exit 1"), "{name}"]).code is Code.UNAVAILABLE

    def test_one_that_a_signal_ended_says_which(self, script: Script) -> None:
        assert failure(URL, command=[script("kill -TERM $$"), "{name}"]).hint.startswith("was ended by signal 15 ")

    def test_a_program_that_is_not_there_is_named(self) -> None:
        problem = error(URL, command=["no-such-program", "{name}"])
        assert problem.code is Code.PLUGIN
        assert problem.hint.startswith("cannot start 'no-such-program': there is no such program")
        assert problem.fix == "install no-such-program, or correct `command` of [providers.command]"

    def test_a_file_that_is_no_program_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "notes").write_text("x")
        problem = error(URL, command=[f"{tmp_path}/notes", "{name}"])
        assert (problem.code, problem.hint) == (Code.PLUGIN, f"cannot start '{tmp_path}/notes' (EACCES)")

    @pytest.mark.parametrize("stream", ["1", "2"])
    def test_t4_nothing_that_a_failing_program_says_is_shown(self, script: Script, stream: str) -> None:
        """T4: an error text may hold the value."""
        show = [script(f"echo {CANARY} >&{stream}; exit 3"), "{name}"]
        answers = assert_no_leak(lambda: fetch(URL, command=show), [CANARY])
        assert answers[URL].code is Code.UNAVAILABLE

    def test_standard_error_is_not_passed_on(self, script: Script, capfd: pytest.CaptureFixture[str]) -> None:
        assert value(URL, command=[script(f"echo {CANARY} >&2; echo x"), "{name}"]) == "x"
        assert capfd.readouterr() == ("", "")


class TestTime:
    def test_its_own_limit_ends_it_before_the_deadline(self, script: Script) -> None:
        started = time.monotonic()
        answer = failure(URL, command=[script("sleep 60"), "{name}"], timeout=0.2)
        assert (answer.code, answer.hint) == (
            Code.UNAVAILABLE,
            "did not end within 0.2 seconds: the program was killed",
        )
        assert time.monotonic() - started < 5

    def test_its_children_die_with_it(self, script: Script, tmp_path: Path) -> None:
        show = script(f"sleep 60 & echo $! > {tmp_path}/child; wait")
        failure(URL, command=[show, "{name}"], timeout=2)
        assert gone(int((tmp_path / "child").read_text()))

    def test_one_that_has_ended_and_left_a_child_with_its_output_is_not_waited_for(self, script: Script) -> None:
        answer = failure(URL, command=[script("sleep 60 & echo x"), "{name}"], timeout=0.3)
        assert answer.code is Code.UNAVAILABLE

    def test_one_that_closes_its_output_and_stays_is_killed(self, script: Script) -> None:
        answer = failure(URL, command=[script("echo x; exec >&-; exec sleep 60"), "{name}"], timeout=2)
        assert (answer.code, answer.hint) == (Code.UNAVAILABLE, "ended its output, and not itself within 2 seconds")

    def test_those_that_wait_for_their_turn_when_the_deadline_is_over_fail(self, script: Script) -> None:
        keys = [Key(f"k{number}", f"k{number}") for number in range(20)]
        started = time.monotonic()
        answers = fetch(*keys, command=[script("sleep 60"), "{name}"], seconds=0.3)
        assert {answer.code for answer in answers.values() if isinstance(answer, Failed)} == {Code.UNAVAILABLE}
        assert len(answers) == 20
        assert time.monotonic() - started < 10

    def test_one_is_killed_before_the_deadline_is_over(self, script: Script, tmp_path: Path) -> None:
        """A load that has ended may end the process, and nobody would be there to kill it."""
        show = script(f"echo $$ > {tmp_path}/own; exec sleep 60")
        deadline = Deadline(4)  # a tenth of it is kept, and a busy machine needs some of that
        answer = build(command=[show, "{name}"]).fetch([URL], deadline)[URL]
        assert isinstance(answer, Failed)
        assert deadline.remaining() > 0
        assert not Path(f"/proc/{(tmp_path / 'own').read_text().strip()}").exists()

    def test_a_program_that_cannot_even_be_started_in_time_is_not_waited_for(
        self, script: Script, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A file on a server that hangs holds up the start itself, and no time limit of ours ends that."""
        released = threading.Event()
        monkeypatch.setattr(users_program, "run", lambda *_, **__: released.wait(30))
        answer = fetch(URL, command=[script("echo x"), "{name}"], seconds=0.2)[URL]
        released.set()
        assert isinstance(answer, Failed)
        assert (answer.code, answer.hint) == (Code.UNAVAILABLE, "was not answered within 0.2 seconds")
        assert answer.fix.startswith("run it by hand")


class TestOptions:
    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ({}, "command"),
            ({"command": []}, "at least 1 item"),
            ({"command": "pass show {name}"}, "valid list"),
            ({"command": ["pass", "show"]}, "has to name the key"),
            ({"command": ["{name}", "{name}"]}, "has to begin with the name of a program"),
            ({"command": ["", "{name}"]}, "has to begin with the name of a program"),
            ({"command": ["x", "\0{name}"]}, "a character that no argument can have"),
            ({"command": ["x", "{name}"], "input": "json"}, "the keys are on standard input"),
            ({"command": ["x"], "input": "json", "absent_exit_codes": [1]}, "the keys are on standard input"),
            ({"command": ["x", "{name}"], "absent_exit_codes": [0]}, "greater than or equal to 1"),
            ({"command": ["x", "{name}"], "timeout": 0}, "greater than 0"),
        ],
    )
    def test_what_cannot_work_is_refused_at_once(self, options: dict[str, Any], words: str) -> None:
        with pytest.raises(ValidationError, match=words):
            spec.options.model_validate(options)

    def test_places_are_command_lines(self) -> None:
        place = build(command=["op", "read", "{address}"], prefix="op://my vault/").locate(URL)
        assert place.text == "op read 'op://my vault/database/url'"
        assert place.fix == "put a value where this prints it: op read 'op://my vault/database/url'"

    def test_places_of_json_are_addresses_that_the_program_knows(self) -> None:
        place = build(command=["./secrets", "--all"], input="json").locate(URL)
        assert place.text == "./secrets --all: database/url"
        assert place.fix == "put a value where ./secrets finds it for database/url"

    def test_no_keys_no_process(self) -> None:
        assert fetch(command=["no-such-program", "{name}"]) == {}

    def test_tests_are_kept_from_running_it(self) -> None:
        assert spec.remote
        assert spec.secrets_only


def test_no_repr_of_a_program_that_ended_shows_what_it_printed(script: Script) -> None:
    ended = run([script(f"echo {CANARY}")], Path(), Deadline(10), limit=100)
    assert isinstance(ended, Ended)
    assert CANARY in ended.output.decode()
    assert CANARY not in repr(ended)


def gone(process: int) -> bool:
    """Whether a process has ended; one that was killed a moment ago may take a moment."""
    deadline = Deadline(5)
    while deadline.remaining():
        state = Path(f"/proc/{process}/stat")
        if not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.01)
    return False
