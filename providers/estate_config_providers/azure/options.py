"""The table `[providers.azure]`."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class AzureOptions(BaseModel):
    """Which vault. Credentials are what `DefaultAzureCredential` finds: a workload identity, `AZURE_*`, `az login`."""

    model_config = ConfigDict(extra="forbid")

    vault_url: str = Field(pattern=r"^https://[^/\s]+/?$")
    """`https://estate-prod.vault.azure.net`."""
    prefix: str = ""
    """Goes before derived names: `estate-`."""
    client: Any = Field(default=None, repr=False, exclude=True)
    """A `SecretClient` of your own, from code only."""
