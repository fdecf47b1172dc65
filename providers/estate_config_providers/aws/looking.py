"""Looking at a secret without its value: DescribeSecret, which tells apart what AWS says the same of."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from estate_config.errors import Code
from estate_config.model import Deadline, Failed
from estate_config_providers._aws.causes import Cause, Trouble
from estate_config_providers._aws.connection import Connection
from estate_config_providers._aws.patience import patiently
from estate_config_providers.aws import mending
from estate_config_providers.aws.address import Address
from estate_config_providers.aws.mending import Site

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_secretsmanager.type_defs import DescribeSecretResponseTypeDef

_CLOSER = frozenset({Cause.NOT_FOUND, Cause.STATE, Cause.DELETED, Cause.KMS})


def describe(
    aws: Connection[SecretsManagerClient], address: Address, deadline: Deadline
) -> DescribeSecretResponseTypeDef | Trouble:
    """Return what AWS says of a secret."""
    seen = patiently(
        lambda: aws.ask(lambda sm: sm.describe_secret(SecretId=address.secret)),
        lambda trouble: trouble.cause is Cause.THROTTLED,
        deadline,
    )
    return seen if isinstance(seen, Trouble) or "ARN" in seen else Trouble(Cause.STRANGER)


def explained(
    aws: Connection[SecretsManagerClient], address: Address, trouble: Trouble, site: Site, deadline: Deadline
) -> Failed | None:
    """Return what stands behind a trouble with a secret, looking at it where that says more; None: it is not there."""
    if trouble.cause not in _CLOSER:
        return failed(trouble, address, site)
    seen = describe(aws, address, deadline)
    if not isinstance(seen, Trouble):
        return deletion(seen, address, site) or _behind(trouble, seen, address, site)
    if trouble.cause is not Cause.NOT_FOUND:
        return failed(trouble, address, site)
    return None if seen.cause is Cause.NOT_FOUND else _either(address, site)


def _behind(trouble: Trouble, seen: DescribeSecretResponseTypeDef, address: Address, site: Site) -> Failed:
    if trouble.cause is Cause.KMS:
        return _kms(seen.get("KmsKeyId"), trouble, address, site)
    if trouble.cause is Cause.NOT_FOUND:
        return no_version(address, site, labelled=(address.stage or "AWSCURRENT") in stages_of(seen))
    if service := seen.get("OwningService"):
        hint = f"is managed by the AWS service {service}, and only that may change it"
        return Failed(Code.DENIED, hint, mending.describe(address, site))
    return failed(trouble, address, site)


def failed(trouble: Trouble, address: Address, site: Site) -> Failed:
    """Return a trouble in words, when nothing more is known of it."""
    hint = f"{trouble.cause.hint} {trouble.detail}".rstrip()
    if trouble.cause is Cause.ROLE:
        hint = f"{hint} {site.role_arn}" if site.role_arn else f"{hint} of its profile"
    return Failed(trouble.cause.code, hint, mending.of_cause(trouble.cause, address, site))


def deletion(seen: DescribeSecretResponseTypeDef, address: Address, site: Site) -> Failed | None:
    """Return that a secret is scheduled for deletion, if it is."""
    deleted: datetime | None = seen.get("DeletedDate")
    if deleted is None:
        return None
    hint = f"is scheduled for deletion (DeletedDate {deleted:%Y-%m-%d})"
    return Failed(Code.DELETED, hint, mending.restore(address, site))


def no_version(address: Address, site: Site, *, labelled: bool = False) -> Failed:
    """Return that a secret is there, without the version that is asked for; `labelled`: it is there, and empty."""
    stage = address.stage or "AWSCURRENT"
    if address.version is not None:
        hint = f"exists, and has no version {address.version}"
    elif labelled:
        hint = f"exists, and its version {stage} is empty: a rotation that fails leaves such a one"
    else:
        hint = f"exists, and no version of it is {stage}"
        hint += "" if address.stage else ": no value was put into it yet"
    return Failed(Code.NO_VALUE, hint, mending.put(address, site))


def stages_of(seen: DescribeSecretResponseTypeDef) -> Mapping[str, str]:
    """Return the version that each stage is at."""
    return {stage: version for version, stages in seen.get("VersionIdsToStages", {}).items() for stage in stages}


def _either(address: Address, site: Site) -> Failed:
    hint = "does not exist, or has no such version: AWS says the same of both, and this identity may not look which"
    tell = f"{mending.allow(address, site, 'DescribeSecret')}   # to tell them apart"
    return Failed(Code.NO_VALUE, hint, f"{mending.fill(address, site)}\n{tell}")


def _kms(key: str | None, trouble: Trouble, address: Address, site: Site) -> Failed:
    if key is None:
        hint = f"{trouble.cause.hint}. The key is aws/secretsmanager, which other accounts cannot use"
        return Failed(Code.KMS, hint, mending.rekey(address, site))
    hint = f"{trouble.cause.hint}. The key is {key}"
    look = f"aws kms describe-key --key-id {key}   # shows whether it is enabled"
    return Failed(Code.KMS, hint, f"{mending.allow_key(address, site, key, 'Decrypt')}\n{look}")
