"""`estate doctor` and the policies of an account: the generated ones are deployed, changed, detached, taken away."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from estate_config.testing import EmbeddedAws
from tests.cli.conftest import Project

pytestmark = pytest.mark.integration

TABLE = """
default_environment = "production"
[services]
ai = "schemas:AiSettings"
[environments.production]
chain = ["env", "aws"]
[providers.aws]
region = "ap-northeast-2"
prefix = "estate/"
"""
VARIABLES = {"DATABASE_URL": "x", "OPENAI_KEY": "x"}
ARN = "arn:aws:iam::123456789012:policy/estate-ai"


@pytest.fixture
def iam(project: Project) -> Iterator[Any]:
    """The project in an account with the role `estate-ai`, which has the policy that is generated for it."""
    project.write("estate.toml", TABLE)
    with EmbeddedAws() as aws:
        project.variables |= {**aws.variables, **VARIABLES, "AWS_EC2_METADATA_DISABLED": "true"}
        client = boto3.client(
            "iam",
            endpoint_url=aws.endpoint_url,
            region_name="us-east-1",
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )
        client.create_role(RoleName="estate-ai", AssumeRolePolicyDocument="{}")
        client.create_policy(PolicyName="estate-ai", PolicyDocument=json.dumps(generated(project)))
        client.attach_role_policy(RoleName="estate-ai", PolicyArn=ARN)
        yield client
        client.close()


def generated(project: Project) -> Any:
    document = json.loads(project.run("generate", "iam", "ai").out.replace("ACCOUNT_ID", "123456789012"))
    return document["services"]["ai"]["policy"]


def test_the_deployed_policy_is_compared_with_the_generated_one(project: Project, iam: Any) -> None:
    told = project.run("doctor").out
    assert told.splitlines()[-3:] == [
        "  policy                         state         roles and users",
        "  estate-ai                      same          1",
        "  estate-secrets-manager-access  not deployed",
    ]

    document = generated(project)
    document["Statement"].pop(1)
    iam.create_policy_version(PolicyArn=ARN, PolicyDocument=json.dumps(document), SetAsDefault=True)
    told = project.run("doctor", code=1).out
    assert (
        "STALE\n  is not the policy that is generated: it lacks Allow secretsmanager:BatchGetSecretValue on *" in told
    )
    answer = project.run("doctor", "--format", "json", code=1).document
    assert (answer["ok"], answer["services"][0]["ok"]) == (False, True)
    assert answer["policies"]["findings"][0] == {"name": "estate-ai", "state": "differs", "place": ARN, "bearers": 1}
    assert [problem["code"] for problem in answer["policies"]["problems"]] == ["STALE"]

    iam.set_default_policy_version(PolicyArn=ARN, VersionId="v1")
    iam.detach_role_policy(RoleName="estate-ai", PolicyArn=ARN)
    told = project.run("doctor").out
    assert "MISSING  ai\n  no role has its policy or the shared one" in told
    assert "aws  estate-ai                      no role has it\n" in told

    iam.delete_policy_version(PolicyArn=ARN, VersionId="v2")
    iam.delete_policy(PolicyArn=ARN)
    assert "aws  estate-ai                      not deployed\n" in project.run("doctor").out
