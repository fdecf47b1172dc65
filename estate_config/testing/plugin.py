"""The pytest plug-in: in tests the environment is `test`, remote providers are denied, and doubles are one line.

Registering it imports neither pydantic nor an SDK: everything else is imported by the first test that needs it.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Mapping
from typing import TYPE_CHECKING, Any

import pytest

from estate_config import guard

if TYPE_CHECKING:
    from estate_config.testing.estate_fixture import Estate
    from estate_config.testing.servers import EmbeddedAws, EmbeddedServer, EmbeddedVault

_MARKER = (
    "estate(cls=None, values=None, *, fake=False, environment=None, remote=False): swap a Settings class for values "
    "or for a complete fake, choose the environment, let remote providers be asked; of estate_config"
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini(
        "estate_environment", "the environment that tests load their settings in (estate_config)", default="test"
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", _MARKER)
    session_guard = _SessionGuard(str(config.getini("estate_environment")))
    guard.install(session_guard)
    config.add_cleanup(lambda: guard.uninstall(session_guard))


class _SessionGuard:
    """Denies remote providers wherever a test's own guard does not reach: in threads, in fixtures of a session."""

    def __init__(self, environment: str) -> None:
        self.environment: str | None = environment

    def wrap(self, link: Any) -> Any:
        from estate_config.testing.guarding import TestGuard

        test = os.environ.get("PYTEST_CURRENT_TEST", "the test run").rsplit(" ", 1)[0]
        return TestGuard(test=test, environment=self.environment).wrap(link)

    def options(self, provider: str) -> Mapping[str, Any]:  # noqa: ARG002 - no server is embedded for all of a run
        return {}


@pytest.fixture(autouse=True)
def _estate_marks(request: pytest.FixtureRequest) -> None:
    """Apply the markers of a test, its class and its module, the outermost first."""
    if request.node.get_closest_marker("estate") is not None:
        estate: Estate = request.getfixturevalue("estate")
        for mark in reversed(list(request.node.iter_markers("estate"))):
            estate.mark(*mark.args, **mark.kwargs)


@pytest.fixture
def estate(request: pytest.FixtureRequest) -> Generator[Estate]:
    """Swaps, doubles and faults for one test; everything is undone after it."""
    from estate_config.testing.estate_fixture import Estate

    with Estate(request.node.nodeid, str(request.config.getini("estate_environment"))) as instance:
        yield instance


def _lead(server: EmbeddedServer, estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a test ask this server and no other, whatever `estate.toml` and the shell say."""
    for name in os.environ.keys() - server.environment().keys():
        monkeypatch.delenv(name)
    for name, value in server.variables.items():
        monkeypatch.setenv(name, value)
    estate.lead(server.options)


@pytest.fixture(scope="session")
def _estate_aws_server() -> Generator[EmbeddedAws]:
    from estate_config.testing.servers import EmbeddedAws

    with EmbeddedAws() as server:
        yield server


@pytest.fixture
def estate_aws(
    _estate_aws_server: EmbeddedAws, estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> Generator[EmbeddedAws]:
    """An embedded AWS on loopback, empty at the start of each test, that the `aws` provider of this test asks."""
    _lead(_estate_aws_server, estate, monkeypatch)
    yield _estate_aws_server
    _estate_aws_server.reset()


@pytest.fixture(scope="session")
def _estate_vault_server() -> Generator[EmbeddedVault]:
    from estate_config.testing.servers import EmbeddedVault

    with EmbeddedVault() as server:
        yield server


@pytest.fixture
def estate_vault(
    _estate_vault_server: EmbeddedVault, estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> Generator[EmbeddedVault]:
    """A Vault-compatible server on loopback, empty at the start of each test, that the `vault` provider asks."""
    _lead(_estate_vault_server, estate, monkeypatch)
    yield _estate_vault_server
    _estate_vault_server.reset()
