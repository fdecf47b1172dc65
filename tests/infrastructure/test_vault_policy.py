"""A generated policy on a real server: a service loads with it, and is denied what other services read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import hvac
import pytest

from estate_config import Code, ConfigurationError, Settings, environments, load, secret
from estate_config.generate.catalogue import Catalogue, catalogue_of
from estate_config.generate.files import RefusedError
from estate_config.generate.vault_policy import vault_policy
from estate_config.model import Deadline
from estate_config.testing import EmbeddedVault
from estate_config_providers.vault import lifetime
from estate_config_providers.vault.options import Engine, VaultOptions
from estate_config_providers.vault.vault_server import Vault
from tests.providers.vault.database import both, database_engine

TABLE = {
    "environments": {"production": {"chain": ["vault"]}, "test": {"chain": ["fixture"]}},
    "default_environment": "production",
    "providers": {"vault": {"prefix": "estate/", "mounts": {"old": "kv-v1", "database": "database"}}},
}


class Ai(Settings):
    database_url: str = secret("database/url")
    openai_key: str = secret("openai/key", vault='estate/words "of" ai#key')
    openai_organisation: str = secret("openai/organisation", vault='estate/words "of" ai#organisation')
    pinned: str = secret(vault="estate/pinned?version=1")
    ancient: str = secret(vault="old:ancient#value")


class Etl(Settings):
    database_url: str = secret("database/url")
    kreb_key: str = secret("kreb/key")


@pytest.fixture
def vault(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[hvac.Client]:
    monkeypatch.chdir(tmp_path)
    with EmbeddedVault() as server:
        for name, value in server.variables.items():
            monkeypatch.setenv(name, value)
        client = hvac.Client(server.endpoint_url, "root")
        client.sys.enable_secrets_engine("kv", "old", options={"version": "1"})
        write = client.secrets.kv.v2.create_or_update_secret
        for path in ("database/url", "kreb/key", "pinned"):
            write(f"estate/{path}", {"value": "canary"})
        write('estate/words "of" ai', {"key": "canary", "organisation": "canary"})
        client.secrets.kv.v1.create_or_update_secret("ancient", {"value": "canary"}, mount_point="old")
        yield client
        client.adapter.close()


def catalogue(**services: type[Settings]) -> Catalogue:
    return catalogue_of(environments.read(TABLE), services)


@pytest.fixture
def loading_with(vault: hvac.Client, monkeypatch: pytest.MonkeyPatch) -> Callable[[type[Settings], str], object]:
    """Load a class with a token that has one policy, and no other."""

    def loaded(cls: type[Settings], policy: str) -> object:
        vault.sys.create_or_update_policy("generated", policy)
        token = vault.auth.token.create(policies=["generated"], no_parent=True, ttl="1m")["auth"]["client_token"]
        monkeypatch.setenv("VAULT_TOKEN", token)
        return load(cls, config=TABLE)

    return loaded


def denied(loading_with: Callable[[type[Settings], str], object], cls: type[Settings], policy: str) -> set[str]:
    with pytest.raises(ConfigurationError) as caught:
        loading_with(cls, policy)
    assert {problem.code for problem in caught.value.problems} == {Code.DENIED}
    return {problem.field for problem in caught.value.problems}


@pytest.mark.integration
def test_each_service_loads_and_is_denied_what_only_the_other_reads(
    loading_with: Callable[[type[Settings], str], object],
) -> None:
    ai, etl = (vault_policy(catalogue(service=cls), "made for a test") for cls in (Ai, Etl))
    assert loading_with(Ai, ai)
    assert loading_with(Etl, etl)
    assert denied(loading_with, Etl, ai) == {"kreb_key"}
    assert denied(loading_with, Ai, etl) == {"openai_key", "openai_organisation", "pinned", "ancient"}


@pytest.mark.integration
def test_each_stanza_is_needed(loading_with: Callable[[type[Settings], str], object]) -> None:
    head, *stanzas = vault_policy(catalogue(ai=Ai), "made for a test").split("\n\n")
    assert len(stanzas) == 4, "two members of one secret are one read"
    for stanza in stanzas:
        rest = "\n\n".join([head, *(other for other in stanzas if other is not stanza)])
        assert denied(loading_with, Ai, rest)


class Leasing(Settings):
    """Its user and password are made for it."""

    user: str = secret("db/user", vault="database:creds/estate#username")
    password: str = secret("db/password", vault="database:creds/estate#password")
    reporting: str = secret("db/reporting", vault="database:static-creds/reporting#password")


@pytest.fixture
def renewing_with(vault: hvac.Client, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], bool]]:
    """Say whether lease and token are renewed with a token that has one policy, and not the policy `default` either."""
    monkeypatch.setattr(lifetime, "PART", 1e-9)  # two thirds of every life are over at once

    def renewed(policy: str) -> bool:
        vault.sys.create_or_update_policy("leasing", policy)
        made = vault.auth.token.create(policies=["leasing"], no_default_policy=True, no_parent=True, ttl="1h")["auth"]
        monkeypatch.setenv("VAULT_TOKEN", made["client_token"])
        provider = Vault(VaultOptions(mounts={"database": Engine.DATABASE}), Path.cwd())
        both(provider)
        renewal = provider.renew(Deadline(10))
        lookup = vault.auth.token.lookup_accessor(made["accessor"])["data"]
        return not (renewal.notices or renewal.ending) and "last_renewal" in lookup

    with database_engine(vault):
        yield renewed


@pytest.mark.integration
def test_what_is_leased_can_be_renewed_and_each_stanza_for_that_is_needed(
    renewing_with: Callable[[str], bool], loading_with: Callable[[type[Settings], str], object]
) -> None:
    policy = vault_policy(catalogue(leasing=Leasing), "made for a test")
    assert loading_with(Leasing, policy)
    assert renewing_with(policy)
    reading, renewing = policy.split("\n\n# What it may renew.\n\n")
    stanzas = renewing.split("\n\n")
    assert len(stanzas) == 3
    for stanza in stanzas:
        assert not renewing_with("\n\n".join([reading, *(other for other in stanzas if other is not stanza)])), stanza


def test_where_nothing_is_leased_nothing_can_be_renewed() -> None:
    class Static(Settings):
        reporting: str = secret("db/reporting", vault="database:static-creds/reporting#password")

    for cls in (Ai, Static):
        assert "renew" not in vault_policy(catalogue(service=cls), "made for a test")


def test_it_is_for_one_service() -> None:
    with pytest.raises(RefusedError, match="one of them: ai, etl"):
        vault_policy(catalogue(ai=Ai, etl=Etl), "")


@pytest.mark.parametrize("path", ["estate/all*", "estate/+/key", "+"])
def test_a_path_that_would_mean_more_than_itself_is_refused(path: str) -> None:
    class Wide(Settings):
        key: str = secret(vault=f"{path}#key")

    with pytest.raises(RefusedError, match="cannot stand in a policy"):
        vault_policy(catalogue(wide=Wide), "")


def test_an_environment_has_to_be_named_where_several_have_vault() -> None:
    both = {**TABLE, "environments": {"production": {"chain": ["vault"]}, "staging": {"chain": ["vault"]}}}
    with pytest.raises(RefusedError, match="production and staging"):
        vault_policy(catalogue_of(environments.read(both), {"ai": Ai}), "")
