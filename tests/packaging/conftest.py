"""The wheel, built once, and the environment it is put into."""

from __future__ import annotations

import pytest

from tests.packaging.environments import ROOT, Built, Installed, build, install


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    return build(ROOT, tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="session")
def installed(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """An environment with the wheel and nothing else: no extras, no pytest."""
    return install(tmp_path_factory.mktemp("venv"), built.wheel)


@pytest.fixture(scope="session")
def tested(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """An environment as a stranger's project tests in: the wheel, pytest and hypothesis."""
    return install(tmp_path_factory.mktemp("venv"), built.wheel, needing=("pytest", "hypothesis"))
