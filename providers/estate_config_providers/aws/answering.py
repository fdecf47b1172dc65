"""From what AWS answered to what it means: read, then look closer at what did not come back with a value."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from estate_config.errors import Code
from estate_config.model import Deadline, Failed
from estate_config.parallel import at_once
from estate_config_providers._aws.causes import Cause, Trouble, whole_trouble
from estate_config_providers._aws.connection import Connection
from estate_config_providers._aws.patience import THREADS
from estate_config_providers.aws.address import Address
from estate_config_providers.aws.looking import explained, failed
from estate_config_providers.aws.mending import Site
from estate_config_providers.aws.reading import Held, read

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

Replies = dict[Address, Held | Failed | None]
"""What is at each address, members left aside; None: nothing."""


def replies(
    aws: Connection[SecretsManagerClient], addresses: Iterable[Address], site: Site, deadline: Deadline
) -> Replies | Trouble:
    """Return what is at each address, or the one trouble that is behind all of them and not about any secret."""
    wanted = dict.fromkeys(address.whole for address in addresses)  # in the order of the schema
    elsewhere = [address for address in wanted if address.part("region") not in (None, aws.region)]
    answers = read(aws, [address for address in wanted if address not in elsewhere], deadline)
    whole = whole_trouble(answers.values())
    if whole is not None and not elsewhere:
        return whole
    said: Replies = {address: _elsewhere(address, aws.region) for address in elsewhere}
    said |= {address: one for address, one in answers.items() if isinstance(one, Held)}
    troubles = {address: one for address, one in answers.items() if isinstance(one, Trouble)}
    said |= {address: failed(Trouble(Cause.LATE), address, site) for address in troubles}
    return said | at_once(
        lambda address: explained(aws, address, troubles[address], site, deadline), troubles, deadline, THREADS
    )


def _elsewhere(address: Address, region: str) -> Failed:
    hint = f"is in {address.part('region')}, and {region} is asked, which would say that it is not there"
    return Failed(Code.MALFORMED, hint, f"name the ARN of a replica in {region}, or set region under [providers.aws]")
