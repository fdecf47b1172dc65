"""The troubleshooting table of the estate's document, row by row, as `estate doctor` answers it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cli.conftest import Done, Project
from tests.fakes.aws import ACCOUNT, REGION, StrictAws
from tests.fakes.iam import allow, identity_policy

TABLE = """
environment_variables = ["ESTATE_ENV", "NODE_ENV"]
default_environment = "development"
[services]
ai = "schemas:AiSettings"
[environments.development]
chain = ["env", "dotenv"]
[environments.production]
chain = ["env", "aws"]
deadline = 5
[providers.aws]
prefix = "estate/"
"""
NODE = "estate-secrets-manager-access"
LOOK = allow("secretsmanager:DescribeSecret", "iam:GetPolicy", "iam:GetPolicyVersion", on="*")


@pytest.fixture
def aws(project: Project) -> Iterator[StrictAws]:
    """The account of a project in production, with its two secrets and the generated policy."""
    project.write("estate.toml", f'{TABLE}region = "{REGION}"\n')
    project.write(".env", "")
    with StrictAws() as fake:
        fake.add("estate/database/url", "made-up")
        fake.add("estate/openai/key", "made-up")
        project.variables |= {**fake.environment(fake.user("person", identity_policy(LOOK))), "NODE_ENV": "production"}
        fake.policies[NODE] = generated(project)
        yield fake


def generated(project: Project) -> Any:
    return json.loads(project.run("generate", "iam").out.replace("ACCOUNT_ID", ACCOUNT))[NODE]


def doctor(project: Project, *, code: int = 0, **variables: str) -> str:
    done: Done = project.run("doctor", code=code, variables=variables)
    assert "made-up" not in done.out + done.err
    return done.out


def test_where_all_is_well_it_says_who_named_the_environment_and_reads_nothing(
    project: Project, aws: StrictAws
) -> None:
    told = doctor(project)
    assert told.startswith("ai in production, as NODE_ENV says\n  chain: env → aws   from estate.toml\n")
    assert f"  {NODE}  same          2\n" in told
    assert not {"GetSecretValue", "BatchGetSecretValue"} & set(aws.calls)


# --- "Secrets not loaded" --------------------------------------------------------------------------------------------


def test_secrets_not_loaded_since_node_env_is_not_set(project: Project, aws: StrictAws) -> None:
    told = doctor(project, code=1, NODE_ENV="")
    assert told.startswith("ai in development, as default_environment says\n  chain: env → dotenv   from estate.toml\n")


def test_secrets_not_loaded_since_the_iam_permissions_lack(project: Project, aws: StrictAws) -> None:
    told = doctor(project, code=1, AWS_ACCESS_KEY_ID=aws.user("pod"))
    assert "DENIED  database_url\n" in told
    assert '  fix  {"Effect": "Allow", "Action": "secretsmanager:DescribeSecret", "Resource": "arn:aws:secr' in told


def test_secrets_not_loaded_since_no_region_is_configured(project: Project, aws: StrictAws) -> None:
    project.write("estate.toml", TABLE)
    told = doctor(project, code=1, AWS_REGION="")
    assert "SCHEMA  database_url, openai_key\n  aws is given no region\n" in told
    assert 'fix  put region = "…" under [providers.aws] in estate.toml, or set AWS_REGION' in told


def test_secrets_not_loaded_since_the_region_is_another_one(project: Project, aws: StrictAws) -> None:
    project.write("estate.toml", f'{TABLE}region = "eu-west-1"\n')
    told = doctor(project, code=1)
    assert "MISSING  openai_key\n" in told
    assert "aws secretsmanager create-secret --name estate/openai/key --region eu-west-1 " in told


# --- "Secret not found" ----------------------------------------------------------------------------------------------


def test_secret_not_found_since_it_does_not_exist_or_has_another_name(project: Project, aws: StrictAws) -> None:
    aws.store.secrets = [secret for secret in aws.store.secrets if secret.name != "estate/openai/key"]
    aws.add("estate/open-ai/key", "made-up")
    told = doctor(project, code=1)
    assert "MISSING  openai_key\n  no provider of the chain has it\n" in told
    assert "    env  OPENAI_KEY         absent\n    aws  estate/openai/key  absent\n" in told


def test_secret_not_found_since_it_has_no_value_or_is_to_be_deleted(project: Project, aws: StrictAws) -> None:
    aws.store.secrets.clear()
    aws.add("estate/database/url")
    aws.add("estate/openai/key", "made-up")
    operator = aws.session().client("secretsmanager", endpoint_url=aws.url)
    operator.delete_secret(SecretId="estate/openai/key")
    operator.close()
    told = doctor(project, code=1)
    assert "NO_VALUE  database_url\n" in told
    assert "fix  aws secretsmanager put-secret-value --secret-id estate/database/url " in told
    assert "DELETED  openai_key\n" in told
    assert "fix  aws secretsmanager restore-secret --secret-id estate/openai/key " in told


# --- "Access denied" -------------------------------------------------------------------------------------------------


def test_access_denied_since_no_role_has_the_policy(project: Project, aws: StrictAws) -> None:
    aws.bearers = 0
    told = doctor(project)
    assert "MISSING  ai\n  no role has its policy or the shared one" in told
    assert f"    aws  {NODE}  no role has it\n" in told
    aws.policies.clear()
    assert f"    aws  {NODE}  not deployed\n" in doctor(project)


def test_access_denied_since_the_arns_in_the_policy_are_of_another_secret(project: Project, aws: StrictAws) -> None:
    text = json.dumps(aws.policies[NODE])
    aws.policies[NODE] = json.loads(text.replace("estate/openai/key-", "estate/open-ai/key-"))
    told = doctor(project, code=1)
    assert "STALE\n  is not the policy that is generated: it lacks Allow secretsmanager:GetSecretValue" in told
    assert f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:estate/open-ai/key-??????" in told
