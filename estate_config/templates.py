"""Fields built from others: `postgresql://{user}:{password}@{host}/db`."""

from __future__ import annotations

from collections.abc import Sequence
from string import Formatter
from urllib.parse import quote


def placeholders(template: str) -> list[str]:
    """Return the fields that a template names, in order.

    Raises `ValueError` where it is not a template: a brace without its partner, a conversion or a format.
    """
    names = []
    for _, name, spec, conversion in Formatter().parse(template):
        if name is not None:
            if not name or spec or conversion:
                raise ValueError("a placeholder is {field_name}, without conversion or format")
            names.append(name)
    return names


def render(template: str, parts: Sequence[str]) -> str:
    """Return the template with a part for each placeholder; in a URL, the parts are percent-encoded.

    Half of a surrogate pair, which JSON can spell, is too: the error that refuses it would hold the whole part.
    """
    coded = iter([quote(part, safe="", errors="surrogatepass") for part in parts] if "://" in template else parts)
    return "".join(
        literal + (next(coded) if name is not None else "") for literal, name, _, _ in Formatter().parse(template)
    )
