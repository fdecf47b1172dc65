"""The catalogue of the example estate, and what its generators are proven on."""

from __future__ import annotations

from pathlib import Path

import pytest

from estate_config import environments
from estate_config.generate.catalogue import Catalogue, catalogue_of, schemas_of

ESTATE = Path(__file__).parents[2] / "examples" / "estate"


@pytest.fixture
def estate_folder(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The example estate, as the current folder, with nothing set that leads elsewhere."""
    monkeypatch.chdir(ESTATE)
    for name in ("ESTATE_ENV", "ESTATE_CONFIG", "NODE_ENV"):
        monkeypatch.delenv(name, raising=False)
    return ESTATE


@pytest.fixture
def catalogue(estate_folder: Path) -> Catalogue:
    estate = environments.read()
    return catalogue_of(estate, schemas_of(estate, list(estate.table.services)))
