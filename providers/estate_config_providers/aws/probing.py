"""How things stand with a secret, from DescribeSecret alone: no value is read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from estate_config.errors import Code
from estate_config.model import Failed, Notice, Status
from estate_config_providers._aws.causes import Cause, Trouble
from estate_config_providers.aws import mending
from estate_config_providers.aws.address import Address
from estate_config_providers.aws.looking import deletion, failed, no_version, stages_of
from estate_config_providers.aws.mending import Site

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager.type_defs import DescribeSecretResponseTypeDef


def status_of(seen: DescribeSecretResponseTypeDef | Trouble, address: Address, site: Site) -> Status | Failed | None:
    """Return how things stand, by the rules of `fetch`: None where the secret is not there."""
    if isinstance(seen, Trouble):
        if seen.cause is Cause.DENIED:
            hint = "may not be looked at by this identity, or does not exist: AWS then says the same"
            return Failed(Code.DENIED, hint, mending.allow(address, site, "DescribeSecret"))
        return None if seen.cause is Cause.NOT_FOUND else failed(seen, address, site)
    if deleted := deletion(seen, address, site):
        return deleted
    if address.version is not None:
        version = address.version if address.version in seen.get("VersionIdsToStages", {}) else None
    else:
        version = stages_of(seen).get(address.stage or "AWSCURRENT")
    if version is None:
        return no_version(address, site)
    notices = _notices(seen, address, site)
    return Status(
        address.text, version, seen.get("LastChangedDate"), rotated=bool(seen.get("RotationEnabled")), notices=notices
    )


def _notices(seen: DescribeSecretResponseTypeDef, address: Address, site: Site) -> tuple[Notice, ...]:
    notices = []
    due = _due(seen)
    if due is not None and due < datetime.now(UTC):
        last = seen.get("LastRotatedDate")
        since = f"the last one was on {last:%Y-%m-%d}" if last else "there was none yet"
        message = f"its rotation is late: it was due on {due:%Y-%m-%d}, and {since}"
        notices.append(Notice(Code.STALE, address.text, message, mending.rotate(address, site)))
    for replica in seen.get("ReplicationStatus", []):
        region, state = replica.get("Region", "another region"), replica.get("Status", "unknown")
        if state != "InSync":
            message = f"its replica in {region} is not in step: {state}"
            notices.append(Notice(Code.STALE, address.text, message, mending.replicate(address, site, region)))
    return tuple(notices)


def _due(seen: DescribeSecretResponseTypeDef) -> datetime | None:
    """Return when a rotation has to have happened: as AWS says, or reckoned from the rule where it does not."""
    if not seen.get("RotationEnabled"):
        return None
    days = seen.get("RotationRules", {}).get("AutomaticallyAfterDays")
    start = seen.get("LastRotatedDate") or seen.get("CreatedDate")
    reckoned = start + timedelta(days=days) if start and days else None
    return seen.get("NextRotationDate") or reckoned
