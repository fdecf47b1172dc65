"""`.env` files, for laptops."""

from __future__ import annotations

from estate_config.contract import Inspector, ProviderSpec
from estate_config_providers.dotenv.dotenv_files import DotenvFiles, DotenvOptions

spec = ProviderSpec(
    name="dotenv",
    title=".env files",
    summary="The files .env, .env.local, .env.ENVIRONMENT and .env.ENVIRONMENT.local, later over earlier.",
    options=DotenvOptions,
    build=DotenvFiles,
    offers=(Inspector,),
    address_names=("env",),
)
