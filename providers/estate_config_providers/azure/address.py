"""From a key to the name and version of a secret in a vault."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from estate_config.errors import Code
from estate_config.model import Failed, Key
from estate_config.payload import split_member

_NAME = re.compile(r"[0-9A-Za-z-]{1,127}")
"""A secret's name: letters, digits and `-`, 127 at most
(learn.microsoft.com/azure/key-vault/general/about-keys-secrets-certificates)."""
_VERSION = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Address:
    """One version of one secret, None the newest, and the member of its JSON."""

    name: str
    version: str | None = None
    member: str | None = None

    @property
    def whole(self) -> Address:
        """The secret's version without a member: what is read once."""
        return replace(self, member=None)

    @property
    def text(self) -> str:
        version = "" if self.version is None else f"/{self.version}"
        return self.name + version + ("" if self.member is None else f"#{self.member}")


def address_of(key: Key, prefix: str) -> Address | Failed:
    """Return where a key is: derived, `database/url` → prefix + `database-url`; or given: `NAME[/VERSION][#MEMBER]`."""
    if key.address is None:
        place, member = prefix + re.sub(r"[^0-9A-Za-z-]", "-", key.name), None
    else:
        place, member = split_member(key.address)
    name, slash, version = place.partition("/")
    if not _NAME.fullmatch(name) or (slash and not _VERSION.fullmatch(version)):
        return Failed(
            Code.MALFORMED,
            f"{place!r} is no name of a secret in a key vault",
            "use letters, digits and -, 127 at most; a version is 32 hexadecimal digits after a slash",
        )
    if member == "":
        return Failed(Code.MALFORMED, f"{key.address!r} names no member after its #", "write NAME#password, say")
    return Address(name, version or None, member)
