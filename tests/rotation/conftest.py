"""A real PostgreSQL with users of each test's own, the strict fake of AWS, and a rotation between them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import psycopg
import pytest

from estate_config import environments
from estate_config.loading import close_all
from estate_config.rotation.choosing import rotation_of
from estate_config.rotation.steps import Rotation, Standing, Step, perform, standing
from tests.fakes.aws import ACCOUNT, REGION, StrictAws
from tests.fakes.secrets_manager import Secret, Version
from tools.postgres import Postgres, postgres

PASSWORD = "kq7Z/vXw2Lr9:Tb@N4mHc%"
"""Of characters that a URL has to encode."""


@dataclass(frozen=True)
class Users:
    """A user of a service, and an admin who may make users and is no superuser."""

    server: Postgres
    name: str = field(default_factory=lambda: f"app {uuid4().hex[:8]}")

    @property
    def admin(self) -> str:
        return f"admin of {self.name}"

    def url(self, user: str = "", password: str = PASSWORD) -> str:
        login = f"{quote(user or self.name, safe='')}:{quote(password, safe='')}"
        return f"postgresql://{login}@{self.server.host}:{self.server.port}/{self.server.database}"

    def json(self, user: str = "", password: str = PASSWORD) -> str:
        place = {"host": self.server.host, "port": self.server.port, "dbname": self.server.database}
        return json.dumps({"engine": "postgres", **place, "username": user or self.name, "password": password})

    @property
    def admin_json(self) -> str:
        """As RDS stores its own: it says nothing of the server."""
        return json.dumps({"username": self.admin, "password": PASSWORD})

    def ask(self, url: str, question: str) -> Any:
        with psycopg.connect(url, connect_timeout=5) as connection:
            answer = connection.execute(question.encode())
            return answer.fetchone() if answer.description else None

    def url_of(self, secret: str) -> str:
        if not secret.startswith("{"):
            return secret
        login = json.loads(secret)
        return self.url(login["username"], login["password"])

    def lets_in(self, secret: str) -> bool:
        """Whether the server accepts what a secret holds."""
        try:
            return bool(self.ask(self.url_of(secret), "SELECT true")[0])
        except psycopg.OperationalError:
            return False

    def stored(self) -> list[Any]:
        """What the server stores of the passwords of both users."""
        with psycopg.connect(self.server.url) as connection:
            question = "SELECT rolname, rolpassword FROM pg_authid WHERE starts_with(rolname, %s) ORDER BY rolname"
            return connection.execute(question, (self.name,)).fetchall()


@pytest.fixture(scope="session")
def server() -> Iterator[Postgres]:
    with postgres() as running:
        yield running


@pytest.fixture
def make_users(server: Postgres) -> Callable[[], Users]:
    def make() -> Users:
        users = Users(server)
        with psycopg.connect(server.url) as connection:
            connection.execute(f"CREATE ROLE \"{users.admin}\" LOGIN CREATEROLE PASSWORD '{PASSWORD}'".encode())
            connection.execute(f"CREATE ROLE \"{users.name}\" LOGIN PASSWORD '{PASSWORD}'".encode())
            connection.execute(f'GRANT "{users.name}" TO "{users.admin}" WITH ADMIN OPTION'.encode())
            connection.execute(f'CREATE SCHEMA "{users.name}" AUTHORIZATION "{users.name}"'.encode())
        return users

    return make


@pytest.fixture
def users(make_users: Callable[[], Users]) -> Users:
    return make_users()


@pytest.fixture
def aws() -> Iterator[StrictAws]:
    with StrictAws() as fake:
        yield fake


Rotating = Callable[..., Rotation]


@pytest.fixture
def rotating(aws: StrictAws) -> Iterator[Rotating]:
    """Return how a secret of the fake is rotated, as `estate.toml` would say it."""
    made: list[Rotation] = []

    def rotate(name: str, **table: Any) -> Rotation:
        options = {"session": aws.session(), "endpoint_url": aws.url, "prefix": "estate/"}
        estate = environments.read(
            {
                "environments": {"production": {"chain": ["env", "aws"], "deadline": table.pop("deadline", 15)}},
                "providers": {"aws": options},
                "rotation": {name: table},
            }
        )
        rotation = rotation_of(estate, estate.choose("production"), name)
        made.append(
            replace(rotation, link=made[0].link) if made else rotation
        )  # one client for all: it is slow to make
        return made[-1]

    yield rotate
    close_all([rotation.link for rotation in made[:1]])


def secret_of(aws: StrictAws, name: str) -> Secret:
    found = aws.store.find(name, ACCOUNT, REGION)
    assert found is not None
    return found


def value(aws: StrictAws, name: str, stage: str = "AWSCURRENT") -> str:
    secret = secret_of(aws, name)
    held = secret.versions[secret.at(stage) or ""].value
    assert isinstance(held, str)
    return held


def begin(aws: StrictAws, name: str, token: str) -> None:
    """Do what AWS does when a rotation is due: a version without a value waits, and the function is called."""
    secret = secret_of(aws, name)
    secret.rotation["RotationEnabled"] = True
    secret.versions[token] = Version(None, set(), datetime.now(UTC))
    secret.move("AWSPENDING", token)


def go_on(rotation: Rotation) -> str:
    """Do all four steps, as `estate rotate` does; return the version that it leads to."""
    stands = standing(rotation)
    assert isinstance(stands, Standing), stands
    version = stands.pending or str(uuid4())
    for step in Step:
        assert perform(rotation, step, version) is None
    return version
