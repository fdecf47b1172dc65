"""The table `[providers.keyring]`."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class KeyringOptions(BaseModel):
    """Under which names the passwords lie. Which key store it is, the library `keyring` is told in its own ways."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    service: Annotated[str, Field(min_length=1)] = "estate"
    """The service that passwords are kept for; the username is the logical name."""
    prefix: str = ""
    """Goes before the logical name: `production/`."""
