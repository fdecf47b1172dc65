"""The table `[providers.aws]`."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from estate_config_providers._aws.access import AwsAccess


class AwsOptions(AwsAccess):
    """Where the secrets are, and who asks for them."""

    regions: tuple[Annotated[str, Field(pattern=r"^[a-z0-9-]+$")], ...] = ()
    """Instead of `region`: the region that is asked, then those with copies, which are asked where it is down."""
    replica_regions: tuple[str, ...] = ()
    """Where more copies are. Values are not read there: it is for `estate generate`, whose policies and infrastructure
    hold for these regions too."""
    events_queue_url: str | None = Field(default=None, pattern=r"^https?://[^\s/@]+/\d{12}/[A-Za-z0-9_-]{1,80}$")
    """The SQS queue that EventBridge tells of changes."""
    prefix: str = ""
    """Goes before derived names: `estate/`."""

    @model_validator(mode="after")
    def _home_is_the_region(self) -> Self:
        if self.regions and self.region is not None:
            raise ValueError("region and regions are two answers: the first one of regions is the region that is asked")
        if len(set(self.regions)) < len(self.regions):
            raise ValueError("regions names one region twice")
        if self.regions:
            self.region = self.regions[0]
        return self
