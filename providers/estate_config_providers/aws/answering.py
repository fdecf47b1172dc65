"""From what AWS answered to what it means: read, then look closer at what did not come back with a value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from estate_config.errors import Code
from estate_config.model import Deadline, Failed
from estate_config.parallel import at_once
from estate_config_providers._aws.causes import Cause, Trouble
from estate_config_providers._aws.connection import Connection
from estate_config_providers._aws.patience import THREADS
from estate_config_providers.aws.address import Address
from estate_config_providers.aws.looking import explained, failed
from estate_config_providers.aws.mending import Site
from estate_config_providers.aws.reading import Held, read
from estate_config_providers.aws.regions import Regions, Said, whole

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

Replies = dict[Address, Held | Failed | None]
"""What is at each address, members left aside; None: nothing."""


def replies(regions: Regions, addresses: Iterable[Address], site: Site, deadline: Deadline) -> Replies | Trouble:
    """Return what is at each address, or the one trouble that is behind all of them and not about any secret."""
    wanted = dict.fromkeys(address.whole for address in addresses)  # in the order of the schema
    said: dict[Address, Said[Held | Failed]] = regions.ask(wanted, _read, deadline)
    if trouble := whole(said):
        return trouble
    troubles = [address for address, one in said.items() if isinstance(one.answer, Trouble)]
    told: Replies = {address: failed(Trouble(Cause.LATE), address, site) for address in troubles}
    told |= at_once(lambda address: _told(said[address], address, site, deadline), troubles, deadline, THREADS)
    return {address: _told(one, address, site, deadline) for address, one in said.items() if address not in told} | told


def _read(
    aws: Connection[SecretsManagerClient], addresses: Sequence[Address], deadline: Deadline
) -> Mapping[Address, Held | Failed | Trouble]:
    elsewhere = {
        address: _elsewhere(address, aws.region)
        for address in addresses
        if address.part("region") not in (None, aws.region)
    }
    return {**elsewhere, **read(aws, [address for address in addresses if address not in elsewhere], deadline)}


def _told(said: Said[Held | Failed], address: Address, site: Site, deadline: Deadline) -> Held | Failed | None:
    answer = said.answer
    if isinstance(answer, Held):
        return replace(answer, degraded=said.degraded)
    if isinstance(answer, Failed):
        return answer
    if said.aws is None:
        return failed(answer, address, site)
    return explained(said.aws, address, answer, replace(site, region=said.aws.region), deadline)


def _elsewhere(address: Address, region: str) -> Failed:
    hint = f"is in {address.part('region')}, and {region} is asked, which would say that it is not there"
    return Failed(Code.MALFORMED, hint, f"name the ARN of a replica in {region}, or set region under [providers.aws]")
