"""What tests of providers share: programs, and the standard tests run on a provider that is broken on purpose."""

from __future__ import annotations

import inspect
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from estate_config.contract import ProviderSpec
from estate_config.model import Key
from estate_config.testing import ProviderContract, Shelf
from tests.fakes.aws import StrictAws


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str], str]:
    """Write a program of the shell's; return its path."""

    def write(lines: str) -> str:
        path = tmp_path / "program"
        path.write_text(f"#!/bin/sh\n{lines}\n")
        path.chmod(0o700)
        return str(path)

    return write


class Contract(ProviderContract):
    """Not collected: its tests are run on mutants of the provider `files`."""


def shelf_on(folder: Path, mutant: ProviderSpec) -> Shelf:
    def path(key: Key) -> Path:
        return folder / key.name.replace("/", "_")

    def put(key: Key, value: str | bytes) -> None:
        # A text that ends in a newline gets the one more that is removed again.
        path(key).write_bytes(value if isinstance(value, bytes) else (value + "\n" * value.endswith("\n")).encode())

    def away(key: Key) -> Path:
        path(key).unlink()
        return path(key)

    return Shelf(
        mutant,
        put,
        options={"folder": folder},
        spoil=lambda key: away(key).mkdir(),
        ruin=lambda: shutil.rmtree(folder),
        hang=lambda key: os.mkfifo(away(key)),
    )


@pytest.fixture
def failed_tests(
    tmp_path_factory: pytest.TempPathFactory,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> Callable[[ProviderSpec], set[str]]:
    """Run every standard test on a mutant, each on a shelf of its own; return the names of those that fail."""

    def passes(name: str, shelf: Shelf) -> bool:
        test = getattr(Contract(), name)
        caplog.clear()
        given = {"shelf": shelf, "provider": shelf.build(), "caplog": caplog, "capfd": capfd}
        try:
            test(**{parameter: given[parameter] for parameter in inspect.signature(test).parameters})
        except pytest.skip.Exception:
            return True
        except (pytest.fail.Exception, Exception):  # noqa: BLE001 - a failure of either kind is what is counted
            return False
        return True

    def run(mutant: ProviderSpec) -> set[str]:
        # No mutant is installed: what entry points lead to is tested in test_contract_kit.py.
        names = [name for name in dir(Contract) if name.startswith("test_") and not name.endswith("_entry_point")]
        folders = {name: tmp_path_factory.mktemp("mount") for name in names}
        return {n.removeprefix("test_") for n in names if not passes(n, shelf_on(folders[n], mutant))}

    return run


@pytest.fixture
def aws() -> Iterator[StrictAws]:
    with StrictAws() as fake:
        yield fake
