"""Terraform on an embedded AWS. Where no AWS provider is to be had for `terraform init`, the test is skipped."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

_INIT = 60.0
_RUN = 120.0
"""Seconds."""
PLUGINS = "ESTATE_TERRAFORM_PLUGINS"
"""The variable that may name a folder of plug-ins."""
_SHARED = ("/opt", "/usr/share", "/usr/local/share")
"""Where a machine may have such a folder; Terraform itself looks into the home folder, or asks the registry."""


def _plugins() -> str | None:
    found = (hosts.parent for parent in _SHARED for hosts in Path(parent).glob("*/registry.terraform.io"))
    return os.environ.get(PLUGINS) or next(map(str, found), None)


def program() -> str:
    found = shutil.which("terraform")
    if found is None:
        pytest.skip("there is no terraform on the path")
    return found


def formatted(text: str) -> str:
    """Return a text as `terraform fmt` writes it."""
    words = [program(), "fmt", "-"]
    return subprocess.run(words, input=text, capture_output=True, text=True, timeout=_RUN, check=True).stdout


class Terraform:
    """A folder with `.tf` files, initialised."""

    def __init__(self, folder: Path, variables: Mapping[str, str]) -> None:
        self._program = program()
        self.folder = folder
        self._environment = {**os.environ, **variables, "TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1"}
        self._init()

    def _init(self) -> None:
        plugins = _plugins()
        words = ["init", "-backend=false", *([f"-plugin-dir={plugins}"] if plugins else [])]
        try:
            done = self._run(words, _INIT)
        except subprocess.TimeoutExpired:
            pytest.skip("terraform init got no AWS provider in time")
        if done.returncode != 0:
            assert "Failed to query available provider packages" in done.stderr, done.stderr
            pytest.skip(f"terraform init gets no AWS provider here; {PLUGINS} may name a folder that has it")

    def run(self, *words: str, expect: int = 0) -> str:
        """Run a command; return what it printed. Fails the test on another exit code than the one expected."""
        done = self._run(words, _RUN)
        printed = done.stdout + done.stderr
        assert done.returncode == expect, printed
        return printed

    def _run(self, words: list[str] | tuple[str, ...], limit: float) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self._program, words[0], "-no-color", *words[1:]],
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=limit,
            check=False,
        )
