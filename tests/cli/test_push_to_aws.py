"""`estate push` from a .env file into AWS Secrets Manager: moto, with a policy in front of it that can deny."""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.request import Request, urlopen

import pytest

from estate_config.testing import EmbeddedAws
from tests.cli.conftest import Project
from tests.leaks import PLAIN, assert_no_canary
from tools.account import Account, account_at

pytestmark = pytest.mark.integration

SCHEMA = """
from pydantic import SecretStr
from estate_config import Settings, secret, setting


class AppSettings(Settings):
    url: SecretStr = secret("database/url")
    user: SecretStr = secret("rds/user", aws="estate/rds#username")
    password: SecretStr = secret("rds/password", aws="estate/rds#password")
    level: str = setting(default="info")
"""

TABLE = """
[services]
app = "schemas:AppSettings"

[environments.production]
chain = ["env", "aws"]

[providers.aws]
region = "ap-northeast-2"
prefix = "estate/"
"""

PUSH = ("push", "app", "--from", "dotenv", "--to", "aws", "--env", "production", "--yes")


@pytest.fixture(scope="module")
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
def on_aws(project: Project, account: Account) -> Project:
    project.write("schemas.py", SCHEMA)
    project.write("estate.toml", TABLE)
    project.write(".env", f"DATABASE_URL={PLAIN}\nRDS_USER={PLAIN[:9]}\nRDS_PASSWORD={PLAIN[9:]}\n")
    project.variables.update(account.environment)
    return project


def pushed(project: Project, code: int = 0) -> str:
    done = project.run(*PUSH, code=code)
    assert_no_canary(done.out + done.err, PLAIN)
    return done.out


def value(account: Account, name: str) -> str:
    return account.operator.get_secret_value(SecretId=name)["SecretString"]


def test_an_empty_account_is_filled_and_then_the_service_can_start(on_aws: Project, account: Account) -> None:
    done = on_aws.program(*PUSH)
    assert_no_canary(done.out + done.err, PLAIN)
    assert "created  password  .env:3  estate/rds#password" in done.out
    assert value(account, "estate/database/url") == PLAIN
    assert json.loads(value(account, "estate/rds")) == {"username": PLAIN[:9], "password": PLAIN[9:]}
    assert len(account.versions()["estate/rds"]) == 1  # its members were written together
    on_aws.run("check", "--env", "production")


def test_a_second_time_makes_no_new_version(on_aws: Project, account: Account) -> None:
    pushed(on_aws)
    before = account.versions()
    assert "3 the same. Nothing to write." in pushed(on_aws)
    assert account.versions() == before


def test_a_member_that_changed_is_written_and_its_siblings_stay(on_aws: Project, account: Account) -> None:
    account.operator.create_secret(
        Name="estate/rds", SecretString=json.dumps({"username": PLAIN[:9], "password": "old", "port": 5432})
    )
    out = pushed(on_aws)
    assert "changed  password" in out
    assert "same    user" in out
    stored = json.loads(value(account, "estate/rds"))
    assert stored == {"username": PLAIN[:9], "password": PLAIN[9:], "port": 5432}


def test_a_secret_that_terraform_made_without_a_value_is_filled(on_aws: Project, account: Account) -> None:
    account.operator.create_secret(Name="estate/database/url")
    assert "created  url" in pushed(on_aws)
    assert value(account, "estate/database/url") == PLAIN


def test_a_secret_that_may_not_be_read_is_not_overwritten(on_aws: Project, account: Account) -> None:
    account.operator.create_secret(Name="estate/database/url", SecretString="kept")
    account.iam.denied.add("estate/database/url")
    out = pushed(on_aws, code=1)
    assert "failed  url" in out
    assert "DENIED  url" in out
    assert "created  password" in out
    assert value(account, "estate/database/url") == "kept"
    assert len(account.versions()["estate/database/url"]) == 1


def test_a_secret_that_is_to_be_deleted_is_said_with_the_command_that_restores_it(
    on_aws: Project, account: Account
) -> None:
    account.operator.create_secret(Name="estate/database/url", SecretString="kept")
    account.operator.delete_secret(SecretId="estate/database/url")
    out = pushed(on_aws, code=1)
    assert "DELETED  url" in out
    assert "aws secretsmanager restore-secret --secret-id estate/database/url" in out


def test_a_document_that_is_no_json_is_not_overwritten_by_its_members(on_aws: Project, account: Account) -> None:
    account.operator.create_secret(Name="estate/rds", SecretString=f"{PLAIN} and no JSON")
    assert "MALFORMED" in pushed(on_aws, code=1)
    assert value(account, "estate/rds") == f"{PLAIN} and no JSON"


def test_an_account_that_cannot_be_reached_is_said_and_nothing_hangs(on_aws: Project) -> None:
    on_aws.variables["AWS_ENDPOINT_URL"] = "http://127.0.0.1:9"
    out = pushed(on_aws, code=1)
    assert "UNAVAILABLE  url, user, password" in out
    assert out.endswith("3 failed. Nothing to write.\n")
