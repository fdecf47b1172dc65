"""Read one small file whole, without being held up or led astray by what may stand in its place.

For every provider whose values lie in files. Nothing here raises: what is wrong is returned, as words that go on
from the name of the file (`is a directory, not a file`), so that no exception carries a path or a part of a value.
"""

from __future__ import annotations

import errno
import os
import shlex
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from estate_config.errors import Code
from estate_config.model import Failed, Notice

T = TypeVar("T")

LIMIT = 65_536
"""Bytes a value may have: the limit of AWS Secrets Manager, so that a value moves from one place to another."""

# O_NONBLOCK: a FIFO that nobody writes to would hold up a plain open for ever.
_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC

_NOT_A_FILE = Failed(Code.MALFORMED, "is a FIFO, a socket or a device, not a file")
_DENIED = Failed(Code.DENIED, "may not be read by this process", "give the user of this process the right to read it")
_BY_ERRNO = {
    errno.EACCES: _DENIED,
    errno.EPERM: _DENIED,
    errno.ENXIO: _NOT_A_FILE,
    errno.ELOOP: Failed(Code.MALFORMED, "is a link that leads in a circle or was changed while it was read"),
    errno.ENAMETOOLONG: Failed(Code.MALFORMED, "has a name that is too long for a file"),
    errno.ENOTDIR: Failed(Code.MALFORMED, "has a path that leads through something that is not a folder"),
}


def read_small_file(
    path: str, limit: int = LIMIT, *, dir_fd: int | None = None, follow: bool = True
) -> bytes | Failed | None:
    """Return the bytes of a regular file of at most `limit` bytes; None if there is nothing at `path`.

    `dir_fd` is the open folder that a relative `path` starts from; without `follow`, a link at `path` is an error. A
    file that is too large is not read. Anything else that stands in the way is a `Failed`.
    """
    return _opened(path, lambda descriptor: _read(descriptor, limit), dir_fd=dir_fd, follow=follow)


def look_at_small_file(
    path: str, limit: int = LIMIT, *, dir_fd: int | None = None, follow: bool = True
) -> os.stat_result | Failed | None:
    """Return what the system says of the file that `read_small_file` would read, without reading it.

    It is opened, since only that tells for certain whether it may be read.
    """
    return _opened(path, lambda descriptor: _status(descriptor, limit), dir_fd=dir_fd, follow=follow)


def notice_if_open(path: Path, shown: str) -> Notice | None:
    """Return a notice where others than its owner can read or change the file at `path`, which is `shown` like that."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return None  # not there, or a problem that reading it reports
    if not stat.S_ISREG(mode) or not mode & 0o077:
        return None
    message = f"can be read or changed by other users of this machine (mode {stat.S_IMODE(mode):04o})"
    return Notice(Code.INSECURE, shown, message, f"chmod 600 {shlex.quote(shown)}")


def _opened(path: str, work: Callable[[int], T | Failed], *, dir_fd: int | None, follow: bool) -> T | Failed | None:
    try:
        descriptor = os.open(path, _FLAGS | (0 if follow else os.O_NOFOLLOW), dir_fd=dir_fd)
    except FileNotFoundError:
        return None
    except OSError as error:
        return why(error)
    except ValueError:
        return Failed(Code.MALFORMED, "has a name that no file can have")
    try:
        return work(descriptor)
    except OSError as error:
        return why(error)
    finally:
        os.close(descriptor)


def _status(descriptor: int, limit: int) -> os.stat_result | Failed:
    status = os.fstat(descriptor)
    if stat.S_ISDIR(status.st_mode):
        return Failed(Code.MALFORMED, "is a directory, not a file")
    if not stat.S_ISREG(status.st_mode):
        return _NOT_A_FILE
    return status if status.st_size <= limit else _too_large(limit)


def _read(descriptor: int, limit: int) -> bytes | Failed:
    status = _status(descriptor, limit)
    if isinstance(status, Failed):
        return status
    content = b""
    # The size is not relied on: a file may grow, and some of /proc say 0.
    while len(content) <= limit:
        more = os.read(descriptor, limit + 1 - len(content))
        if not more:
            return content
        content += more
    return _too_large(limit)


def _too_large(limit: int) -> Failed:
    return Failed(Code.MALFORMED, f"is larger than {limit:,} bytes, the most that is read")


def why(error: OSError) -> Failed:
    """Return what an error of the operating system means, by its number alone."""
    name = errno.errorcode.get(error.errno or 0, "an unknown error")
    return _BY_ERRNO.get(error.errno or 0) or Failed(Code.UNAVAILABLE, f"cannot be read ({name})")


def as_text(raw: bytes) -> str | Failed:
    """Return `raw` decoded from UTF-8."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return Failed(Code.MALFORMED, "is not UTF-8 text", "declare the field as SecretBytes if it is to be binary")


def as_value(raw: bytes, *, binary: bool) -> str | bytes | Failed:
    """Return the content of a file as a value: binary as it is, text without the one newline that editors put last."""
    if binary:
        return raw
    return as_text(raw.removesuffix(b"\r\n") if raw.endswith(b"\r\n") else raw.removesuffix(b"\n"))
