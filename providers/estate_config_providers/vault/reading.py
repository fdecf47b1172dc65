"""What one read of each engine gives, and what the server says where it gives nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from estate_config.errors import Code
from estate_config.model import Failed
from estate_config.redaction import Hidden
from estate_config_providers.vault.address import WHOLE, Secret
from estate_config_providers.vault.failures import NOT_VAULT, Trouble, filled
from estate_config_providers.vault.options import Engine

if TYPE_CHECKING:
    from estate_config_providers.vault.connection import Call, Reply


@dataclass(frozen=True, slots=True)
class Lease:
    """How long the server keeps what it made for one read: a user of a database, say."""

    id: str
    seconds: int
    renewable: bool
    token: Hidden[str]
    """The one that it was made by, and dies with."""


@dataclass(frozen=True, slots=True)
class Content:
    """All members of one version of a secret."""

    members: Mapping[str, object] = field(repr=False)
    version: str | None = None
    stage: str | None = None
    lease: Lease | None = None
    created_at: datetime | None = None


class _Digits(str):
    """A number as it was written."""

    __slots__ = ()


def document_of(reply: Reply) -> Hidden[dict[str, Any]] | Trouble:
    """Return the JSON object of an answer, its numbers as they were written, or that it has none."""
    try:
        document = json.loads(reply.body, parse_int=_Digits, parse_float=_Digits)
    except (ValueError, RecursionError):
        return NOT_VAULT
    return Hidden(document) if isinstance(document, dict) else NOT_VAULT


def plain(value: Any) -> Any:
    """Return a part of such an object as JSON has it, numbers as numbers."""
    if isinstance(value, _Digits):
        return json.loads(value)
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items()}
    return [plain(part) for part in value] if isinstance(value, list) else value


def read_call(secret: Secret) -> Call:
    """Return the call that reads a secret."""
    if secret.engine is Engine.KV2:
        return lambda hvac: hvac.secrets.kv.v2.read_secret_version(
            secret.path, secret.version, mount_point=secret.mount, raise_on_deleted_version=True
        )
    # KV 1 and the database engine alike: `vault read MOUNT/PATH`.
    return lambda hvac: hvac.secrets.kv.v1.read_secret(secret.path, mount_point=secret.mount)


def content_of(secret: Secret, reply: Reply) -> Content | Failed | Trouble | None:
    """Return what an answer to a read holds; None: the server says that there is nothing."""
    document = document_of(reply)
    if isinstance(document, Trouble):
        return document
    if reply.is_not_found:
        return nothing(secret, document.reveal())
    return _content(secret, document, reply.token)


def _content(secret: Secret, document: Hidden[dict[str, Any]], token: Hidden[str]) -> Content | Trouble:
    whole = document.reveal()
    data = whole.get("data")
    if secret.engine is not Engine.KV2:
        lease = None
        if whole.get("lease_id"):
            lease = Lease(str(whole["lease_id"]), lease_seconds(whole), bool(whole.get("renewable")), token)
        version, stage = (lease.id, f"lease of {lease.seconds} s") if lease else (None, None)
        return Content(data, version, stage, lease) if isinstance(data, dict) else NOT_VAULT
    members = data.get("data") if isinstance(data, dict) else None
    metadata = data.get("metadata") if isinstance(data, dict) else None
    if not isinstance(members, dict) or not isinstance(metadata, dict):
        return NOT_VAULT
    stage = "latest" if secret.version is None else None
    return Content(members, str(metadata.get("version")), stage, created_at=time_of(metadata.get("created_time")))


def time_of(text: object) -> datetime | None:
    """Return a time as Go writes it, `2026-11-25T11:10:31.697415836Z`; None for "" and for what is none."""
    try:
        return datetime.fromisoformat(str(text))
    except ValueError:
        return None


def lease_seconds(document: Mapping[str, Any]) -> int:
    """Return for how long a lease was made or renewed."""
    return int(float(document.get("lease_duration") or 0))


def nothing(secret: Secret, document: Mapping[str, Any]) -> Failed | None:
    """A 404 says many things: nothing is there, it was deleted, the mount is another one than we think."""
    data = document.get("data")
    metadata = data.get("metadata") if isinstance(data, dict) else None
    if isinstance(metadata, dict):
        return gone(secret, str(metadata.get("version")), destroyed=bool(metadata.get("destroyed")))
    if document.get("errors") or document.get("warnings"):  # there are none where it is only the path
        hint = "is on a mount that is not there, or of another engine than estate.toml says"
        fix = "vault secrets list   # then correct mount, kv_version, mounts or namespace in [providers.vault]"
        return Failed(Code.MALFORMED, hint, fix)
    if secret.version is not None:  # who asks for one version does not want what the next provider has
        fix = filled("vault kv metadata get -mount={mount} {path}   # shows its versions", secret)
        return Failed(Code.NO_VALUE, "does not exist, or has no such version", fix)
    return None


def gone(secret: Secret, version: str, *, destroyed: bool) -> Failed:
    """Return that a version of a secret of KV 2 is deleted; or destroyed: who knows the member, adds the fix."""
    if destroyed:
        return Failed(Code.NO_VALUE, f"has version {version} destroyed, for good")
    fix = filled(f"vault kv undelete -mount={{mount}} -versions={version} {{path}}", secret)
    return Failed(Code.DELETED, f"has version {version} deleted, and it can be brought back", fix)


def member_of(content: Content, member: str) -> str | Failed | None:
    """Return one member as text, None if there is no such one. Text stays text, a number keeps its digits."""
    if member == WHOLE:
        return json.dumps(plain(dict(content.members)), ensure_ascii=False)
    if member not in content.members:
        return None
    value = content.members[member]
    if value is None:
        return Failed(Code.NO_VALUE, f"has the member {member!r}, but it is null")
    return str(value) if isinstance(value, str) else json.dumps(plain(value), ensure_ascii=False)


def engine_call(mount: str) -> Call:
    """Return the call that asks what is mounted there: every token with any right on the mount may."""
    return lambda hvac: hvac.adapter.get(f"/v1/sys/internal/ui/mounts/{mount}")


def wrong_engine(secret: Secret, reply: Reply) -> Failed | None:
    """Return that the mount is of another engine than estate.toml says: there, what is looked for is never found."""
    document = document_of(reply)
    data = None if isinstance(document, Trouble) else document.reveal().get("data")
    if reply.is_not_found or not isinstance(data, dict):
        return None
    kind = data.get("type")
    if kind in {"kv", "generic"}:
        kind = "kv-v2" if (data.get("options") or {}).get("version") == "2" else "kv-v1"
    if kind == secret.engine:
        return None
    hint = f"is on the mount {secret.mount!r}, which is {kind} and not {secret.engine}"
    return Failed(Code.MALFORMED, hint, f'correct kv_version, or "{secret.mount}" in [providers.vault.mounts]')
