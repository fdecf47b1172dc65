"""Live settings on a real server: new versions are seen, a database user is renewed, and replaced before it ends."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import hvac
import pytest

from estate_config import Settings, lazy, load, secret, snapshot, watch
from tests.fakes.vault import VaultFront
from tests.providers.vault.database import MOUNTS, database_role, who_am_i
from tests.providers.vault.nodes import wait_until
from tests.providers.vault.roles import Role
from tools.postgres import Postgres

S = TypeVar("S", bound=Settings)

READ = "GET database/creds/.*"
RENEW = "PUT sys/leases/renew"


@pytest.fixture(autouse=True)
def nothing_around(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def live(cls: type[S], front: VaultFront) -> S:
    return live_at(cls, front.url)


def live_at(cls: type[S], url: str, **options: object) -> S:
    config = {
        "environments": {"production": {"chain": ["vault"]}},
        "providers": {"vault": {"url": url, "mounts": MOUNTS, **options}},
    }
    return load(lazy(cls), environment="production", config=config)


class Etl(Settings):
    db_user: str = secret("db/user", vault="database:creds/estate#username")
    db_password: str = secret("db/password", vault="database:creds/estate#password")


class Hurried(Settings):
    db_user: str = secret("db/user", vault="database:creds/hurried#username")
    db_password: str = secret("db/password", vault="database:creds/hurried#password")


def test_looking_for_new_values_makes_no_new_users(front: VaultFront, database: Postgres) -> None:
    settings = live(Etl, front)
    with watch(settings, every=0.05):
        wait_until(lambda: front.count("POST sys/capabilities-self") > 3, "a few looks")
    assert front.count(READ) == 1


def test_trap_29_a_user_is_renewed_and_replaced_before_it_ends(
    front: VaultFront, database: Postgres, root: hvac.Client
) -> None:
    database_role(root, "hurried", default_ttl="4s", max_ttl="4s")
    settings = live(Hurried, front)
    first = snapshot(settings)
    with watch(settings):
        wait_until(lambda: snapshot(settings) is not first, "another user")
    assert front.count(RENEW) == 1
    assert front.count(READ) == 2
    for version in (first, snapshot(settings)):
        assert who_am_i(database, version.db_user, version.db_password) == (version.db_user,)


class Plain(Settings):
    moving: str = secret("live/moving")
    still: str = secret("live/still")


def test_a_new_version_is_read_and_no_other_value(front: VaultFront, root: hvac.Client) -> None:
    for name in ("moving", "still"):
        root.secrets.kv.v2.create_or_update_secret(f"live/{name}", {"value": "one"})
    settings = live(Plain, front)
    with watch(settings, every=0.05):
        root.secrets.kv.v2.create_or_update_secret("live/moving", {"value": "two"})
        wait_until(lambda: settings.moving == "two", "the new version")
    assert settings.still == "one"
    assert (front.count("GET secret/data/live/moving.*"), front.count("GET secret/data/live/still.*")) == (2, 1)


def test_after_a_fork_the_child_has_a_user_of_its_own(front: VaultFront, database: Postgres) -> None:
    """gunicorn with preload: one user for all workers would end for all when one of them has it replaced."""
    program = """
import os, sys
from estate_config import watch
from tests.providers.vault.nodes import wait_until
from tests.providers.vault.roles import Role
from tests.providers.vault.test_live import Etl, live_at

settings = live_at(Etl, sys.argv[1])
user = settings.db_user
with watch(settings):
    if os.fork() == 0:
        wait_until(lambda: settings.db_user != user, "a user of the child's")
        os._exit(0)
    assert os.wait()[1] == 0
    assert settings.db_user == user
"""
    paths = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", program, front.url], check=True, timeout=30, env=paths)
    assert front.count(READ) == 2
    assert front.count("GET auth/token/lookup-self") == 1


def test_a_secret_that_was_deleted_and_made_anew_is_read_though_its_version_is_1_again(
    front: VaultFront, root: hvac.Client
) -> None:
    for name in ("moving", "still"):
        root.secrets.kv.v2.create_or_update_secret(f"live/{name}", {"value": "one"})
    settings = live(Plain, front)
    with watch(settings, every=0.05):
        root.secrets.kv.v2.delete_metadata_and_all_versions("live/moving")
        root.secrets.kv.v2.create_or_update_secret("live/moving", {"value": "anew"})
        wait_until(lambda: settings.moving == "anew", "the value of the new secret")


def test_a_token_that_is_revoked_takes_its_users_with_it_and_others_are_fetched(
    front: VaultFront, database: Postgres, root: hvac.Client, role: Callable[..., Role], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lease of an hour would be looked after in forty minutes."""
    mine = role("etl", 'path "database/creds/estate" { capabilities = ["read"] }')
    monkeypatch.setenv("VAULT_SECRET_ID", mine.secret_id())
    settings = live_at(Etl, front.url, auth={"method": "approle", "role_id": mine.id})
    first = snapshot(settings)
    with watch(settings, every=0.1):
        wait_until(lambda: front.count("POST sys/capabilities-self") > 2, "a few looks")
        assert snapshot(settings) is first
        mine.revoke_tokens()
        wait_until(lambda: settings.db_user != first.db_user, "another user")
    now = snapshot(settings)
    assert who_am_i(database, now.db_user, now.db_password) == (now.db_user,)
