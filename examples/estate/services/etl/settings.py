"""What the ETL job needs. Importing this does no I/O and needs no credentials."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import Field, HttpUrl, PostgresDsn, SecretStr

from estate_config import Settings, lazy, secret, setting
from services.api_key import ApiKey


class EtlSettings(Settings):
    """Loads the listings of the real-estate board into the database."""

    kreb_api_key: ApiKey = secret("kreb/api_key", description="Key of the real-estate board", owner="data")
    kreb_base_url: HttpUrl = setting(default="https://api.kreb.example", description="The board's API")
    kreb_timeout: timedelta = setting(default=timedelta(seconds=10), description="For one page")
    page_size: Annotated[int, Field(ge=1, le=500)] = setting(default=50, description="Listings in one page")

    db_host: str = setting(default="localhost", description="Database server")
    db_port: int = setting(default=5432, description="Database port")
    db_user: str = setting(default="estate", description="Database user")
    db_name: str = setting(default="estate", description="Database name")
    db_password: SecretStr = secret("rds/password", description="Database password", owner="platform")
    database_url: PostgresDsn = secret(
        "database/url",
        template="postgresql://{db_user}:{db_password}@{db_host}:{db_port}/{db_name}",
        description="Listings database; built from its parts where no provider has it whole",
        owner="platform",
    )


settings = lazy(EtlSettings)
