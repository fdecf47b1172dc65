"""The ways to log in: what each gives the server, and where that comes from. Secrets are in variables and files."""

from __future__ import annotations

import os
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

from estate_config.errors import Code
from estate_config.model import Deadline, Failed
from estate_config.redaction import Hidden
from estate_config.small_file import read_small_file
from estate_config_providers.vault.aws_identity import signed_identity
from estate_config_providers.vault.failures import Trouble
from estate_config_providers.vault.options import AppRoleAuth, Auth, AwsAuth, JwtAuth, KubernetesAuth, TokenAuth
from estate_config_providers.vault.reading import document_of
from estate_config_providers.vault.server import placed

if TYPE_CHECKING:
    from estate_config_providers.vault.connection import Call, Connection

_HOME = "~/.vault-token"


class Credentials:
    """What one process logs in with. A response-wrapping token opens once, so what was in it is kept."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._unwrapped: tuple[Hidden[str], Hidden[str]] | None = None
        """The wrapping token, and what was in it."""

    @staticmethod
    def place(auth: Auth) -> str:
        """Return where a token comes from: the variable, the file, or the method that logs in."""
        if not isinstance(auth, TokenAuth):
            return f"auth/{auth.mount}"
        if auth.token_file is not None:
            return str(auth.token_file)
        return "VAULT_TOKEN" if os.environ.get("VAULT_TOKEN") else _HOME

    def ready_token(self, auth: TokenAuth) -> Hidden[str] | Trouble:
        """Return the token that is there already."""
        if auth.token_file is not None:
            return self._text(None, auth.token_file)
        if os.environ.get("VAULT_TOKEN"):
            return self._text("VAULT_TOKEN", None)
        found = self._text(None, Path(_HOME))
        if isinstance(found, Trouble):
            hint = "has no token to call with: VAULT_TOKEN is not set, and ~/.vault-token is not there"
            return Trouble(Code.CREDENTIALS, hint, "vault login, or a method in [providers.vault.auth]", whole=True)
        return found

    def login(
        self,
        auth: AppRoleAuth | KubernetesAuth | JwtAuth | AwsAuth,
        connection: Connection,
        deadline: Deadline,
    ) -> Call | Trouble:
        """Return the call that logs in. The secrets in it are read now, not before."""
        match auth:
            case AppRoleAuth():
                return self._approle(auth, connection, deadline)
            case KubernetesAuth() | JwtAuth():
                return self._by_jwt(auth)
            case AwsAuth():
                identity = signed_identity(auth)
                if isinstance(identity, Trouble):
                    return identity
                return lambda hvac: hvac.adapter.post(f"/v1/auth/{auth.mount}/login", json=identity.reveal())

    def _by_jwt(self, auth: KubernetesAuth | JwtAuth) -> Call | Trouble:
        jwt = self._text(auth.token_variable if isinstance(auth, JwtAuth) else None, auth.token_file)
        if isinstance(jwt, Trouble):
            return jwt
        if isinstance(auth, JwtAuth):
            return lambda hvac: hvac.auth.jwt.jwt_login(auth.role, jwt.reveal(), use_token=False, path=auth.mount)
        return lambda hvac: hvac.auth.kubernetes.login(auth.role, jwt.reveal(), use_token=False, mount_point=auth.mount)

    def _approle(self, auth: AppRoleAuth, connection: Connection, deadline: Deadline) -> Call | Trouble:
        role_id = auth.role_id or os.environ.get("VAULT_ROLE_ID")
        if not role_id:
            return _nothing("neither role_id nor VAULT_ROLE_ID is set")
        secret_id = self._text(auth.secret_id_variable, auth.secret_id_file)
        if auth.wrapped and not isinstance(secret_id, Trouble):
            secret_id = self._opened(secret_id, connection, deadline)
        if isinstance(secret_id, Trouble):
            return secret_id
        return lambda hvac: hvac.auth.approle.login(
            role_id, secret_id.reveal(), use_token=False, mount_point=auth.mount
        )

    def _opened(self, wrapping: Hidden[str], connection: Connection, deadline: Deadline) -> Hidden[str] | Trouble:
        """Return the secret id in a wrapping token. One that is open already means that somebody else has it."""
        if self._unwrapped is not None and self._unwrapped[0].reveal() == wrapping.reveal():
            return self._unwrapped[1]
        answer = connection.ask(
            lambda hvac: hvac.sys.unwrap(),  # type: ignore[no-untyped-call]  # its stub says no types
            deadline,
            wrapping,
            once=True,
        )
        fix = "vault write -wrap-ttl=120s -f auth/approle/role/ROLE/secret-id   # a new one"
        if isinstance(answer, Trouble):
            if answer.status not in {HTTPStatus.BAD_REQUEST, HTTPStatus.FORBIDDEN}:
                return answer
            hint = (
                "refuses to unwrap the secret id: its wrapping token has expired, or somebody has unwrapped it before, "
                "who then knows it: look into the audit log, and take this for a break-in until you know better"
            )
            return Trouble(Code.CREDENTIALS, hint, fix, whole=True)
        document = document_of(answer)
        data = None if isinstance(document, Trouble) else document.reveal().get("data")
        secret_id = data.get("secret_id") if isinstance(data, dict) else None
        if not isinstance(secret_id, str):
            return Trouble(Code.CREDENTIALS, "unwrapped something that is no secret id", fix, whole=True)
        self._unwrapped = wrapping, Hidden(secret_id)
        return self._unwrapped[1]

    def _text(self, variable: str | None, file: Path | None) -> Hidden[str] | Trouble:
        """Return one line of text out of a file or a variable, without the space around it."""
        if file is not None:
            where, content = str(file), read_small_file(str(placed(file, self._folder)))
            if isinstance(content, Failed):
                return _nothing(f"{where} {content.hint}")
            text = (content or b"").decode("ascii", "replace").strip()
        else:
            where = variable or ""
            text = os.environ.get(where, "").strip()
        if not text:
            return _nothing(f"{where} is not there, or empty")
        if not (text.isascii() and text.isprintable()):
            return _nothing(f"{where} holds something else: more than one line, or characters that no token has")
        return Hidden(text)


def _nothing(why: str) -> Trouble:
    fix = "look at [providers.vault.auth]: it says which variable or file holds what"
    return Trouble(Code.CREDENTIALS, f"has nothing to log in with: {why}", fix, whole=True)
