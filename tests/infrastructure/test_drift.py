"""The generated files of the example estate are what the schemas say today."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    "words",
    [
        ("iam", "--out", "infrastructure/iam.json"),
        ("terraform", "--out", "infrastructure/terraform/secrets-manager.tf"),
    ],
    ids=lambda words: words[0],
)
def test_a_generated_file_is_as_it_should_be(words: tuple[str, ...], estate_folder: Path) -> None:
    estate = Path(sys.executable).with_name("estate")
    done = subprocess.run(
        [estate, "generate", *words, "--check"], cwd=estate_folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
