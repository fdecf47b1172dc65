"""The documents of the example estate are what its schemas say today."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ESTATE = Path(__file__).parents[3] / "examples" / "estate"


@pytest.mark.parametrize(
    "line",
    [
        "docs --out docs/settings.md",
        "docs --format html --out docs/settings.html",
        "generate dotenv --out .env.example",
    ],
)
def test_a_document_of_the_example_is_as_it_should_be(line: str) -> None:
    estate = str(Path(sys.executable).with_name("estate"))
    done = subprocess.run(
        [estate, *line.split(), "--check"],
        cwd=ESTATE,
        env={"PATH": os.defpath, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
