"""Made-up secrets for demo and tests, and the check that none of them is ever shown."""

from __future__ import annotations

OPENAI_KEY = "canary-openai-9f31c7d2"
KREB_KEY = "canary-kreb-5b8e0a64"
PASSWORD = "canary/p@ss:w%rd 71"  # noqa: S105 - made up
"""Needs percent-encoding in a URL, as generated passwords do."""
OTHERS = {
    "JWT_SECRET": "canary-jwt-d07c-of-more-than-32-characters",
    "SES_ACCESS_KEY_ID": "canary-ses-id-41aa",
    "SES_SECRET_ACCESS_KEY": "canary-ses-key-c93e",
    "SEGMENT_WRITE_KEY": "canary-segment-77f0",
}

_TRACES = ("canary", "9f31c7d2", "5b8e0a64", "p@ss", "p%40ss", "w%rd", "w%25rd", "d07c", "41aa", "c93e", "77f0")


def shown_in(text: str) -> list[str]:
    """Return the traces of made-up secrets that `text` shows: a whole one, a part, or one spelt for a URL."""
    return [trace for trace in _TRACES if trace in text]
