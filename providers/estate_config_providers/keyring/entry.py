"""From a key to a service and a username, by which every key store names a password."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from estate_config.errors import Code
from estate_config.model import Failed, Key
from estate_config_providers.keyring.options import KeyringOptions


@dataclass(frozen=True, slots=True)
class Entry:
    """One password of a key store."""

    service: str
    username: str

    @property
    def text(self) -> str:
        return f"{self.service}/{self.username}"

    @property
    def put(self) -> str:
        """The command that asks for the password and stores it."""
        return shlex.join(["keyring", "set", self.service, self.username])


def entry_of(key: Key, options: KeyringOptions) -> Entry | Failed:
    """Return where a key is: derived, or `service/username` as given; the first `/` is what parts them."""
    if key.address is None:
        return Entry(options.service, options.prefix + key.name)
    service, _, username = key.address.partition("/")
    if service and username:
        return Entry(service, username)
    return Failed(Code.SCHEMA, f"has the address {key.address!r}", 'write it as keyring="service/username"')


def key_entry(name: str, context: Mapping[str, str], options: KeyringOptions) -> Entry:
    """Return where the key of a file is: each service and environment has one of its own."""
    return Entry(options.service, f"{name}/{context['environment']}/{context['service']}")
