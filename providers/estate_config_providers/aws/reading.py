"""Reading versions of secrets: batches and single reads at the same time, and what a batch would not give by itself."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from estate_config.model import Deadline
from estate_config.parallel import at_once
from estate_config_providers._aws.causes import WHOLE, Cause, Trouble
from estate_config_providers._aws.connection import Connection
from estate_config_providers._aws.patience import THREADS, patiently, spread
from estate_config_providers.aws.address import Address, same_secret
from estate_config_providers.aws.failures import trouble_in
from estate_config_providers.aws.plan import BATCH, plan

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_secretsmanager.type_defs import (
        BatchGetSecretValueResponseTypeDef,
        GetSecretValueResponseTypeDef,
    )

log = logging.getLogger("estate_config.aws")


@dataclass(frozen=True, slots=True)
class Held:
    """One version of a secret as AWS gave it."""

    arn: str
    name: str
    version: str | None
    stages: tuple[str, ...]
    created: datetime | None
    """When this version was made."""
    value: str | bytes = field(repr=False)
    degraded: str = ""
    """Why it is not home that gave it."""


Answers = dict[Address, Held | Trouble]


def read(aws: Connection[SecretsManagerClient], addresses: Iterable[Address], deadline: Deadline) -> Answers:
    """Return what AWS has at each address, members left aside; every address is answered."""
    calls = plan(addresses)
    parts: list[tuple[Address, ...]] = [*calls.batches, *((single,) for single in calls.singles)]
    done = at_once(lambda part: _part(aws, part, deadline), parts, deadline, THREADS)
    answers: Answers = {address: Trouble(Cause.LATE) for part in parts for address in part}
    for found in done.values():
        answers |= found
    again = [address for part, found in done.items() for address in part if address not in found]
    answers |= at_once(lambda address: _get_after_batch(aws, address, deadline), again, deadline, THREADS)
    return answers


def _part(aws: Connection[SecretsManagerClient], part: tuple[Address, ...], deadline: Deadline) -> Answers:
    """Return what one call answers. What is better asked for by itself is left out."""
    if len(part) == 1:
        return {part[0]: _get(aws, part[0], deadline)}
    pages = _pages(aws, [address.secret for address in part], deadline)
    if isinstance(pages, Trouble):
        if pages.cause in WHOLE:
            return dict.fromkeys(part, pages)
        # A policy without "Resource": "*", an SCP, an endpoint's policy that denies one member, the batch's own quota.
        log.warning("aws: BatchGetSecretValue of %d secrets: %s; they are read one by one", len(part), pages.cause.name)
        return {}
    held = [one for page in pages for value in page.get("SecretValues", []) if (one := _held(value)) is not None]
    errors = {error.get("SecretId", ""): trouble_in(error) for page in pages for error in page.get("Errors", [])}
    log.debug("aws: BatchGetSecretValue of %d secrets: %d values, %d errors", len(part), len(held), len(errors))
    if not held and not errors:
        return {}
    answers = {address: _match(address.secret, part, held, errors) for address in part}
    return {address: one for address, one in answers.items() if not _passes(one)}


def _passes(answer: Held | Trouble) -> bool:
    return isinstance(answer, Trouble) and answer.cause in {Cause.THROTTLED, Cause.FAILED}


def _pages(
    aws: Connection[SecretsManagerClient], ids: Sequence[str], deadline: Deadline
) -> list[BatchGetSecretValueResponseTypeDef] | Trouble:
    """Return the answers to one batch. AWS may give a token for more, also with no value yet."""
    pages: list[BatchGetSecretValueResponseTypeDef] = []
    token: dict[str, Any] = {}
    while len(pages) <= BATCH and deadline.remaining():  # a page for each value is more than enough
        page = aws.ask(lambda sm: sm.batch_get_secret_value(SecretIdList=ids, **token))  # noqa: B023 - called at once
        if isinstance(page, Trouble):
            return page
        pages.append(page)
        more = page.get("NextToken")
        if not more:
            return pages
        token = {"NextToken": more}
    return Trouble(Cause.LATE)


def _match(asked: str, part: Iterable[Address], held: Sequence[Held], errors: Mapping[str, Trouble]) -> Held | Trouble:
    """Return the answer to one id: AWS answers with ARN and name, whichever was asked for, and once where both were."""
    if asked in errors:
        return errors[asked]
    found = [one for one in held if same_secret(asked, one.arn, one.name)]
    if len(found) > 1:  # by name, while the secret of that name in another account was asked for by its ARN
        arns = {address.secret for address in part}
        found = [one for one in found if one.arn not in arns]
    if found:
        return found[0]
    related = (trouble for said, trouble in errors.items() if _same_id(asked, said))
    return next(related, Trouble(Cause.UNSAID))


def _same_id(asked: str, said: str) -> bool:
    """Whether an error is of this id, though AWS says its ARN where the name was asked for, or the other way round."""
    arns = [one for one in (asked, said) if one.startswith("arn:")]
    return len(arns) == 1 and Address(asked).name == Address(said).name


def _get_after_batch(aws: Connection[SecretsManagerClient], address: Address, deadline: Deadline) -> Held | Trouble:
    spread(deadline)
    return _get(aws, address, deadline)


def _get(aws: Connection[SecretsManagerClient], address: Address, deadline: Deadline) -> Held | Trouble:
    def call(sm: SecretsManagerClient) -> GetSecretValueResponseTypeDef:
        if address.version is not None:
            return sm.get_secret_value(SecretId=address.secret, VersionId=address.version)
        if address.stage is not None:
            return sm.get_secret_value(SecretId=address.secret, VersionStage=address.stage)
        return sm.get_secret_value(SecretId=address.secret)

    answer = patiently(lambda: aws.ask(call), lambda trouble: trouble.cause is Cause.THROTTLED, deadline)
    log.debug("aws: GetSecretValue of %s: %s", address.text, answer.cause.name if isinstance(answer, Trouble) else "ok")
    if isinstance(answer, Trouble):
        return answer
    held = _held(answer)
    if held is None:
        return Trouble(Cause.STRANGER)
    return held if held.value or address.is_current else Trouble(Cause.NOT_FOUND)  # a rotation may leave it empty


def _held(answer: Mapping[str, Any]) -> Held | None:
    """Return a secret of an answer; None if it is no answer of Secrets Manager's."""
    value = answer.get("SecretString", answer.get("SecretBinary"))
    if value is None or "ARN" not in answer or "Name" not in answer:
        return None
    stages, created = tuple(answer.get("VersionStages", ())), answer.get("CreatedDate")
    created = created and created.astimezone(UTC)  # botocore says it in the time zone of this machine
    return Held(answer["ARN"], answer["Name"], answer.get("VersionId"), stages, created, value)
