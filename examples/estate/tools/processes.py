"""Start a server as a child process, wait until it serves, and stop it whatever happens."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
POLL = 0.05
"""Seconds between two looks at whether a server is ready."""


class DidNotStartError(RuntimeError):
    """A server that is needed here did not start. The message says why, in the server's own words."""


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that nobody listens on, and that no outgoing connection will take."""
    while True:
        port = random.SystemRandom().randrange(20_000, 32_768)  # below the range that Linux takes for its own
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def accepts(port: int) -> bool:
    """Return whether somebody accepts connections on this port of 127.0.0.1."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def bare_environment() -> dict[str, str]:
    """Return what a child needs to run at all: nothing of ours decides what it is configured with."""
    return {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "VIRTUAL_ENV") if name in os.environ}


class Child:
    """A running child process whose output, both streams, is kept in a file."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], log: Path) -> None:
        self.name = name
        self.process = process
        self._log = log

    def output(self) -> str:
        """Return all that it has written so far."""
        return self._log.read_text("utf-8", errors="replace")

    def wait_until(self, ready: Callable[[], bool], seconds: float) -> None:
        """Return once `ready()` says so; raise `DidNotStartError` if it ends, or is not ready in time."""
        end = time.monotonic() + seconds
        while not ready():
            code = self.process.poll()
            if code is not None:
                raise DidNotStartError(f"{self.name} ended with exit code {code} at its start:\n{self.output()}")
            if time.monotonic() > end:
                raise DidNotStartError(f"{self.name} was not ready after {seconds:g} seconds:\n{self.output()}")
            time.sleep(POLL)

    def finish(self, seconds: float) -> int:
        """Return its exit code once it has ended by itself; raise `TimeoutError` if it has not in time."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            pass
        raise TimeoutError(f"{self.name} was not done after {seconds:g} seconds")

    def stop(self, sign: signal.Signals = signal.SIGTERM, seconds: float = 10) -> int:
        """Send `sign`, wait, kill after `seconds`; return the exit code. Safe to call twice."""
        if self.process.poll() is None:
            self.process.send_signal(sign)
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
        return self.process.wait()


@contextmanager
def running(
    name: str,
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    folder: Path | None = None,
    user: str | None = None,
    stop_with: signal.Signals = signal.SIGTERM,
) -> Iterator[Child]:
    """Run `command` until the block ends, with exactly this environment, in a session of its own.

    A session of its own: Ctrl-C in the terminal reaches us alone, and we stop the children in order.
    """
    with tempfile.NamedTemporaryFile(prefix="estate-", suffix=".log") as log, ExitStack() as stack:
        with _signals_held_back():
            process = subprocess.Popen(  # noqa: S603 - the commands are this repository's own
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=dict(environment),
                cwd=folder,
                user=user,
                start_new_session=True,
            )
            child = Child(name, process, Path(log.name))
            stack.callback(child.stop, stop_with)
        yield child


@contextmanager
def _signals_held_back() -> Iterator[None]:
    """Let a signal wait: one whose handler raises while a child is being made would leave it to nobody."""
    if threading.current_thread() is not threading.main_thread():  # handlers run in the main thread only
        yield
        return
    held: list[int] = []
    handlers = {number: signal.signal(number, lambda number, _: held.append(number)) for number in _STOPPING}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for one in held:
            signal.raise_signal(one)
