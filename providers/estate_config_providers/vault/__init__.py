"""The provider `vault`: HashiCorp Vault and OpenBao, through hvac."""

from __future__ import annotations

from estate_config.contract import Inspector, Leased, Prober, ProviderSpec, Writer
from estate_config_providers.vault.options import VaultOptions
from estate_config_providers.vault.vault_server import Vault

spec = ProviderSpec(
    name="vault",
    title="HashiCorp Vault",
    summary="HashiCorp Vault or OpenBao: KV 1 and 2, database credentials; one read for each path, at the same time.",
    options=VaultOptions,
    build=lambda options, context: Vault(options, context.folder),
    offers=(Writer, Prober, Inspector, Leased),
    secrets_only=True,
    remote=True,
)
