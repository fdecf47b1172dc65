"""What can go wrong with a call, and what it is here: one table by status, one by type. One message is looked at.

hvac turns the status of an answer into an exception that has lost it, and 412, 472, 473, 474 and 530 into the same one.
So it is told not to, and the status itself is looked up.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from http import HTTPStatus

from estate_config.errors import Code, ProviderError
from estate_config.model import Failed
from estate_config_providers.vault.address import Secret


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a call gave no answer."""

    code: Code
    hint: str
    """Goes on from the secret, or from the server where it is the server's: `is sealed`."""
    fix: str = ""
    """With `{text}`, `{policy}`, `{mount}`, `{path}` of the secret."""
    whole: bool = False
    """It is the server's, and no secret's."""
    again: bool = False
    """It may be over in a moment, or on another node."""
    acted: bool = True
    """The server may have done what it was asked."""
    status: int = 0

    def failed(self, secret: Secret) -> Failed:
        """Return what it is for one secret."""
        hint = f"could not be read: the server {self.hint}" if self.whole else self.hint
        return Failed(self.code, hint, filled(self.fix, secret))

    def error(self) -> ProviderError:
        """Return what it is for all keys; only a `whole` one is."""
        return ProviderError(self.code, self.hint, self.fix)


def filled(template: str, secret: Secret) -> str:
    """Return a command or a line about a secret."""
    parts = {"text": secret.text, "policy": secret.policy_path, "mount": secret.mount, "path": secret.path}
    for name, part in parts.items():
        template = template.replace(f"{{{name}}}", part)
    return template


_LOOK = "look whether the server can be reached, and how it is: vault status"
_POLICY = 'path "{policy}" { capabilities = ["read"] }   # in a policy of the token: vault policy write NAME FILE'
_ADDRESS = "correct the address in the schema: {text}"
_LOGIN = "vault login, or look at [providers.vault.auth]: the token is VAULT_TOKEN, ~/.vault-token, or of a login"
_ENGINE = '[providers.vault] has another engine for the mount "{mount}" than: vault secrets list'
_UNSEAL = "vault operator unseal"


def _standby(hint: str, fix: str = _LOOK) -> Trouble:
    return Trouble(Code.UNAVAILABLE, hint, fix, whole=True, again=True, acted=False)


_BAD_PATH = Trouble(Code.MALFORMED, "is refused by the server: no such role, or no path of this engine", _ADDRESS)
_DENIED = Trouble(Code.DENIED, "may not be read with this token", _POLICY)
_CREDENTIALS = Trouble(Code.CREDENTIALS, "refuses the token", _LOGIN, whole=True)
_THROTTLED = Trouble(
    Code.THROTTLED,
    "is asked for more often than a quota of the server allows",
    "raise it: vault read sys/quotas/…",
    again=True,
)
_INTERNAL = Trouble(Code.UNAVAILABLE, "could not be read: its engine failed", "look into the server's log", again=True)
_UNINITIALISED = Trouble(Code.UNAVAILABLE, "is not initialised", "vault operator init", whole=True)
_GATEWAY = Trouble(Code.UNAVAILABLE, "is behind a proxy that cannot reach it", _LOOK, whole=True, again=True)
_SEALED = _standby("is sealed, or has no node that is active", _UNSEAL)
_BEHIND = Trouble(
    Code.UNAVAILABLE,
    "is on a node without the index state that is needed: a replica that lags behind",
    _LOOK,
    again=True,
    acted=False,
)

BY_STATUS: dict[int, Trouble] = {
    400: _BAD_PATH,
    401: _CREDENTIALS,
    403: _DENIED,
    405: Trouble(Code.MALFORMED, "is on a mount that gives nothing this way", _ENGINE),
    412: _BEHIND,
    413: Trouble(Code.MALFORMED, "is larger than the server takes", "store less, or raise max_request_size"),
    429: _THROTTLED,
    472: _standby("is a disaster recovery secondary, which serves nobody", "point url to the primary"),
    473: _standby("is a performance standby that cannot pass the question on"),
    474: _standby("is a standby that cannot reach the active node"),
    500: _INTERNAL,
    501: _UNINITIALISED,
    502: _GATEWAY,
    503: _SEALED,
    504: _GATEWAY,
    530: _standby("is a node that was removed from its cluster", "point url to another node"),
}

UPGRADING = b"upgrade from non-versioned to versioned"
"""In the body of a 400 while a new mount becomes one of KV 2: for seconds, and without a status of its own."""

UNREACHED = _standby("cannot be reached: nobody listens there")
UNRESOLVED = replace(UNREACHED, hint="cannot be reached: its name is not known")
_BROKEN = Trouble(Code.UNAVAILABLE, "cannot be reached: the connection broke", _LOOK, whole=True, again=True)
_SLOW = replace(_BROKEN, hint="does not answer in time")
NOT_VAULT = Trouble(Code.MALFORMED, "answers with something that is not Vault's", _LOOK, whole=True)
_BAD_URL = Trouble(Code.MALFORMED, "has an address that nobody can call", "correct url or VAULT_ADDR", whole=True)
_TLS = Trouble(
    Code.UNAVAILABLE,
    "cannot be reached: TLS failed, its certificate is not trusted here or it does not trust ours",
    'ca_cert = "ca.pem" in [providers.vault], or VAULT_CACERT; client_cert and client_key where it asks for them',
    whole=True,
)

BY_NAME: dict[str, Trouble] = {
    # requests.exceptions
    "ConnectTimeout": replace(UNREACHED, hint="cannot be reached: no connection in time"),
    "ReadTimeout": _SLOW,
    "Timeout": _SLOW,
    "SSLError": _TLS,
    "ProxyError": replace(UNREACHED, hint="cannot be reached through the proxy of HTTPS_PROXY or HTTP_PROXY"),
    "ConnectionError": _BROKEN,
    "ChunkedEncodingError": _BROKEN,
    "StreamConsumedError": _BROKEN,
    "RetryError": _BROKEN,
    "ContentDecodingError": NOT_VAULT,
    "InvalidJSONError": NOT_VAULT,
    "TooManyRedirects": NOT_VAULT,
    "HTTPError": NOT_VAULT,
    "URLRequired": _BAD_URL,
    "MissingSchema": _BAD_URL,
    "InvalidSchema": _BAD_URL,
    "InvalidURL": _BAD_URL,
    "InvalidProxyURL": replace(
        _BAD_URL, hint="has a proxy that nobody can call", fix="correct HTTPS_PROXY or HTTP_PROXY"
    ),
    "InvalidHeader": replace(_CREDENTIALS, hint="cannot be given the token or the namespace: no header can hold it"),
    "UnrewindableBodyError": _BROKEN,
    "RequestException": replace(_BROKEN, hint="cannot be asked"),
    # hvac.exceptions: those with a status are not raised, and stand here for the day when one is
    "InvalidRequest": _BAD_PATH,
    "Unauthorized": _CREDENTIALS,
    "Forbidden": _DENIED,
    "InvalidPath": _BAD_PATH,
    "UnsupportedOperation": BY_STATUS[405],
    "PreconditionFailed": _BEHIND,
    "RateLimitExceeded": _THROTTLED,
    "InternalServerError": _INTERNAL,
    "VaultNotInitialized": _UNINITIALISED,
    "VaultDown": _SEALED,
    "BadGateway": _GATEWAY,
    "ParamValidationError": _BAD_PATH,
    "UnexpectedError": NOT_VAULT,
    "VaultError": NOT_VAULT,
}


def of_status(status: int, body: bytes = b"") -> Trouble:
    """Return what an answer of this status means; 404 is the reader's."""
    if status == HTTPStatus.BAD_REQUEST and UPGRADING in body:
        return replace(_INTERNAL, hint="is on a mount that is being made one of KV 2", status=status)
    known = BY_STATUS.get(status) or (_INTERNAL if status >= HTTPStatus.INTERNAL_SERVER_ERROR else None)
    return replace(known or NOT_VAULT, status=status)


def of_error(error: Exception) -> Trouble:
    """Return what an error of requests or hvac means, by its type alone."""
    reason = getattr(error.args[0], "reason", None) if error.args else None  # of urllib3, when it gave up connecting
    if type(reason).__name__ == "NameResolutionError":
        return UNRESOLVED
    if type(reason).__name__ == "NewConnectionError":
        return UNREACHED
    for kind in type(error).__mro__:
        if kind.__name__ in BY_NAME:
            return BY_NAME[kind.__name__]
    return Trouble(Code.PLUGIN, f"could not be asked: {type(error).__name__} is not known here", whole=True)
