"""Which calls answer which addresses. Pure: it knows the limits of the API, and calls nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from estate_config_providers.aws.address import Address

BATCH = 20
"""Ids of one BatchGetSecretValue at most, by the API's model."""


@dataclass(frozen=True, slots=True)
class Plan:
    """All calls can be made at the same time."""

    batches: tuple[tuple[Address, ...], ...]
    """BatchGetSecretValue gives current versions only."""
    singles: tuple[Address, ...]
    """Those of a stage or a version; and one that is alone: it costs one call either way, GetSecretValue needs no right
    on `"Resource": "*"`, and has a hundred times the quota."""


def plan(addresses: Iterable[Address]) -> Plan:
    """Return the fewest calls that read every address once, whichever members are asked of it."""
    wanted = dict.fromkeys(address.whole for address in addresses)
    current = [address for address in wanted if address.is_current]
    chunks = [tuple(current[start : start + BATCH]) for start in range(0, len(current), BATCH)]
    alone = [chunk[0] for chunk in chunks if len(chunk) == 1]
    versions = [address for address in wanted if not address.is_current]
    return Plan(tuple(chunk for chunk in chunks if len(chunk) > 1), (*versions, *alone))
