"""Asking again, within the deadline, with pauses that keep many processes from asking in step."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from estate_config.jitter import between
from estate_config.model import Deadline
from estate_config_providers._aws.causes import Trouble

T = TypeVar("T")

THREADS = 16
"""Calls at the same time, and connections that are kept for them."""
_FIRST, _LONGEST = 0.2, 3.0
"""Seconds: pauses are anything from 0 up to these, doubling ("full jitter", AWS Architecture Blog, 2015)."""
_TRY = 3.0
"""Seconds that a call may take with the SDK's own retries of a refusal: without them left, none is begun."""
_MARGIN = 0.05
"""The part of a deadline that is kept for the way back."""


def patiently(call: Callable[[], T | Trouble], worth_it: Callable[[Trouble], bool], deadline: Deadline) -> T | Trouble:
    """Return what the call answers, asking again while its trouble is worth it and there is time for another try."""
    longest = _FIRST
    while True:
        answer = call()
        pause = between(0, longest)
        if not isinstance(answer, Trouble) or not worth_it(answer) or pause + _TRY >= deadline.remaining():
            return answer
        time.sleep(pause)
        longest = min(longest * 2, _LONGEST)


def spread(deadline: Deadline) -> None:
    """Wait a moment of random length, before many calls that all follow the same refusal."""
    time.sleep(between(0, min(_FIRST * 5, deadline.remaining() / 4)))


def before(deadline: Deadline) -> Deadline:
    """Return a deadline a little earlier: an answer is of no use when nobody waits for it any more."""
    return Deadline(deadline.remaining() * (1 - _MARGIN))
