"""Tokens: one login for each server and identity in a process, renewed while it is used, done anew when it is over."""

from __future__ import annotations

import os
import threading
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

from estate_config.errors import Code
from estate_config.model import Deadline
from estate_config.redaction import Hidden
from estate_config_providers.vault.failures import NOT_VAULT, Trouble
from estate_config_providers.vault.lifetime import Life, life_of
from estate_config_providers.vault.methods import Credentials
from estate_config_providers.vault.options import Auth, TokenAuth
from estate_config_providers.vault.reading import document_of
from estate_config_providers.vault.server import Server

if TYPE_CHECKING:
    from estate_config_providers.vault.connection import Connection, Reply

_NOT_WELCOME = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
_RENEWAL = 2.0
"""Seconds at most for a renewal: the token that there is still works."""
_ALIVE = 5.0
"""Seconds for which a token that was seen alive counts as such."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token, and how long it lives."""

    value: Hidden[str]
    life: Life
    renewable: bool
    """Whether renewal lengthens its life."""
    trouble: Trouble | None = None
    """Why it was not renewed when it was last time to."""


class Login:
    """The token of one identity at one server, for all threads. Who comes while it is fetched waits for it."""

    def __init__(self, auth: Auth, folder: Path) -> None:
        self._auth = auth
        self._credentials = Credentials(folder)
        self._token: Token | None = None
        self._seen_alive = Deadline(0)
        self.lock = threading.Lock()

    @property
    def place(self) -> str:
        """Where the token comes from: `VAULT_TOKEN`, `auth/approle`."""
        return self._credentials.place(self._auth)

    @property
    def last(self) -> Token | None:
        """The token as it was when it was last used; None: nobody has asked for one. No call is made."""
        return self._token

    def token(self, connection: Connection, deadline: Deadline) -> Token | Trouble:
        """Return a token that is good as far as is known: logs in, or renews, where it is time to."""
        with self._alone(deadline) as mine:
            return self._current(connection, deadline) if mine else _LATE

    def after_refusal(self, refused: Token, connection: Connection, deadline: Deadline) -> Token | Trouble | None:
        """Return another token after a 403; None if the one that was refused is alive: then it is a policy's.

        An expired token is refused with the very words of a policy that denies, so the server is asked about it.
        """
        with self._alone(deadline) as mine:
            if not mine:
                return _LATE
            if self._token is not None and self._token.value.reveal() != refused.value.reveal():
                return self._token  # another thread was here
            alive = self._is_alive(refused, connection, deadline)
            if alive:
                return alive if isinstance(alive, Trouble) else None
            self._token = None
            fresh = self._current(connection, deadline)
            is_same = isinstance(fresh, Token) and fresh.value.reveal() == refused.value.reveal()
            return _REFUSED if is_same else fresh

    def _is_alive(self, token: Token, connection: Connection, deadline: Deadline) -> bool | Trouble:
        if self._seen_alive.remaining():
            return True
        answer = connection.ask(lambda hvac: hvac.auth.token.lookup_self(), deadline, token.value)
        if not isinstance(answer, Trouble):
            self._seen_alive = Deadline(_ALIVE)
            return True
        return False if answer.code is Code.DENIED else answer

    @contextmanager
    def _alone(self, deadline: Deadline) -> Iterator[bool]:
        mine = self.lock.acquire(timeout=max(deadline.remaining(), 0.001))
        try:
            yield mine
        finally:
            if mine:
                self.lock.release()

    def _current(self, connection: Connection, deadline: Deadline) -> Token | Trouble:
        if isinstance(self._auth, TokenAuth):
            ready = self._credentials.ready_token(self._auth)
            if isinstance(ready, Trouble):
                return ready
            if self._token is None or self._token.value.reveal() != ready.reveal():
                return self._keep(_looked_up(ready, connection, deadline))
        elif self._token is None:
            return self._keep(self._logged_in(connection, deadline))
        token = self._token
        assert token is not None  # noqa: S101 - both branches have seen to it
        return self._keep(self._prolonged(token, connection, deadline)) if token.life.is_due else token

    def _keep(self, token: Token | Trouble) -> Token | Trouble:
        if isinstance(token, Token):
            self._token = token
        return token

    def _prolonged(self, token: Token, connection: Connection, deadline: Deadline) -> Token | Trouble:
        """Return the token with a new life, or one of a new login; the old one while neither can be had."""
        quick = Deadline(min(_RENEWAL, deadline.remaining()))
        renewed: Token | Trouble = _REFUSED
        if token.renewable:
            renewed = _from_auth(connection.ask(lambda hvac: hvac.auth.token.renew_self(), quick, token.value))
        # At the end of the longest life that it may have, a renewal succeeds, and gives less.
        if isinstance(renewed, Token) and renewed.life.seconds >= token.life.seconds:
            return renewed
        if isinstance(self._auth, TokenAuth):
            return _used_to_its_end(token, renewed)
        is_over = not token.life.left
        fresh = self._logged_in(connection, deadline if is_over else quick)
        return fresh if is_over or isinstance(fresh, Token) else _renewed_later(token, fresh)

    def _logged_in(self, connection: Connection, deadline: Deadline) -> Token | Trouble:
        assert not isinstance(self._auth, TokenAuth)  # noqa: S101 - callers ask first
        call = self._credentials.login(self._auth, connection, deadline)
        if isinstance(call, Trouble):
            return call
        answer = connection.ask(call, deadline)
        method, mount = self._auth.method, self._auth.mount
        if not isinstance(answer, Trouble) and answer.is_not_found:
            hint = f"has no such namespace, or no auth method mounted at {mount!r}"
            return Trouble(Code.MALFORMED, hint, "correct mount in [providers.vault.auth]: vault auth list", whole=True)
        if isinstance(answer, Trouble) and answer.status in _NOT_WELCOME:
            hint = f"refuses the login by {method} at {mount!r}: no such role or mount, or a proof that is not valid"
            fix = f"look at the role and its bounds: vault read auth/{mount}/role/…"
            return Trouble(Code.CREDENTIALS, hint, fix, whole=True)
        return _from_auth(answer)


ENDS = Trouble(Code.CREDENTIALS, "lengthens the life of the token no more", whole=True)
_LATE = Trouble(Code.UNAVAILABLE, "did not answer a login in time", "vault status", whole=True)
_REFUSED = Trouble(
    Code.CREDENTIALS,
    "refuses the token: it has expired or was revoked, or may not look itself up (the policy `default` lets it)",
    "vault login, or a new VAULT_TOKEN; vault token lookup says what it is",
    whole=True,
)


def _used_to_its_end(token: Token, renewed: Token | Trouble) -> Token:
    """Return a token that was given by hand, after a renewal that did not lengthen its life: there is no other."""
    if token.renewable and isinstance(renewed, Trouble):
        return _renewed_later(token, renewed)
    last = renewed if isinstance(renewed, Token) else token
    return replace(last, renewable=False, life=last.life.last(), trouble=ENDS)


def _renewed_later(token: Token, trouble: Trouble) -> Token:
    return replace(token, life=token.life.later(), trouble=trouble)


def _looked_up(ready: Hidden[str], connection: Connection, deadline: Deadline) -> Token | Trouble:
    """Return a token that is there already with what the server says of it: not every token may ask that."""
    answer = connection.ask(lambda hvac: hvac.auth.token.lookup_self(), deadline, ready)
    if isinstance(answer, Trouble):
        return Token(ready, life_of(0), renewable=False) if answer.code is Code.DENIED else _whole(answer)
    if answer.is_not_found:
        fix = "correct namespace in [providers.vault], or VAULT_NAMESPACE: vault namespace list"
        return Trouble(Code.MALFORMED, "has no such namespace", fix, whole=True)
    document = document_of(answer)
    data: Any = None if isinstance(document, Trouble) else document.reveal().get("data")
    if not isinstance(data, dict):
        return NOT_VAULT
    return Token(ready, life_of(float(data.get("ttl") or 0)), renewable=bool(data.get("renewable")))


def _from_auth(answer: Reply | Trouble) -> Token | Trouble:
    """Return the token in the answer to a login or a renewal."""
    document = answer if isinstance(answer, Trouble) else document_of(answer)
    if isinstance(document, Trouble):
        return _whole(document)
    auth: Any = document.reveal().get("auth")
    if not isinstance(auth, dict) or not isinstance(auth.get("client_token"), str):
        return NOT_VAULT
    if not auth["client_token"]:
        hint = "asks for a second factor, which a service does not have"
        fix = "exempt the role from it: vault list identity/mfa/login-enforcement"
        return Trouble(Code.CREDENTIALS, hint, fix, whole=True)
    life = life_of(float(auth.get("lease_duration") or 0))
    return Token(Hidden(auth["client_token"]), life, renewable=bool(auth.get("renewable")))


def _whole(trouble: Trouble) -> Trouble:
    """Return what went wrong with a login as a trouble of the whole server: without a token, nothing can be read."""
    if trouble.whole:
        return trouble
    fix = "look at [providers.vault.auth], and into the server's log"
    return replace(trouble, hint="did not answer the login as it should", fix=fix, whole=True)


_logins: dict[Hashable, Login] = {}


def login_at(server: Server, auth: Auth, folder: Path) -> Login:
    """Return the login of this identity at this server, the same one in the whole process."""
    return _logins.setdefault((server, auth, folder), Login(auth, folder))


def _after_fork() -> None:
    """A lock that another thread of the parent held would stay shut for ever. The tokens go on: one login is enough."""
    for login in _logins.values():
        login.lock = threading.Lock()


os.register_at_fork(after_in_child=_after_fork)
