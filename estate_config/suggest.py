"""Did you mean …?"""

from __future__ import annotations

from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean "x"?`, or the list of what there is, or "" if there is nothing."""
    names = sorted(known)
    if match := closest(word, names):
        return f'; did you mean "{match}"?'
    return f"; there is: {', '.join(names)}" if names else ""


def closest(word: str, known: Iterable[str]) -> str | None:
    """Return the name that was meant, most likely; None where none is near."""
    import difflib

    names = sorted(known)
    close = difflib.get_close_matches(word.lower(), [name.lower() for name in names], n=1, cutoff=0.6)
    return next(name for name in names if name.lower() == close[0]) if close else None
