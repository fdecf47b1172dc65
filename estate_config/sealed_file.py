"""A file that nobody else can read or make: encrypted and authenticated, 0600, replaced in one step.

It is one line of JSON that says what it is bound to, and the content after it. AES-GCM vouches for both: whatever is
changed in it, it is no longer opened. Nothing here raises: what is wrong is returned, as words that go on from the name
of the file.
"""

from __future__ import annotations

import base64
import errno
import json
import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from estate_config.errors import Code
from estate_config.file_key import KeyOf
from estate_config.model import DataKey, Failed
from estate_config.redaction import Hidden
from estate_config.small_file import look_at_small_file, read_small_file

_FORMAT = 1
_NONCE_SIZE = 12
"""Bytes, random: what NIST SP 800-38D allows for 2^32 files under one key."""
_LIMIT = 8 * 1024 * 1024
"""Bytes: a hundred values of the largest size, base64 included."""

_NOT_INSTALLED = Failed(Code.PLUGIN, "needs cryptography, which is not installed", "pip install 'estate-config[cache]'")
_DAMAGED = Failed(Code.MALFORMED, "is damaged, or is no such file", "remove it; the next good load writes a new one")
_NOT_OPENED = Failed(
    Code.MALFORMED,
    "cannot be opened: it was changed, or its key is another one now",
    "remove it; the next good load writes a new one",
)
_ANOTHERS = Failed(Code.INSECURE, "belongs to another user than this process", "remove it, or change its owner")
_WRITING = {
    errno.ENOSPC: ("the disk is full", "make room on its disk"),
    errno.EDQUOT: ("the quota of the disk is used up", "make room on its disk"),
    errno.EROFS: ("its folder is read-only", "mount a folder that can be written to"),
    errno.EACCES: ("its folder may not be written to", "let the user of this process write into its folder"),
    errno.ENOENT: ("its folder does not exist", "make its folder, or correct `file` in estate.toml"),
    errno.ENOTDIR: ("its folder is none", "correct `file` in estate.toml"),
}


@dataclass(frozen=True, slots=True)
class Bond:
    """What a file is bound to: it is opened for nothing else."""

    service: str
    environment: str
    schema: str
    """A hash of what the service declares."""


def seal(path: Path, bond: Bond, content: Hidden[bytes], key_of: KeyOf) -> Failed | None:
    """Write `content` to the file, encrypted: the old file stays until the new one is whole. None: it is there."""
    key = key_of(None)
    if isinstance(key, Failed):
        return key
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    except ModuleNotFoundError:
        return _NOT_INSTALLED
    nonce = os.urandom(_NONCE_SIZE)
    head = json.dumps({"format": _FORMAT, **asdict(bond), "wrapped": _coded(key.wrapped), "nonce": _coded(nonce)})
    line = head.encode()
    return _replace(path, line + b"\n" + AESGCM(key.key).encrypt(nonce, content.reveal(), line))


def unseal(path: Path, bond: Bond, key_of: KeyOf) -> Hidden[bytes] | Failed | None:
    """Return the content of the file; None: there is no file."""
    raw = _read(path)
    if not isinstance(raw, bytes):
        return raw
    line, _, sealed = raw.partition(b"\n")
    head = _head(line)
    if head is None:
        return _DAMAGED
    if wrong := _for_another(head, bond):
        return wrong
    key = key_of(head["wrapped"])
    return key if isinstance(key, Failed) else _decrypted(sealed, line, head["nonce"], key)


def _decrypted(sealed: bytes, line: bytes, nonce: bytes, key: DataKey) -> Hidden[bytes] | Failed:
    try:
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    except ModuleNotFoundError:
        return _NOT_INSTALLED
    try:
        return Hidden(AESGCM(key.key).decrypt(nonce, sealed, line))
    except (InvalidTag, ValueError):  # a ValueError where the nonce has another size
        return _NOT_OPENED


def _coded(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _head(line: bytes) -> dict[str, Any] | None:
    try:
        head = json.loads(line)
        return {**head, **{name: base64.b64decode(head[name], validate=True) for name in ("wrapped", "nonce")}}
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def _for_another(head: Mapping[str, Any], bond: Bond) -> Failed | None:
    if head.get("format") != _FORMAT:
        hint, fix = "was written by another version of estate_config", _DAMAGED.fix
    elif (head.get("service"), head.get("environment")) != (bond.service, bond.environment):
        hint = f"is not of {bond.service} in {bond.environment}"
        fix = "give each service a file of its own: {service} in its name stands for the service"
    elif head.get("schema") != bond.schema:
        hint = "is of another schema: the service declares other settings than when it was written"
        fix = "the next good load writes a new one"
    else:
        return None
    return Failed(Code.MALFORMED, hint, fix)


def _read(path: Path) -> bytes | Failed | None:
    """Return the bytes of the file, if it is one that only this process's user can have written and can read."""
    status = look_at_small_file(str(path), _LIMIT)
    if not isinstance(status, os.stat_result):
        return status
    if status.st_uid != os.geteuid():
        return _ANOTHERS
    if status.st_mode & 0o077:
        hint = f"may be read or written by other users: its mode is {status.st_mode & 0o777:04o}"
        return Failed(Code.INSECURE, hint, f"chmod 600 {path}")
    return read_small_file(str(path), _LIMIT)


def _replace(path: Path, content: bytes) -> Failed | None:
    """Put a new file in the place of the old one; in between, and where it fails, the old one is there.

    One of another user is not replaced: it would be this user's then, and nothing to the one who needs it.
    """
    with suppress(OSError):  # most often it is not there yet
        if path.stat().st_uid != os.geteuid():
            return _ANOTHERS
    made = ""
    try:
        descriptor, made = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # 0600 from the start
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(content)
            opened.flush()
            os.fsync(descriptor)
        Path(made).replace(path)
        _to_disk(path.parent)
    except OSError as error:
        name = errno.errorcode.get(error.errno or 0, "an unknown error")
        why, fix = _WRITING.get(error.errno or 0, (name, "look at its folder and its disk"))
        return Failed(Code.UNAVAILABLE, f"cannot be written: {why}", fix)
    finally:
        with suppress(OSError):
            os.unlink(made)  # noqa: PTH108 - it is a text; there is none once it has its name
    return None


def _to_disk(folder: Path) -> None:
    """Make the new name last: a file's own fsync does not."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
