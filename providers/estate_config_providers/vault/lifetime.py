"""How long what the server grants lasts, when to renew it, and when to try that again."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace

from estate_config.jitter import between

PART = 2 / 3
"""The part of its life after which something is renewed, as Vault's agent does."""
_EARLY = 0.9
"""Of that, the least: those who were started together do not come together."""
_ROOM = 1 / 6
"""The part of its life that is left when it is no longer waited for a renewal that fails."""
_SHORTEST, _LONGEST = 1.0, 60.0
"""Seconds until a renewal that failed is tried again, as long as there is something to renew."""
_AFTERWARDS = 5.0
"""The same, when it is over."""


@dataclass(frozen=True, slots=True)
class Life:
    """The life of a token or a lease; points in time are those of `time.monotonic`."""

    seconds: float
    """From when it was made or renewed; infinite for what never ends, or of which nothing is known."""
    due: float
    """When it is to be renewed; infinite: never."""
    over: float

    @property
    def left(self) -> float:
        """The seconds that are left, never less than 0."""
        return max(0.0, self.over - time.monotonic())

    @property
    def is_due(self) -> bool:
        return time.monotonic() >= self.due

    @property
    def is_late(self) -> bool:
        """Whether so little is left that something new has to be had."""
        return self.left < self.seconds * _ROOM

    def later(self) -> Life:
        """Return the same life after a renewal that failed."""
        return replace(self, due=time.monotonic() + pause(self.left))

    def last(self) -> Life:
        """Return the same life where it is the last: looked at again after two thirds of what is left."""
        return replace(self, due=time.monotonic() + max(self.left * PART, _AFTERWARDS))


def pause(left: float) -> float:
    """Return the seconds until a renewal that failed is tried again: fewer as the end comes near."""
    most = min(max(left / 4, _SHORTEST), _LONGEST) if left else _AFTERWARDS
    return most * between(0.5, 1)


def life_of(seconds: float) -> Life:
    """Return the life of what was granted now; of 0 seconds: it never ends."""
    seconds, now = seconds or math.inf, time.monotonic()
    return Life(seconds, now + seconds * PART * between(_EARLY, 1), now + seconds)
