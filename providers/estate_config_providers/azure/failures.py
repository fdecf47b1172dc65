"""Azure's errors and what they are here: one table by type, and for an answer of Key Vault's one by status and code."""

from __future__ import annotations

from typing import Any

from estate_config.errors import Code, ProviderError
from estate_config.model import Failed
from estate_config_providers.azure.address import Address

_NOT_FOUND = 404
_BY_INNER_CODE: dict[str, tuple[Code, str]] = {
    "SecretDisabled": (Code.NO_VALUE, "is disabled"),
    "ForbiddenByFirewall": (Code.DENIED, "is kept by the vault's firewall from this network"),
    "ObjectIsDeletedButRecoverable": (Code.DELETED, "is deleted and can be recovered"),
    "ObjectIsBeingDeleted": (Code.DELETED, "is being deleted"),
}
_BY_STATUS: dict[int, tuple[Code, str]] = {
    400: (Code.MALFORMED, "is no name or version that Key Vault knows"),
    403: (Code.DENIED, "may not be read by this identity"),
    408: (Code.UNAVAILABLE, "could not be read in time"),
    409: (Code.UNAVAILABLE, "is being changed or deleted at this moment"),
    429: (Code.THROTTLED, "is asked for more often than the vault allows"),
}
_BROKE_OFF = (Code.UNAVAILABLE, "could not be read: the answer broke off")
_FOREIGN = (Code.UNAVAILABLE, "could not be read: what answers at this address is no key vault")
_FAILED = (Code.UNAVAILABLE, "could not be read: the vault failed")
_BY_NAME: dict[str, tuple[Code, str]] = {
    # azure.identity; a status of theirs is that of the place of login, and says nothing of the vault
    "CredentialUnavailableError": (Code.CREDENTIALS, "could not be asked for: there are no Azure credentials"),
    "AuthenticationRequiredError": (Code.CREDENTIALS, "could not be asked for: somebody has to log in to Azure"),
    "ClientAuthenticationError": (Code.CREDENTIALS, "was asked for with credentials that Azure refuses"),
    # azure.core, where no answer came
    "ServiceRequestTimeoutError": (Code.UNAVAILABLE, "could not be read: the vault cannot be reached in time"),
    "ServiceRequestError": (Code.UNAVAILABLE, "could not be read: the vault cannot be reached"),
    "ServiceResponseTimeoutError": (Code.UNAVAILABLE, "could not be read in time"),
    "ServiceResponseError": _BROKE_OFF,
    "IncompleteReadError": _BROKE_OFF,
    "StreamClosedError": _BROKE_OFF,
    "StreamConsumedError": _BROKE_OFF,
    "ResponseNotReadError": _BROKE_OFF,
    "TooManyRedirectsError": (Code.UNAVAILABLE, "could not be read: the vault's address leads in a circle"),
    "DecodeError": _FOREIGN,
    "DeserializationError": _FOREIGN,
    "SerializationError": (Code.MALFORMED, "could not be asked for: it is no text that can be sent"),
    # azure.core, where the status of an answer is not in the table above
    "ResourceNotFoundError": _FOREIGN,
    "ResourceExistsError": _FAILED,
    "ResourceModifiedError": _FAILED,
    "ResourceNotModifiedError": _FAILED,
    "ODataV4Error": _FAILED,
    "HttpResponseError": _FAILED,
    "AzureError": (Code.UNAVAILABLE, "could not be read"),
    # the client's own refusal to send a token to a host that is not in the domain which the challenge names
    "ValueError": _FOREIGN,
}

_FIXES = {
    Code.NO_VALUE: "az keyvault secret set-attributes --vault-name {vault} --name {name} --enabled true",
    Code.DELETED: "az keyvault secret recover --vault-name {vault} --name {name}",
    Code.DENIED: (
        "az role assignment create --role 'Key Vault Secrets User' --assignee <identity> "
        '--scope "$(az keyvault show --name {vault} --query id --output tsv)"'
    ),
    Code.CREDENTIALS: "az login, or give the pod a workload identity (AZURE_CLIENT_ID, AZURE_TENANT_ID, …)",
    Code.MALFORMED: "correct the address in the schema",
    Code.UNAVAILABLE: "look whether the vault can be reached: az keyvault show --name {vault}",
    Code.THROTTLED: "ask less often: a vault answers 4,000 reads in 10 seconds",
}


def is_absent(error: Exception) -> bool:
    """Whether Key Vault itself says that there is no such secret; a 404 of whatever else is none of its words."""
    return getattr(error, "status_code", None) == _NOT_FOUND and _code(error) == "SecretNotFound"


def failure(error: Exception, name: str, vault: str) -> Failed:
    """Return what an error of Azure's client is for one secret, other than that it is absent."""
    kinds = [kind.__name__ for kind in type(error).__mro__]
    found = None
    if "HttpResponseError" in kinds and "ClientAuthenticationError" not in kinds:
        found = _BY_INNER_CODE.get(_inner_code(error)) or _BY_STATUS.get(int(getattr(error, "status_code", None) or 0))
    found = found or next((_BY_NAME[kind] for kind in kinds if kind in _BY_NAME), None)
    if found is None:
        return Failed(Code.PLUGIN, f"could not be read: {type(error).__name__} is not known here")
    code, hint = found
    return Failed(code, hint, fix(code, name, vault))


def fix(code: Code, name: str, vault: str) -> str:
    """Return the command that mends an outcome."""
    return _FIXES[code].format(name=name, vault=vault)


def put(address: Address, vault: str) -> str:
    """Return the command that puts a value there, whether or not the secret is there."""
    name = f"--vault-name {vault} --name {address.name}"
    if address.version is not None:
        return f"az keyvault secret list-versions {name}   # a version cannot be written: name one that is there"
    if address.member is None:
        return f"az keyvault secret set {name} --file /dev/stdin"
    return f'az keyvault secret set {name} --file secret.json   # the whole JSON object, "{address.member}" in it'


def not_installed() -> ProviderError:
    """Return the error for missing client libraries."""
    return ProviderError(
        Code.PLUGIN, "needs azure-keyvault-secrets and azure-identity", "pip install 'estate-config[azure]'"
    )


def _code(error: Any) -> str:
    return str(getattr(getattr(error, "error", None), "code", None) or "")


def _inner_code(error: Any) -> str:
    """Return the inner code of an answer of Key Vault's, `SecretDisabled` say, or "". Its message is not looked at."""
    details = getattr(getattr(error, "error", None), "innererror", None)
    return str(details.get("code", "")) if isinstance(details, dict) else ""
