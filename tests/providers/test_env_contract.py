"""The provider `env` passes the conformance kit, with values in variables and in files that variables point to."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from estate_config.contract import Context
from estate_config.model import Key
from estate_config.naming import variable_name
from estate_config.testing import ProviderContract, Shelf
from estate_config_providers.env import spec


class TestVariables(ProviderContract):
    sdk = ("boto3",)
    cannot_hold = "\0"

    @pytest.fixture
    def shelf(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Shelf:
        def put(key: Key, value: str | bytes) -> None:
            monkeypatch.setenv(variable_name(key.name), value if isinstance(value, str) else os.fsdecode(value))

        def point(key: Key) -> Path:
            name = variable_name(key.name)
            monkeypatch.delenv(name)
            monkeypatch.setenv(f"{name}_FILE", name)
            return tmp_path / name

        return Shelf(
            spec,
            put,
            context=Context(environment="test", folder=tmp_path),
            spoil=lambda key: point(key).mkdir(),
            hang=lambda key: os.mkfifo(point(key)),
        )


class TestPointers(ProviderContract):
    @pytest.fixture
    def shelf(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Shelf:
        def put(key: Key, value: str | bytes) -> None:
            path = tmp_path / variable_name(key.name)
            path.write_bytes(value if isinstance(value, bytes) else file_of(value))
            monkeypatch.setenv(f"{path.name}_FILE", str(path))

        def away(key: Key) -> Path:
            path = tmp_path / variable_name(key.name)
            path.unlink()
            return path

        return Shelf(spec, put, spoil=lambda key: away(key).mkdir(), hang=lambda key: os.mkfifo(away(key)))


def file_of(text: str) -> bytes:
    """What a person writes into a file: a text that ends in a newline gets the one more that is removed again."""
    return (text + "\n" if text.endswith("\n") else text).encode()
