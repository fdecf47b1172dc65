"""The schemas of these tests, each with the `estate.toml` that it is loaded by."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AnyUrl, BaseModel, Field, HttpUrl, PostgresDsn, SecretBytes, SecretStr, create_model

from estate_config import Settings, secret, setting

ON_AWS: Mapping[str, Any] = {
    "environment_variables": ["NODE_ENV"],
    "environments": {
        "production": {"chain": ["env", "aws"], "deadline": 4},
        "patient": {"chain": ["env", "aws"]},
        "lenient": {"chain": [{"provider": "aws", "on_denied": "next", "on_unavailable": "next"}, "env"]},
    },
    "providers": {"aws": {"prefix": "estate/"}},
}


class Service(Settings):
    """Something of everything that AWS may have."""

    jwt: Annotated[SecretStr, Field(min_length=8)] = secret("jwt/secret")
    previous: SecretStr = secret("previous", aws="estate/jwt/secret?stage=AWSPREVIOUS")
    user: str = secret(aws="estate/rds#user", env="RDS_USER")
    password: SecretStr = secret(aws="estate/rds#password", env="RDS_PASSWORD")
    port: int = secret(aws="estate/rds#port", env="RDS_PORT")
    host: str = setting(default="localhost")
    url: PostgresDsn = secret("database/url", template="postgresql://{user}:{password}@{host}:{port}/estate")
    hosts: list[int] = secret("hosts")
    certificate: SecretBytes = secret("certificate")
    sentry: SecretStr | None = secret("sentry/dsn", default=None)


_FIFTY: dict[str, Any] = {f"s{number}": (SecretStr, secret()) for number in range(50)}
Many = create_model("Many", __base__=Settings, **_FIFTY)
"""More than two batches."""

ON_THIS_MACHINE: Mapping[str, Any] = {
    "environment_variables": ["ESTATE_ENV", "NODE_ENV"],
    "default_environment": "development",
    "environments": {
        "development": {"chain": ["env", "dotenv"]},
        "elsewhere": {"chain": ["env", "dotenv"], "providers": {"dotenv": {"folder": "config"}}},
        "strict": {"chain": ["env"], "forbid_examples": True, "providers": {"env": {"prefix": "ESTATE_"}}},
    },
}


class Rds(BaseModel):
    """A database, in parts."""

    user: str = setting(default="estate")
    password: SecretStr


class Labelled(Rds):
    """A database with a text that is built from its user."""

    label: str = setting(template="{{{user}}} of {user}")


class Cache(BaseModel):
    """With a default of its own as a whole."""

    host: str = setting(default="localhost")
    seconds: timedelta


class Laptop(Settings):
    """What a laptop has in variables and files."""

    jwt: SecretStr = secret("jwt/secret", examples=["the one of the tutorial"])
    certificate: SecretBytes | None = secret("certificate", default=None)
    greeting: str = setting(default="", allow_empty=True)
    rds: Labelled
    replica: Rds | None = None
    standby: Labelled | None = None
    cache: Cache = Cache(seconds=timedelta(minutes=1))
    only_files: str = setting(default="-", providers=("dotenv",))
    nobody: str = setting(default="-", providers=())


class Region(Enum):
    NORTH = "north"
    SOUTH = "south"


class Login(BaseModel):
    """One JSON value."""

    user: str
    port: int = 5432
    password: SecretStr | None = None


class Closed(BaseModel, extra="forbid"):
    """Without other members than its own."""

    user: str


class Kinds(Settings):
    """Every type that there is in TypeScript."""

    text: str = "-"
    sized: Annotated[str, Field(min_length=2, max_length=4)] = "abc"
    spelled: Annotated[str, Field(pattern=r"^[a-z/]+$")] = "a/b"
    whole: int = 1
    ranged: Annotated[int, Field(ge=1, lt=10)] = 1
    even: Annotated[int, Field(multiple_of=2)] = 2
    real: float = 0.5
    flag: bool = False
    level: Literal["debug", "info"] = "info"
    region: Region = Region.NORTH
    url: AnyUrl | None = None
    page: HttpUrl | None = None
    dsn: PostgresDsn | None = None
    span: timedelta = timedelta(seconds=90)
    bounded: Annotated[timedelta, Field(gt=timedelta(0), le=timedelta(days=1))] = timedelta(hours=1)
    words: list[str] = Field(default=["a", "b"])
    numbers: Annotated[list[int], Field(min_length=1, max_length=3)] = Field(default=[1])
    once: set[str] = Field(default={"a"})
    several: tuple[float, ...] = (0.5, 1)
    limits: dict[str, int] = Field(default={"a": 1})
    anything: dict[str, Any] = Field(default={})
    login: Login | None = None
    closed: Closed | None = None
    logins: list[Login] = Field(default=[])
    raw: bytes = b""
    path: Path = Path("/tmp")


SCHEMAS: Mapping[str, tuple[type[Settings], Mapping[str, Any]]] = {
    "service": (Service, ON_AWS),
    "many": (Many, ON_AWS),
    "laptop": (Laptop, ON_THIS_MACHINE),
    "kinds": (Kinds, ON_THIS_MACHINE),
}
