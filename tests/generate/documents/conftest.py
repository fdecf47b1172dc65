"""Every test of documents starts in an empty folder, with no variable that could change what is made."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _nothing_around(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith(("ESTATE_", "AWS_", "GOOGLE_")) or name == "NODE_ENV"]:
        monkeypatch.delenv(name)
