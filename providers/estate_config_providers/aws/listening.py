"""The queue that EventBridge puts changes into. Any number of processes may listen to it.

So nobody takes a message away: it is received without being hidden from the others, each process remembers which it has
had, and the queue's own retention ends it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any

from estate_config.errors import Code, ProviderError
from estate_config.model import Deadline, Key
from estate_config.parallel import at_once
from estate_config_providers._aws import mending
from estate_config_providers._aws.access import AwsAccess
from estate_config_providers._aws.causes import Cause, Trouble
from estate_config_providers._aws.connection import Connection, Connector
from estate_config_providers._aws.failures import Service
from estate_config_providers.aws.address import Address
from estate_config_providers.aws.events import Moved, Other, changed, event_in

log = logging.getLogger("estate_config.aws")

_LONGEST = 20
"""Seconds that SQS waits for a message at most, by the API's model."""
_MARGIN = 0.5
"""Seconds for the way back of an answer, so that a wait without a message is no timeout of the SDK's."""
_ROUND_TRIP = 1.0
"""Seconds in which no answer says nothing of the queue: there was too little time for one."""
_PAUSE = 0.5
"""Seconds from one question to the next at least: messages that are known keep SQS from waiting."""
_FORGET = 900.0
"""Seconds after which a message that was not seen again is forgotten: three times the longest retention we advise."""

C = Cause

SQS = Service(
    provider="aws",
    client="sqs",
    operations=frozenset({"ReceiveMessage"}),
    codes={
        # the names of the model, and those that the service says for the sake of older clients
        "QueueDoesNotExist": C.NOT_FOUND,
        "AWS.SimpleQueueService.NonExistentQueue": C.NOT_FOUND,
        "InvalidAddress": C.NOT_FOUND,
        "UnsupportedOperation": C.BAD_SETTING,
        "AWS.SimpleQueueService.UnsupportedOperation": C.BAD_SETTING,
        "InvalidSecurity": C.BAD_SETTING,
        "OverLimit": C.THROTTLED,
        "KmsThrottled": C.THROTTLED,
        "KMS.ThrottlingException": C.THROTTLED,
        "KmsAccessDenied": C.KMS,
        "KMS.AccessDeniedException": C.KMS,
        "KmsDisabled": C.KMS,
        "KMS.DisabledException": C.KMS,
        "KmsInvalidKeyUsage": C.KMS,
        "KMS.InvalidKeyUsageException": C.KMS,
        "KmsInvalidState": C.KMS,
        "KMS.InvalidStateException": C.KMS,
        "KmsNotFound": C.KMS,
        "KMS.NotFoundException": C.KMS,
        "KmsOptInRequired": C.KMS,
        "KMS.OptInRequired": C.KMS,
    },
    fixes={C.THROTTLED: "let fewer processes listen to this queue: make another one for the rest"},
)


class Queue:
    """One queue, listened to by one thread."""

    def __init__(self, access: AwsAccess, url: str) -> None:
        own = access.model_copy(update={"endpoint_url": None})  # that one is of Secrets Manager
        self._connector: Connector[Any] = Connector(own, SQS)
        self._role_arn = access.role_arn
        self._url = url
        self._seen: dict[str, float] = {}
        """When each message was last seen, by its id; monotonic."""

    def changes(self, addresses: Mapping[Key, Address], deadline: Deadline) -> dict[Key, str | None]:
        """Return the keys that a new message says are at another version; nothing where none comes in time."""
        while deadline.remaining():
            next_question = time.monotonic() + _PAUSE
            told = changed(self._new(self._receive(deadline)), addresses)
            if told:
                return told
            time.sleep(max(0.0, min(next_question - time.monotonic(), deadline.remaining())))
        return {}

    def close(self) -> None:
        self._connector.close()

    def _receive(self, deadline: Deadline) -> Sequence[Mapping[str, Any]]:
        """Return the messages that are there; without one, SQS is let wait for it."""
        patience = deadline.remaining()
        sqs = self._connector.connected(deadline)
        if isinstance(sqs, Trouble):
            if _is_hasty(sqs, patience, deadline):
                return ()
            raise self._error(sqs)
        wait = min(_LONGEST, max(0, int(min(sqs.seconds, deadline.remaining()) - _MARGIN)))
        done = at_once(lambda seconds: self._ask(sqs, seconds), [wait], deadline)
        answer = done.get(wait, Trouble(Cause.LATE))
        if isinstance(answer, Trouble):
            if _is_hasty(answer, patience, deadline):
                return ()
            raise self._error(answer, sqs.region)
        return answer

    def _ask(self, sqs: Connection[Any], seconds: int) -> Sequence[Mapping[str, Any]] | Trouble:
        def call(client: Any) -> Sequence[Mapping[str, Any]]:
            answer = client.receive_message(
                QueueUrl=self._url, MaxNumberOfMessages=10, VisibilityTimeout=0, WaitTimeSeconds=seconds
            )
            return list(answer.get("Messages", ()))

        return sqs.ask(call)

    def _new(self, messages: Sequence[Mapping[str, Any]]) -> list[Moved]:
        """Return what messages say that were not seen before."""
        now = time.monotonic()
        moves = []
        for message in messages:
            name = str(message.get("MessageId"))
            event = None if name in self._seen else event_in(str(message.get("Body")))
            self._seen[name] = now
            if isinstance(event, Moved):
                moves.append(event)
            elif event is Other.MALFORMED:
                log.warning("aws: message %s of the queue of events is no event: it is left alone", name)
        self._seen = {name: at for name, at in self._seen.items() if now - at < _FORGET}
        return moves

    def _error(self, trouble: Trouble, region: str = "*") -> ProviderError:
        hint = f"is told of no changes: its queue of events {trouble.cause.hint} {trouble.detail}".rstrip()
        *_, account, name = self._url.split("/")
        match trouble.cause:
            case Cause.DENIED:
                arn = f"arn:{mending.partition(region)}:sqs:{region}:{account}:{name}"
                return ProviderError(Code.DENIED, hint, mending.statement(["sqs:ReceiveMessage"], arn))
            case Cause.NOT_FOUND:
                hint = f"is told of no changes: there is no queue {name} in the account {account} in {region}"
                fix = "correct events_queue_url under [providers.aws]; `estate generate terraform` makes the queue"
                return ProviderError(Code.SCHEMA, hint, fix)
            case Cause.KMS:
                return ProviderError(Code.KMS, hint, mending.allow_key(SQS, region, account, None, "Decrypt"))
            case _:
                fix = mending.of_whole(trouble.cause, SQS, self._role_arn)
                return ProviderError(trouble.cause.code, hint, fix)


def _is_hasty(trouble: Trouble, patience: float, deadline: Deadline) -> bool:
    """Whether it is no trouble, but that somebody listened for a moment only, before a look was due."""
    is_over = patience < _ROUND_TRIP and not deadline.remaining()
    return is_over and trouble.cause in {Cause.LATE, Cause.NO_CREDENTIALS}
