"""`audit_to()`: who read which version of which secret, when and how it went. One line for each, and never a value.

What was read is in the service's memory by the time that it is told, so a trail that cannot be written does not stop a
service that runs; the gap is said in the trail itself. `required=True` keeps a service from starting without a trail.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import pwd
import socket
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from estate_config.observing import Event, Fetched, Read, Swapped, observe
from estate_config.redaction import where

log = logging.getLogger("estate_config")

Entry = Mapping[str, Any]


class Stream(Protocol):
    """What lines are written to: `sys.stderr`."""

    def write(self, text: str, /) -> object: ...
    def flush(self) -> object: ...


def audit_to(target: str | Path | Stream | Callable[[Entry], object], *, required: bool = False) -> Callable[[], None]:
    """Write a line of JSON for every read of a secret and every new version from now on; return how to end that.

    `target` is a file that is appended to (0600 if it is made; several processes may share it, and it may be moved
    away), a stream, or a function that is given each entry as a mapping. Begin before the first load.

    The first entry is `began`. With `required`, raises `OSError`, or what the stream or function raises, if that one
    cannot be written; otherwise, and later, it is logged once, and what was lost is counted in the trail.
    """
    trail, began = _Trail(_writer(target)), _entry("began", datetime.now(UTC))
    if required:
        trail.write(began)
    else:
        trail.add(began)
    return observe(trail.on_event)


class _Trail:
    def __init__(self, write: Callable[[list[Entry]], object]) -> None:
        self._write = write
        self._lost = 0

    def on_event(self, event: Event) -> None:
        if isinstance(event, Fetched) or (isinstance(event, Read) and not event.secret):
            return
        self.add(_entry(_name(event), event.at, **_details(event)))

    def add(self, entry: Entry) -> None:
        """Write an entry, after one that says how many could not be written; log it where it cannot be."""
        lost = self._lost
        try:
            self.write(*([_entry("lost", datetime.now(UTC), entries=lost)] if lost else []), entry)
        except Exception as error:  # noqa: BLE001 - a user's function may raise anything, and a load must go on
            if not lost:
                log.error("the audit trail cannot be written: %s in %s", _why(error), where(error))  # noqa: TRY400 - a traceback may show values
            self._lost += 1
        else:
            self._lost -= lost

    def write(self, *entries: Entry) -> None:
        self._write(list(entries))


def _name(event: Event) -> str:
    return type(event).__name__.lower()


def _details(event: Event) -> dict[str, Any]:
    whose = {"service": event.service, "environment": event.environment}
    if isinstance(event, Read):
        names = ("field", "provider", "place", "version", "stage", "outcome", "degraded")
        return {**whose, **{name: getattr(event, name) for name in names}}
    if isinstance(event, Swapped):
        return {**whose, "fields": list(event.fields)}
    assert not isinstance(event, Fetched)  # noqa: S101 - it is left out above
    problems = [{"field": one.field, "code": one.code.value, "message": one.message} for one in event.problems]
    return {**whose, "problems": problems}


def _entry(event: str, at: datetime, **details: Any) -> Entry:
    who = {"host": socket.gethostname(), "pid": os.getpid(), "user": _user()}
    return {"event": event, "at": at.isoformat(), **who, **details}


def _user() -> str:
    """Return the name of the user that this process acts as; its number where it has no name, as in a container."""
    with contextlib.suppress(KeyError):
        return pwd.getpwuid(os.geteuid()).pw_name
    return str(os.geteuid())


def _why(error: Exception) -> str:
    return error.strerror or type(error).__name__ if isinstance(error, OSError) else type(error).__name__


def _writer(target: str | Path | Stream | Callable[[Entry], object]) -> Callable[[list[Entry]], object]:
    if isinstance(target, str | Path):
        return _File(Path(target).absolute()).append
    if callable(target):
        return lambda entries: [target(entry) for entry in entries]
    return lambda entries: (target.write(_lines(entries)), target.flush())


def _lines(entries: list[Entry]) -> str:
    return "".join(json.dumps(entry) + "\n" for entry in entries)


class _File:
    """Opened for each write: nothing is open in a fork, and a file that was moved away is made anew."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._is_torn = False

    def append(self, entries: list[Entry]) -> None:
        """Write the entries at once, so that no other process's come between. Raises `OSError` if that fails."""
        data = (b"\n" if self._is_torn else b"") + _lines(entries).encode()
        flags = (
            os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
        )  # a pipe that nobody reads is an error
        file = os.open(self._path, flags, 0o600)
        try:
            written = os.write(file, data)
        finally:
            os.close(file)
        self._is_torn = written < len(data)
        if self._is_torn:
            raise OSError("the disk is full: a line was cut off")
