"""Environment variables, and the files that `NAME_FILE` variables point to."""

from __future__ import annotations

from estate_config.contract import Inspector, ProviderSpec
from estate_config_providers.env.environment_variables import EnvironmentVariables, EnvOptions

spec = ProviderSpec(
    name="env",
    title="environment variables",
    summary="Environment variables, or the files that NAME_FILE variables point to.",
    options=EnvOptions,
    build=EnvironmentVariables,
    offers=(Inspector,),
)
