"""What the AI service needs. Importing this does no I/O and needs no credentials."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from pydantic import HttpUrl, PostgresDsn

from estate_config import Settings, lazy, secret, setting
from services.api_key import ApiKey


class AiSettings(Settings):
    """Describes listings with the help of a language model."""

    database_url: PostgresDsn = secret("database/url", description="Listings database", owner="platform")
    openai_api_key: ApiKey = secret(
        "openai/api_key", description="Key of the language model", owner="ai", rotates=timedelta(days=90)
    )
    openai_base_url: HttpUrl = setting(
        default="https://api.openai.com/v1", description="Any server that speaks OpenAI's protocol"
    )
    openai_model: str = setting(default="gpt-4o-mini", description="The model that writes")
    openai_timeout: timedelta = setting(default=timedelta(seconds=10), description="For one answer of the model")
    listen_host: str = setting(default="127.0.0.1", description="Address to serve on")
    listen_port: int = setting(default=8000, description="Port to serve on")
    log_level: Literal["debug", "info", "warning"] = setting(default="info", description="How much the service says")


settings = lazy(AiSettings)
