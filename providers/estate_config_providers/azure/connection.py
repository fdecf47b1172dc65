"""The client of one key vault, and the credentials that it calls with."""

from __future__ import annotations

from contextlib import suppress

from estate_config.errors import Code, ProviderError
from estate_config_providers.azure.failures import not_installed


class Connection:
    """A `SecretClient` with `DefaultAzureCredential`; both hold sockets, and are closed together."""

    def __init__(self, vault_url: str) -> None:
        """Raise `ProviderError` where the client is not installed or the environment names no usable credentials."""
        try:
            from azure.identity import DefaultAzureCredential
            from azure.keyvault.secrets import SecretClient
        except ModuleNotFoundError:
            raise not_installed() from None
        credential = None
        with suppress(ValueError):
            credential = DefaultAzureCredential()
        if credential is None:
            hint = "cannot be called: AZURE_TOKEN_CREDENTIALS or another AZURE_… variable names no credentials"
            raise ProviderError(Code.CREDENTIALS, hint, "correct or unset the AZURE_… variables, or: az login")
        self._credential = credential
        self.client = SecretClient(vault_url, credential)

    def close(self) -> None:
        self.client.close()
        self._credential.close()
