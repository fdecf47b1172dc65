"""What the backend needs. `estate generate typescript backend` makes `src/lib/secrets.ts` of it, for Node.js."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import Field, HttpUrl, PostgresDsn

from estate_config import Settings, secret, setting

HeaderText = Annotated[str, Field(pattern=r"^[!-~]+$")]
"""What travels in an HTTP header: printable ASCII without spaces or line ends, so that a key pasted with its line end
fails at the start."""


class BackendSettings(Settings):
    """Signs people in, sends mail and counts what is used."""

    database_url: PostgresDsn = secret("database/url", description="Listings database", owner="platform")
    jwt_secret: Annotated[str, Field(min_length=32)] = secret(
        "jwt/secret", description="Signs session tokens", owner="backend", rotates=timedelta(days=90)
    )
    jwt_lifetime: timedelta = setting(default=timedelta(hours=1), description="How long a session token is good")
    ses_access_key_id: HeaderText = secret("ses/access_key_id", description="Sends e-mail", owner="backend")
    ses_secret_access_key: HeaderText = secret("ses/secret_access_key", description="Sends e-mail", owner="backend")
    ses_region: str = setting(default="ap-northeast-2", description="Region of SES")
    ses_url: HttpUrl = setting(default="https://email.ap-northeast-2.amazonaws.com", description="API of SES")
    mail_from: str = setting(default="estate@estate.example", description="Who mails are from")
    segment_write_key: HeaderText = secret("segment/write_key", description="Usage statistics", owner="growth")
    segment_url: HttpUrl = setting(default="https://api.segment.io", description="API of Segment")
    ai_url: HttpUrl = setting(default="http://estate-ai", description="The AI service")
    call_timeout: timedelta = setting(default=timedelta(seconds=10), description="For one call of another service")
    listen_host: str = setting(default="127.0.0.1", description="Address to serve on")
    listen_port: Annotated[int, Field(ge=1, le=65535)] = setting(default=8080, description="Port to serve on")
