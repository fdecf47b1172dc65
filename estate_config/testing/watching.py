"""What a piece of code touches outside of its own memory: files, network, processes, threads."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import Any
from unittest.mock import patch

# The interpreter's own audit events (PEP 578); a prefix ends in a dot.
_EVENTS = (
    "open",
    "os.",
    "socket.",
    "subprocess.",
    "shutil.",
    "glob.",
    "pathlib.",
    "tempfile.",
    "urllib.",
    "http.",
    "sqlite3.",
    "fcntl.",
    "ctypes.dlopen",
)
# These have no audit event.
_CALLS: tuple[tuple[Any, str], ...] = (
    (os, "stat"),
    (os, "lstat"),
    (os, "access"),
    (os, "readlink"),
    (threading.Thread, "start"),
)

_watched = threading.local()


@cache
def _listen() -> None:
    """Once: an audit hook cannot be taken away again."""

    def hook(event: str, arguments: tuple[object, ...]) -> None:  # noqa: ARG001 - they may hold values  # pragma: no cover - the interpreter does not trace audit hooks
        touched = getattr(_watched, "touched", None)
        if touched is not None and event.startswith(_EVENTS):
            touched.append(event)

    sys.addaudithook(hook)


@contextmanager
def touches() -> Iterator[list[str]]:
    """Give the list of what this thread touches within the block: names of audit events and of calls."""
    _listen()
    touched: list[str] = []
    with ExitStack() as patches:
        for owner, name in _CALLS:
            patches.enter_context(patch.object(owner, name, _told(owner, name, touched)))
        _watched.touched = touched
        try:
            yield touched
        finally:
            _watched.touched = None


def _told(owner: Any, name: str, touched: list[str]) -> Callable[..., Any]:
    call = getattr(owner, name)

    def told(*arguments: Any, **options: Any) -> Any:
        if getattr(_watched, "touched", None) is touched:
            touched.append(f"{owner.__name__}.{name}")
        return call(*arguments, **options)

    return told
