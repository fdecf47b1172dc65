"""Importing a service's settings needs no network, no credentials, no region, and does no I/O (T5, T28)."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ESTATE = Path(__file__).parents[2] / "examples" / "estate"

_WATCHED = """
import json, sys
sys.path.insert(0, {folder!r})
import estate_config, pydantic, pydantic_settings, services  # whatever these read is theirs, not the service's
touched = []
def watch(event, arguments):
    if event.startswith(("socket.", "subprocess.", "os.putenv")):
        touched.append(event)
    if event == "open" and not str(arguments[0]).endswith((".py", ".pyc")):
        touched.append("open " + str(arguments[0]))
sys.addaudithook(watch)
import services.{service}.settings as module
heavy = {{"boto3", "botocore", "httpx", "openai", "fastapi", "psycopg"}} & set(sys.modules)
print(json.dumps({{"touched": touched, "heavy": sorted(heavy), "shown": repr(module.settings)}}))
"""


@pytest.mark.parametrize("service", ["ai", "etl"])
def test_it_works_in_a_bare_environment_and_touches_nothing(service: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-B", "-W", "error", "-c", _WATCHED.format(folder=str(ESTATE), service=service)],
        cwd=tmp_path,
        env={},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["touched"] == []
    assert seen["heavy"] == []
    assert "not loaded" in seen["shown"]
