"""`assert_no_leak`: does anything that a piece of code shows hold a secret, whole, encoded or in part?"""

from __future__ import annotations

import base64
import contextlib
import inspect
import io
import json
import logging
import pickle
import shlex
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from unittest import mock
from urllib.parse import quote, quote_plus

PART = 8
"""Characters of a canary that count as a leak; a shorter canary counts whole."""


def assert_no_leak(call: Callable[[], Any], canaries: Iterable[str]) -> Any:
    """Run `call`, and fail if a canary shows in what it prints, logs, warns of, returns (`repr`, `str`) or raises.

    Looked for whole, in parts of 8 characters, and encoded: base64, URL, JSON, shell, `repr`. Of an exception, the
    whole chain with its traceback and the locals of every frame is looked at, and its pickle. A logger or a filter of
    warnings that holds something back keeps it from showing. Returns what `call` returned, or the exception it raised.
    Raises `AssertionError` that says where, never what; `TypeError` for what has not run yet, a coroutine say.
    """
    wanted = _checked(canaries)
    shown = _Shown()
    result = shown.run(call)
    if inspect.isawaitable(result) or inspect.isgenerator(result) or inspect.isasyncgen(result):
        if inspect.iscoroutine(result):
            result.close()  # or Python would say that nobody awaited it
        kind = type(result).__name__
        raise TypeError(f"the call returns a {kind}, which has not run: give lambda: asyncio.run(…) or lambda: list(…)")
    for place, text in shown.texts.items():
        for number, canary in enumerate(wanted):
            if _leaks(text, canary):
                raise AssertionError(f"canary {number} shows in {place}")
    return result


def _checked(canaries: Iterable[str]) -> list[str]:
    if isinstance(canaries, (str, bytes)):
        raise TypeError("canaries are a list, also where there is one")
    wanted = list(canaries)
    if not wanted or not all(canary.strip() for canary in wanted):
        raise ValueError("there is no canary to look for, or one that is empty")
    return wanted


def _leaks(text: str, canary: str) -> bool:
    return any(form in text for form in _forms(canary))


def _forms(canary: str) -> set[str]:
    parts = {canary[i : i + PART] for i in range(max(1, len(canary) - PART + 1))} if len(canary) > PART else {canary}
    whole = {
        canary,
        quote(canary, safe=""),
        quote_plus(canary),
        json.dumps(canary)[1:-1],
        shlex.quote(canary),
        repr(canary)[1:-1],
        *_base64(canary.encode()),
    }
    return {form for form in parts | whole if form.strip()}


def _base64(secret: bytes) -> set[str]:
    """The parts of every base64 text that holds the secret, at whichever of the three offsets it stands."""
    forms = set()
    for offset in range(3):
        coded = base64.b64encode(b"\0" * offset + secret).decode().rstrip("=")
        inner = coded[4 if offset else 0 : -1]
        forms |= {inner, inner.replace("+", "-").replace("/", "_")}
    return {form for form in forms if len(form) >= PART}


@contextlib.contextmanager
def _heard(handler: logging.Handler) -> Iterator[None]:
    """Let a handler hear every logger at its own level, or DEBUG; also one that does not propagate."""
    hand_out = logging.Logger.callHandlers

    def heard(logger: logging.Logger, record: logging.LogRecord) -> None:
        handler.handle(record)
        hand_out(logger, record)

    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.DEBUG)
    try:
        with mock.patch.object(logging.Logger, "callHandlers", heard):
            yield
    finally:
        root.setLevel(level)


class _Shown:
    """Everything that a call lets a person see."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}

    def run(self, call: Callable[[], Any]) -> Any:
        out, err, logged = io.StringIO(), io.StringIO(), io.StringIO()
        handler = logging.StreamHandler(logged)
        handler.setFormatter(logging.Formatter("%(message)s"))
        with (
            warnings.catch_warnings(record=True) as warned,
            _heard(handler),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            result = self._call(call)
        self.texts |= {"stdout": out.getvalue(), "stderr": err.getvalue(), "the log": logged.getvalue()}
        self.texts["a warning"] = "\n".join(str(warning.message) for warning in warned)
        for warning in warned:
            warnings.showwarning(warning.message, warning.category, warning.filename, warning.lineno)
        return result

    def _call(self, call: Callable[[], Any]) -> Any:
        try:
            result = call()
        except BaseException as error:  # noqa: BLE001 - whatever it raises is looked at, SystemExit too
            self._exception(error)
            return error
        self.texts |= {"the result's repr": repr(result), "the result's str": str(result)}
        return result

    def _exception(self, error: BaseException) -> None:
        if error.__traceback__ is not None:  # the first frame is this check's own, which holds the call
            error.__traceback__ = error.__traceback__.tb_next
        report = traceback.TracebackException.from_exception(error, capture_locals=True, compact=False)
        self.texts["the traceback with locals"] = "".join(report.format())
        self.texts["the exception's repr"] = repr(error) + str(error) + repr(vars(error))
        with contextlib.suppress(Exception):  # many exceptions cannot be pickled
            self.texts["the exception's pickle"] = pickle.dumps(error).decode("latin-1")
