"""Reading many secrets at once; and what "nothing is there" is worth, on a mount that may be another than we think."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

from estate_config.errors import Code
from estate_config.model import Deadline, Failed
from estate_config_providers.vault.address import Secret
from estate_config_providers.vault.failures import Trouble
from estate_config_providers.vault.reading import Content, content_of, engine_call, read_call, wrong_engine
from estate_config_providers.vault.session import Session, for_each

R = TypeVar("R")


def contents_of(
    session: Session, secrets: Iterable[Secret], deadline: Deadline
) -> dict[Secret, Content | Failed | Trouble | None]:
    """Return what is in each secret, all read at the same time, each once; None: nothing is there."""

    def read(secret: Secret) -> Content | Failed | Trouble | None:
        reply = session.call(read_call(secret), deadline)
        return reply if isinstance(reply, Trouble) else content_of(secret, reply)

    return confirmed(session, for_each(read, secrets, deadline), deadline)


def confirmed(
    session: Session, said: Mapping[Secret, R | Failed | Trouble | None], deadline: Deadline
) -> dict[Secret, R | Failed | Trouble | None]:
    """Return what was said of each secret, and where it was that there is none, whether its mount can have it at all.

    A KV 1 that is asked as if it were KV 2 answers just so. Each mount is looked at once, and only for this.
    """
    absent = [secret for secret, answer in said.items() if answer is None]
    one_of_each = {secret.mount: secret for secret in absent}.values()
    checked = for_each(lambda secret: engine_fault(session, secret, deadline), one_of_each, deadline)
    by_mount = {secret.mount: answer for secret, answer in checked.items()}
    return {**said, **{secret: by_mount[secret.mount] for secret in absent}}


def engine_fault(session: Session, secret: Secret, deadline: Deadline) -> Failed | Trouble | None:
    """Return that the mount is of another engine than estate.toml says; None: it is not, or nobody may tell us."""
    reply = session.call(engine_call(secret.mount), deadline)
    if isinstance(reply, Trouble):
        return None if reply.code is Code.DENIED else reply
    return wrong_engine(secret, reply)
