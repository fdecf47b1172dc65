"""`estate scan`, as a program in a git repository of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.leaks import PLAIN, assert_no_canary

SCHEMA = "from estate_config import Settings, secret\n\n\nclass Service(Settings):\n    token: str = secret()\n"
URLS = """
from pydantic import PostgresDsn, SecretStr
from estate_config import Settings, secret

class Service(Settings):
    token: str = secret()
    database_url: PostgresDsn = secret("database/url")
    jwt_secret: SecretStr | None = secret("jwt/secret", default=None)
"""
ESTATE = """
default_environment = "laptop"
[services]
app = "app:Service"
[environments.laptop]
chain = ["dotenv"]
[environments.cluster]
chain = ["files"]
[environments.cloud]
chain = ["aws"]
[providers.aws]
region = "eu-central-1"
[providers.files]
folder = "estate.toml"
"""
KEY = "AKIA" + "QWERTYUIOPASDFGH"  # put together here, so that this file holds none
LEFTOVER = "supersecret" + "jwtkey"


def program(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    identity = {f"GIT_{who}_{what}": "x" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    return subprocess.run(
        words,
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), **identity},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(SCHEMA, "utf-8")
    (tmp_path / "estate.toml").write_text(ESTATE, "utf-8")
    (tmp_path / ".env").write_text(f"TOKEN={PLAIN}\n", "utf-8")
    (tmp_path / ".env").chmod(0o600)
    (tmp_path / ".gitignore").write_text(".env\n__pycache__\n", "utf-8")
    assert program(tmp_path, "git", "init", "-q").returncode == 0
    return tmp_path


def scan(project: Path, *words: str, exit_code: int = 1) -> str:
    done = program(project, str(Path(sys.executable).with_name("estate")), "scan", *words)
    assert done.returncode == exit_code, done.stdout + done.stderr
    assert_no_canary(done.stdout + done.stderr, PLAIN)
    return done.stdout + done.stderr


def rules(project: Path, *words: str) -> list[tuple[str, int, str]]:
    document: dict[str, Any] = json.loads(scan(project, "--format", "json", *words))
    return [(one["file"], one["line"], one["rule"]) for one in document["findings"]]


def test_a_clean_tree_is_fine_and_what_git_ignores_is_not_looked_at(project: Path) -> None:
    assert scan(project, exit_code=0) == "3 files, 0 findings\n"


def test_each_kind_is_found_once_with_its_line_and_what_to_do(project: Path) -> None:
    (project / "bad.py").write_text(f'a = 1\nkey = "{KEY}"\njwt = "{LEFTOVER}"\ntoken = "{PLAIN}"\n', "utf-8")
    assert rules(project) == [
        ("bad.py", 2, "aws-access-key"),
        ("bad.py", 3, "known-example"),
        ("bad.py", 4, "current-value"),
    ]
    told = scan(project)
    assert "bad.py:4: current-value: holds the current value of .env:1" in told
    assert "rotate the secret" in told
    assert KEY not in told


def test_a_line_that_says_it_is_none_is_passed_over(project: Path) -> None:
    (project / "bad.py").write_text(f'key = "{KEY}"  # pragma: allowlist secret\n', "utf-8")
    assert "0 findings" in scan(project, exit_code=0)


def test_what_estate_writes_itself_passes_but_not_what_is_put_into_it(project: Path) -> None:
    estate = str(Path(sys.executable).with_name("estate"))
    (project / "app.py").write_text(URLS, "utf-8")
    with (project / ".env").open("a", encoding="utf-8") as dotenv:
        dotenv.write("DATABASE_URL=postgresql://user:password@localhost/your-database-url\n")  # not filled in yet
    for words in (
        ("docs", "--out", "settings.md"),
        ("docs", "--format", "html", "--out", "settings.html"),
        ("docs", "--format", "json", "--out", "settings.json"),
        ("generate", "dotenv", "--out", ".env.example"),
        ("generate", "external-secret", "app", "--env", "cloud", "--out", "external-secret.yaml"),
    ):
        done = program(project, estate, *words)
        assert done.returncode == 0, done.stdout
    assert "0 findings" in scan(project, exit_code=0)

    made = (project / ".env.example").read_text("utf-8")
    assert "DATABASE_URL=postgresql://user:password@localhost/your-database-url\n" in made
    copy = project / "copy.env"
    copy.write_text(made, "utf-8")  # under another name it is not estate's any more
    assert [(file, rule) for file, _, rule in rules(project)] == [("copy.env", "known-example")]
    copy.unlink()
    for value, rule in (
        ("postgresql://svc:made-up@db/app", "basic-auth-credentials"),
        (KEY, "aws-access-key"),
        (PLAIN, "current-value"),
        (f"postgresql://user:password@localhost/{PLAIN}", "current-value"),
    ):
        (project / ".env.example").write_text(f"{made}MORE={value}\n", "utf-8")
        assert rules(project) == [(".env.example", made.count("\n") + 1, rule)]


def test_only_what_the_next_commit_adds_is_looked_at_when_staged(project: Path) -> None:
    (project / "loose.py").write_text(f'key = "{KEY}"\n', "utf-8")
    (project / "added.py").write_text(f'jwt = "{LEFTOVER}"\n', "utf-8")
    program(project, "git", "add", "added.py")
    (project / "added.py").write_text("cleaned up, and not added again\n", "utf-8")
    assert rules(project, "--staged") == [("added.py", 1, "known-example")]


def test_the_hook_stops_a_commit(project: Path) -> None:
    hook = project / ".git" / "hooks" / "pre-commit"
    hook.write_text(f"#!/bin/sh\nexec {Path(sys.executable).with_name('estate')} scan --staged\n", "utf-8")
    hook.chmod(0o755)
    (project / "bad.py").write_text(f'token = "{PLAIN}"\n', "utf-8")
    program(project, "git", "add", "bad.py")
    assert program(project, "git", "commit", "-qm", "x").returncode != 0
    (project / "bad.py").write_text("token = None\n", "utf-8")
    program(project, "git", "add", "bad.py")
    assert program(project, "git", "commit", "-qm", "x").returncode == 0


def test_sarif_has_rule_file_and_line(project: Path) -> None:
    (project / "bad.py").write_text(f'jwt = "{LEFTOVER}"\n', "utf-8")
    log = json.loads(scan(project, "--format", "sarif", "--no-values"))
    (run,) = log["runs"]
    (result,) = run["results"]
    assert log["version"] == "2.1.0"
    assert run["tool"]["driver"]["rules"] == [{"id": result["ruleId"]}] == [{"id": "known-example"}]
    place = result["locations"][0]["physicalLocation"]
    assert (place["artifactLocation"]["uri"], place["region"]["startLine"]) == ("bad.py", 1)


def test_what_is_wrong_with_the_estate_is_no_sarif_and_goes_to_stderr(project: Path) -> None:
    (project / "estate.toml").write_text("nonsense", "utf-8")
    done = program(project, str(Path(sys.executable).with_name("estate")), "scan", "--format", "sarif")
    assert (done.returncode, done.stdout) == (1, "")
    assert "is not TOML" in done.stderr


def test_values_that_cannot_be_read_are_said_and_are_no_clean_bill(project: Path) -> None:
    assert "not looked for: token" in scan(project, "--env", "cluster")
    scan(project, "--env", "cluster", "--no-values", exit_code=0)


def test_without_git_the_folder_is_walked_and_large_and_binary_files_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "node_modules").mkdir()
    for name in ("bad.txt", "node_modules/theirs.txt"):
        (tmp_path / name).write_text(LEFTOVER, "utf-8")
    (tmp_path / "large.txt").write_text("x" * 1_048_577, "utf-8")
    (tmp_path / "binary").write_bytes(b"\0" + LEFTOVER.encode())
    (tmp_path / "link").symlink_to("bad.txt")
    told = scan(tmp_path, "--no-values")
    assert "bad.txt:1: known-example" in told
    assert "1 file, 1 finding" in told
    assert "large.txt is larger than 1 MiB" in told
    told = scan(tmp_path, "--no-values", "--staged", exit_code=2)
    assert "no git repository, so nothing is staged: go to one, or leave --staged out" in told


@pytest.mark.parametrize("in_git", [True, False])
def test_what_may_not_be_read_is_named_and_is_no_clean_bill(tmp_path: Path, in_git: bool) -> None:
    if in_git:
        assert program(tmp_path, "git", "init", "-q").returncode == 0
    (tmp_path / "bad.txt").write_text(LEFTOVER, "utf-8")
    (tmp_path / "closed.txt").touch(0o000)
    words = [str(Path(sys.executable).with_name("estate")), "scan", "--no-values"]
    if os.geteuid() == 0:  # may read everything, but for this
        lost = "-dac_override,-dac_read_search"
        words = ["setpriv", f"--bounding-set={lost}", f"--inh-caps={lost}", *words]
    done = program(tmp_path, *words)
    assert done.returncode == 1
    assert done.stderr == "not looked through: closed.txt: Permission denied\n"
    assert "bad.txt:1: known-example" in done.stdout
    (tmp_path / "bad.txt").write_text("", "utf-8")
    done = program(tmp_path, *words, "--format", "json")
    document = json.loads(done.stdout)
    assert (done.returncode, document["ok"], document["files"], document["findings"]) == (1, False, 1, [])
    assert document["unreadable"] == {"closed.txt": "Permission denied"}
    (tmp_path / "closed.txt").unlink()
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "the team's").mkdir(0o000)
    for at, name in ((tmp_path, "inner/the team's"), (tmp_path / "inner", "the team's")):
        done = program(at, *words)
        assert (done.returncode, done.stderr) == (1, f"not looked through: {name}: Permission denied\n")


def test_without_the_extra_the_install_command_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("x", "utf-8")
    code = (
        "import sys; sys.modules['detect_secrets'] = None; sys.argv = ['estate', 'scan', '--no-values']\n"
        "from estate_config.cli import main; main()"
    )
    done = program(tmp_path, sys.executable, "-c", code)
    assert (done.returncode, done.stderr) == (
        2,
        "estate scan: needs the extra scan: pip install 'estate-config[scan]'\n",
    )
