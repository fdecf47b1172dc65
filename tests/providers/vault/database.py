"""A real PostgreSQL, and a database engine that makes users in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import hvac
import psycopg

from estate_config.model import Deadline, Found, Key
from estate_config_providers.vault.vault_server import Vault
from tests.providers.vault.helpers import key
from tools.postgres import Postgres, postgres

MOUNTS = {"database": "database"}


def keys_of(role: str) -> tuple[Key, Key]:
    """Return the keys of user and password."""
    return key(f"database:creds/{role}#username"), key(f"database:creds/{role}#password")


USER, PASSWORD = keys_of("estate")
CREATE = """CREATE ROLE "{{name}}" WITH LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}'"""


@contextmanager
def database_engine(root: hvac.Client) -> Iterator[Postgres]:
    """Give a server with the roles `estate`, `gone` (on one that is not there) and the static `reporting`."""
    with postgres() as server:
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute("CREATE ROLE reporting WITH LOGIN PASSWORD 'to-be-rotated'")
        root.sys.enable_secrets_engine("database")
        address = f"{server.host}:{server.port}"
        for name, where in (("estate", address), ("gone", "127.0.0.1:9")):
            root.write_data(
                f"database/config/{name}",
                data={
                    "plugin_name": "postgresql-database-plugin",
                    "connection_url": f"postgresql://{{{{username}}}}:{{{{password}}}}@{where}/estate?sslmode=disable",
                    "username": server.user,
                    "password": server.password,
                    "allowed_roles": "*",
                    "verify_connection": name == "estate",
                },
            )
            database_role(root, name, default_ttl="1h", max_ttl="2h", db_name=name)
        static = {"db_name": "estate", "username": "reporting", "rotation_period": "24h"}
        root.write_data("database/static-roles/reporting", data=static)
        yield server
        # What is leased is revoked by it, while there is a server to tell.
        root.sys.disable_secrets_engine("database")  # type: ignore[no-untyped-call]  # its stub says no types


def database_role(root: hvac.Client, name: str, *, default_ttl: str, max_ttl: str, db_name: str = "estate") -> None:
    """Make a role whose users live so long."""
    role = {"db_name": db_name, "creation_statements": [CREATE], "default_ttl": default_ttl, "max_ttl": max_ttl}
    root.write_data(f"database/roles/{name}", data=role)


def both(provider: Vault, keys: tuple[Key, Key] = (USER, PASSWORD)) -> tuple[Found, Found]:
    """Return user and password."""
    answers = provider.fetch(keys, Deadline(10))
    provider.close()
    user, password = (answers[key] for key in keys)
    assert isinstance(user, Found)
    assert isinstance(password, Found)
    return user, password


def who_am_i(server: Postgres, user: object, password: object) -> Any:
    url = f"postgresql://{quote(str(user), safe='')}:{quote(str(password), safe='')}@{server.host}:{server.port}/estate"
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT current_user").fetchone()
