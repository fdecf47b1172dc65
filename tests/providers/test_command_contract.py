"""The provider `command` passes the conformance kit, with real programs that read a folder."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from estate_config.model import Key
from estate_config.testing import ProviderContract, Shelf
from estate_config_providers.command import spec

ONE = """\
#!/bin/sh
file="$1/$(printf %s "$2" | tr / _)"
[ -e "$file" ] || exit 44
exec cat "$file"
"""

ALL = """\
import json, sys
from pathlib import Path
paths = {place: Path(sys.argv[1]) / place.replace("/", "_") for place in json.load(sys.stdin)}
found = {place: path for place, path in paths.items() if path.exists()}
json.dump({place: 1 if path.is_dir() else path.read_bytes().decode() for place, path in found.items()}, sys.stdout)
"""


class TestArguments(ProviderContract):
    examples = 10

    @pytest.fixture
    def shelf(self, tmp_path: Path) -> Shelf:
        program = tmp_path / "show"
        program.write_text(ONE)
        program.chmod(0o700)

        def path(key: Key) -> Path:
            return tmp_path / key.name.replace("/", "_")

        def put(key: Key, value: str | bytes) -> None:
            path(key).write_bytes(value if isinstance(value, bytes) else file_of(value))

        def away(key: Key) -> Path:
            path(key).unlink()
            return path(key)

        return Shelf(
            spec,
            put,
            options={"command": [str(program), str(tmp_path), "{name}"], "absent_exit_codes": [44]},
            spoil=lambda key: away(key).mkdir(),
            ruin=program.unlink,
            hang=lambda key: os.mkfifo(away(key)),
        )


class TestJson(ProviderContract):
    examples = 10
    binary = False

    @pytest.fixture
    def shelf(self, tmp_path: Path) -> Shelf:
        program = tmp_path / "show.py"
        program.write_text(ALL)

        def path(key: Key) -> Path:
            return tmp_path / key.name.replace("/", "_")

        def put(key: Key, value: str | bytes) -> None:
            path(key).write_bytes(value if isinstance(value, bytes) else value.encode())

        def away(key: Key) -> Path:
            path(key).unlink()
            return path(key)

        return Shelf(
            spec,
            put,
            options={"command": [sys.executable, "-IS", str(program), str(tmp_path)], "input": "json"},
            spoil=lambda key: away(key).mkdir(),
            ruin=lambda: program.write_text("raise SystemExit(3)"),
            hang=lambda key: os.mkfifo(away(key)),
        )


def file_of(text: str) -> bytes:
    """What a person writes into a file: a text that ends in a newline gets the one more that is removed again."""
    return (text + "\n" if text.endswith("\n") else text).encode()
