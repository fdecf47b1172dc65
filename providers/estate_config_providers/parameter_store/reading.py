"""Reading parameters: ten names a call, all calls at the same time; one name that is denied denies its whole call."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import Enum
from typing import TYPE_CHECKING, Any

from estate_config.model import Deadline
from estate_config.parallel import at_once
from estate_config_providers._aws.causes import WHOLE, Cause, Trouble
from estate_config_providers._aws.connection import Connection
from estate_config_providers._aws.patience import THREADS, patiently, spread
from estate_config_providers.parameter_store.address import Address, path_of

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient

log = logging.getLogger("estate_config.parameter_store")

BATCH = 10
"""Names of one GetParameters at most, by the API's model."""


@dataclass(frozen=True, slots=True)
class Held:
    """One version of a parameter as AWS gave it."""

    version: int
    kind: str
    """`String`, `StringList` or `SecureString`."""
    created: datetime | None
    """When this version was made."""
    value: str = field(repr=False)


class Missing(Enum):
    """What AWS calls an invalid parameter, told apart."""

    PARAMETER = "the parameter is not there"
    VERSION = "the parameter is there, and has no such version or label"


Answer = Held | Missing | Trouble


def read(ssm: Connection[SSMClient], addresses: Iterable[Address], deadline: Deadline) -> dict[Address, Answer]:
    """Return what is at each address, members left aside; every address is answered."""
    chunks = plan(addresses)
    done = at_once(lambda chunk: _get(ssm, chunk, deadline), chunks, deadline, THREADS)
    answers: dict[Address, Answer] = {address: Trouble(Cause.LATE) for chunk in chunks for address in chunk}
    for found in done.values():
        answers |= found
    alone = [(address,) for chunk, found in done.items() for address in chunk if address not in found]
    for found in at_once(lambda chunk: _get_after_all(ssm, chunk, deadline), alone, deadline, THREADS).values():
        answers |= found
    return answers | _without_selector(ssm, answers, deadline)


def plan(addresses: Iterable[Address]) -> list[tuple[Address, ...]]:
    """Return the calls that read every address once, whichever members are asked of it. Pure.

    No call has one name twice, with two selectors say: AWS answers by name, and it must be plain which one is meant.
    """
    calls: list[dict[str, Address]] = []
    for address in dict.fromkeys(address.whole for address in addresses):
        fits = (call for call in calls if len(call) < BATCH and address.path not in call)
        call = next(fits, None)
        if call is None:
            call = {}
            calls.append(call)
        call[address.path] = address
    return [tuple(call.values()) for call in calls]


def _get_after_all(ssm: Connection[SSMClient], chunk: tuple[Address, ...], deadline: Deadline) -> dict[Address, Answer]:
    spread(deadline)
    return _get(ssm, chunk, deadline)


def _get(ssm: Connection[SSMClient], chunk: tuple[Address, ...], deadline: Deadline) -> dict[Address, Answer]:
    """Return what one call answers. What is better asked for by itself is left out.

    One name that is denied, or whose key is, denies the whole call.
    """
    names = [address.asked for address in chunk]
    reply = patiently(
        lambda: ssm.ask(lambda client: client.get_parameters(Names=names, WithDecryption=True)),
        lambda trouble: trouble.cause is Cause.THROTTLED,
        deadline,
    )
    if not isinstance(reply, Trouble):
        return _answers(chunk, reply)
    log.debug("parameter_store: GetParameters of %d names: %s", len(names), reply.cause.name)
    passes = reply.cause in WHOLE or reply.cause in {Cause.THROTTLED, Cause.FAILED}
    return dict.fromkeys(chunk, reply) if passes or len(chunk) == 1 else {}


def _answers(chunk: Iterable[Address], reply: Mapping[str, Any]) -> dict[Address, Answer]:
    held = {path_of(one.get("Name", "")): _held(one) for one in reply.get("Parameters", [])}
    invalid = {path_of(name).partition(":")[0] for name in reply.get("InvalidParameters", [])}
    log.debug("parameter_store: GetParameters: %d values, %d invalid", len(held), len(invalid))
    rest: dict[bool, Answer] = {True: Missing.PARAMETER, False: Trouble(Cause.UNSAID)}
    return {address: held.get(address.path, rest[address.path in invalid]) for address in chunk}


def _held(parameter: Mapping[str, Any]) -> Answer:
    """Return a parameter of an answer; trouble if it is no answer of Parameter Store's."""
    if not isinstance(parameter.get("Value"), str):
        return Trouble(Cause.STRANGER)
    kind, created = parameter.get("Type", "String"), parameter.get("LastModifiedDate")
    created = created and created.astimezone(UTC)  # botocore says it in the time zone of this machine
    return Held(parameter.get("Version", 0), kind, created, parameter["Value"])


def _without_selector(
    ssm: Connection[SSMClient], answers: Mapping[Address, Answer], deadline: Deadline
) -> dict[Address, Answer]:
    """Tell apart what AWS says the same of: a parameter that is not there, and one without the version or label."""
    doubtful = {
        address: replace(address, selector=None)
        for address, answer in answers.items()
        if answer is Missing.PARAMETER and address.selector is not None
    }
    if not doubtful:
        return {}
    latest = read(ssm, doubtful.values(), deadline)
    return {address: _told_apart(latest[bare]) for address, bare in doubtful.items()}


def _told_apart(latest: Answer) -> Answer:
    if isinstance(latest, Held):
        return Missing.VERSION
    return latest if latest is Missing.PARAMETER else Trouble(Cause.NOT_FOUND)
