"""Home, and the regions that have copies of its secrets: who is asked, and what counts from where."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Generic, TypeGuard, TypeVar

from estate_config.model import Deadline
from estate_config_providers._aws.causes import Cause, Trouble, whole_trouble
from estate_config_providers._aws.connection import Connection, Connector
from estate_config_providers.aws.address import Address
from estate_config_providers.aws.failures import SERVICE
from estate_config_providers.aws.options import AwsOptions

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

T = TypeVar("T")

log = logging.getLogger("estate_config.aws")

_AWAY = 30.0
"""Seconds for which home, when it has given no answer at all, is asked last: nobody waits for it at every poll."""

_DOWN = {
    Cause.UNREACHABLE: "cannot be reached",
    Cause.LATE: "does not answer in time",
    Cause.FAILED: "fails",
    Cause.STRANGER: "does not answer as AWS does",
}
"""Causes that another region need not have, in words. Any other one is an answer, and no other region is asked."""


@dataclass(frozen=True, slots=True)
class Said(Generic[T]):
    """What one address was answered, and by whom."""

    answer: T | Trouble
    aws: Connection[SecretsManagerClient] | None
    """None: there was no connection."""
    degraded: str = ""
    """Why it was not home."""


def whole(said: Mapping[Address, Said[T]]) -> Trouble | None:
    """Return the one trouble that is behind all answers and not about any secret."""
    answers = [one.answer for one in said.values()]
    trouble = next((answer for answer in answers if isinstance(answer, Trouble)), None)
    if all(one.aws is None and one.answer == trouble for one in said.values()):
        return trouble
    return whole_trouble(answers)


Look = Callable[[Connection["SecretsManagerClient"], Sequence[Address], Deadline], Mapping[Address, T | Trouble]]
"""Asks one region; an address that it leaves out was not answered in time."""


@dataclass(frozen=True, slots=True)
class Region:
    name: str | None
    """None: the one that the SDK finds."""
    connector: Connector[SecretsManagerClient]


def regions_of(options: AwsOptions) -> tuple[Region, ...]:
    """Return home, then the others in the order in which they are asked. An endpoint is that of home."""
    copies = [options.model_copy(update={"region": name, "endpoint_url": None}) for name in options.regions[1:]]
    return tuple(Region(one.region, Connector(one, SERVICE)) for one in (options, *copies))


class Regions:
    """Asks home, and where that is down the next region. Any thread may use it."""

    def __init__(self, regions: tuple[Region, ...]) -> None:
        self.home, *self._copies = regions
        self._down: tuple[float, Trouble] | None = None
        """When home last gave no answer at all, and why."""

    def ask(self, addresses: Iterable[Address], look: Look[T], deadline: Deadline) -> dict[Address, Said[T]]:
        """Return what each address is answered.

        Whatever home says counts. From another region only what is there counts: what it denies, or does not have, may
        be missing in that region only, and is said to be as home said.
        """
        wanted = list(addresses)
        turns, away = 1 + len(self._copies), self._away()
        if away is None:
            said = self._at_home(wanted, look, deadline, turns)
        else:
            said = {address: Said(away, None) for address in wanted}
        missed = {address: one for address, one in said.items() if _is_down(one.answer)}
        said |= self._from_copies(missed, look, deadline, turns - (away is None))
        missing = [address for address, one in said.items() if _is_down(one.answer)]
        if away is not None and missing:
            last = self._at_home(missing, look, deadline, 1)
            said |= {address: one for address, one in last.items() if not _is_down(one.answer)}
        return said

    def close(self) -> None:
        for region in (self.home, *self._copies):
            region.connector.close()

    def _away(self) -> Trouble | None:
        """Return why home is not asked first, if it is not."""
        down = self._down
        return down[1] if self._copies and down is not None and time.monotonic() - down[0] < _AWAY else None

    def _at_home(
        self, addresses: Sequence[Address], look: Look[T], deadline: Deadline, turns: int
    ) -> dict[Address, Said[T]]:
        said = self._heard(self.home, addresses, look, deadline, turns)
        missed = [one.answer for one in said.values() if _is_down(one.answer)]
        self._down = (time.monotonic(), missed[0]) if len(missed) == len(said) else None
        if missed and self._copies:
            log.warning("aws: %s gave no answer for %d secrets: %s", self.home.name, len(missed), missed[0].cause.name)
        return said

    def _from_copies(
        self, missed: Mapping[Address, Said[T]], look: Look[T], deadline: Deadline, turns: int
    ) -> dict[Address, Said[T]]:
        """Return what is there in other regions; where nothing is, the trouble that home had, and theirs."""
        said = dict(missed)
        for number, region in enumerate(self._copies):
            waiting = {address: one.answer for address, one in said.items() if isinstance(one.answer, Trouble)}
            heard = self._heard(region, list(waiting), look, deadline, turns - number) if waiting else {}
            for address, one in heard.items():
                home, answer = waiting[address], one.answer
                if isinstance(answer, Trouble):
                    note = f"{home.detail}; {region.name}: {answer.cause.hint} {answer.detail}".strip()
                    said[address] = replace(said[address], answer=replace(home, detail=note))
                else:
                    degraded = f"from {region.name}: {self.home.name} {_DOWN[home.cause]}"
                    said[address] = replace(one, degraded=degraded)
        return said

    def _heard(
        self, region: Region, addresses: Sequence[Address], look: Look[T], deadline: Deadline, turns: int
    ) -> dict[Address, Said[T]]:
        """Return what one region says within its share of the time, the first of so many that may be asked."""
        share = Deadline(deadline.remaining() / turns)
        aws = region.connector.connected(share)
        if isinstance(aws, Trouble) and aws.cause is Cause.NO_CREDENTIALS and turns > 1:
            aws = region.connector.connected(deadline)  # they are no region's: another one would not have them either
            share = Deadline(deadline.remaining() / turns)
        if isinstance(aws, Trouble):
            return {address: Said(aws, None) for address in addresses}
        there = {self._there(address, aws.region): address for address in addresses}
        answers = look(aws, list(there), share)
        return {address: Said(answers.get(one, Trouble(Cause.LATE)), aws) for one, address in there.items()}

    def _there(self, address: Address, region: str) -> Address:
        return address.copy_in(region) if address.part("region") == self.home.name else address


def _is_down(answer: object) -> TypeGuard[Trouble]:
    return isinstance(answer, Trouble) and answer.cause in _DOWN
