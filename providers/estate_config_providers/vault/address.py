"""From a key to a secret of the server: its mount, its path, its version, and the member of it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from estate_config.errors import Code
from estate_config.model import Failed, Key
from estate_config.payload import split_member
from estate_config.suggest import did_you_mean
from estate_config_providers.vault.options import Engine, VaultOptions

MEMBER = "value"
"""The member that is meant where none is named."""
WHOLE = "*"
"""In the place of a member: the whole secret, as one JSON object."""

_GIVEN = re.compile(r"(?:(?P<mount>[^:]*):)?(?P<path>[^?]*)(?P<query>\?.*)?", re.DOTALL)
_QUERY = re.compile(r"\?version=([1-9][0-9]{0,9})")


@dataclass(frozen=True, slots=True)
class Secret:
    """What one read gives: all members of one version."""

    mount: str
    engine: Engine
    path: str
    version: int | None = None
    """None: the newest."""

    @property
    def text(self) -> str:
        version = "" if self.version is None else f"?version={self.version}"
        return f"{self.mount}:{self.path}{version}"

    @property
    def makes_leases(self) -> bool:
        """Whether each read makes credentials of its own, with a lease; those of `static-creds` are there already."""
        return self.engine is Engine.DATABASE and self.path.startswith("creds/")

    @property
    def policy_path(self) -> str:
        """The path that a policy has to allow for reading it."""
        return f"{self.mount}/data/{self.path}" if self.engine is Engine.KV2 else f"{self.mount}/{self.path}"


@dataclass(frozen=True, slots=True)
class Address:
    """One member of one secret."""

    secret: Secret
    member: str

    @property
    def text(self) -> str:
        """The address as a person writes it in a schema."""
        return f"{self.secret.text}#{self.member}"


def address_of(key: Key, options: VaultOptions) -> Address | Failed:
    """Return where a key is: derived (`database/url` → prefix + `database/url`, member `value`), or as given.

    Given addresses: `[MOUNT:]PATH[?version=N][#MEMBER]`.
    """
    if key.address is None:
        return _address(options.mount, options.engine, options.prefix + key.name, None, MEMBER)
    place, member = split_member(key.address)
    if member == "":
        return _wrong(f"{key.address!r} names no member after #", f'write "{place}#{MEMBER}", say')
    given = _GIVEN.fullmatch(place)
    mount, path, query = given.group("mount", "path", "query") if given else (None, place, None)
    if mount is None:
        mount = options.mount
    engine = options.engine_of(mount)
    if engine is None:
        known = [options.mount, *options.mounts]
        message = f"{key.address!r} names a mount that estate.toml does not know{did_you_mean(mount, known)}"
        return _wrong(message, f'[providers.vault.mounts]\n"{mount}" = "kv-v2"   # or kv-v1, database')
    version = _QUERY.fullmatch(query) if query else None
    if query and (version is None or engine is not Engine.KV2):
        message = f"{key.address!r} asks for {query!r}, and only ?version=N is known, on mounts of kv-v2"
        return _wrong(message, f'write "{path}?version=3#{MEMBER}", or leave it out for the newest version')
    return _address(mount, engine, path, int(version[1]) if version else None, member or MEMBER)


def _address(mount: str, engine: Engine, path: str, version: int | None, member: str) -> Address | Failed:
    # The parts . and .. are taken out of a URL on its way, which then leads to another secret than the one reported.
    if not path.isprintable() or any(part in {"", ".", ".."} for part in path.split("/")):
        return _wrong(f"{path!r} is no path of a secret", "write parts between single slashes, none of them . or ..")
    return Address(Secret(mount, engine, path, version), member)


def _wrong(message: str, fix: str) -> Failed:
    return Failed(Code.MALFORMED, message, fix)
