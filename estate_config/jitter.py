"""Numbers that keep many processes from asking in step."""

from __future__ import annotations

import random

# Not the module's own: a service that seeds that one would march in step, and would find its own numbers disturbed.
_numbers = random.SystemRandom()


def between(least: float, most: float) -> float:
    """Return any number from `least` to `most`, in whatever unit they have."""
    return _numbers.uniform(least, most)
