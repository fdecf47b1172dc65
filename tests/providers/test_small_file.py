"""What the operating system can say when a file is read, and what becomes of it."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from estate_config.errors import Code
from estate_config.model import Failed
from estate_config.small_file import read_small_file


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.EACCES, Code.DENIED),
        (errno.EPERM, Code.DENIED),
        (errno.ENXIO, Code.MALFORMED),
        (errno.EIO, Code.UNAVAILABLE),
        (errno.ESTALE, Code.UNAVAILABLE),
    ],
)
@pytest.mark.parametrize("call", ["open", "read"])
def test_an_error_of_the_system_is_told_by_its_number_alone_t9(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int, code: Code
) -> None:
    """T9: denied and unreachable are never absent. (The calls are made to fail, since root may read everything.)"""
    (tmp_path / "file").write_text("hunter2")

    def fail(*_: object, **__: object) -> int:
        raise OSError(number, "hunter2", "hunter2")

    monkeypatch.setattr(os, call, fail)
    answer = read_small_file(str(tmp_path / "file"))
    monkeypatch.undo()
    assert isinstance(answer, Failed)
    assert answer.code is code
    assert "hunter2" not in repr(answer)


def test_an_error_without_a_number_is_still_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> int:
        raise OSError("hunter2")

    monkeypatch.setattr(os, "open", fail)
    answer = read_small_file(str(tmp_path / "file"))
    monkeypatch.undo()
    assert answer == Failed(Code.UNAVAILABLE, "cannot be read (an unknown error)")


def test_the_limit_is_exact_and_a_larger_file_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A 10 MB file in a secret's place costs nothing."""
    path = tmp_path / "file"
    path.write_bytes(b"x" * 65_536)
    assert read_small_file(str(path)) == b"x" * 65_536
    with path.open("r+b") as file:
        file.truncate(10_000_000)

    def read(*_: object) -> bytes:
        raise AssertionError("the file was read")

    monkeypatch.setattr(os, "read", read)
    answer = read_small_file(str(path))
    monkeypatch.undo()
    assert answer == Failed(Code.MALFORMED, "is larger than 65,536 bytes, the most that is read")


def test_a_file_that_says_it_is_empty_and_is_not_is_read_up_to_the_limit() -> None:
    """Files of /proc say 0 bytes."""
    assert isinstance(read_small_file("/proc/self/status"), bytes)
    answer = read_small_file("/proc/self/status", limit=10)
    assert isinstance(answer, Failed)


def test_a_name_that_no_file_can_have_is_malformed() -> None:
    answer = read_small_file("a\0b")
    assert isinstance(answer, Failed)
    assert answer.code is Code.MALFORMED


def test_every_descriptor_is_given_back(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - a list is what is counted
    for name in ("file", ".", "nothing"):
        read_small_file(str(tmp_path / name))
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208 - as above
