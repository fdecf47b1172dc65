"""The services' own tests pass as their team runs them: in the estate's folder, with the plug-in and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ESTATE = Path(__file__).parents[2] / "examples" / "estate"


def test_the_services_pass_their_own_tests_with_doubles_alone() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "services"],
        cwd=ESTATE,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout
