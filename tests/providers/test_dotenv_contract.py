"""The provider `dotenv` passes the conformance kit, on real `.env` files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from estate_config.contract import Context
from estate_config.model import Key
from estate_config.naming import variable_name
from estate_config.testing import ProviderContract, Shelf
from estate_config_providers.dotenv import spec


class TestDotenv(ProviderContract):
    sdk = ("boto3", "dotenv")
    binary = False

    @pytest.fixture
    def shelf(self, tmp_path: Path) -> Shelf:
        lines: dict[str, str] = {}
        path = tmp_path / ".env.test"

        def put(key: Key, value: str | bytes) -> None:
            assert isinstance(value, str)
            quoted = value.replace("\\", "\\\\").replace("'", "\\'")
            lines[variable_name(key.name)] = f"'{quoted}'"
            path.write_bytes("".join(f"{name}={text}\n" for name, text in lines.items()).encode())

        def ruin() -> None:
            with path.open("a") as file:
                file.write("no name and no value\n")

        def hang(_: Key) -> None:
            path.unlink()
            os.mkfifo(path)

        return Shelf(spec, put, context=Context(environment="test", folder=tmp_path), ruin=ruin, hang=hang)
