"""How a logical name is spelled as a variable: one rule, for every provider that has variables."""

from __future__ import annotations

import re


def variable_name(logical_name: str, prefix: str = "") -> str:
    """Return the variable of a logical name: `database/url` → `DATABASE_URL`, with `prefix` before it.

    Every run of characters that are not ASCII letters or digits becomes one `_`, then all is upper case; the prefix is
    taken as it is. A name that would start with a digit gets a `_` before it, since no shell could set it otherwise.
    A logical name with no letter and no digit has no variable: the result is "".
    """
    spelled = re.sub(r"[^A-Za-z0-9]+", "_", logical_name).upper()
    if not spelled.strip("_"):
        return ""
    whole = prefix + spelled
    return f"_{whole}" if whole[0].isdigit() else whole
