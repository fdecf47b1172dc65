"""One real `bao` server for all tests of the provider `vault`, and a front for each that counts and breaks things."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import hvac
import pytest

from estate_config.testing import EmbeddedVault
from tests.fakes.vault import VaultFront
from tests.providers.vault.database import database_engine
from tests.providers.vault.roles import Role
from tools.postgres import Postgres

_NUMBERS = itertools.count()


@pytest.fixture(scope="session")
def bao() -> Iterator[EmbeddedVault]:
    with EmbeddedVault() as server:
        yield server


@pytest.fixture(scope="session")
def root(bao: EmbeddedVault) -> Iterator[hvac.Client]:
    """Whoever may do anything."""
    client = hvac.Client(bao.endpoint_url, "root")
    client.sys.enable_secrets_engine("kv", path="old", options={"version": "1"})
    yield client
    client.adapter.close()


@pytest.fixture
def front(bao: EmbeddedVault) -> Iterator[VaultFront]:
    with VaultFront(bao.endpoint_url) as front:
        yield front


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine on which nobody has said anything of Vault, but for a token."""
    for name in ("ADDR", "NAMESPACE", "CACERT", "CAPATH", "CLIENT_CERT", "CLIENT_KEY", "ROLE_ID", "SECRET_ID", "JWT"):
        monkeypatch.delenv(f"VAULT_{name}", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("VAULT_TOKEN", "root")


@pytest.fixture
def policy(root: hvac.Client) -> Callable[[str], str]:
    """Write a policy, and return its name."""

    def write(text: str) -> str:
        name = f"policy-{next(_NUMBERS)}"
        root.sys.create_or_update_policy(name, text)
        return name

    return write


@pytest.fixture
def token(root: hvac.Client, policy: Callable[[str], str]) -> Callable[[str], str]:
    """Return a new token that may do what a policy says."""

    def made(text: str) -> str:
        answer = root.auth.token.create(policies=[policy(text)], ttl="1h")
        return str(answer["auth"]["client_token"])

    return made


@pytest.fixture(scope="session")
def approle(root: hvac.Client) -> None:
    root.sys.enable_auth_method("approle")


@pytest.fixture
def role(approle: None, root: hvac.Client, policy: Callable[[str], str]) -> Callable[..., Role]:
    """Make a role of AppRole with a policy."""

    def made(name: str, text: str = 'path "secret/data/l/*" { capabilities = ["read"] }', **bounds: object) -> Role:
        return Role(root, policy(text), name, **bounds)

    return made


@pytest.fixture(scope="session")
def database(root: hvac.Client) -> Iterator[Postgres]:
    with database_engine(root) as server:
        yield server
