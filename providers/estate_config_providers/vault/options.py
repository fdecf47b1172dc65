"""The table `[providers.vault]`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator


class Engine(StrEnum):
    """What a mount is, in the words of `vault secrets enable`."""

    KV1 = "kv-v1"
    KV2 = "kv-v2"
    DATABASE = "database"


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)  # frozen: a login is remembered by who logs in, and how


def _name(text: str) -> str:
    if not text.isprintable() or set(text) & set(":?#") or not all(part.strip(".") for part in text.split("/")):
        raise ValueError("is parts between single slashes, none of them . or .., without : ? and #")
    return text


Mount = Annotated[str, Field(min_length=1), AfterValidator(_name)]


class TokenAuth(_Table):
    """A token that is there already: `VAULT_TOKEN`, else `~/.vault-token`, unless a file is named."""

    method: Literal["token"] = "token"
    token_file: Path | None = None
    """The sink of a Vault agent, say. Read again for each load."""


class AppRoleAuth(_Table):
    """A role id, and a secret id out of a variable or a file."""

    method: Literal["approle"]
    mount: Mount = "approle"
    role_id: str | None = Field(default=None, min_length=1)
    """Not set: the variable `VAULT_ROLE_ID`. It names the role, and is no secret."""
    secret_id_variable: str = Field(default="VAULT_SECRET_ID", min_length=1)
    secret_id_file: Path | None = None
    """Instead of the variable."""
    wrapped: bool = False
    """What the variable or file holds is a response-wrapping token, which is unwrapped once."""


class KubernetesAuth(_Table):
    """The token of the pod's service account."""

    method: Literal["kubernetes"]
    mount: Mount = "kubernetes"
    role: str = Field(min_length=1)
    token_file: Path = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
    """Read again at each login: Kubernetes replaces it every hour or so."""


class JwtAuth(_Table):
    """A JSON Web Token of a CI system, say."""

    method: Literal["jwt"]
    mount: Mount = "jwt"
    role: str = Field(min_length=1)
    token_variable: str = Field(default="VAULT_JWT", min_length=1)
    token_file: Path | None = None
    """Instead of the variable; read again at each login."""


class AwsAuth(_Table):
    """The AWS identity of this process, as boto3 finds it: a signed `sts:GetCallerIdentity` that the server sends."""

    method: Literal["aws"]
    mount: Mount = "aws"
    role: str = Field(min_length=1)
    region: str | None = Field(default=None, pattern=r"^[a-z0-9-]+$")
    """Sign for the STS of this region. Not set: for the global one, which is what the server asks unless its
    `sts_endpoint` or `use_sts_region_from_client` says otherwise."""
    header_value: str | None = Field(default=None, min_length=1)
    """The server's `iam_server_id_header_value`, where it wants one."""


Auth = Annotated[
    TokenAuth | AppRoleAuth | KubernetesAuth | JwtAuth | AwsAuth,
    Field(discriminator="method"),
]


def _url(text: str) -> str:
    if not _is_address(text):
        raise ValueError("is an address like https://vault.example.com:8200, without a user and a password")
    return text.rstrip("/")


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:  # it would show what stands for the port: the beginning of a password, perhaps
        return False
    # with a slash in the password, its @ is in the path
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and port != 0 and "@" not in text


Url = Annotated[str, AfterValidator(_url)]


class VaultOptions(_Table):
    """Where the server is, who asks, and what its mounts are. No secret stands here: see `auth`."""

    url: Url | Annotated[tuple[Url, ...], Field(min_length=1)] | None = None
    """One address, or those of several nodes of one cluster. Not set: `VAULT_ADDR`."""
    mount: Mount = "secret"
    """Where names without a mount are looked for."""
    kv_version: Literal[1, 2] = 2
    """The version of the KV engine at `mount`."""
    mounts: dict[Mount, Engine] = {}
    """Other mounts that addresses may name, and the engine that each has."""
    namespace: str | None = None
    """Of Vault Enterprise and OpenBao. Not set: `VAULT_NAMESPACE`."""
    prefix: str = ""
    """Goes before derived names: `estate/`."""
    auth: Auth = TokenAuth()
    ca_cert: Path | None = None
    """A file, or a folder, with the certificates that the server's is checked by. Not set: `VAULT_CACERT`,
    `VAULT_CAPATH`, else those of Python's `certifi`."""
    client_cert: Path | None = None
    """Not set: `VAULT_CLIENT_CERT`."""
    client_key: Path | None = None
    """Not set: `VAULT_CLIENT_KEY`."""
    verify: bool = True
    """Whether the server's certificate is checked. Switched off, every report says so."""

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.client_key is not None and self.client_cert is None:
            raise ValueError("client_key needs a client_cert")
        if self.mounts.get(self.mount, self.engine) is not self.engine:
            raise ValueError("mounts says another engine of mount than kv_version does")
        return self

    @property
    def engine(self) -> Engine:
        return Engine.KV1 if self.kv_version == 1 else Engine.KV2

    def engine_of(self, mount: str) -> Engine | None:
        """Return what is mounted there as far as the table says, None where it does not."""
        return self.engine if mount == self.mount else self.mounts.get(mount)
