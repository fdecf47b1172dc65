"""Run one program: what it prints comes back, within a time and a size, and nothing of it is left behind."""

from __future__ import annotations

import errno
import os
import selectors
import signal
import subprocess
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, cast

from estate_config.errors import Code, ProviderError
from estate_config.model import Deadline, Failed

_REAP = 1.0  # seconds that the system may take to end a process that was killed
_CHUNK = 65_536


@dataclass(frozen=True, slots=True)
class Ended:
    """A program that ended by itself."""

    exit_code: int
    """Negative: the number of the signal that ended it."""
    output: bytes = field(repr=False)


def run(
    argv: Sequence[str], folder: Path, deadline: Deadline, *, limit: int, told: bytes = b""
) -> Ended | Failed | ProviderError:
    """Run `argv` without a shell in `folder`, with `told` on its standard input, and read what it prints.

    Standard error is thrown away: it may hold a value. The program has a session of its own, so it can ask nothing of
    a terminal, and its whole process group is killed when `deadline` is over or it prints more than `limit` bytes: a
    `Failed`. A program that cannot be started is a `ProviderError`. Both are returned, not raised.
    """
    try:
        process = subprocess.Popen(  # noqa: S603 - a list of arguments from the user's estate.toml, and no shell
            argv,
            stdin=subprocess.PIPE if told else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            start_new_session=True,
        )
    except OSError as error:
        return _not_started(argv[0], error.errno or 0)
    printed = cast("IO[bytes]", process.stdout)  # a pipe was asked for
    try:
        if process.stdin is not None:
            # In a thread: a pipe that is full waits for the program, and the program for us to read.
            threading.Thread(target=_tell, args=(process.stdin, told), daemon=True).start()
        return _answer(process, printed, deadline, limit)
    finally:
        printed.close()
        _end(process)


def _tell(stdin: IO[bytes], told: bytes) -> None:
    with suppress(OSError), stdin:  # a program need not listen
        stdin.write(told)


def _answer(process: subprocess.Popen[bytes], printed: IO[bytes], deadline: Deadline, limit: int) -> Ended | Failed:
    output = _output(printed, deadline, limit)
    if output is None:
        return Failed(Code.UNAVAILABLE, f"did not end within {deadline.seconds:.3g} seconds: the program was killed")
    if len(output) > limit:
        return Failed(Code.MALFORMED, f"prints more than {limit:,} bytes: the program was killed")
    with suppress(subprocess.TimeoutExpired):
        return Ended(process.wait(deadline.remaining()), output)
    return Failed(Code.UNAVAILABLE, f"ended its output, and not itself within {deadline.seconds:.3g} seconds")


def _output(printed: IO[bytes], deadline: Deadline, limit: int) -> bytes | None:
    """Return all that is printed, or a little more than `limit` of it; None if that takes too long."""
    output = bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(printed, selectors.EVENT_READ)
        while len(output) <= limit:
            if not selector.select(deadline.remaining()):
                return None
            more = os.read(printed.fileno(), _CHUNK)
            if not more:
                break
            output += more
    return bytes(output)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill what has not ended, children included, also where an interrupt cut the reading short."""
    if process.returncode is None:  # not waited for yet, so that its number is still its own
        with suppress(ProcessLookupError, PermissionError):  # it has just ended; macOS says so in the second way
            os.killpg(process.pid, signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_REAP)


def _not_started(program: str, number: int) -> ProviderError:
    if number == errno.ENOENT:
        hint = f"cannot start {program!r}: there is no such program, or not the interpreter that its first line names"
        return ProviderError(Code.PLUGIN, hint, f"install {program}, or correct `command` of [providers.command]")
    return ProviderError(
        Code.PLUGIN,
        f"cannot start {program!r} ({errno.errorcode.get(number, 'an unknown error')})",
        f"see that it may be run: `ls -l {program}`; or correct `command` of [providers.command]",
    )
