"""When to ask a provider again: on time while it answers, and ever later, at random moments, while it does not."""

from __future__ import annotations

import time

from estate_config.jitter import between

_FIRST = 1.0
"""Seconds at most before the first new try."""


class Circuit:
    """Closed while the provider answers; open after a failure, until the next try is due."""

    def __init__(self, every: float, *, first: float = _FIRST) -> None:
        self.every = every
        self.first = first
        self.failures = 0
        self.due = time.monotonic()

    def is_due(self) -> bool:
        return time.monotonic() >= self.due

    def answered(self, seconds: float | None = None) -> None:
        """Come again in `seconds`, or at the usual time: a tenth sooner or later, so that a fleet does not march."""
        self.failures = 0
        self.due = time.monotonic() + (self.every if seconds is None else seconds) * between(0.9, 1.1)

    def failed(self) -> None:
        """Come again after a pause of full jitter, doubled with each failure, never longer than the usual one."""
        self.failures += 1
        pause = min(self.every, self.first * 2.0 ** min(self.failures, 16))
        self.due = time.monotonic() + between(min(0.1, self.every), pause)
