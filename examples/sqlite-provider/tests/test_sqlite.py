"""The stranger's provider passes the conformance kit, and serves a schema."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from estate_sqlite import spec
from pydantic import SecretStr

from estate_config import Settings, explain, load, secret
from estate_config.contract import Context
from estate_config.model import Key
from estate_config.testing import ProviderContract, Shelf


@pytest.fixture
def database(tmp_path: Path) -> Path:
    file = tmp_path / "values.db"
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("CREATE TABLE settings (name TEXT PRIMARY KEY, value)")
    return file


def store(file: Path, name: str, value: str | bytes) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (name, value))


class TestSqlite(ProviderContract):
    @pytest.fixture
    def shelf(self, database: Path) -> Shelf:
        def put(key: Key, value: str | bytes) -> None:
            store(database, key.address or key.name, value)

        def ruin() -> None:
            database.write_bytes(b"this is no database" * 100)

        return Shelf(spec, put, options={"file": database.name}, context=Context("test", database.parent), ruin=ruin)


class AiSettings(Settings):
    openai_api_key: SecretStr = secret("openai/api_key")


def test_it_serves_a_schema(database: Path) -> None:
    store(database, "openai/api_key", "from sqlite")
    config = {
        "environments": {"production": {"chain": ["env", "sqlite"]}},
        "providers": {"sqlite": {"file": str(database)}},
    }
    settings = load(AiSettings, environment="production", config=config)
    assert settings.openai_api_key.get_secret_value() == "from sqlite"
    assert explain(settings)["openai_api_key"].place == "values.db: openai/api_key"
