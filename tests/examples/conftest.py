"""The servers that the example estate runs on: one of each for all tests, and an empty account for each test."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

import psycopg
import pytest

ESTATE = Path(__file__).parents[2] / "examples" / "estate"
sys.path.insert(0, str(ESTATE))

from stubs.json_server import serving  # noqa: E402 - the path comes first
from stubs.kreb_stub import KrebStub  # noqa: E402
from stubs.openai_stub import OpenAIStub  # noqa: E402
from tools.aws import aws_environment, bare_environment, embedded_aws, secrets_client  # noqa: E402
from tools.iam import Iam, iam_in_front_of  # noqa: E402
from tools.postgres import Postgres, postgres  # noqa: E402

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

OPENAI_KEY = "canary-openai-9f31c7d2"
KREB_KEY = "canary-kreb-5b8e0a64"
PASSWORD = "canary/p@ss:w%rd 71"
"""Needs percent-encoding in a URL, as generated passwords do."""


@pytest.fixture(scope="session")
def database() -> Iterator[Postgres]:
    with postgres(PASSWORD) as server:
        yield server


@pytest.fixture
def empty_database(database: Postgres) -> Postgres:
    with psycopg.connect(database.url) as connection:
        connection.execute("DROP TABLE IF EXISTS listings")
    return database


@pytest.fixture(scope="session")
def aws_url() -> Iterator[str]:
    with embedded_aws() as url:
        yield url


@dataclass(frozen=True)
class Account:
    """An AWS account with Secrets Manager and somebody who denies."""

    client: SecretsManagerClient
    iam: Iam

    def put(self, **secrets: str) -> None:
        """Create secrets: `rds_password` becomes `estate/rds/password`."""
        for name, value in secrets.items():
            self.client.create_secret(Name=f"estate/{name.replace('_', '/', 1)}", SecretString=value)

    @property
    def environment(self) -> Mapping[str, str]:
        return {"NODE_ENV": "production", **aws_environment(self.iam.url)}


@pytest.fixture
def account(aws_url: str) -> Iterator[Account]:
    with urlopen(Request(f"{aws_url}/moto-api/reset", method="POST"), timeout=10):
        pass
    with iam_in_front_of(aws_url) as iam:
        yield Account(secrets_client(aws_url), iam)


@pytest.fixture
def model() -> Iterator[str]:
    with serving(OpenAIStub, key=OPENAI_KEY) as url:
        yield f"{url}/v1"


@pytest.fixture
def board() -> Iterator[Callable[..., str]]:
    """A function that starts the real-estate board, on a bad day if told so, and returns its URL."""
    from contextlib import ExitStack

    with ExitStack() as stack:

        def start(**attributes: Any) -> str:
            return stack.enter_context(serving(KrebStub, key=KREB_KEY, **attributes))

        yield start


@pytest.fixture(scope="session")
def run() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run `python -m MODULE` in the estate's folder (or another), with this environment and nothing else."""

    def run_module(
        module: str, environment: Mapping[str, str], folder: Path = ESTATE
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", module],
            cwd=folder,
            env={**bare_environment(), **environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run_module


def assert_no_value_in(text: str) -> None:
    """No secret of these tests, nor the greater part of one, nor a password as a URL spells it."""
    for canary in ("9f31c7d2", "5b8e0a64", "canary", "p@ss", "p%40ss", "w%rd", "w%25rd", "postgresql://"):
        assert canary not in text
