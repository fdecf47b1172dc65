"""The table `[providers.gcp]`."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class GcpOptions(BaseModel):
    """Where the secrets are. Credentials are Google's Application Default Credentials."""

    model_config = ConfigDict(extra="forbid")

    project: str = Field(min_length=1)
    """The project's id or number."""
    prefix: str = ""
    """Goes before derived names: `estate-`."""
    endpoint: str | None = None
    """Another endpoint, for a region (`secretmanager.europe-west3.rep.googleapis.com`)."""
    client: Any = Field(default=None, repr=False, exclude=True)
    """A `SecretManagerServiceClient` of your own, from code only."""
