"""What a type checker refuses, and that the typing file of the user's view is a program that works.

What it accepts is checked by `make lint`: api.py is part of the tree.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent

WRONG = """
from __future__ import annotations

from pydantic import SecretStr

from estate_config import Settings, explain, lazy, load, secret, setting, use


class AiSettings(Settings):
    openai_api_key: SecretStr = secret("openai/api_key")
    workers: int = setting(default=2)


settings = lazy(AiSettings)

settings.openai_api_kye  # wrong: attribute
load(AiSettings).worker  # wrong: attribute
load(settings).workers.upper()  # wrong: attribute
settings.openai_api_key.upper()  # wrong: attribute
load("AiSettings")  # wrong: argument
load(AiSettings, enviroment="test")  # wrong: argument
secret("a", provider="aws", rotates=90)  # wrong: argument
setting("a", rotates=90)  # wrong: argument
use(AiSettings)  # wrong: argument
explain(AiSettings)  # wrong: argument
"""
"""Lines that a checker has to refuse; every other line has to pass."""


@pytest.fixture(scope="module")
def wrong(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("typing") / "wrong.py"
    file.write_text(WRONG.lstrip(), encoding="utf-8")
    return file


def expected(file: Path) -> set[int]:
    lines = file.read_text("utf-8").splitlines()
    return {number for number, line in enumerate(lines, 1) if "# wrong:" in line}


def test_mypy_refuses_what_is_wrong_and_nothing_else(wrong: Path) -> None:
    command = [sys.executable, "-m", "mypy", "--strict", "--no-incremental", "--config-file=", wrong.name]
    done = subprocess.run(command, cwd=wrong.parent, capture_output=True, text=True, timeout=120, check=False)
    assert {int(line) for line in re.findall(r"^wrong\.py:(\d+): error", done.stdout, re.MULTILINE)} == expected(wrong)


def test_pyright_refuses_what_is_wrong_and_nothing_else(wrong: Path) -> None:
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable, wrong.name]
    done = subprocess.run(command, cwd=wrong.parent, capture_output=True, text=True, timeout=120, check=False)
    found = json.loads(done.stdout)["generalDiagnostics"]
    errors = {item["range"]["start"]["line"] + 1 for item in found if item["severity"] == "error"}
    assert errors == expected(wrong)


def test_the_typing_file_runs_and_reports_the_one_wrong_field(tmp_path: Path) -> None:
    environment = {"PATH": os.defpath, "HOME": str(tmp_path)}
    command = [sys.executable, str(HERE / "api.py")]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout, done.stderr, done.returncode) == ("workers", "", 0)


def test_the_typing_file_of_the_integrations_runs_and_loads_nothing(tmp_path: Path) -> None:
    environment = {"PATH": os.defpath, "HOME": str(tmp_path)}
    command = [sys.executable, "-W", "error", str(HERE / "integrations.py")]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout, done.stderr, done.returncode) == ("/orders", "", 0)
