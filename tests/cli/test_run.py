"""`estate run`: a program with declared names in its variables, in the place of this process."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.cli.conftest import ESTATE, Project, limited

SHOW = "import json, os; print(json.dumps(dict(os.environ)))"


def shown(project: Project, *words: str, **variables: str) -> dict[str, str]:
    """Return the variables that a program has that is run with these words."""
    out = project.program("run", *words, "--", sys.executable, "-c", SHOW, variables=variables).out
    environment: dict[str, str] = json.loads(out)
    return environment


def test_a_program_gets_the_declared_names_and_what_was_there(project: Project) -> None:
    environment = shown(project, "ai", UNRELATED="stays")
    assert environment.pop("LC_CTYPE", "C.UTF-8") == "C.UTF-8"  # Python's own doing
    assert environment == {
        **project.environment,
        "UNRELATED": "stays",
        "DATABASE_URL": "postgresql://u:pw@db/estate",
        "OPENAI_KEY": "sk-made-up",
        "WORKERS": "2",
    }


def test_a_name_of_another_service_is_not_among_them_unless_named(project: Project) -> None:
    assert "RDS_PASSWORD" not in shown(project, "ai")
    assert shown(project, "ai", "etl")["RDS_PASSWORD"] == "made-up-too"
    assert {"OPENAI_KEY", "RDS_PASSWORD"} <= set(shown(project))


def test_a_stale_variable_does_not_reach_the_program(project: Project) -> None:
    project.write("shelf.json", json.dumps({"database/url": "x", "rds": '{"password": "y"}'}))
    environment = shown(project, "etl", "--env", "cluster", NOTE="old", NOTE_FILE="/old", RDS_PASSWORD="old")
    assert environment["RDS_PASSWORD"] == "y"
    assert {"NOTE", "NOTE_FILE"}.isdisjoint(environment)


def test_what_comes_after_the_two_dashes_belongs_to_the_program(project: Project) -> None:
    words = ("--env", "cluster", "--", "--format", "ai")
    done = project.program("run", "ai", "--", sys.executable, "-c", "import sys; print(sys.argv[1:])", *words)
    assert done.out == f"{list(words)}\n"


def test_the_streams_are_the_program_s_own(project: Project) -> None:
    done = project.program("run", "ai", "--", "sh", "-c", "cat; echo err >&2", stdin="in")
    assert (done.out, done.err) == ("in", "err\n")


@pytest.mark.parametrize("code", [0, 1, 5, 255])
def test_the_exit_code_is_the_program_s_own(project: Project, code: int) -> None:
    project.program("run", "ai", "--", "sh", "-c", f"exit {code}", code=code)


def test_a_program_that_is_not_there_is_127_and_one_that_is_none_is_126(project: Project) -> None:
    done = project.program("run", "ai", "--", "no-such-program", "x", code=127)
    assert (done.out, done.err) == ("", "estate: no-such-program: not found\n")
    project.program("run", "ai", "--", "./nowhere", code=127)
    assert project.program("run", "ai", "--", "./.env", code=126).err == "estate: ./.env: Permission denied\n"
    assert project.program("run", "ai", "--", "/", code=126).err == "estate: /: Permission denied\n"


def test_a_program_that_is_not_there_leaves_the_signals_of_its_caller_as_they_were(project: Project) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGPIPE, signal.SIGXFSZ)]
    project.run("run", "ai", "--", "no-such-program", code=127)
    assert [signal.getsignal(number) for number in (signal.SIGPIPE, signal.SIGXFSZ)] == before


def test_variables_that_are_too_long_are_said_and_not_shown(project: Project) -> None:
    project.write(".env", f"DATABASE_URL={'x' * 200_000}\nOPENAI_KEY=y\n")
    done = project.program("run", "ai", "--", "true", code=126)
    assert done.err == "estate: true: Argument list too long\n"


@contextmanager
def started(project: Project, code: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [ESTATE, "run", "ai", "--", sys.executable, "-uc", code],
        cwd=project.folder,
        env=project.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with limited(process):
        yield process


def test_trap_20_the_program_takes_the_place_of_the_process(project: Project) -> None:
    with started(project, "import os; print(os.getpid())") as process:
        out, _ = process.communicate(timeout=60)
    assert int(out) == process.pid


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGKILL])
def test_trap_20_a_signal_ends_the_program_as_if_nobody_stood_before_it(project: Project, number: int) -> None:
    code = "import signal; signal.signal(signal.SIGINT, signal.SIG_DFL); print('up'); signal.pause()"
    with started(project, code) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (-number, "")


def test_trap_20_the_program_may_answer_a_signal_itself(project: Project) -> None:
    code = "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(7)); print('up'); signal.pause()"
    with started(project, code) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        process.terminate()
        process.communicate(timeout=60)
    assert process.returncode == 7


def test_no_signal_is_ignored_that_python_ignores(project: Project) -> None:
    out = project.program("run", "ai", "--", "grep", "SigIgn", "/proc/self/status").out
    assert int(out.split()[1], 16) & (1 << signal.SIGPIPE - 1 | 1 << signal.SIGXFSZ - 1) == 0


def test_no_file_of_ours_is_open_in_the_program(project: Project) -> None:
    code = "import os; print([fd for fd in range(3, 99) if os.path.exists(f'/proc/self/fd/{fd}')])"
    assert project.program("run", "ai", "--", sys.executable, "-c", code).out == "[]\n"


# --- failures --------------------------------------------------------------------------------------------------------


def test_a_service_that_cannot_start_is_reported_and_nothing_is_run(project: Project) -> None:
    project.write(".env", "DATABASE_URL=x\n")
    done = project.program("run", "--", "touch", "ran", code=78)
    assert done.out == ""
    assert "ai cannot start in laptop: 1 problem." in done.err
    assert "\n\netl cannot start in laptop: 1 problem." in done.err
    assert not (project.folder / "ran").exists()


def test_an_estate_that_cannot_be_used_is_78_too(project: Project) -> None:
    project.write("estate.toml", "nonsense")
    assert "is not TOML" in project.run("run", "ai", "--", "true", code=78).err


def test_what_did_not_stop_it_is_a_line_on_stderr(project: Project) -> None:
    (project.folder / ".env").chmod(0o644)
    assert project.program("run", "ai", "--", "true").err == (
        "INSECURE .env: can be read or changed by other users of this machine (mode 0644)\n"
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("ai",), "write the program to run after --"),
        (("ai", "--"), "write the program to run after --"),
        (("ai", "--", ""), "write the program to run after --"),
        (("ai", "true"), "write the program to run after --"),
        (("aii", "--", "true"), 'there is no "aii"; did you mean "ai"?'),
        (("--env", "clutser", "--", "true"), 'there is no "clutser"; did you mean "cluster"?'),
        (("--nope", "--", "true"), "--nope"),
    ],
)
def test_wrong_usage_is_said(project: Project, words: tuple[str, ...], said: str) -> None:
    done = project.run("run", *words, code=2)
    assert said in done.err
    assert "Usage: estate run [OPTIONS] [SERVICE]... -- COMMAND..." in done.err


def test_trap_19_credentials_of_the_chain_stay_unless_they_are_taken_out(project: Project) -> None:
    """A program that loads by itself needs them; one that does not is run through `env -u`."""
    assert shown(project, "ai", VAULT_TOKEN="t")["VAULT_TOKEN"] == "t"
    take_out = ("env", "-u", "VAULT_TOKEN", sys.executable, "-c", SHOW)
    out = project.program("run", "ai", "--", *take_out, variables={"VAULT_TOKEN": "t"}).out
    assert "VAULT_TOKEN" not in json.loads(out)
