"""Addresses that a provider cannot read: said before anybody is asked, and before a policy is made of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from estate_config.errors import Asked, Code, Problem
from estate_config.resolve import Link, place_of
from estate_config.schema import Setting


def unreadable(settings: Iterable[Setting], links: Sequence[Link]) -> Iterator[Problem]:
    """Yield a SCHEMA problem for each place that its own provider says nothing can be at. Offline."""
    for item in settings:
        for link in links:
            if link.serves(item) and (place := place_of(link, link.key(item))).wrong:
                asked = (Asked(link.name, place.text, "not asked"),)
                yield Problem(item.field, Code.SCHEMA, place.wrong, asked, place.fix)
