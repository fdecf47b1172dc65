"""Terraform as tests use it: where it, or its AWS provider, is not to be had, the test is skipped."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tools.terraform import NoTerraformError, Terraform, program


def initialised(folder: Path, environment: Mapping[str, str]) -> Callable[..., str]:
    """Return a function that runs a command in `folder`, and returns what it printed; another exit code fails."""
    try:
        terraform = Terraform(folder, environment)
    except NoTerraformError as error:
        pytest.skip(str(error))

    def run(*words: str, expect: int = 0) -> str:
        code, printed = terraform.run(*words)
        assert code == expect, printed
        return printed

    return run


def formatted(text: str) -> str:
    """Return a text as `terraform fmt` writes it."""
    words = [terraform_or_skip(), "fmt", "-"]
    return subprocess.run(words, input=text, capture_output=True, text=True, timeout=60, check=True).stdout


def terraform_or_skip() -> str:
    """Return the path of `terraform`."""
    try:
        return program()
    except NoTerraformError as error:
        pytest.skip(str(error))
