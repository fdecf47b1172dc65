"""What Parameter Store says of a parameter without its value: DescribeParameters, of the names that are asked for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from estate_config.model import Deadline, Failed, Notice, Status
from estate_config.parallel import at_once
from estate_config_providers._aws.causes import Cause, Trouble
from estate_config_providers._aws.connection import Connection
from estate_config_providers._aws.patience import patiently
from estate_config_providers.parameter_store.address import Address, path_of
from estate_config_providers.parameter_store.words import Words

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient
    from mypy_boto3_ssm.type_defs import DescribeParametersResultTypeDef, ParameterMetadataTypeDef

    Seen = ParameterMetadataTypeDef | Trouble | None

_BATCH = 50
"""Names of one filter at most (ParameterStringFilter's documentation)."""


def describe(ssm: Connection[SSMClient], addresses: Iterable[Address], deadline: Deadline) -> dict[Address, Seen]:
    """Return what AWS says of each parameter, whatever its selector and member; None: this account has no such one."""
    names = list(dict.fromkeys(name for address in addresses for name in address.names))
    chunks = [tuple(names[start : start + _BATCH]) for start in range(0, len(names), _BATCH)]
    done = at_once(lambda chunk: _described(ssm, chunk, deadline), chunks, deadline)
    seen: dict[str, Seen] = {}
    for chunk in chunks:
        found = done.get(chunk, Trouble(Cause.LATE))
        seen |= dict.fromkeys(map(path_of, chunk), found) if isinstance(found, Trouble) else found
    return {address: seen.get(address.path) for address in addresses}


def _described(
    ssm: Connection[SSMClient], names: Sequence[str], deadline: Deadline
) -> dict[str, ParameterMetadataTypeDef] | Trouble:
    found: dict[str, ParameterMetadataTypeDef] = {}
    token: str | None = ""
    while token is not None:
        page = _page(ssm, names, token, deadline)
        if isinstance(page, Trouble):
            return page
        found |= {path_of(one.get("Name", "")): one for one in page.get("Parameters", [])}
        token = page.get("NextToken")
    return found


def _page(
    ssm: Connection[SSMClient], names: Sequence[str], token: str, deadline: Deadline
) -> DescribeParametersResultTypeDef | Trouble:
    def call(client: SSMClient) -> DescribeParametersResultTypeDef:
        if token:
            return client.describe_parameters(ParameterFilters=[{"Key": "Name", "Values": names}], NextToken=token)
        return client.describe_parameters(ParameterFilters=[{"Key": "Name", "Values": names}])

    if not deadline.remaining():
        return Trouble(Cause.LATE)
    return patiently(lambda: ssm.ask(call), lambda trouble: trouble.cause is Cause.THROTTLED, deadline)


def status_of(seen: Seen, address: Address, words: Words, *, secret: bool) -> Status | Failed | None:
    """Return how things stand, by the rules of `fetch`: None where the parameter is not there."""
    if isinstance(seen, Trouble):
        return words.failed(seen, address, "DescribeParameters")
    if address.parameter.startswith("arn:") and (seen is None or seen.get("ARN") != address.parameter):
        return words.only_by_reading()
    if seen is None:
        return None
    notices = _notices(seen, address, words, secret=secret)
    latest, selector = seen.get("Version", 0), address.selector
    if selector is None:
        return Status(address.text, str(latest), seen.get("LastModifiedDate"), notices=notices)
    if selector.isdigit() and int(selector) > latest:
        return words.no_version(address)
    # Which version has a label, and when an old one was made, only reading tells.
    return Status(address.text, selector if selector.isdigit() else None, notices=notices)


def _notices(seen: ParameterMetadataTypeDef, address: Address, words: Words, *, secret: bool) -> tuple[Notice, ...]:
    if not secret or seen.get("Type") == "SecureString":
        return ()
    unencrypted = words.unencrypted(address)
    return (Notice(unencrypted.code, address.text, unencrypted.hint, unencrypted.fix),)
