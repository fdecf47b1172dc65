"""Did you mean …?"""

from __future__ import annotations

from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean "x"?`, or the list of what there is, or "" if there is nothing."""
    import difflib

    names = sorted(known)
    close = difflib.get_close_matches(word.lower(), [name.lower() for name in names], n=1, cutoff=0.6)
    if close:
        match = next(name for name in names if name.lower() == close[0])
        return f'; did you mean "{match}"?'
    return f"; there is: {', '.join(names)}" if names else ""
