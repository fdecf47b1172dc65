"""Reading a Vault or OpenBao server. It has no batch read: each path is read once, all at the same time."""

from __future__ import annotations

import math
import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from estate_config.errors import Code
from estate_config.model import Deadline, Failed, Found, Key, Notice, Origin, Place, Renewal, Status
from estate_config.payload import part_of
from estate_config.redaction import Hidden
from estate_config_providers.vault.address import WHOLE, Address, Secret, address_of
from estate_config_providers.vault.failures import Trouble
from estate_config_providers.vault.fetching import confirmed, contents_of
from estate_config_providers.vault.leases import Held
from estate_config_providers.vault.lifetime import life_of
from estate_config_providers.vault.login import Login, login_at
from estate_config_providers.vault.options import Engine, VaultOptions
from estate_config_providers.vault.probing import readable, status_of
from estate_config_providers.vault.reading import Content, member_of
from estate_config_providers.vault.renewing import failed as not_renewed
from estate_config_providers.vault.renewing import renewal
from estate_config_providers.vault.server import insecure, server_of
from estate_config_providers.vault.session import Session, for_each, raise_if_whole
from estate_config_providers.vault.writing import unwritable, write

if TYPE_CHECKING:
    from estate_config_providers.vault.connection import Connection


class Vault:
    """One server or cluster."""

    def __init__(self, options: VaultOptions, folder: Path) -> None:
        self._options = options
        self._folder = folder
        self._connections: dict[int, Connection] = {}
        """By process: a fork that used its parent's would mix up their answers."""
        self._login: Login | None = None
        """Who asked last; None: nothing was asked."""
        self.leases: dict[Key, Held] = {}
        """The lease that the newest value of a key came of. The one before ends by itself: its value may be in use."""

    def locate(self, key: Key) -> Place:
        address = address_of(key, self._options)
        if isinstance(address, Failed):
            return Place(key.address or key.name, address.fix, wrong=address.hint)
        return Place(address.text, _put_command(address), _patch_command(address))

    def fetch(self, keys: Sequence[Key], deadline: Deadline) -> Mapping[Key, Found | Failed]:
        addresses, failed = self._addresses(keys)
        if not addresses:
            return failed
        session = self._session()
        contents = contents_of(session, (address.secret for address in addresses.values()), deadline)
        if not failed:
            raise_if_whole(contents.values())
        held = {
            secret: Held(secret, content.lease, life_of(content.lease.seconds))
            for secret, content in contents.items()
            if isinstance(content, Content) and content.lease is not None
        }
        answers = {key: _answer(address, contents[address.secret]) for key, address in addresses.items()}
        found = {key: addresses[key].secret for key, answer in answers.items() if isinstance(answer, Found)}
        self.leases |= {key: held[secret] for key, secret in found.items() if secret in held}
        return {**failed, **{key: answer for key, answer in answers.items() if answer is not None}}

    def put(self, values: Mapping[Key, str | bytes], deadline: Deadline) -> Mapping[Key, Failed]:
        addresses, failed = self._addresses(values)
        groups: dict[Secret, dict[str, str]] = {}
        for key, address in addresses.items():
            text = part_of(values[key], None, binary=False)
            why_not = unwritable(address.secret) or (text if isinstance(text, Failed) else None)
            if why_not is not None:
                failed[key] = why_not
            else:
                groups.setdefault(address.secret, {})[address.member] = str(text)
        if not groups:
            return failed
        session = self._session()
        hidden = {secret: Hidden(members) for secret, members in groups.items()}
        said = for_each(lambda secret: write(session, secret, hidden[secret], deadline), groups, deadline)
        for key, address in addresses.items():
            problem = said.get(address.secret) if key not in failed else None
            if problem is not None:
                failed[key] = problem.failed(address.secret) if isinstance(problem, Trouble) else problem
        return failed

    def probe(self, keys: Sequence[Key], deadline: Deadline) -> Mapping[Key, Status | Failed]:
        addresses, failed = self._addresses(keys)
        if not addresses:
            return {**failed}
        session = self._session()
        secrets = [address.secret for address in addresses.values()]
        statuses = for_each(lambda secret: status_of(session, secret, deadline), secrets, deadline)
        said = confirmed(session, statuses, deadline)
        if not failed:
            raise_if_whole(said.values())
        allowed = readable(session, said, deadline)
        answers: dict[Key, Status | Failed] = {**failed}
        for key, address in addresses.items():
            status = said[address.secret]
            if isinstance(status, Trouble):
                answers[key] = status.failed(address.secret)
            elif isinstance(status, Status):
                answers[key] = replace(status, place=address.text, may_read=allowed[address.secret])
            elif status is not None:
                answers[key] = _mended(address, status)
        return answers

    def renew(self, deadline: Deadline) -> Renewal:
        login = self._login
        if login is None or not (self.leases or _ends(login)):
            return Renewal(None)
        session = self._opened()
        if isinstance(session, Trouble):
            return not_renewed(session, login)
        try:
            return renewal(dict(self.leases), session, deadline)
        finally:
            self.close()

    def inspect(self, keys: Sequence[Key]) -> Sequence[Notice]:
        return list(insecure(self._options)) if keys else []

    def close(self) -> None:
        """Give back the connections. The token, and what was leased with it, live on: the values are in use."""
        connection = self._connections.pop(os.getpid(), None)
        if connection is not None:
            connection.close()

    def _addresses(self, keys: Sequence[Key] | Mapping[Key, object]) -> tuple[dict[Key, Address], dict[Key, Failed]]:
        found = {key: address_of(key, self._options) for key in keys}
        good = {key: address for key, address in found.items() if isinstance(address, Address)}
        return good, {key: address for key, address in found.items() if isinstance(address, Failed)}

    def _session(self) -> Session:
        """Return the session of this process. Raises `ProviderError` if nobody can be asked."""
        session = self._opened()
        if isinstance(session, Trouble):
            raise session.error()
        return session

    def _opened(self) -> Session | Trouble:
        kind = _connection_type()
        if kind is None:
            return Trouble(Code.PLUGIN, "needs hvac", "pip install 'estate-config[vault]'", whole=True)
        server = server_of(self._options, self._folder)
        if isinstance(server, Trouble):
            return server
        connection = self._connections.setdefault(os.getpid(), kind(server))
        self._login = login_at(server, self._options.auth, self._folder)
        return Session(connection, self._login)


def _connection_type() -> type[Connection] | None:
    try:
        from estate_config_providers.vault.connection import Connection
    except ModuleNotFoundError:
        return None
    return Connection


def _ends(login: Login) -> bool:
    return login.last is not None and math.isfinite(login.last.life.over)


def _answer(address: Address, content: Content | Failed | Trouble | None) -> Found | Failed | None:
    if isinstance(content, Trouble):
        return content.failed(address.secret)
    if isinstance(content, Failed):
        return _mended(address, content)
    if content is None:
        return None
    value = member_of(content, address.member)
    if not isinstance(value, str):
        return value
    origin = Origin("vault", address.text, content.version, content.stage, created_at=content.created_at)
    return Found(value, origin)


def _put_command(address: Address) -> str:
    """Return the command that puts a value there, given on standard input."""
    secret = address.secret
    if secret.engine is Engine.DATABASE:
        return f"vault write {secret.mount}/roles/… db_name=… creation_statements=…   # makes the role of {secret.path}"
    put = _whole_put_command(address)
    if address.member == WHOLE:
        return put
    if secret.engine is Engine.KV1:
        return f"{put}   # it is not there yet, or has no other members: these would be lost"
    return f"{put}   # it is not there yet\n{_patch_command(address)}   # it is there"


def _whole_put_command(address: Address) -> str:
    """Return the command that makes a version with nothing but this value."""
    place = f"-mount={shlex.quote(address.secret.mount)} {shlex.quote(address.secret.path)}"
    if address.member == WHOLE:
        return f"vault kv put {place} -   # a JSON object on standard input"
    return f"vault kv put {place} {shlex.quote(address.member)}=-"


def _mended(address: Address, failed: Failed) -> Failed:
    """Return it with its fix: of a version that was destroyed, nothing is left that could be patched."""
    if failed.fix:
        return failed
    remark = "" if address.member == WHOLE else "   # a new version: its other members are to be given with it"
    return replace(failed, fix=f"{_whole_put_command(address)}{remark}")


def _patch_command(address: Address) -> str:
    """Return the command that replaces one member and keeps the others; "" where there is none."""
    secret = address.secret
    if secret.engine is not Engine.KV2 or address.member == WHOLE:
        return ""
    place = f"-mount={shlex.quote(secret.mount)} {shlex.quote(secret.path)}"
    return f"vault kv patch {place} {shlex.quote(address.member)}=-"
