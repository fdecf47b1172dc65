"""AWS Secrets Manager as a provider: addresses in, answers out; the calls are planned and made elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from estate_config.errors import Code, ProviderError
from estate_config.model import DataKey, Deadline, Failed, Found, Key, Notice, Origin, Place, Policy, Status
from estate_config.parallel import at_once
from estate_config.payload import part_of
from estate_config_providers._aws.causes import Trouble
from estate_config_providers._aws.connection import Connection
from estate_config_providers._aws.patience import THREADS, before
from estate_config_providers.aws import mending
from estate_config_providers.aws.address import Address, address_of
from estate_config_providers.aws.answering import replies
from estate_config_providers.aws.data_keys import data_key
from estate_config_providers.aws.listening import Queue
from estate_config_providers.aws.looking import describe, failed
from estate_config_providers.aws.mending import Site
from estate_config_providers.aws.options import AwsOptions
from estate_config_providers.aws.policies import Policies
from estate_config_providers.aws.probing import status_of
from estate_config_providers.aws.reading import Held
from estate_config_providers.aws.regions import Regions, regions_of, whole
from estate_config_providers.aws.rotating import CURRENT, PENDING, PREVIOUS, Rotating
from estate_config_providers.aws.writing import write

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_secretsmanager.type_defs import DescribeSecretResponseTypeDef


class SecretsManager:
    """The secrets of one account; addresses may name other accounts. Any thread may use it."""

    current, pending, previous = CURRENT, PENDING, PREVIOUS

    def __init__(self, options: AwsOptions) -> None:
        self._options = options
        regions = regions_of(options)
        self._regions, self._home = Regions(regions), Regions(regions[:1])
        self._connector = regions[0].connector
        account = options.role_arn.split(":")[4] if options.role_arn else None
        self._site = Site(options.region, account, options.role_arn)
        self._policies = Policies(options)
        self._queue = None if options.events_queue_url is None else Queue(options, options.events_queue_url)

    def locate(self, key: Key) -> Place:
        address = address_of(key, self._options.prefix)
        if isinstance(address, Failed):
            return Place(key.address or self._options.prefix + key.name, address.fix, wrong=address.hint)
        return Place(address.text, mending.make(address, self._site), mending.put(address, self._site))

    def fetch(self, keys: Sequence[Key], deadline: Deadline) -> Mapping[Key, Found | Failed]:
        addresses, bad = self._addresses(keys)
        if not addresses:
            return bad
        answers: dict[Key, Found | Failed] = {**bad}
        read = replies(self._regions, addresses.values(), self._site, before(deadline))
        if isinstance(read, Trouble):
            return answers | self._all_failed(read, addresses, alone=not bad)
        for key, address in addresses.items():
            reply = read[address.whole]
            answer = self._part(reply, address, binary=key.binary) if isinstance(reply, Held) else reply
            if answer is not None:
                answers[key] = answer
        return answers

    def probe(self, keys: Sequence[Key], deadline: Deadline) -> Mapping[Key, Status | Failed]:
        addresses, bad = self._addresses(keys)
        if not addresses:
            return bad
        answers: dict[Key, Status | Failed] = {**bad}
        seen = self._regions.ask({address.whole for address in addresses.values()}, _described, before(deadline))
        if trouble := whole(seen):
            return answers | self._all_failed(trouble, addresses, alone=not bad)
        for key, address in addresses.items():
            look = seen[address.whole]
            status = status_of(look.answer, address, self._seen_from(look.aws))
            if isinstance(status, Status) and look.degraded:
                notice = Notice(Code.UNAVAILABLE, address.text, f"is told {look.degraded}", "wait until it is back")
                status = replace(status, notices=(*status.notices, notice))
            if status is not None:
                answers[key] = status
        return answers

    def put(self, values: Mapping[Key, str | bytes], deadline: Deadline) -> Mapping[Key, Failed]:
        addresses, bad = self._addresses(list(values))
        if not addresses:
            return bad
        until = before(deadline)
        aws = self._connector.connected(until)
        if isinstance(aws, Trouble):  # returned, never raised: there are values in this frame
            return bad | self._failed(aws, addresses)
        site = self._seen_from(aws)
        current = replies(self._home, addresses.values(), site, until)
        if isinstance(current, Trouble):
            return bad | self._failed(current, addresses)
        wanted = {key: (address, values[key]) for key, address in addresses.items()}
        return bad | write(aws, wanted, current, site, until)

    def put_pending(self, key: Key, value: str, version: str, deadline: Deadline) -> Failed | None:
        rotating = self._rotating(key, deadline)
        return rotating if isinstance(rotating, Failed) else rotating.put_pending(value, version)

    def make_current(self, key: Key, version: str, before: str, deadline: Deadline) -> Failed | None:
        rotating = self._rotating(key, deadline)
        return rotating if isinstance(rotating, Failed) else rotating.make_current(version, before)

    def policies(self, names: Sequence[str], deadline: Deadline) -> Mapping[str, Policy | Failed]:
        return self._policies.read(names, before(deadline))

    def changes(self, keys: Sequence[Key], deadline: Deadline) -> Mapping[Key, str | None] | None:
        if self._queue is None:
            return None
        return self._queue.changes(self._addresses(keys)[0], before(deadline))

    def data_key(self, name: str, context: Mapping[str, str], wrapped: bytes | None, deadline: Deadline) -> DataKey:
        return data_key(self._options, name, context, wrapped, before(deadline))

    def close(self) -> None:
        self._regions.close()
        self._policies.close()
        if self._queue is not None:
            self._queue.close()

    def _rotating(self, key: Key, deadline: Deadline) -> Rotating | Failed:
        address = address_of(replace(key, stage=None), self._options.prefix)
        if isinstance(address, Failed):
            return address
        until = before(deadline)
        aws = self._connector.connected(until)
        if isinstance(aws, Trouble):
            return failed(aws, address, self._site)
        return Rotating(aws, address.whole, self._seen_from(aws), until)

    def _addresses(self, keys: Sequence[Key]) -> tuple[dict[Key, Address], dict[Key, Failed]]:
        """Return where the keys are, and those that can be nowhere."""
        all_read = {key: address_of(key, self._options.prefix) for key in keys}
        good = {key: address for key, address in all_read.items() if isinstance(address, Address)}
        return good, {key: address for key, address in all_read.items() if isinstance(address, Failed)}

    def _seen_from(self, aws: Connection[SecretsManagerClient] | None) -> Site:
        return self._site if aws is None else replace(self._site, region=aws.region)

    def _part(self, held: Held, address: Address, *, binary: bool) -> Found | Failed | None:
        """Return what a key asks for of a secret; None: its JSON has no such member."""
        value = held.value.encode() if binary and isinstance(held.value, str) else held.value
        part = part_of(value, address.member, binary=binary)
        if isinstance(part, Failed):
            return replace(part, fix=part.fix or mending.put(address, self._site))
        if part is None:
            return None
        stage = address.stage or ("AWSCURRENT" if address.version is None else ", ".join(held.stages) or None)
        origin = Origin("aws", address.text, held.version, stage, created_at=held.created, degraded=held.degraded)
        return Found(part, origin)

    def _failed(self, trouble: Trouble, addresses: Mapping[Key, Address]) -> dict[Key, Failed]:
        return {key: failed(trouble, address, self._site) for key, address in addresses.items()}

    def _all_failed(self, trouble: Trouble, addresses: Mapping[Key, Address], *, alone: bool) -> dict[Key, Failed]:
        """Return the trouble for each key; raise it where nothing else is to be said of any key."""
        failures = self._failed(trouble, addresses)
        if not alone:
            return failures
        one = next(iter(failures.values()))
        raise ProviderError(one.code, one.hint, one.fix)


def _described(
    aws: Connection[SecretsManagerClient], addresses: Sequence[Address], deadline: Deadline
) -> Mapping[Address, DescribeSecretResponseTypeDef | Trouble]:
    return at_once(lambda address: describe(aws, address, deadline), addresses, deadline, THREADS)
