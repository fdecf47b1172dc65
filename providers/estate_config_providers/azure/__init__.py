"""The provider `azure`: Azure Key Vault, through Microsoft's own client."""

from __future__ import annotations

from estate_config.contract import ProviderSpec, Writer
from estate_config_providers.azure.key_vault import KeyVault
from estate_config_providers.azure.options import AzureOptions

spec = ProviderSpec(
    name="azure",
    title="Azure Key Vault",
    summary="Azure Key Vault: one read for each secret, at the same time; nothing is ever listed.",
    options=AzureOptions,
    build=lambda options, _context: KeyVault(options),
    offers=(Writer,),
    secrets_only=True,
    remote=True,
)
