"""From a key to the resource name of a secret's version."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from estate_config.errors import Code
from estate_config.model import Failed, Key
from estate_config.payload import split_member
from estate_config_providers.gcp.options import GcpOptions

_PLACE = re.compile(r"(?:projects/([^/]+)/secrets/)?([A-Za-z0-9_-]{1,255})(?:/versions/([A-Za-z0-9_-]+))?")
"""A secret's id: letters, digits, `-` and `_`, 255 at most (cloud.google.com/secret-manager/docs/reference/rest). A
version is a number or an alias, of the same characters."""


@dataclass(frozen=True, slots=True)
class Address:
    """One version of one secret, and the member of its JSON."""

    project: str
    secret: str
    version: str
    member: str | None = None

    @property
    def parent(self) -> str:
        return f"projects/{self.project}/secrets/{self.secret}"

    @property
    def resource(self) -> str:
        return f"{self.parent}/versions/{self.version}"

    @property
    def whole(self) -> Address:
        """The secret's version without a member: what is read once."""
        return replace(self, member=None)

    @property
    def text(self) -> str:
        """The address as a person writes it in a schema."""
        version = "" if self.version == "latest" else f"/versions/{self.version}"
        member = "" if self.member is None else f"#{self.member}"
        return f"{self.parent}{version}{member}"


def address_of(key: Key, options: GcpOptions) -> Address | Failed:
    """Return where a key is: derived (`database/url` → prefix + `database_url`), or as given.

    Given addresses: `NAME`, `NAME/versions/3`, `projects/P/secrets/NAME[/versions/3]`, each with `#member`.
    """
    if key.address is None:
        place, member = options.prefix + re.sub(r"[^A-Za-z0-9_-]", "_", key.name), None
    else:
        place, member = split_member(key.address)
    found = _PLACE.fullmatch(place)
    if found is None:
        fix = "use letters, digits, - and _, 255 at most; a version is a number or an alias after /versions/"
        return Failed(Code.MALFORMED, f"{place!r} is no name of a secret", fix)
    if member == "":
        return Failed(Code.MALFORMED, f"{key.address!r} names no member after its #", "write NAME#password, say")
    return Address(found[1] or options.project, found[2], found[3] or "latest", member)
