"""The provider `files` passes the conformance kit, on a real folder."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from estate_config.model import Key
from estate_config.testing import ProviderContract, Shelf
from estate_config_providers.files import spec


class TestFiles(ProviderContract):
    sdk = ("boto3",)

    @pytest.fixture
    def shelf(self, tmp_path: Path) -> Shelf:
        folder = tmp_path / "mount"
        folder.mkdir()

        def put(key: Key, value: str | bytes) -> None:
            path(key).write_bytes(value if isinstance(value, bytes) else file_of(value))

        def path(key: Key) -> Path:
            return folder / key.name.replace("/", "_")

        def away(key: Key) -> Path:
            path(key).unlink()
            return path(key)

        return Shelf(
            spec,
            put,
            options={"folder": folder},
            spoil=lambda key: away(key).mkdir(),
            ruin=lambda: shutil.rmtree(folder),
            hang=lambda key: os.mkfifo(away(key)),
        )


def file_of(text: str) -> bytes:
    """What a person writes into a file: a text that ends in a newline gets the one more that is removed again."""
    return (text + "\n" if text.endswith("\n") else text).encode()
