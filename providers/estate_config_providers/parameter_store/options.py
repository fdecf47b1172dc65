"""The table `[providers.parameter_store]`."""

from __future__ import annotations

from estate_config_providers._aws.access import AwsAccess


class ParameterStoreOptions(AwsAccess):
    """Where the parameters are, and who asks for them."""

    prefix: str = ""
    """Goes before derived names: `/estate/`."""
