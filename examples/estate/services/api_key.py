"""The type of a key that travels in an HTTP header."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, SecretStr


def printable_ascii_without_spaces(key: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[!-~]+", key.get_secret_value()):
        raise ValueError("must be printable ASCII without spaces or line ends")
    return key


ApiKey = Annotated[SecretStr, AfterValidator(printable_ascii_without_spaces)]
"""A key pasted with its line end fails at the start, not at the first request, whose error would show it."""
