"""The commands of "The estate's own document, heading by heading" show what the page says of them."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools import story
from tools.account import Account
from tools.made_up import KREB_KEY, OPENAI_KEY, OTHERS, PASSWORD, shown_in
from tools.processes import bare_environment

pytestmark = pytest.mark.integration

ESTATE = Path(story.__file__).parents[1]
PAGE = ESTATE.parents[1] / "docs" / "how-to" / "the-estate-by-headings.md"
SECRETS = {
    "RDS_PASSWORD": PASSWORD,
    "DATABASE_URL": "postgresql://estate:canary@localhost/estate",
    "OPENAI_API_KEY": OPENAI_KEY,
    "KREB_API_KEY": KREB_KEY,
    **OTHERS,
}
DEBUGGING = (
    'python -c "import logging; logging.basicConfig(level=10); '
    'from services.ai.settings import settings; settings.log_level"'
)
PLACEHOLDER = "JWT_SECRET=supersecretjwtkey estate check backend --env production"
SHOWN = {
    "estate check": "backend can start in development",
    "estate check --env production": "backend can start in production",
    "estate check --schema-only": "backend: schema and chains are fine",
    "estate doctor --env production": "found  aws  estate/jwt/secret",
    "estate explain ai": "openai_api_key   secret  dotenv",
    "estate explain etl": "kreb_api_key   secret  dotenv",
    "estate explain backend --env production": "AWSCURRENT",
    "estate generate all --check": "infrastructure/terraform/secrets-manager.tf is as it should be",
    "estate generate iam": "estate-secrets-manager-access",
    "estate generate iam ai": "secret:estate/openai/api_key-??????",
    "estate generate kubernetes-deployment ai": "key: SENTRY_DSN",
    "estate generate terraform": "aws_cloudwatch_metric_alarm",
    "estate generate typescript backend": "export const { loadSecrets, getSecrets",
    "estate push catalogue --from dotenv --to aws --env production": "Nothing to write",
    "estate rotate jwt/secret --env production --yes": "it is the current one",
    "estate scan": "basic-auth-credentials: looks like a credential",
    PLACEHOLDER: "PLACEHOLDER  jwt_secret",
    DEBUGGING: "DEBUG:estate_config:openai_api_key: dotenv",
}
"""The commands that are run here, and a part of what they print; others need a cluster, or are run elsewhere."""
FINDS = {"estate scan": 1, PLACEHOLDER: 1}
"""The exit codes that are not 0."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The estate, with a filled `.env`."""
    ignored = shutil.ignore_patterns("node_modules", "dist", "__pycache__", ".*cache")
    folder = Path(shutil.copytree(ESTATE, tmp_path / "estate", ignore=ignored))
    dotenv = folder / ".env"
    dotenv.touch(0o600)
    dotenv.write_text("".join(f"{name}='{value}'\n" for name, value in SECRETS.items()), "utf-8")
    return folder


def test_the_page_names_the_commands_that_are_run_here() -> None:
    rows = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| ")]
    named = re.findall(
        r"`((?:JWT_SECRET=\w+ )?(?:estate|python -c) [^`]+)`", "".join(row.split("|")[3] for row in rows)
    )
    assert set(named) == set(SHOWN)


@pytest.mark.parametrize("command", SHOWN)
def test_a_command_of_the_page_shows_what_it_is_said_to(command: str, account: Account, folder: Path) -> None:
    account.create(**{name.lower(): value for name, value in SECRETS.items()})
    environment = {name: value for name, value in account.environment.items() if name != "NODE_ENV"}
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["env", *shlex.split(command)],
        cwd=folder,
        env={**bare_environment(), **environment, "PATH": programs},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    printed = done.stdout + done.stderr
    assert done.returncode == FINDS.get(command, 0), printed
    assert SHOWN[command] in printed
    assert shown_in(printed) == []
