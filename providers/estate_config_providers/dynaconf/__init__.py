"""Layered settings files per environment, through dynaconf; or a `Dynaconf` object that there is already."""

from __future__ import annotations

from estate_config.contract import Inspector, ProviderSpec
from estate_config_providers.dynaconf.layered_settings import LayeredSettings
from estate_config_providers.dynaconf.options import DynaconfOptions

spec = ProviderSpec(
    name="dynaconf",
    title="settings files",
    summary="Settings files of TOML, YAML and JSON with a section per environment, layered by dynaconf.",
    options=DynaconfOptions,
    build=LayeredSettings,
    offers=(Inspector,),
)
