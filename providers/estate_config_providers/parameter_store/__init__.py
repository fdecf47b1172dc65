"""The provider `parameter_store`: AWS Systems Manager Parameter Store, through boto3."""

from __future__ import annotations

from estate_config.contract import Prober, ProviderSpec, Writer
from estate_config_providers.parameter_store.options import ParameterStoreOptions
from estate_config_providers.parameter_store.parameters import Parameters

spec = ProviderSpec(
    name="parameter_store",
    title="AWS Parameter Store",
    summary="AWS Systems Manager Parameter Store: ten parameters a call; nothing is ever listed.",
    options=ParameterStoreOptions,
    build=lambda options, _context: Parameters(options),
    offers=(Writer, Prober),
    secrets_only=True,
    remote=True,
)
