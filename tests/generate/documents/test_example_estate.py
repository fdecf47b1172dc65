"""Every generated file of the example estate is what its schemas say today."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ESTATE = Path(__file__).parents[3] / "examples" / "estate"


LINES = re.findall(r"^(?:docs|generate) .*", (ESTATE / "generate.sh").read_text("utf-8"), re.MULTILINE)


@pytest.mark.parametrize("line", LINES)
def test_a_file_of_the_example_is_as_it_should_be(line: str) -> None:
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
