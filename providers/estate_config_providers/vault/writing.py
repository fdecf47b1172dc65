"""Writing into a secret: its other members stay, and of two who write at once neither is lost."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from estate_config.errors import Code
from estate_config.model import Deadline, Failed
from estate_config.redaction import Hidden
from estate_config_providers.vault.address import WHOLE, Secret
from estate_config_providers.vault.failures import Trouble, filled
from estate_config_providers.vault.fetching import engine_fault
from estate_config_providers.vault.options import Engine
from estate_config_providers.vault.reading import Content, content_of, document_of, plain, read_call
from estate_config_providers.vault.session import Session

_POLICY = 'path "{policy}" { capabilities = ["create", "read", "update"] }   # in a policy of the token'


def unwritable(secret: Secret) -> Failed | None:
    """Return why nothing can be written there, None if something can."""
    if secret.engine is Engine.DATABASE:
        fix = filled("vault write {mount}/roles/… creates the role that makes them", secret)
        return Failed(Code.MALFORMED, "is made by the database engine for each who asks, and cannot be written", fix)
    if secret.version is not None:
        return Failed(Code.MALFORMED, "names a version, and a version cannot be written", "leave ?version= out")
    return None


def write(
    session: Session, secret: Secret, members: Hidden[dict[str, str]], deadline: Deadline
) -> Failed | Trouble | None:
    """Write members into a secret, creating it where it is not. None: done, or nothing to do.

    KV 2 writes only over the version that was read; where somebody was quicker, it is read again. KV 1 has no
    such thing.
    """
    refused: tuple[int, Trouble] | None = None
    while True:
        current = _current(session, secret, deadline)
        if isinstance(current, (Failed, Trouble)):
            return current
        version, before = current
        if refused is not None and refused[0] == version:
            return refused[1]  # nobody was quicker: it was something else
        after = _merged(before, members)
        if isinstance(after, Failed) or after.reveal() == before.reveal():
            return after if isinstance(after, Failed) else None
        answer = session.call(_write_call(secret, after, version), deadline)
        if not isinstance(answer, Trouble):
            return Failed(Code.MALFORMED, "is on a mount that takes nothing") if answer.is_not_found else None
        if answer.code is Code.DENIED:
            return Failed(Code.DENIED, "may not be written with this token", filled(_POLICY, secret))
        if answer.status != HTTPStatus.BAD_REQUEST or secret.engine is not Engine.KV2:
            return answer
        refused = version, answer


def _current(
    session: Session, secret: Secret, deadline: Deadline
) -> tuple[int, Hidden[dict[str, Any]]] | Failed | Trouble:
    """Return the version that is there, 0 for none, and its members. One that is deleted has none."""
    reply = session.call(read_call(secret), deadline)
    if isinstance(reply, Trouble):
        return reply
    content = content_of(secret, reply)
    if isinstance(content, Content):
        return int(content.version or 0), Hidden(plain(dict(content.members)))
    if isinstance(content, Failed) and content.code in {Code.DELETED, Code.NO_VALUE}:
        document = document_of(reply)
        assert not isinstance(document, Trouble)  # noqa: S101 - it was read a moment ago
        return int(document.reveal()["data"]["metadata"]["version"]), Hidden({})
    if content is None:  # on a mount of another engine, the value would land where nobody looks for it
        content = engine_fault(session, secret, deadline)
    return content if content is not None else (0, Hidden({}))


def _merged(before: Hidden[dict[str, Any]], members: Hidden[dict[str, str]]) -> Hidden[dict[str, Any]] | Failed:
    parts = dict(members.reveal())
    whole: object = before.reveal()
    if WHOLE in parts:
        try:
            whole = json.loads(parts.pop(WHOLE))
        except (ValueError, RecursionError):
            whole = None
    if not isinstance(whole, dict):
        return Failed(Code.MALFORMED, "is to be a whole secret, and is no JSON object", 'write {"member": "…"}')
    return Hidden({**whole, **parts})


def _write_call(secret: Secret, members: Hidden[dict[str, Any]], version: int) -> Any:
    if secret.engine is Engine.KV2:
        return lambda hvac: hvac.secrets.kv.v2.create_or_update_secret(
            secret.path, members.reveal(), cas=version, mount_point=secret.mount
        )
    return lambda hvac: hvac.secrets.kv.v1.create_or_update_secret(
        secret.path, members.reveal(), method="POST", mount_point=secret.mount
    )
