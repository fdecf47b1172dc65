"""What a piece of code touches outside of its own memory: files, network, processes, threads.

Seen through the interpreter's profiler, which is this thread's and goes with the block. An audit hook (PEP 578) would
stay for good, and makes a race of every thread that starts under coverage: `sys.settrace` is audited in the middle."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

# Functions of C by their module, methods by their class alone.
_TOUCHING = re.compile(
    r"(?:posix|nt|_socket|_posixsubprocess|_winapi|_?sqlite3|fcntl|socket|FileIO|_?SSLContext)\."
    r"|_?io\.open|_ctypes\.dlopen|_thread\.start_"
)
_HARMLESS = re.compile(r"(?:posix|nt)\.(?:fspath|getpid|_path_.*)$|_?SSLContext\.__new__$")


@contextmanager
def touches() -> Iterator[list[str]]:
    """Give the list of what this thread touches within the block: the names of functions and methods of C."""
    touched: list[str] = []

    def told(_frame: FrameType, event: str, called: object) -> None:  # pragma: no cover - it is not traced
        if event == "c_call":
            name = ".".join(filter(None, (getattr(called, "__module__", None), getattr(called, "__qualname__", ""))))
            if _TOUCHING.match(name) and not _HARMLESS.match(name):
                touched.append(name)

    before = sys.getprofile()
    sys.setprofile(told)
    try:
        yield touched
    finally:
        sys.setprofile(before)
