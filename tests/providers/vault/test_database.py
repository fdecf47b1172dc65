"""Credentials that the database engine makes on a real PostgreSQL: user and password are always of one lease."""

from __future__ import annotations

import hvac

from estate_config import Settings, explain, load, secret
from estate_config.errors import Code
from estate_config.testing import EmbeddedVault
from tests.fakes.vault import VaultFront
from tests.providers.vault.database import MOUNTS, PASSWORD, USER, both, who_am_i
from tests.providers.vault.helpers import ask, failed, vault
from tools.postgres import Postgres


def test_user_and_password_are_of_one_lease_by_one_read(front: VaultFront, database: Postgres) -> None:
    provider = vault(front.url, mounts=MOUNTS)
    user, password = both(provider)
    assert who_am_i(database, user.value, password.value) == (user.value,)
    assert user.origin.version == password.origin.version
    assert (user.origin.version or "").startswith("database/creds/estate/")
    assert user.origin.stage == "lease of 3600 s"
    assert user.origin.place == "database:creds/estate#username"
    assert front.count("GET database/creds/.*") == 1


def test_the_lease_can_be_found_for_who_will_renew_it(
    bao: EmbeddedVault, database: Postgres, root: hvac.Client
) -> None:
    provider = vault(bao.endpoint_url, mounts=MOUNTS)
    user, _ = both(provider)
    lease = provider.leases[USER].lease
    assert provider.leases[PASSWORD].lease is lease
    assert (lease.id, lease.seconds, lease.renewable) == (user.origin.version, 3600, True)
    renewed = root.sys.renew_lease(lease.id)  # type: ignore[no-untyped-call]  # its stub says no types
    assert renewed["lease_duration"] == 3600


def test_trap_29_each_load_has_a_lease_of_its_own_and_closing_ends_none(bao: EmbeddedVault, database: Postgres) -> None:
    first, again = both(vault(bao.endpoint_url, mounts=MOUNTS)), both(vault(bao.endpoint_url, mounts=MOUNTS))
    assert first[0].value != again[0].value
    for user, password in (first, again):
        assert who_am_i(database, user.value, password.value) == (user.value,)


def test_a_static_role_has_no_lease(bao: EmbeddedVault, database: Postgres) -> None:
    provider = vault(bao.endpoint_url, mounts=MOUNTS)
    names = ("database:static-creds/reporting#username", "database:static-creds/reporting#password")
    user, password = ask(provider, *names).values()
    assert who_am_i(database, user, password) == ("reporting",)
    assert provider.leases == {}


def test_a_role_that_is_not_there_and_a_database_that_is_not_are_told_apart(
    bao: EmbeddedVault, database: Postgres
) -> None:
    provider = vault(bao.endpoint_url, mounts=MOUNTS)
    answers = ask(provider, "database:creds/nowhere#username", "database:creds/gone#username", seconds=1)
    assert failed(answers["database:creds/nowhere#username"]).code is Code.MALFORMED
    assert "no such role" in failed(answers["database:creds/nowhere#username"]).hint
    assert failed(answers["database:creds/gone#username"]).code is Code.UNAVAILABLE


def test_a_settings_class_is_loaded_with_both_and_explain_shows_the_lease(
    bao: EmbeddedVault, database: Postgres
) -> None:
    class EtlSettings(Settings):
        db_user: str = secret("db/user", vault="database:creds/estate#username")
        db_password: str = secret("db/password", vault="database:creds/estate#password")

    config = {
        "environments": {"production": {"chain": ["vault"]}},
        "providers": {"vault": {"url": bao.endpoint_url, "mounts": MOUNTS}},
    }
    settings = load(EtlSettings, environment="production", config=config)
    assert who_am_i(database, settings.db_user, settings.db_password) == (settings.db_user,)
    assert explain(settings)["db_user"].version == explain(settings)["db_password"].version
