"""Renewing the token, and what was leased with it: one hand for both, since a lease ends with its token."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta

from estate_config.errors import Code
from estate_config.model import Deadline, Key, Notice, Renewal
from estate_config_providers.vault.failures import Trouble
from estate_config_providers.vault.leases import Held, notice_of, renew
from estate_config_providers.vault.lifetime import pause
from estate_config_providers.vault.login import ENDS, Login, Token
from estate_config_providers.vault.session import Session, for_each

_RENEWABLE = "vault token create -period=24h\nlet the service log in: [providers.vault.auth]"
_RENEW_SELF = 'path "auth/token/renew-self" { capabilities = ["update"] }   # `default` has it, or a new token'


def renewal(leases: Mapping[Key, Held], session: Session, deadline: Deadline) -> Renewal:
    """Renew what is due. Of what no renewal lengthens, and of what could not be renewed in time, return the keys.

    They are returned again and again, until they have been fetched anew: that may fail too.
    """
    held = list(dict.fromkeys(leases.values()))
    token = session.login.token(session.connection, deadline)
    notices = list(_of_token(token, session.login))
    if isinstance(token, Token):
        notices += _of_leases([one for one in held if one.life.is_due and not one.is_ending], session, deadline)
    _bury(held, session.login.last)
    ending = tuple(key for key, one in leases.items() if one.is_ending or (one.life.is_due and one.life.is_late))
    for one in held:
        if one.is_ending or one.life.is_due:
            one.life = one.life.later()
    next_token = token.life.due if isinstance(token, Token) else time.monotonic() + pause(0)
    due = min([next_token, *(one.life.due for one in held)])
    seconds = None if math.isinf(due) else max(0.0, due - time.monotonic())
    return Renewal(seconds, ending, tuple(dict.fromkeys(notices)))


def failed(trouble: Trouble, login: Login) -> Renewal:
    """Return what it is that nobody can be asked."""
    return Renewal(pause(0), notices=(_notice(login.place, trouble),))


def _of_leases(due: Iterable[Held], session: Session, deadline: Deadline) -> Iterator[Notice]:
    """Renew leases, all at the same time; yield what went wrong."""
    for one, trouble in for_each(lambda one: renew(session, one, deadline), due, deadline).items():
        if trouble is not None:
            yield _notice(session.login.place, trouble) if trouble.whole else notice_of(one, trouble)


def _bury(held: Iterable[Held], last: Token | None) -> None:
    """Mark the leases of a token that is no longer used, because it ends or was refused: they end with it."""
    for one in held:
        if last is None or one.lease.token.reveal() != last.value.reveal():
            one.is_ending = True


def _of_token(token: Token | Trouble, login: Login) -> Iterator[Notice]:
    """Yield what a person should know of the token."""
    trouble = token if isinstance(token, Trouble) else token.trouble
    if trouble is None:
        return
    if isinstance(token, Token) and trouble is ENDS:
        end = datetime.now(UTC) + timedelta(seconds=token.life.left)
        message = f"has a token that cannot be renewed: it ends at {end:%Y-%m-%d %H:%M:%S} UTC, and its leases with it"
        yield Notice(Code.CREDENTIALS, login.place, message, _RENEWABLE)
    elif trouble.code is Code.DENIED:
        message = "has a token that could not be renewed: it was revoked, or its policies do not allow it"
        yield Notice(Code.CREDENTIALS, login.place, message, _RENEW_SELF)
    else:
        yield _notice(login.place, trouble)


def _notice(place: str, trouble: Trouble) -> Notice:
    return Notice(trouble.code, place, f"nothing could be renewed: the server {trouble.hint}", trouble.fix)
