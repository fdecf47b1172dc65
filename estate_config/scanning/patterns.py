"""What looks like a credential: the kinds that detect-secrets knows, and the examples that everybody knows."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

_LEFTOVERS = re.compile(r"supersecretjwtkey|\b[a-z][a-z0-9+]*://user(?:name)?:password@", re.IGNORECASE)
"""What was hardcoded before there was a store: of the estate's own history, and of every tutorial."""

_NOISY = frozenset({"Base64HighEntropyString", "HexHighEntropyString", "IPPublicDetector"})
"""Detectors that take every checksum and every address for a secret."""


def leftovers(text: str) -> Iterator[int]:
    """Yield the lines that hold a known example value."""
    for number, line in enumerate(text.splitlines(), 1):
        if _LEFTOVERS.search(line):
            yield number


def without_leftovers(text: str) -> str:
    """Return a text without the known example values in it, line for line."""
    return _LEFTOVERS.sub("", text)


def credentials(text: str, name: str) -> Iterator[tuple[int, str]]:
    """Yield the line and the kind of each credential that detect-secrets sees, `AWS Access Key` say.

    A line with `pragma: allowlist secret` is passed over. Raises `ImportError` without the extra `scan`.
    """
    from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
    from detect_secrets.core.scan import scan_file
    from detect_secrets.settings import transient_settings

    kinds: Mapping[str, type] = get_mapping_from_secret_type_to_class()
    names = [kind.__name__ for kind in kinds.values()]
    plugins = [{"name": name} for name in names if name not in _NOISY]
    filters = [{"path": "detect_secrets.filters.allowlist.is_line_allowlisted"}]
    with tempfile.TemporaryDirectory(prefix="estate-scan-") as folder:  # the index is in no file, and 0700
        copy = Path(folder, f"text{Path(name).suffix}")
        copy.write_text(text, "utf-8", errors="surrogateescape")
        with transient_settings({"plugins_used": plugins, "filters_used": filters}):
            yield from sorted({(found.line_number, found.type) for found in scan_file(str(copy))})
