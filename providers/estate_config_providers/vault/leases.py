"""What is leased: which lease each key's value came of, how long it lasts, and whether renewal lengthens it."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from estate_config.errors import Code
from estate_config.model import Deadline, Notice
from estate_config_providers.vault.address import Secret
from estate_config_providers.vault.failures import Trouble
from estate_config_providers.vault.lifetime import Life, life_of
from estate_config_providers.vault.reading import Lease, document_of, lease_seconds
from estate_config_providers.vault.session import Session

if TYPE_CHECKING:
    from estate_config_providers.vault.connection import Reply

_POLICY = 'path "sys/leases/renew" { capabilities = ["update"] }   # in a policy of the token; `default` has it'
_SECONDS = 10.0
"""Seconds at most for a renewal, in which the server may have to tell a database of it."""


@dataclass(slots=True, eq=False)
class Held:
    """A lease whose values are in use."""

    secret: Secret
    lease: Lease
    life: Life
    is_ending: bool = False
    """No renewal lengthens it any more: its values are to be fetched again."""


def renew(session: Session, one: Held, deadline: Deadline) -> Trouble | None:
    """Ask for as long a life as the lease had at first; return why that failed, if it was not its end.

    At the end of the longest life that it may have, a renewal succeeds, and gives less. Of a lease that has ended or
    was revoked, the server says with a 400 that it does not know it.
    """
    if not one.lease.renewable:
        one.is_ending = True
        return None
    answer = session.call(
        lambda hvac: hvac.sys.renew_lease(  # type: ignore[no-untyped-call]  # its stub says no types
            one.lease.id, increment=one.lease.seconds
        ),
        Deadline(min(_SECONDS, deadline.remaining())),
    )
    if isinstance(answer, Trouble):
        one.is_ending = answer.code is Code.DENIED or answer.status == HTTPStatus.BAD_REQUEST
        return None if answer.status == HTTPStatus.BAD_REQUEST else answer
    return _renewed(one, answer)


def _renewed(one: Held, answer: Reply) -> Trouble | None:
    document = document_of(answer)
    if isinstance(document, Trouble):
        return document
    seconds = 0 if answer.is_not_found else lease_seconds(document.reveal())
    one.is_ending = seconds < one.lease.seconds
    if seconds:
        one.life = life_of(seconds)
    return None


def notice_of(one: Held, trouble: Trouble) -> Notice:
    """Return what a person should know of a renewal that failed, for no reason that is the server's."""
    if trouble.code is Code.DENIED:
        message = "has a lease that this token may not renew, so that it is fetched again instead"
        return Notice(Code.DENIED, one.secret.text, message, _POLICY)
    message = "has a lease that could not be renewed now"
    return Notice(trouble.code, one.secret.text, message, trouble.failed(one.secret).fix)
