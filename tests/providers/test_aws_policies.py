"""The policies of an account, by the provider `aws`: what is deployed, who may look, and no secret is asked for."""

from __future__ import annotations

import json
from collections.abc import Callable

import botocore.exceptions
import botocore.session
import pytest

from estate_config.contract import Policed
from estate_config.errors import Code, ProviderError
from estate_config.model import Deadline, Failed, Policy
from estate_config_providers._aws.causes import Cause
from estate_config_providers._aws.failures import trouble_of
from estate_config_providers.aws.policies import IAM, STS
from tests.fakes.aws import ACCOUNT, StrictAws
from tests.fakes.iam import allow, identity_policy
from tests.providers.aws_support import provider_on

DOCUMENT = identity_policy(allow("secretsmanager:GetSecretValue", on="*"))
ARN = f"arn:aws:iam::{ACCOUNT}:policy/"

Look = Callable[..., dict[str, Policy | Failed]]


@pytest.fixture
def look(aws: StrictAws, monkeypatch: pytest.MonkeyPatch) -> Look:
    """Look at policies; IAM and STS are found by the SDK's own variable, not by the option for Secrets Manager."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)

    def looked(*names: str, user: str = "operator", seconds: float = 5) -> dict[str, Policy | Failed]:
        with provider_on(aws, user=user, endpoint_url="http://127.0.0.1:1") as provider:
            assert isinstance(provider, Policed)
            return dict(provider.policies(names, Deadline(seconds)))

    return looked


def test_what_is_deployed_is_shown_with_who_has_it_and_the_rest_is_left_out(aws: StrictAws, look: Look) -> None:
    aws.policies["estate-ai"] = DOCUMENT
    assert look("estate-ai", "estate-etl") == {"estate-ai": Policy(f"{ARN}estate-ai", DOCUMENT, 2)}
    assert aws.calls == {"GetCallerIdentity": 1, "GetPolicy": 2, "GetPolicyVersion": 1}


def test_who_may_not_look_is_told_the_statement_that_lets_it(aws: StrictAws, look: Look) -> None:
    aws.policies["estate-ai"] = DOCUMENT
    answers = look("estate-ai", "estate-etl", user=aws.user("auditor"))
    failed = answers["estate-ai"]
    assert isinstance(failed, Failed)
    assert failed.code is Code.DENIED
    assert answers == {"estate-ai": failed, "estate-etl": failed}
    statement = json.loads(failed.fix)
    assert statement == {
        "Effect": "Allow",
        "Action": ["iam:GetPolicy", "iam:GetPolicyVersion"],
        "Resource": [f"{ARN}estate-ai", f"{ARN}estate-etl"],
    }
    assert set(look("estate-ai", "estate-etl", user=aws.user("auditor", identity_policy(statement)))) == {"estate-ai"}


def test_one_that_may_be_seen_and_not_read_is_denied(aws: StrictAws, look: Look) -> None:
    aws.policies["estate-ai"] = DOCUMENT
    failed = look("estate-ai", user=aws.user("auditor", identity_policy(allow("iam:GetPolicy", on="*"))))["estate-ai"]
    assert isinstance(failed, Failed)
    assert "iam:GetPolicyVersion" in failed.fix


@pytest.mark.parametrize(("fault", "code"), [("ServiceFailure", Code.UNAVAILABLE), ("InvalidInput", Code.MALFORMED)])
def test_what_iam_says_is_an_outcome_of_that_policy(aws: StrictAws, look: Look, fault: str, code: Code) -> None:
    aws.policies["estate-ai"] = DOCUMENT
    aws.fault("GetPolicyVersion", fault, status=500 if code is Code.UNAVAILABLE else 400)
    failed = look("estate-ai")["estate-ai"]
    assert isinstance(failed, Failed)
    assert failed.code is code


def test_without_an_account_to_ask_it_raises(aws: StrictAws, look: Look) -> None:
    with pytest.raises(ProviderError) as caught:
        look("estate-ai", user="nobody")
    assert caught.value.code is Code.CREDENTIALS
    aws.stop()
    with pytest.raises(ProviderError) as caught:
        look("estate-ai")
    assert caught.value.code is Code.UNAVAILABLE


def test_every_error_of_the_calls_is_mapped() -> None:
    session = botocore.session.get_session()
    for service in (IAM, STS):
        model = session.get_service_model(service.client)
        for operation in service.operations:
            for shape in model.operation_model(operation).error_shapes:
                for code in (shape.name, shape.metadata["error"]["code"]):
                    error = botocore.exceptions.ClientError({"Error": {"Code": code, "Message": "x"}}, operation)
                    assert trouble_of(error, service).cause is not Cause.UNEXPECTED, code
