"""`estate doctor` and `estate diff`, as programs in a project of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.leaks import PLAIN, assert_no_canary

SCHEMA = """
from estate_config import Settings, secret, setting

class Service(Settings):
    token: str = secret("token")
    url: str = secret("url", template="https://{token}@{host}")
    host: str = setting(default="localhost")
"""
ESTATE = """
default_environment = "laptop"
[services]
app = "app:Service"
[environments.laptop]
chain = ["env", "dotenv"]
[environments.cluster]
chain = ["files"]
[providers.files]
folder = "mounted"
"""
USAGE = 2


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(SCHEMA, "utf-8")
    (tmp_path / "estate.toml").write_text(ESTATE, "utf-8")
    (tmp_path / ".env").write_text(f"TOKEN={PLAIN}\n", "utf-8")
    (tmp_path / ".env").chmod(0o600)
    (tmp_path / "mounted").mkdir()
    return tmp_path


def estate(project: Path, *words: str, exit_code: int = 0) -> str:
    done = subprocess.run(
        [Path(sys.executable).with_name("estate"), *words],
        cwd=project,
        env={"PATH": os.defpath, "HOME": str(project)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == exit_code, done.stdout + done.stderr
    assert_no_canary(done.stdout + done.stderr, PLAIN)
    return done.stderr if exit_code == USAGE else done.stdout


def test_doctor_shows_each_secret_and_is_content(project: Path) -> None:
    told = estate(project, "doctor")
    assert told.splitlines() == [
        "app in laptop, as default_environment says",
        "  chain: env → dotenv   from estate.toml",
        "  secret  state     in      place",
        "  token   found     dotenv  .env:1",
        "  url     template",
    ]


def test_doctor_reports_what_would_stop_the_start(project: Path) -> None:
    told = estate(project, "doctor", "app", "--env", "cluster", exit_code=1)
    assert "app has 1 problem in cluster." in told
    assert "MISSING  token" in told


def test_doctor_for_machines(project: Path) -> None:
    document = json.loads(estate(project, "doctor", "--format", "json"))
    assert document["ok"]
    (service,) = document["services"]
    assert [(one["field"], one["outcome"]) for one in service["secrets"]] == [("token", "found"), ("url", "template")]


@pytest.mark.parametrize("verb", [("doctor",), ("diff", "laptop", "cluster")])
def test_a_schema_that_cannot_be_imported_is_a_problem_of_its_service(project: Path, verb: tuple[str, ...]) -> None:
    (project / "app.py").write_text("raise ValueError", "utf-8")
    assert "cannot be imported: ValueError in app.py:1" in estate(project, *verb, exit_code=1)
    document = json.loads(estate(project, *verb, "--format", "json", exit_code=1))
    assert document["services"][0]["problems"][0]["code"] == "SCHEMA"


def test_diff_shows_what_only_one_has(project: Path) -> None:
    told = estate(project, "diff", "laptop", "cluster", exit_code=1)
    assert "app: laptop and cluster" in told
    assert "missing in the second" in told


def test_diff_of_the_same_values_is_fine(project: Path) -> None:
    (project / "mounted" / "token").write_text(f"{PLAIN}\n", "utf-8")
    document = json.loads(estate(project, "diff", "laptop", "cluster", "app", "--format", "json"))
    (service,) = document["services"]
    assert document["environments"] == ["laptop", "cluster"]
    assert {one["field"]: one["verdict"] for one in service["settings"]}["token"] == "same"


def test_diff_with_an_environment_that_is_not_there_is_wrong_usage(project: Path) -> None:
    told = estate(project, "diff", "laptop", "clutser", exit_code=USAGE)
    assert 'Invalid value for B: there is no "clutser"; did you mean "cluster"?' in told


def test_diff_says_why_something_cannot_be_told(project: Path) -> None:
    (project / "mounted" / "token").mkdir()
    told = estate(project, "diff", "laptop", "cluster", exit_code=1)
    assert "cannot be told" in told
    assert "MALFORMED  token\n  in cluster: " in told
    assert "\n  fix  " in told
    document = json.loads(estate(project, "diff", "laptop", "cluster", "--format", "json", exit_code=1))
    assert [one["field"] for one in document["services"][0]["problems"]] == ["token"]
