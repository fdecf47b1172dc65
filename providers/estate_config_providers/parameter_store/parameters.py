"""AWS Parameter Store as a provider: addresses in, answers out; the calls are planned and made elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from estate_config.model import Deadline, Failed, Found, Key, Origin, Place, Status
from estate_config.payload import part_of
from estate_config_providers._aws.causes import Trouble, whole_trouble
from estate_config_providers._aws.connection import Connector
from estate_config_providers._aws.patience import before
from estate_config_providers.parameter_store.address import Address, address_of
from estate_config_providers.parameter_store.describing import describe, status_of
from estate_config_providers.parameter_store.failures import SERVICE
from estate_config_providers.parameter_store.options import ParameterStoreOptions
from estate_config_providers.parameter_store.reading import Answer, Held, Missing, read
from estate_config_providers.parameter_store.words import Words
from estate_config_providers.parameter_store.writing import write

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient

Told = Held | Failed | None
"""What is at an address, or why it cannot be said; None: nothing is."""


class Parameters:
    """The parameters of one account and region; addresses may name other accounts. Any thread may use it."""

    def __init__(self, options: ParameterStoreOptions) -> None:
        self._prefix = options.prefix
        self._words = Words(options.region, options.role_arn)
        self._connector: Connector[SSMClient] = Connector(options, SERVICE)

    def locate(self, key: Key) -> Place:
        address = address_of(key, self._prefix)
        if isinstance(address, Failed):
            return Place(key.address or self._prefix + key.name, address.fix, wrong=address.hint)
        return Place(address.text, self._words.put(address, secret=key.secret))

    def fetch(self, keys: Sequence[Key], deadline: Deadline) -> Mapping[Key, Found | Failed]:
        addresses, bad = self._addresses(keys)
        if not addresses:
            return bad
        answers = self._answers(addresses.values(), before(deadline))
        if isinstance(answers, Trouble):
            return bad | self._all_failed(answers, addresses, alone=not bad)
        found = {key: self._part(answers[address.whole], key, address) for key, address in addresses.items()}
        return bad | {key: answer for key, answer in found.items() if answer is not None}

    def probe(self, keys: Sequence[Key], deadline: Deadline) -> Mapping[Key, Status | Failed]:
        addresses, bad = self._addresses(keys)
        if not addresses:
            return bad
        until = before(deadline)
        ssm = self._connector.connected(until)
        if isinstance(ssm, Trouble):
            return bad | self._all_failed(ssm, addresses, alone=not bad)
        seen = describe(ssm, addresses.values(), until)
        whole = whole_trouble(seen.values())
        if whole is not None:
            return bad | self._all_failed(whole, addresses, alone=not bad)
        words = replace(self._words, region=ssm.region)
        statuses = {
            key: status_of(seen[address], address, words, secret=key.secret) for key, address in addresses.items()
        }
        return bad | {key: status for key, status in statuses.items() if status is not None}

    def put(self, values: Mapping[Key, str | bytes], deadline: Deadline) -> Mapping[Key, Failed]:
        addresses, bad = self._addresses(list(values))
        if not addresses:
            return bad
        until = before(deadline)
        ssm = self._connector.connected(until)
        if isinstance(ssm, Trouble):  # returned, not raised: there are values in this frame
            return bad | self._all_failed(ssm, addresses, alone=False)
        words = replace(self._words, region=ssm.region)
        return bad | write(ssm, {key: (address, values[key]) for key, address in addresses.items()}, words, until)

    def close(self) -> None:
        self._connector.close()

    def _addresses(self, keys: Sequence[Key]) -> tuple[dict[Key, Address], dict[Key, Failed]]:
        """Return where the keys are, and those that can be nowhere."""
        all_of = {key: address_of(key, self._prefix) for key in keys}
        good = {key: address for key, address in all_of.items() if isinstance(address, Address)}
        return good, {key: address for key, address in all_of.items() if isinstance(address, Failed)}

    def _all_failed(self, trouble: Trouble, addresses: Mapping[Key, Address], *, alone: bool) -> dict[Key, Failed]:
        """Return the trouble for each key; raise it where nothing else is to be said of any key."""
        if alone:
            raise self._words.error(trouble)
        return {key: self._words.failed(trouble, address) for key, address in addresses.items()}

    def _answers(self, addresses: Iterable[Address], deadline: Deadline) -> dict[Address, Told] | Trouble:
        """Return what is at each address, or the one trouble that is behind all of them."""
        ssm = self._connector.connected(deadline)
        if isinstance(ssm, Trouble):
            return ssm
        words = replace(self._words, region=ssm.region)
        wanted = {address.whole for address in addresses}
        elsewhere = {one for one in wanted if one.part("region") not in (None, ssm.region)}
        answers = read(ssm, wanted - elsewhere, deadline)
        whole = whole_trouble(answers.values())
        if whole is not None and not elsewhere:
            return whole
        told: dict[Address, Told] = {one: words.elsewhere(one, ssm.region) for one in elsewhere}
        return told | {one: _told(answer, one, words) for one, answer in answers.items()}

    def _part(self, held: Told, key: Key, address: Address) -> Found | Failed | None:
        """Return what a key asks for of a parameter; None: it is not there, or its JSON has no such member."""
        if not isinstance(held, Held):
            return held
        part = part_of(held.value, address.member, binary=False)
        if isinstance(part, Failed):
            return replace(part, fix=part.fix or self._words.put(address))
        if part is None:
            return None
        label = None if address.selector is None or address.selector.isdigit() else address.selector
        value = part.encode() if key.binary and isinstance(part, str) else part
        return Found(value, Origin("parameter_store", address.text, str(held.version), label, created_at=held.created))


def _told(answer: Answer, address: Address, words: Words) -> Told:
    if isinstance(answer, Trouble):
        return words.failed(answer, address)
    if answer is Missing.VERSION:
        return words.no_version(address)
    return answer if isinstance(answer, Held) else None
