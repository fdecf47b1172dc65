"""Reading and writing Google Secret Manager. It has no batch read: each version is read once, all at the same time."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from estate_config.errors import Code, ProviderError
from estate_config.model import Deadline, Failed, Found, Key, Origin, Place
from estate_config.parallel import at_once
from estate_config.payload import part_of, with_members
from estate_config_providers.gcp.address import Address, address_of
from estate_config_providers.gcp.failures import failure, fix, not_installed
from estate_config_providers.gcp.options import GcpOptions

if TYPE_CHECKING:
    from google.cloud.secretmanager_v1 import SecretManagerServiceClient

_CALL = 5.0
"""Seconds that one call may take; never more than what is left of the deadline."""
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
            return Place(key.address or key.name, address.fix)
        put = fix(Code.NO_VALUE, address)
        create = f"gcloud secrets create {address.secret} --project={address.project} --data-file=-"
        return Place(address.text, f"{create}   (it is not there yet)\n{put}   (it is there)")

    def fetch(self, keys: Sequence[Key], deadline: Deadline) -> Mapping[Key, Found | Failed]:
        addresses = {key: address_of(key, self._options) for key in keys}
        wanted = {replace(a, member=None) for a in addresses.values() if isinstance(a, Address)}
        if not wanted:
            return {key: a for key, a in addresses.items() if isinstance(a, Failed)}
        client = self._connected()
        read = at_once(lambda address: self._read(client, address, deadline), wanted, deadline)
        late = Failed(Code.UNAVAILABLE, f"was not answered within {deadline.seconds:g} seconds")
        answers: dict[Key, Found | Failed] = {}
        for key, address in addresses.items():
            if isinstance(address, Failed):
                answers[key] = address
                continue
            answer = read.get(replace(address, member=None), late)
            if isinstance(answer, Found) and isinstance(answer.value, bytes):
                part = part_of(answer.value, address.member, binary=key.binary)
                origin = replace(answer.origin, place=address.text)
                answer = Found(part, origin) if isinstance(part, (str, bytes)) else part
            if answer is not None:
                answers[key] = answer
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
                groups.setdefault(replace(address, member=None), {})[key] = value
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

    def _read(self, client: SecretManagerServiceClient, address: Address, deadline: Deadline) -> Found | Failed | None:
        from google.api_core.exceptions import GoogleAPIError, NotFound
        from google.auth.exceptions import GoogleAuthError

        try:
            answer = client.access_secret_version(
                name=address.resource, timeout=_seconds(deadline), retry=_retry(deadline)
            )
        except NotFound:
            return self._not_found(client, address, deadline)
        except (GoogleAPIError, GoogleAuthError) as error:
            return failure(error, address)
        version = answer.name.rsplit("/", 1)[-1]
        stage = "latest" if address.version == "latest" else None
        return Found(answer.payload.data, Origin("gcp", address.text, version, stage))

    def _not_found(self, client: SecretManagerServiceClient, address: Address, deadline: Deadline) -> Failed | None:
        """Google says NOT_FOUND of a secret that is not there, and of one without the version: tell them apart."""
        from google.api_core.exceptions import GoogleAPIError, NotFound
        from google.auth.exceptions import GoogleAuthError

        put = fix(Code.NO_VALUE, address)
        try:
            client.get_secret(name=address.parent, timeout=_seconds(deadline), retry=None)
        except NotFound:
            return None
        except (GoogleAPIError, GoogleAuthError):
            return Failed(
                Code.NO_VALUE,
                "does not exist, or has no such version (this identity may not look which: secretmanager.secrets.get)",
                put,
            )
        return Failed(Code.NO_VALUE, "exists and has no such version", put)

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
                parent=address.parent, payload=SecretPayload(data=payload), timeout=_seconds(deadline), retry=None
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
            timeout=_seconds(deadline),
            retry=None,
        )


def _payload(group: Mapping[Key, str | bytes], options: GcpOptions, current: Found | None) -> bytes | Failed:
    """Return what to store: the one value, or the members written into the JSON that is there."""
    members: dict[str, str] = {}
    for key, value in group.items():
        address = address_of(key, options)
        if isinstance(address, Address) and address.member is not None:
            members[address.member] = value if isinstance(value, str) else value.decode()
        else:
            return value.encode() if isinstance(value, str) else value
    text = part_of(current.value, None, binary=False) if current and isinstance(current.value, bytes) else None
    merged = text if isinstance(text, Failed) else with_members(str(text) if text is not None else None, members)
    return merged if isinstance(merged, Failed) else merged.encode()


def _seconds(deadline: Deadline) -> float:
    return min(_CALL, max(deadline.remaining(), 0.05))


def _retry(deadline: Deadline) -> Any:
    from google.api_core import exceptions
    from google.api_core.retry import Retry, if_exception_type

    transient = if_exception_type(
        exceptions.ServiceUnavailable, exceptions.ResourceExhausted, exceptions.InternalServerError
    )
    return Retry(predicate=transient, initial=0.1, maximum=2.0, timeout=min(_CALL, deadline.remaining()))
