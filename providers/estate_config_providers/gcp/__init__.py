"""The provider `gcp`: Google Secret Manager, through Google's own client."""

from __future__ import annotations

from estate_config.contract import Prober, ProviderSpec, Writer
from estate_config_providers.gcp.options import GcpOptions
from estate_config_providers.gcp.secret_manager import SecretManager

spec = ProviderSpec(
    name="gcp",
    title="Google Secret Manager",
    summary="Google Secret Manager: one read for each secret, at the same time; nothing is ever listed.",
    options=GcpOptions,
    build=lambda options, _context: SecretManager(options),
    offers=(Writer, Prober),
    secrets_only=True,
    remote=True,
)
