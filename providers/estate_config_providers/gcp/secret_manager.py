"""Reading and writing Google Secret Manager. It has no batch read: each version is read once, all at the same time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from estate_config.errors import Code, ProviderError
from estate_config.model import Deadline, Failed, Found, Key, Origin, Place, Status
from estate_config.parallel import at_once
from estate_config.payload import part_of, with_members
from estate_config_providers.gcp.address import Address, address_of
from estate_config_providers.gcp.calls import retry, seconds
from estate_config_providers.gcp.failures import failure, late, make, not_installed, put
from estate_config_providers.gcp.metadata import look, not_found
from estate_config_providers.gcp.options import GcpOptions

if TYPE_CHECKING:
    from google.cloud.secretmanager_v1 import SecretManagerServiceClient

T = TypeVar("T")

_LIMIT = 65_536
"""Bytes of a payload at most (cloud.google.com/secret-manager/quotas)."""


class SecretManager:
    """Google Secret Manager of one project; addresses may name others."""

    def __init__(self, options: GcpOptions) -> None:
        self._options = options
        self._client: SecretManagerServiceClient | None = options.client
        self._lock = threading.Lock()

    def locate(self, key: Key) -> Place:
        address = address_of(key, self._options)
        if isinstance(address, Failed):
            return Place(key.address or key.name, address.fix, wrong=address.hint)
        return Place(address.text, make(address), put(address))

    def fetch(self, keys: Sequence[Key], deadline: Deadline) -> Mapping[Key, Found | Failed]:
        addresses = {key: address_of(key, self._options) for key in keys}
        read = self._each(addresses.values(), self._read, deadline)
        answers = {
            key: address if isinstance(address, Failed) else _part(read[address.whole], address, binary=key.binary)
            for key, address in addresses.items()
        }
        return {key: answer for key, answer in answers.items() if answer is not None}

    def probe(self, keys: Sequence[Key], deadline: Deadline) -> Mapping[Key, Status | Failed]:
        """A member of a JSON secret stands as its secret does: what is in it, only its value tells."""
        addresses = {key: address_of(key, self._options) for key in keys}
        seen = self._each(addresses.values(), look, deadline)
        answers: dict[Key, Status | Failed] = {}
        for key, address in addresses.items():
            status = address if isinstance(address, Failed) else _mended(seen[address.whole], address)
            if isinstance(status, Status) and isinstance(address, Address):
                status = replace(status, place=address.text)
            if status is not None:
                answers[key] = status
        return answers

    def put(self, values: Mapping[Key, str | bytes], deadline: Deadline) -> Mapping[Key, Failed]:
        failed: dict[Key, Failed] = {}
        groups: dict[Address, dict[Key, str | bytes]] = {}
        for key, value in values.items():
            address = address_of(key, self._options)
            if isinstance(address, Failed):
                failed[key] = address
            elif address.version != "latest":
                failed[key] = Failed(Code.MALFORMED, "names a version, and a version cannot be written")
            else:
                groups.setdefault(address.whole, {})[key] = value
        if groups:
            client = self._connected()
            for address, group in groups.items():
                problem = self._write(client, address, group, deadline)
                if problem is not None:
                    failed.update(dict.fromkeys(group, problem))
        return failed

    def close(self) -> None:
        with self._lock:
            client, self._client = self._client, self._options.client
        if client is not None and client is not self._options.client:
            client.transport.close()  # type: ignore[no-untyped-call]  # the library types its client, not its transport

    def _connected(self) -> SecretManagerServiceClient:
        with self._lock:
            if self._client is None:
                self._client = _connect(self._options)
            return self._client

    def _each(
        self,
        addresses: Iterable[Address | Failed],
        work: Callable[[SecretManagerServiceClient, Address, Deadline], T],
        deadline: Deadline,
    ) -> dict[Address, T | Failed]:
        """Do the same for every secret once, all at the same time; what is not done by the deadline has failed."""
        wanted = dict.fromkeys(address.whole for address in addresses if isinstance(address, Address))
        if not wanted:
            return {}
        client = self._connected()
        done = at_once(lambda address: work(client, address, deadline), wanted, deadline)
        return {address: done[address] if address in done else late(address, deadline) for address in wanted}

    @staticmethod
    def _read(client: SecretManagerServiceClient, address: Address, deadline: Deadline) -> Found | Failed | None:
        from google.api_core.exceptions import GoogleAPIError, NotFound
        from google.auth.exceptions import GoogleAuthError

        try:
            answer = client.access_secret_version(
                name=address.resource, timeout=seconds(deadline), retry=retry(deadline)
            )
        except NotFound:
            return not_found(client, address, deadline)
        except (GoogleAPIError, GoogleAuthError) as error:
            return failure(error, address)
        version = answer.name.rsplit("/", 1)[-1]
        stage = "latest" if address.version == "latest" else None
        return Found(answer.payload.data, Origin("gcp", address.text, version, stage))

    def _write(
        self, client: SecretManagerServiceClient, address: Address, group: Mapping[Key, str | bytes], deadline: Deadline
    ) -> Failed | None:
        from google.api_core.exceptions import AlreadyExists, GoogleAPIError
        from google.auth.exceptions import GoogleAuthError
        from google.cloud.secretmanager_v1 import SecretPayload

        current = self._read(client, address, deadline)
        if isinstance(current, Failed) and current.code is not Code.NO_VALUE:
            return current
        payload = _payload(group, self._options, current if isinstance(current, Found) else None)
        if isinstance(payload, Failed):
            return payload
        if isinstance(current, Found) and payload == current.value:
            return None
        if len(payload) > _LIMIT:
            return Failed(Code.MALFORMED, f"would be {len(payload):,} bytes, and Google takes {_LIMIT:,} at most")
        try:
            if current is None:
                _create(client, address, deadline, AlreadyExists)
            client.add_secret_version(
                parent=address.parent, payload=SecretPayload(data=payload), timeout=seconds(deadline), retry=None
            )
        except (GoogleAPIError, GoogleAuthError) as error:
            return failure(error, address)
        return None


def _connect(options: GcpOptions) -> SecretManagerServiceClient:
    try:
        from google.auth.exceptions import GoogleAuthError
        from google.cloud.secretmanager_v1 import SecretManagerServiceClient
    except ModuleNotFoundError:
        raise not_installed() from None
    try:
        return SecretManagerServiceClient(
            client_options={"api_endpoint": options.endpoint} if options.endpoint else None
        )
    except GoogleAuthError:
        pass
    raise ProviderError(
        Code.CREDENTIALS, "has no Google credentials to call with", "gcloud auth application-default login"
    )


def _create(client: SecretManagerServiceClient, address: Address, deadline: Deadline, exists: type[Exception]) -> None:
    import contextlib

    from google.cloud.secretmanager_v1 import Replication, Secret

    with contextlib.suppress(exists):  # somebody else was quicker, or it had no version
        client.create_secret(
            parent=f"projects/{address.project}",
            secret_id=address.secret,
            secret=Secret(replication=Replication(automatic=Replication.Automatic())),
            timeout=seconds(deadline),
            retry=None,
        )


def _part(answer: Found | Failed | None, address: Address, *, binary: bool) -> Found | Failed | None:
    """Return what a key asks for of its secret."""
    if not isinstance(answer, Found) or not isinstance(answer.value, bytes):
        return _mended(answer, address)
    part = part_of(answer.value, address.member, binary=binary)
    origin = replace(answer.origin, place=address.text)
    return Found(part, origin) if isinstance(part, (str, bytes)) else part


def _mended(answer: T | Failed, address: Address) -> T | Failed:
    """Return what is said of a secret, as it is mended for one member of it."""
    if isinstance(answer, Failed) and answer.code is Code.NO_VALUE:
        return replace(answer, fix=put(address))
    return answer


def _payload(group: Mapping[Key, str | bytes], options: GcpOptions, current: Found | None) -> bytes | Failed:
    """Return what to store: the one value, or the members written into the JSON that is there."""
    parts: dict[str | None, bytes] = {}
    for key, value in group.items():
        address = address_of(key, options)
        member = address.member if isinstance(address, Address) else None
        raw = value.encode() if isinstance(value, str) else value
        if parts.setdefault(member, raw) != raw or (None in parts and len(parts) > 1):
            return Failed(Code.MALFORMED, "is given two values at once", "let the fields have different addresses")
    if None in parts:
        return parts[None]
    members: dict[str, str] = {}
    for name, part in parts.items():
        text = part_of(part, None, binary=False)
        if not isinstance(text, str):
            return Failed(Code.MALFORMED, "is not text, and a member of JSON is nothing else")
        members[str(name)] = text
    before = part_of(current.value, None, binary=False) if current and isinstance(current.value, bytes) else None
    merged = before if isinstance(before, Failed) else with_members(None if before is None else str(before), members)
    return merged if isinstance(merged, Failed) else merged.encode()
