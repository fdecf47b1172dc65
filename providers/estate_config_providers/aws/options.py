"""The table `[providers.aws]`."""

from __future__ import annotations

from pydantic import Field

from estate_config_providers._aws.access import AwsAccess


class AwsOptions(AwsAccess):
    """Where the secrets are, and who asks for them."""

    replica_regions: tuple[str, ...] = ()
    """Where copies of the secrets are. Values are not read there: it is for `estate generate`, whose policies and
    infrastructure hold for these regions too."""
    events_queue_url: str | None = Field(default=None, pattern=r"^https?://[^\s/@]+/\d{12}/[A-Za-z0-9_-]{1,80}$")
    """The SQS queue that EventBridge tells of changes."""
    prefix: str = ""
    """Goes before derived names: `estate/`."""
