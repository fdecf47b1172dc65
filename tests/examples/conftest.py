"""The servers that the example estate runs on: one of each for all tests, and an empty account for each test."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import psycopg
import pytest

from estate_config.testing import EmbeddedAws

ESTATE = Path(__file__).parents[2] / "examples" / "estate"
sys.path.insert(0, str(ESTATE))

from stubs.json_server import serving  # noqa: E402 - the path comes first
from stubs.kreb_stub import KrebStub  # noqa: E402
from stubs.openai_stub import OpenAIStub  # noqa: E402
from tools.account import Account, account_at  # noqa: E402
from tools.made_up import KREB_KEY, OPENAI_KEY, PASSWORD  # noqa: E402
from tools.postgres import Postgres, postgres  # noqa: E402
from tools.processes import bare_environment  # noqa: E402


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
    with EmbeddedAws() as aws:
        yield aws.endpoint_url


@pytest.fixture
def account(aws_url: str) -> Iterator[Account]:
    with urlopen(Request(f"{aws_url}/moto-api/reset", method="POST"), timeout=10):
        pass
    with account_at(aws_url) as account:
        yield account


@pytest.fixture
def model() -> Iterator[str]:
    with serving(OpenAIStub, key=OPENAI_KEY) as url:
        yield f"{url}/v1"


@pytest.fixture
def board() -> Iterator[Callable[..., str]]:
    """A function that starts the real-estate board, on a bad day if told so, and returns its URL."""
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
