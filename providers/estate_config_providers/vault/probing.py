"""What a secret's metadata tells, and whether its value may be read: without reading it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from estate_config.errors import Code
from estate_config.model import Deadline, Failed, Status
from estate_config_providers.vault.address import Secret
from estate_config_providers.vault.failures import NOT_VAULT, Trouble, filled
from estate_config_providers.vault.options import Engine
from estate_config_providers.vault.reading import document_of, gone, nothing, time_of
from estate_config_providers.vault.session import Session

_METADATA = 'path "{mount}/metadata/{path}" { capabilities = ["read"] }   # in a policy of the token'
_FOLDER = 'path "{mount}/…" { capabilities = ["list"] }   # the folder of {path}, in a policy of the token'


def readable(session: Session, secrets: Iterable[Secret], deadline: Deadline) -> dict[Secret, bool | None]:
    """Return of each secret whether the caller may read its value; None where the server does not say."""
    wanted = list(secrets)
    paths = [secret.policy_path for secret in wanted]
    answer = session.call(
        lambda hvac: hvac.sys.get_capabilities(paths),  # type: ignore[no-untyped-call]  # its stub says no types
        deadline,
    )
    if isinstance(answer, Trouble) and answer.whole:
        raise answer.error()
    document = answer if isinstance(answer, Trouble) else document_of(answer)
    said: Any = None if isinstance(document, Trouble) else document.reveal().get("data")
    granted = said if isinstance(said, dict) else {}
    return {
        secret: bool({"read", "root"} & set(granted[path])) if path in granted else None
        for secret, path in zip(wanted, paths, strict=True)
    }


def status_of(session: Session, secret: Secret, deadline: Deadline) -> Status | Failed | Trouble | None:
    """Return how things stand with one secret; None: there is no such one.

    KV 1 has no metadata: the folder is listed. A database role is only known by the credentials that it makes, so of
    one nothing is said but whether it may be read, and that each read makes others.
    """
    match secret.engine:
        case Engine.KV2:
            return _by_metadata(session, secret, deadline)
        case Engine.KV1:
            return _by_folder(session, secret, deadline)
        case Engine.DATABASE:
            return Status(secret.text, is_made_anew=secret.makes_leases)


def _by_metadata(session: Session, secret: Secret, deadline: Deadline) -> Status | Failed | Trouble | None:
    document = _asked(
        session.call(
            lambda hvac: hvac.secrets.kv.v2.read_secret_metadata(secret.path, mount_point=secret.mount), deadline
        ),
        secret,
        _METADATA,
    )
    if not isinstance(document, Mapping):
        return document
    number = str(secret.version or document.get("current_version"))
    versions = document.get("versions")
    version = versions.get(number) if isinstance(versions, dict) else None
    if not isinstance(version, dict):
        return Failed(
            Code.NO_VALUE,
            "exists, and has no such version",
            filled("vault kv metadata get -mount={mount} {path}", secret),
        )
    deleted_at = time_of(version.get("deletion_time"))
    if version.get("destroyed") or (deleted_at is not None and deleted_at <= datetime.now(UTC)):
        return gone(secret, number, destroyed=bool(version.get("destroyed")))
    created = time_of(version.get("created_time"))
    return Status(secret.text, number, created, created_at=created)


def _by_folder(session: Session, secret: Secret, deadline: Deadline) -> Status | Failed | Trouble | None:
    folder, _, name = secret.path.rpartition("/")
    document = _asked(
        session.call(lambda hvac: hvac.secrets.kv.v1.list_secrets(folder, mount_point=secret.mount), deadline),
        secret,
        _FOLDER,
    )
    if not isinstance(document, Mapping):
        return document
    return Status(secret.text) if name in (document.get("keys") or ()) else None


def _asked(answer: Any, secret: Secret, policy: str) -> Mapping[str, Any] | Failed | Trouble | None:
    """Return the data of an answer about a secret."""
    if isinstance(answer, Trouble):
        if answer.code is not Code.DENIED:
            return answer
        return Failed(Code.DENIED, "may not be looked at with this token", filled(policy, secret))
    document = document_of(answer)
    if isinstance(document, Trouble):
        return document
    if answer.is_not_found:
        return nothing(secret, document.reveal())
    data = document.reveal().get("data")
    return data if isinstance(data, dict) else NOT_VAULT
