"""The whole public API as a user writes it. mypy --strict and pyright accept it, with no plug-in and no ignore."""

from __future__ import annotations

import asyncio
import sys
from datetime import date, datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Annotated, Literal, assert_type
from uuid import UUID

from pydantic import AnyUrl, BaseModel, Field, HttpUrl, PostgresDsn, Secret, SecretBytes, SecretStr, field_validator

from estate_config import (
    Asked,
    Code,
    ConfigurationError,
    Explanation,
    Problem,
    Provenance,
    Settings,
    aload,
    explain,
    lazy,
    load,
    load_or_exit,
    secret,
    setting,
    use,
)


class Tier(Enum):
    FREE = "free"
    PAID = "paid"


class Rds(BaseModel):
    host: str = setting("rds/host", description="Name of the database server")
    port: int = setting("rds/port", default=5432)
    password: SecretStr = secret("rds/password", aws="estate/rds#password")


class Mail(Settings):
    sender: str = setting(default="estate@example.com")
    key: SecretStr | None = secret("ses/key", default=None)


class AiSettings(Settings):
    database_url: PostgresDsn = secret("database/url", description="Listings database", owner="platform")
    openai_api_key: SecretStr = secret("openai/api_key", rotates=timedelta(days=90), env="OPENAI_API_KEY")
    signing_key: SecretBytes = secret("signing/key", max_stale=timedelta(hours=1))
    recovery_codes: Secret[list[str]] = secret("recovery/codes", examples=[["made", "up"]])
    jwt_secret: Annotated[str, Field(min_length=8)] = secret("jwt/secret")
    kreb_token: SecretStr | None = secret("kreb/api_key", default=None, providers=("aws",))
    rds: Rds
    mail: Mail
    replica_url: str = secret("replica/url", template="postgresql://estate:{jwt_secret}@replica/estate")
    log_level: Literal["debug", "info"] = setting(default="info")
    tier: Tier = Tier.FREE
    workers: int = setting(default=2)
    ratio: Annotated[float, Field(ge=0, le=1)] = 0.5
    verbose: bool = False
    timeout: timedelta = timedelta(seconds=15)
    launch: date | None = None
    since: datetime | None = None
    tenant: UUID | None = None
    folder: Path = Path("/tmp")
    home: HttpUrl | None = None
    peers: list[AnyUrl] = setting(default_factory=list)
    tags: dict[str, str] = setting(default_factory=dict)
    greeting: str = setting(default="", allow_empty=True)

    @field_validator("workers")
    @classmethod
    def _some(cls, workers: int) -> int:
        if workers < 1:
            raise ValueError("at least one worker is needed")
        return workers


VALUES = {
    "database_url": "postgresql://estate:made-up@localhost/estate",
    "openai_api_key": "made-up",
    "signing_key": b"\x00made-up",
    "recovery_codes": ["made", "up"],
    "jwt_secret": "made-up too",
    "rds": {"host": "localhost", "password": "made-up"},
}

settings = lazy(AiSettings)
assert_type(settings, AiSettings)


def fields(values: AiSettings) -> None:
    assert_type(values.database_url, PostgresDsn)
    assert_type(values.openai_api_key, SecretStr)
    assert_type(values.openai_api_key.get_secret_value(), str)
    assert_type(values.signing_key.get_secret_value(), bytes)
    assert_type(values.recovery_codes.get_secret_value(), list[str])
    assert_type(values.jwt_secret, str)
    assert_type(values.kreb_token, SecretStr | None)
    assert_type(values.rds, Rds)
    assert_type(values.rds.port, int)
    assert_type(values.mail.key, SecretStr | None)
    assert_type(values.log_level, Literal["debug", "info"])
    assert_type(values.tier, Tier)
    assert_type(values.timeout, timedelta)
    assert_type(values.launch, date | None)
    assert_type(values.peers, list[AnyUrl])
    assert_type(values.tags, dict[str, str])


def loads() -> None:
    with use(AiSettings, VALUES):
        assert_type(load(AiSettings), AiSettings)
        assert_type(load(settings, environment="test"), AiSettings)
        assert_type(load(AiSettings, config={"environments": {}}, overrides=VALUES), AiSettings)
        assert_type(load_or_exit(settings), AiSettings)
        assert_type(asyncio.run(aload(AiSettings)), AiSettings)
        fields(settings)
    with use(Mail, {}):
        assert_type(Mail(sender="other@example.com"), Mail)


def provenance() -> None:
    with use(AiSettings, VALUES):
        explanation = explain(settings)
        assert_type(explanation, Explanation)
        one = explanation["database_url"]
        assert_type(one, Provenance)
        assert_type(one.provider, str)
        assert_type(one.age, float | None)
        assert_type(one.asked, tuple[Asked, ...])
        for item in explanation:
            assert_type(item, Provenance)


def what_is_wrong() -> list[str]:
    with use(AiSettings, {**VALUES, "workers": 0}):
        try:
            load(AiSettings)
        except ConfigurationError as error:
            assert_type(error.problems, tuple[Problem, ...])
            assert_type(error.problems[0].code, Code)
            assert_type(error.exit_code, int)
            assert_type(error.as_text(color=False), str)
            return [problem.field for problem in error.problems]
    return []


if __name__ == "__main__":
    loads()
    provenance()
    sys.stdout.write(" ".join(what_is_wrong()))
