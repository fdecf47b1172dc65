"""The table `[providers.aws]`."""

from __future__ import annotations

from estate_config_providers._aws.access import AwsAccess


class AwsOptions(AwsAccess):
    """Where the secrets are, and who asks for them."""

    replica_regions: tuple[str, ...] = ()
    """Where copies of the secrets are. Values are not read there: it is for `estate generate`, whose policies and
    infrastructure hold for these regions too."""
    prefix: str = ""
    """Goes before derived names: `estate/`."""
