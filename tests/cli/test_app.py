"""What holds for every verb: help, completion, streams, interruptions, and a missing extra."""

from __future__ import annotations

import contextlib
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import estate_config
from estate_config.cli.app import app
from tests.cli.conftest import ESTATE, Project, limited

VERBS = ("check", "explain", "watch", "run", "push", "rotate", "providers")


def python(project: Project, code: str) -> subprocess.CompletedProcess[str]:
    """Run a program of Python in the project's folder."""
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=project.folder,
        env=project.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_version_is_shown(project: Project) -> None:
    assert project.program("--version").out == f"estate {estate_config.__version__}\n"


def test_help_is_plain_and_lists_every_verb(project: Project) -> None:
    done = project.program("--help")
    assert all(f"\n  {verb} " in done.out for verb in VERBS)
    assert "\x1b" not in done.out


def test_what_a_verb_does_is_one_line_of_eighty_columns_that_is_not_cut(project: Project) -> None:
    lines = project.program("--help", variables={"COLUMNS": "80"}).out.partition("Commands:\n")[2].splitlines()
    assert len(lines) == len(app.registered_commands)
    assert [line for line in lines if not line.endswith(".") or line.endswith("...") or len(line) > 80] == []


def test_every_verb_is_in_the_reference() -> None:
    reference = (Path(__file__).parents[2] / "docs" / "reference" / "cli.md").read_text("utf-8")
    names = [command.callback.__name__ for command in app.registered_commands if command.callback]
    assert set(VERBS) <= set(names)
    assert [name for name in names if f"`{name}`" not in reference] == []


def test_every_verb_prints_its_data_for_machines_too(project: Project) -> None:
    names = [command.callback.__name__ for command in app.registered_commands if command.callback]
    assert [name for name in names if "--format" not in project.run(name, "--help").out] == ["run"]  # a program's own


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(project: Project, verb: str) -> None:
    assert project.run(verb, "--help").out.startswith(f"Usage: estate {verb} [OPTIONS]")


def test_without_a_verb_there_is_help_and_wrong_usage(project: Project) -> None:
    done = project.run(code=2)
    assert "Usage: estate [OPTIONS] COMMAND" in done.out + done.err


def test_a_misspelt_verb_is_wrong_usage_with_a_suggestion(project: Project) -> None:
    assert "Did you mean 'check'?" in project.run("chek", code=2).err


@pytest.mark.parametrize("missing", ["typer", "rich"])
def test_without_the_extra_it_says_how_to_install_it(project: Project, missing: str) -> None:
    done = python(project, f"import sys; sys.modules[{missing!r}] = None; from estate_config.cli import main; main()")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "estate needs the extra cli: pip install 'estate-config[cli]'\n"


def test_help_and_completion_import_neither_an_sdk_nor_the_user_s_own(project: Project) -> None:
    project.write("schemas.py", "raise SystemExit('the schema was imported')\n")
    code = (
        "import sys; sys.argv = ['estate', '--help']\n"
        "from estate_config.cli import main\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code\n"
        "print('loaded', sorted({'boto3', 'pydantic', 'schemas', 'shelf'} & set(sys.modules)))"
    )
    assert python(project, code).stdout.endswith("loaded []\n")
    assert completed(project, "check", "") == ["ai", "etl"]


# --- completion ------------------------------------------------------------------------------------------------------


def completed(project: Project, *words: str) -> list[str]:
    """Return what bash is told that the last word may become."""
    variables = {
        "_ESTATE_COMPLETE": "complete_bash",
        "COMP_WORDS": " ".join(["estate", *words]),
        "COMP_CWORD": str(len(words)),
    }
    return project.program(variables=variables).out.split()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("check", "e"), ["etl"]),
        (("explain", "--env", ""), ["laptop", "cluster"]),
        (("push", "--from", "do"), ["dotenv"]),
        (("push", "--to", "she"), ["shelf"]),
        (("run", ""), ["ai", "etl"]),
        (("watch", "--env", "c"), ["cluster"]),
        (("prov",), ["providers"]),
    ],
)
def test_a_shell_completes_names_of_the_project(project: Project, words: tuple[str, ...], expected: list[str]) -> None:
    assert completed(project, *words) == expected


def test_completion_says_nothing_of_an_estate_that_is_wrong(project: Project) -> None:
    project.write("estate.toml", "nonsense")
    assert completed(project, "check", "") == []
    assert completed(project, "check", "--env", "") == []


def test_the_script_for_a_shell_can_be_shown(project: Project) -> None:
    assert "_ESTATE_COMPLETE=complete_bash" in project.program("--show-completion", "bash").out


# --- streams ---------------------------------------------------------------------------------------------------------


def on_a_terminal(project: Project, *words: str, **variables: str) -> str:
    """Return what a run shows on a terminal."""
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [ESTATE, *words],
        cwd=project.folder,
        env={**project.environment, "TERM": "xterm", **variables},
        stdin=subprocess.DEVNULL,
        stdout=terminal,
        stderr=terminal,
    )
    os.close(terminal)
    shown = b""
    with limited(process):
        with contextlib.suppress(OSError):  # the program has ended
            while chunk := os.read(controller, 4096):
                shown += chunk
        assert process.wait(60) != -signal.SIGKILL, shown
    os.close(controller)
    return shown.decode()


def test_colour_is_for_terminals_that_did_not_say_no(project: Project) -> None:
    project.write(".env", "")
    assert "\x1b[31mMISSING\x1b[0m" in on_a_terminal(project, "check", "ai")
    assert "\x1b[31m" not in on_a_terminal(project, "check", "ai", NO_COLOR="1")
    assert "\x1b" not in project.program("check", "ai", code=1).out


def test_on_a_terminal_it_says_what_is_waited_for(project: Project) -> None:
    assert "checking ai" in on_a_terminal(project, "check", "ai")


def test_any_encoding_will_do(project: Project) -> None:
    out = project.program("explain", "ai", variables={"PYTHONIOENCODING": "ascii"}).out
    assert "chain: env \\u2192 dotenv" in out


def test_a_reader_that_has_gone_is_no_traceback(project: Project) -> None:
    process = subprocess.Popen(
        [ESTATE, "explain"], cwd=project.folder, env=project.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.close()
    with limited(process):
        _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (1, b"")


def test_a_full_disk_is_said_and_is_no_mistake_of_our_own(project: Project) -> None:
    for words in (["explain"], ["--version"], ["docs"], ["generate", "json-schema", "ai"]):
        with Path("/dev/full").open("w") as full:
            done = subprocess.run(
                [ESTATE, *words],
                cwd=project.folder,
                env=project.environment,
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                timeout=60,
                check=False,
            )
        assert done.stderr == "estate: what it prints cannot be written: No space left on device\n"
        assert done.returncode == 1


@pytest.mark.parametrize(("words", "code"), [("explain --env nowhere", 2), ("check ai", 1), ("run ai -- true", 78)])
def test_streams_that_are_closed_change_no_exit_code(project: Project, words: str, code: int) -> None:
    project.write(".env", "DATABASE_URL=x\n")
    shell = ["bash", "-c", f"{ESTATE} {words} >&- 2>&-"]
    done = subprocess.run(shell, cwd=project.folder, env=project.environment, timeout=60, check=False)
    assert done.returncode == code


# --- interruptions and mistakes of our own ---------------------------------------------------------------------------


def test_ctrl_c_ends_it_with_130_and_nothing_ugly(project: Project) -> None:
    project.write("schemas.py", "import sys, time\nprint('up', flush=True)\ntime.sleep(60)\n")
    process = subprocess.Popen(
        [ESTATE, "check"],
        cwd=project.folder,
        env=project.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    with limited(process):
        assert process.stderr.readline() == "up\n"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, "", "")


def test_a_mistake_of_our_own_shows_no_words_of_the_error(project: Project) -> None:
    code = (
        "import sys; sys.argv = ['estate', 'check']\n"
        "import estate_config.environments\n"
        "estate_config.environments.read = lambda: [][5]\n"
        "from estate_config.cli import main\n"
        "main()"
    )
    done = python(project, code)
    assert (done.returncode, done.stdout) == (70, "")
    assert done.stderr == (
        "estate: this is a mistake of estate's own, please report it: IndexError in <lambda> (<string>:3)\n"
    )


def test_a_folder_that_is_gone_is_no_mistake_of_our_own(project: Project, tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    command = f'cd "{folder}" && rmdir "{folder}" && exec "{ESTATE}" check'
    done = subprocess.run(
        ["sh", "-c", command], env=project.environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (1, "")
    assert "no service is listed" in done.stdout


def test_what_an_sdk_logs_is_not_shown(project: Project) -> None:
    project.change(
        "shelf.py",
        "    def fetch(self, keys, deadline):",
        (
            "    def fetch(self, keys, deadline):\n"
            "        import logging\n"
            "        logging.getLogger('boto3').warning('a word of an SDK')"
        ),
    )
    project.write("shelf.json", '{"database/url": "x", "openai/key": "y"}')
    assert project.program("check", "ai", "--env", "cluster").err == ""


def test_a_provider_that_cannot_be_closed_is_said(project: Project) -> None:
    project.change("shelf.py", "    def close(self):\n        pass", "    def close(self):\n        1/0")
    project.write("shelf.json", '{"database/url": "x", "openai/key": "y"}')
    assert project.program("check", "ai", "--env", "cluster").err == (
        "the provider shelf cannot be closed: ZeroDivisionError\n"
    )
