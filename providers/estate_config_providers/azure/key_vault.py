"""Reading and writing Azure Key Vault. It has no batch read: each secret is read once, all at the same time."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from estate_config.errors import Code
from estate_config.model import Deadline, Failed, Found, Key, Origin, Place
from estate_config.parallel import at_once
from estate_config.payload import part_of, with_members
from estate_config_providers.azure.address import Address, address_of
from estate_config_providers.azure.connection import Connection
from estate_config_providers.azure.failures import failure, fix, is_absent, put
from estate_config_providers.azure.options import AzureOptions

if TYPE_CHECKING:
    from azure.keyvault.secrets import SecretClient

_CONNECT, _READ = 2.0, 5.0
"""Seconds to connect and to wait for an answer; never more than what is left of the deadline."""
_SHARE = 0.8
"""Of what is left: at the deadline nobody waits any more to hear what kept the vault from answering."""
_LIMIT = 25_600
"""Bytes of a value at most (learn.microsoft.com/azure/key-vault/secrets/about-secrets)."""


class KeyVault:
    """One Azure Key Vault."""

    def __init__(self, options: AzureOptions) -> None:
        self._options = options
        self._vault = (urlsplit(options.vault_url).hostname or "").partition(".")[0]
        self._connection: Connection | None = None
        self._lock = threading.Lock()

    def locate(self, key: Key) -> Place:
        address = address_of(key, self._options.prefix)
        if isinstance(address, Failed):
            return Place(key.address or key.name, address.fix, wrong=address.hint)
        return Place(f"{self._vault}: {address.text}", put(address, self._vault))

    def fetch(self, keys: Sequence[Key], deadline: Deadline) -> Mapping[Key, Found | Failed]:
        addresses = {key: address_of(key, self._options.prefix) for key in keys}
        wanted = dict.fromkeys(address.whole for address in addresses.values() if isinstance(address, Address))
        if not wanted:
            return {key: address for key, address in addresses.items() if isinstance(address, Failed)}
        client = self._client()
        read = at_once(lambda address: self._read(client, address, deadline), wanted, deadline)
        answers: dict[Key, Found | Failed] = {}
        for key, address in addresses.items():
            answer = address if isinstance(address, Failed) else self._part(read, address, key, deadline)
            if answer is not None:
                answers[key] = answer
        return answers

    def put(self, values: Mapping[Key, str | bytes], deadline: Deadline) -> Mapping[Key, Failed]:
        failed: dict[Key, Failed] = {}
        groups: dict[Address, dict[Key, tuple[str | None, str]]] = {}
        for key, value in values.items():
            address = address_of(key, self._options.prefix)
            text = part_of(value, None, binary=False)
            if isinstance(address, Failed):
                failed[key] = address
            elif address.version is not None:
                failed[key] = Failed(Code.MALFORMED, "names a version, and a version cannot be written")
            elif not isinstance(text, str):
                failed[key] = Failed(Code.MALFORMED, "is not text, and Key Vault holds nothing else")
            else:
                groups.setdefault(address.whole, {})[key] = (address.member, text)
        if groups:
            client = self._client()
            for address, group in groups.items():
                problem = self._write(client, address, set(group.values()), deadline)
                if problem is not None:
                    failed.update(dict.fromkeys(group, problem))
        return failed

    def close(self) -> None:
        with self._lock:
            connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _client(self) -> SecretClient:
        if self._options.client is not None:
            return cast("SecretClient", self._options.client)
        with self._lock:
            if self._connection is None:
                self._connection = Connection(self._options.vault_url)
            return self._connection.client

    def _part(
        self, read: Mapping[Address, Found | Failed | None], address: Address, key: Key, deadline: Deadline
    ) -> Found | Failed | None:
        """Return what a key asks for of its secret."""
        if address.whole not in read:
            hint = f"was not answered within {deadline.seconds:g} seconds"
            return Failed(Code.UNAVAILABLE, hint, fix(Code.UNAVAILABLE, address.name, self._vault))
        answer = read[address.whole]
        if not isinstance(answer, Found):
            return answer
        part = part_of(str(answer.value), address.member, binary=key.binary)
        origin = replace(answer.origin, place=f"{self._vault}: {address.text}")
        return Found(part, origin) if isinstance(part, (str, bytes)) else part

    def _read(self, client: SecretClient, address: Address, deadline: Deadline) -> Found | Failed | None:
        from azure.core.exceptions import AzureError

        try:
            secret = client.get_secret(address.name, address.version, **_limits(deadline))
        except (AzureError, ValueError) as error:
            if is_absent(error):
                return self._not_found(client, address, deadline)
            return failure(error, address.name, self._vault)
        stage, made = None if address.version else "newest", secret.properties
        origin = Origin("azure", address.text, made.version, stage, created_at=made.created_on)
        return Found(secret.value or "", origin)

    def _not_found(self, client: SecretClient, address: Address, deadline: Deadline) -> Failed | None:
        """Key Vault says the same of a secret that is not there, of one that was deleted, and of a missing version."""
        from azure.core.exceptions import AzureError

        name, vault = address.name, self._vault
        try:
            client.get_deleted_secret(name, **_limits(deadline))
        except (AzureError, ValueError) as error:
            if is_absent(error):
                missing = Failed(Code.NO_VALUE, "has no such version, or is not there at all", put(address, vault))
                return missing if address.version else None
            problem = failure(error, name, vault)
            if problem.code is Code.DENIED:
                hint = "is not there or was deleted, and this identity may not look which (deleted secrets: get)"
                return Failed(problem.code, hint, problem.fix)
            return problem
        return Failed(Code.DELETED, "is deleted and can be recovered", fix(Code.DELETED, name, vault))

    def _write(
        self, client: SecretClient, address: Address, given: set[tuple[str | None, str]], deadline: Deadline
    ) -> Failed | None:
        """Write one secret: its text, or members into the JSON that is there. None: done, or nothing to do."""
        from azure.core.exceptions import AzureError

        current = self._read(client, address, deadline)
        if isinstance(current, Failed):
            return current
        before = str(current.value) if current is not None else None
        parts = dict(given)
        if len(parts) < len(given) or (None in parts and len(parts) > 1):
            return Failed(Code.MALFORMED, "is given two values at once", "let the fields have different addresses")
        text = parts[None] if None in parts else with_members(before, {str(name): part for name, part in parts.items()})
        if isinstance(text, Failed) or text == before:
            return text if isinstance(text, Failed) else None
        size = len(text.encode())
        if size > _LIMIT:
            return Failed(Code.MALFORMED, f"would be {size:,} bytes, and Key Vault takes {_LIMIT:,} at most")
        try:
            client.set_secret(address.name, text, **_limits(deadline))
        except (AzureError, ValueError) as error:
            return failure(error, address.name, self._vault)
        return None


def _limits(deadline: Deadline) -> dict[str, Any]:
    left = max(deadline.remaining() * _SHARE, 0.05)
    return {
        "connection_timeout": min(_CONNECT, left),
        "read_timeout": min(_READ, left),
        "timeout": left,
        "retry_total": 2,
        "retry_backoff_factor": 0.2,
    }
