"""The files that `[generated]` of the example estate lists are what its schemas say today."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_every_generated_file_is_as_it_should_be(estate_folder: Path) -> None:
    estate = Path(sys.executable).with_name("estate")
    done = subprocess.run(
        [estate, "generate", "all", "--check"], cwd=estate_folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
