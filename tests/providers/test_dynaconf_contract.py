"""The provider `dynaconf` passes the conformance kit on files that dynaconf itself has written, and on its object."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from dynaconf import Dynaconf
from dynaconf.loaders import write

from estate_config.model import Key
from estate_config.testing import ProviderContract, Shelf
from estate_config_providers.dynaconf import spec


def writer(file: Path) -> tuple[Callable[[Key, str | bytes | None], None], Callable[[], object]]:
    """Give how to put a value into the section [test] of a file, and how to take the whole file away."""
    values: dict[str, Any] = {}

    def put(key: Key, value: str | bytes | None) -> None:
        values[key.name.removeprefix("kit/")] = value
        write(str(file), {"kit": dict(values)}, env="test")

    return put, file.unlink


class Files(ProviderContract):
    """Not collected: what the formats have in common."""

    __test__ = False
    binary = False
    sdk = ("dynaconf",)
    format = ""
    examples = 50

    @pytest.fixture
    def shelf(self, tmp_path: Path) -> Shelf:
        file = tmp_path / f"settings.{self.format}"
        put, ruin = writer(file)
        write(str(file), {}, env="test")
        spoil = None if self.format == "toml" else lambda key: put(key, None)  # TOML has no null

        def hang(_: Key) -> None:
            ruin()
            os.mkfifo(file)

        return Shelf(spec, put, options={"files": [file]}, spoil=spoil, ruin=ruin, hang=hang)


class TestToml(Files):
    __test__ = True
    format = "toml"


class TestYaml(Files):
    __test__ = True
    format = "yaml"


class TestJson(Files):
    __test__ = True
    format = "json"


class TestObject(ProviderContract):
    """A `Dynaconf` object that its owner sets, as a hook or a test of theirs would."""

    binary = False
    sdk = ("dynaconf",)

    @pytest.fixture
    def shelf(self) -> Shelf:
        settings = Dynaconf(AUTO_CAST_FOR_DYNACONF=False)

        def put(key: Key, value: str | bytes | None) -> None:
            settings.set(key.name.replace("/", "."), value)

        return Shelf(spec, put, options={"settings": settings}, spoil=lambda key: put(key, None))
