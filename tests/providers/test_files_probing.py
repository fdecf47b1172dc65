"""The provider `files` says of a secret that it is there, and does not read it."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path
from typing import NoReturn

import pytest

from estate_config.contract import Context
from estate_config.errors import Code, ProviderError
from estate_config.model import Deadline, Failed, Key, Status
from estate_config_providers.files import spec
from estate_config_providers.files.mounted_files import MountedFiles

URL = Key("database/url", "database_url")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "mount"
    path.mkdir()
    return path


def build(folder: Path) -> MountedFiles:
    built = spec.build(spec.options(folder=folder), Context(environment="production", folder=Path()))
    assert isinstance(built, MountedFiles)
    return built


def at(address: str) -> Key:
    return Key("database/url", "database_url", address=address)


def deny(*_: object) -> NoReturn:
    raise AssertionError("a value is read")


def test_it_tells_the_age_and_never_reads(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "database_url").write_text("x")
    os.utime(folder / "database_url", (1_769_817_600, 1_769_817_600))
    monkeypatch.setattr(os, "read", deny)
    statuses = build(folder).probe([URL, at("database_url#member"), Key("gone", "gone")], Deadline(5))
    changed = dt.datetime(2026, 1, 31, tzinfo=dt.UTC)
    assert statuses == {
        URL: Status(f"{folder}/database_url", changed_at=changed, may_read=True),
        at("database_url#member"): Status(f"{folder}/database_url#member", changed_at=changed, may_read=True),
    }


@pytest.mark.parametrize("address", ["folder", "fifo", "outside", "../x", "large", "database_url/x"])
def test_it_has_the_failures_that_a_fetch_has(folder: Path, tmp_path: Path, address: str) -> None:
    (folder / "folder").mkdir()
    os.mkfifo(folder / "fifo")
    (tmp_path / "elsewhere").write_text("x")
    (folder / "outside").symlink_to(tmp_path / "elsewhere")
    (folder / "large").write_bytes(bytes(65_537))
    (folder / "database_url").write_text("x")
    answers = build(folder).fetch([at(address)], Deadline(5))
    assert isinstance(answers[at(address)], Failed)
    assert build(folder).probe([at(address)], Deadline(5)) == answers


def test_t9_without_the_folder_nothing_is_absent(folder: Path) -> None:
    folder.rmdir()
    with pytest.raises(ProviderError, match="UNAVAILABLE"):
        build(folder).probe([URL], Deadline(5))


def test_an_address_with_nothing_after_its_hash_is_malformed_and_never_absent(folder: Path) -> None:
    (folder / "rds").write_text('{"": "x"}')
    provider, asked = build(folder), at("rds#")
    read, seen = provider.fetch([asked], Deadline(5))[asked], provider.probe([asked], Deadline(5))[asked]
    assert isinstance(read, Failed)
    assert (read.code, read.hint) == (Code.MALFORMED, "'rds#' names no member after its #")
    assert seen == read
    assert provider.locate(asked).wrong == read.hint
