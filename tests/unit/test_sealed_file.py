"""A sealed file: what is written is read again by whom it is for, and by nobody else, and not once it was changed."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estate_config.errors import Code
from estate_config.model import DataKey, Deadline, Failed
from estate_config.redaction import Hidden
from estate_config.sealed_file import Bond, seal, unseal
from tests.leaks import CANARIES, assert_no_canary

KEY = DataKey(b"k" * 32, b"wrapped by somebody")
BOND = Bond("ai", "production", "0" * 64)
CONTENT = b"what is kept"


def key_of(wrapped: bytes | None) -> DataKey | Failed:
    assert wrapped in (None, KEY.wrapped)
    return KEY


def opened(path: Path, bond: Bond = BOND) -> bytes | Failed | None:
    answer = unseal(path, bond, key_of)
    return answer.reveal() if isinstance(answer, Hidden) else answer


def refusal(path: Path, bond: Bond = BOND) -> Failed:
    answer = opened(path, bond)
    assert isinstance(answer, Failed)
    return answer


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "ai.lkg"
    assert seal(path, BOND, Hidden(CONTENT), key_of) is None
    return path


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sealed") / "ai.lkg"
    assert seal(path, BOND, Hidden(CONTENT), key_of) is None
    return path


def test_what_was_written_is_read(file: Path) -> None:
    assert opened(file) == CONTENT


def test_where_there_is_no_file_there_is_nothing(tmp_path: Path) -> None:
    assert opened(tmp_path / "none") is None


def test_trap_14_only_its_user_may_read_it_whatever_the_umask(tmp_path: Path) -> None:
    path, before = tmp_path / "open.lkg", os.umask(0)
    try:
        seal(path, BOND, Hidden(CONTENT), key_of)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("canary", CANARIES)
def test_trap_14_no_value_is_in_it_in_any_spelling(tmp_path: Path, canary: str) -> None:
    path = tmp_path / "ai.lkg"
    seal(path, BOND, Hidden(canary.encode() * 3), key_of)
    assert_no_canary(path.read_bytes().decode("latin-1"), canary)


def test_the_same_content_is_never_the_same_file_twice(file: Path) -> None:
    first = file.read_bytes()
    seal(file, BOND, Hidden(CONTENT), key_of)
    assert file.read_bytes() != first


@given(st.data())
def test_one_that_was_changed_at_any_bit_is_not_opened(sealed: Path, data: st.DataObject) -> None:
    raw = bytearray(sealed.read_bytes())
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    assert_not_opened(sealed.with_suffix(".changed"), bytes(raw))


@given(st.data())
def test_one_that_was_cut_off_or_went_on_is_not_opened(sealed: Path, data: st.DataObject) -> None:
    raw = sealed.read_bytes()
    cut = raw[: data.draw(st.integers(0, len(raw) - 1))]
    longer = raw + data.draw(st.binary(min_size=1, max_size=20))
    assert_not_opened(sealed.with_suffix(".changed"), data.draw(st.sampled_from([cut, longer])))


def assert_not_opened(path: Path, raw: bytes) -> None:
    path.write_bytes(raw)
    path.chmod(0o600)
    answer = unseal(path, BOND, lambda _: KEY)  # whatever is left of the wrapped key: the key itself is the right one
    assert isinstance(answer, Failed)
    assert answer.code is Code.MALFORMED
    path.unlink()


@pytest.mark.parametrize("line", [b"", b"[1]", b"{}", b"7", b"\xff", b"[" * 100_000, b'{"wrapped": 1, "nonce": ""}'])
def test_what_is_no_such_file_is_damaged(file: Path, line: bytes) -> None:
    file.write_bytes(line + b"\nrest")
    assert "damaged" in refusal(file).hint


@pytest.mark.parametrize(
    ("bond", "words"),
    [
        (replace(BOND, service="etl"), "is not of etl in production"),
        (replace(BOND, environment="staging"), "is not of ai in staging"),
        (replace(BOND, schema="1" * 64), "is of another schema"),
    ],
)
def test_one_of_another_service_environment_or_schema_is_not_opened(file: Path, bond: Bond, words: str) -> None:
    assert words in refusal(file, bond).hint


def test_saying_that_it_is_of_another_service_does_not_make_it_so(file: Path) -> None:
    line, _, rest = file.read_bytes().partition(b"\n")
    file.write_bytes(json.dumps({**json.loads(line), "service": "etl"}).encode() + b"\n" + rest)
    assert "was changed, or its key is another one" in refusal(file, replace(BOND, service="etl")).hint


def test_one_of_another_format_is_not_read(file: Path) -> None:
    line, _, rest = file.read_bytes().partition(b"\n")
    file.write_bytes(json.dumps({**json.loads(line), "format": 2}).encode() + b"\n" + rest)
    assert "another version of estate_config" in refusal(file).hint


def test_a_nonce_of_a_size_that_none_has_is_a_change(file: Path) -> None:
    line, _, rest = file.read_bytes().partition(b"\n")
    file.write_bytes(json.dumps({**json.loads(line), "nonce": ""}).encode() + b"\n" + rest)
    assert "was changed" in refusal(file).hint


def test_it_is_not_opened_with_another_key(file: Path) -> None:
    answer = unseal(file, BOND, lambda _: DataKey(b"x" * 32))
    assert isinstance(answer, Failed)
    assert "its key is another one now" in answer.hint


def test_without_a_key_it_is_neither_opened_nor_written(file: Path) -> None:
    none, before = Failed(Code.KMS, "has no key"), file.read_bytes()
    assert unseal(file, BOND, lambda _: none) is none
    assert seal(file, BOND, Hidden(b"new"), lambda _: none) is none
    assert file.read_bytes() == before


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666, 0o601])
def test_trap_14_one_that_others_can_get_at_is_not_opened(file: Path, mode: int) -> None:
    file.chmod(mode)
    failed = refusal(file)
    assert (failed.code, failed.fix) == (Code.INSECURE, f"chmod 600 {file}")
    assert f"{mode:04o}" in failed.hint


def test_one_of_another_user_is_not_opened(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = file.stat().st_uid + 1
    monkeypatch.setattr(os, "geteuid", lambda: other)
    assert (refusal(file).code, "another user" in refusal(file).hint) == (Code.INSECURE, True)


def test_one_of_another_user_is_not_replaced(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is of the service, which could not read the new one: who looks after it as root leaves it alone."""
    before, other = file.read_bytes(), file.stat().st_uid + 1
    monkeypatch.setattr(os, "geteuid", lambda: other)
    failed = seal(file, BOND, Hidden(b"new"), key_of)
    assert failed is not None
    assert (failed.code, "another user" in failed.hint) == (Code.INSECURE, True)
    assert file.read_bytes() == before
    assert list(file.parent.iterdir()) == [file]


def test_what_stands_in_its_place_and_is_no_file_holds_nobody_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    assert refusal(tmp_path).code is Code.MALFORMED
    assert refusal(tmp_path / "fifo").code is Code.MALFORMED


def test_a_new_one_takes_the_place_of_the_old_one_in_one_step_and_leaves_nothing_beside_it(file: Path) -> None:
    old = file.read_bytes()
    with file.open("rb") as reading:  # whoever is reading the old one reads on
        assert seal(file, BOND, Hidden(b"new"), key_of) is None
        assert reading.read() == old
    assert opened(file) == b"new"
    assert list(file.parent.iterdir()) == [file]


def test_trap_13_whoever_reads_while_others_write_finds_one_that_is_whole(file: Path) -> None:
    contents = [bytes([number]) * 50_000 for number in range(4)]
    stop, deadline = threading.Event(), Deadline(20)

    def write(content: bytes) -> None:
        while not stop.is_set():
            assert seal(file, BOND, Hidden(content), key_of) is None

    with ThreadPoolExecutor() as pool:
        writing = [pool.submit(write, content) for content in contents]
        try:
            read = {opened(file)}
            while len(read) < 4 and deadline.remaining():
                read.add(opened(file))
        finally:
            stop.set()
    assert [one.result() for one in writing] == [None] * 4
    assert read <= {CONTENT, *contents}
    assert len(read) >= 4
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.ENOSPC, "the disk is full"), (errno.EROFS, "read-only"), (errno.EIO, "EIO"), (None, "an unknown error")],
)
def test_trap_13_where_the_new_one_cannot_be_written_the_old_one_stays_whole(
    file: Path, monkeypatch: pytest.MonkeyPatch, number: int | None, words: str
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(number, "the words of the system") if number else OSError("its words")

    monkeypatch.setattr(os, "fsync", full)
    failed = seal(file, BOND, Hidden(b"new"), key_of)
    assert failed is not None
    assert (failed.code, words in failed.hint, bool(failed.fix)) == (Code.UNAVAILABLE, True, True)
    assert opened(file) == CONTENT
    assert list(file.parent.iterdir()) == [file]


def test_a_folder_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    failed = seal(tmp_path / "none" / "ai.lkg", BOND, Hidden(CONTENT), key_of)
    assert failed is not None
    assert "its folder does not exist" in failed.hint
    assert list(tmp_path.iterdir()) == []


def test_without_cryptography_the_install_command_is_named(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.exceptions", None)
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.ciphers.aead", None)
    for failed in (refusal(file), seal(file, BOND, Hidden(b"new"), key_of)):
        assert failed is not None
        assert (failed.code, failed.fix) == (Code.PLUGIN, "pip install 'estate-config[cache]'")


def test_cryptography_is_not_imported_before_a_file_is_opened() -> None:
    code = "import sys, estate_config, estate_config.chains; print('cryptography' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
