"""The catalogue: every secret of the estate, whichever service reads it. `estate push catalogue` fills an account."""

from __future__ import annotations

from datetime import timedelta

from pydantic import PostgresDsn, SecretStr

from estate_config import Settings, secret

_QUARTER = timedelta(days=90)


class EstateSecrets(Settings):
    """The eight secrets. `estate docs catalogue` makes a page of it."""

    rds_password: SecretStr = secret("rds/password", description="Database password", owner="platform")
    database_url: PostgresDsn = secret("database/url", description="Listings database", owner="platform")
    jwt_secret: SecretStr = secret("jwt/secret", description="Signs session tokens", owner="backend", rotates=_QUARTER)
    ses_access_key_id: SecretStr = secret("ses/access_key_id", description="Sends e-mail", owner="backend")
    ses_secret_access_key: SecretStr = secret("ses/secret_access_key", description="Sends e-mail", owner="backend")
    segment_write_key: SecretStr = secret("segment/write_key", description="Usage statistics", owner="growth")
    openai_api_key: SecretStr = secret("openai/api_key", description="Writes texts", owner="ai", rotates=_QUARTER)
    kreb_api_key: SecretStr = secret("kreb/api_key", description="Reads the real-estate board", owner="data")
