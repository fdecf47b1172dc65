"""The strict fake is strict: what AWS refuses it refuses, asked by boto3 itself. Traps 1, 2, 4, 5, 6, 7, 8, 33."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.fakes.aws import ACCOUNT, REGION, StrictAws
from tests.fakes.aws_model import AwsError, Caller
from tests.fakes.iam import allow, deny, identity_policy

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

SECRET = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret"


@contextmanager
def client(aws: StrictAws, user: str = "operator") -> Iterator[SecretsManagerClient]:
    config = Config(retries={"mode": "standard", "total_max_attempts": 1}, parameter_validation=False)
    made = aws.session(user).client("secretsmanager", endpoint_url=aws.url, config=config)
    yield made
    made.close()


@pytest.fixture
def sm(aws: StrictAws) -> Iterator[SecretsManagerClient]:
    with client(aws) as made:
        yield made


def refused(call: Callable[..., Any], **parameters: Any) -> tuple[str, int]:
    """Return the code and the HTTP status that a call is refused with."""
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    response: Any = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def test_a_batch_takes_twenty_ids_or_filters_and_never_both(aws: StrictAws, sm: SecretsManagerClient) -> None:
    aws.add("db", "1")
    aws.add("db-admin", "2")
    batch = sm.batch_get_secret_value
    by_name: Any = [{"Key": "name", "Values": ["db"]}]
    assert refused(batch, SecretIdList=[f"s{n}" for n in range(21)]) == ("ValidationException", 400)
    assert refused(batch, SecretIdList=[]) == ("ValidationException", 400)
    assert refused(batch) == ("InvalidParameterException", 400)
    assert refused(batch, SecretIdList=["db"], Filters=by_name) == ("InvalidParameterException", 400)
    assert refused(batch, SecretIdList=["db"], MaxResults=5) == ("InvalidParameterException", 400)
    found = batch(Filters=by_name, MaxResults=5)["SecretValues"]
    assert [one.get("Name") for one in found] == ["db", "db-admin"]


def test_a_batch_knows_no_stage_and_parameters_have_to_be_known_and_whole(aws: StrictAws) -> None:
    operator = Caller(f"arn:aws:iam::{ACCOUNT}:user/operator", ACCOUNT)
    for action, body in (
        ("BatchGetSecretValue", {"SecretIdList": ["db"], "VersionStage": "AWSPENDING"}),
        ("GetSecretValue", {}),
    ):
        with pytest.raises(AwsError):
            aws.store.answer(action, body, operator, REGION)


def test_a_batch_gives_the_current_version_once_and_an_error_for_each_other_id(
    aws: StrictAws, sm: SecretsManagerClient
) -> None:
    aws.add("jwt", "old")
    arn = aws.add("jwt", "new").arn
    aws.add("empty")
    aws.add("deleted", "x")
    sm.delete_secret(SecretId="deleted")
    answer = sm.batch_get_secret_value(SecretIdList=["jwt", arn, "empty", "deleted", "nowhere"])
    assert [(one.get("ARN"), one.get("SecretString")) for one in answer["SecretValues"]] == [(arn, "new")]
    assert [(one.get("SecretId"), one.get("ErrorCode")) for one in answer["Errors"]] == [
        ("empty", "ResourceNotFoundException"),
        ("deleted", "InvalidRequestException"),
        ("nowhere", "ResourceNotFoundException"),
    ]


def test_stages_move_and_the_previous_one_follows(aws: StrictAws, sm: SecretsManagerClient) -> None:
    first = sm.create_secret(Name="jwt", SecretString="1")["VersionId"]
    second = sm.put_secret_value(SecretId="jwt", SecretString="2", VersionStages=["AWSPENDING"])["VersionId"]
    assert sm.get_secret_value(SecretId="jwt")["VersionId"] == first
    move = sm.update_secret_version_stage
    assert refused(move, SecretId="jwt", VersionStage="AWSCURRENT", MoveToVersionId=second) == (
        "InvalidParameterException",
        400,
    )
    move(SecretId="jwt", VersionStage="AWSCURRENT", MoveToVersionId=second, RemoveFromVersionId=first)
    assert sm.get_secret_value(SecretId="jwt")["SecretString"] == "2"
    assert sm.get_secret_value(SecretId="jwt", VersionStage="AWSPREVIOUS")["VersionId"] == first
    assert sm.describe_secret(SecretId="jwt")["VersionIdsToStages"] == {
        first: ["AWSPREVIOUS"],
        second: ["AWSCURRENT", "AWSPENDING"],
    }
    move(SecretId="jwt", VersionStage="AWSCURRENT", MoveToVersionId=first, RemoveFromVersionId=second)
    assert sm.get_secret_value(SecretId="jwt", VersionStage="AWSPREVIOUS")["VersionId"] == second
    assert refused(move, SecretId="jwt", VersionStage="AWSCURRENT", RemoveFromVersionId=first)[1] == 400
    assert refused(move, SecretId="jwt", VersionStage="blue", MoveToVersionId=str(uuid4())) == (
        "ResourceNotFoundException",
        400,
    )
    move(SecretId="jwt", VersionStage="AWSPENDING", RemoveFromVersionId=second)
    assert refused(sm.get_secret_value, SecretId="jwt", VersionStage="AWSPENDING")[0] == "ResourceNotFoundException"
    assert refused(sm.get_secret_value, SecretId="jwt", VersionId=first, VersionStage="AWSPREVIOUS")[1] == 400


def test_the_same_token_with_the_same_value_does_nothing_and_with_another_is_refused(
    aws: StrictAws, sm: SecretsManagerClient
) -> None:
    token = str(uuid4())
    sm.create_secret(Name="jwt", SecretString="1")
    for _ in range(2):
        assert sm.put_secret_value(SecretId="jwt", SecretString="2", ClientRequestToken=token)["VersionId"] == token
    assert len(aws.add("jwt").versions) == 2
    again = {"SecretId": "jwt", "SecretString": "3", "ClientRequestToken": token}
    assert refused(sm.put_secret_value, **again) == ("ResourceExistsException", 400)
    assert refused(sm.put_secret_value, **{**again, "ClientRequestToken": "short"}) == ("ValidationException", 400)


@pytest.mark.parametrize(
    ("most", "more"),
    [
        ({"SecretString": "é" * 32_768}, {"SecretString": "é" * 32_769}),
        ({"SecretBinary": b"\0" * 65_536}, {"SecretBinary": b"\0" * 65_537}),
    ],
)
def test_values_have_64_kib_at_most_and_a_byte_at_least(
    sm: SecretsManagerClient, most: dict[str, Any], more: dict[str, Any]
) -> None:
    assert refused(sm.create_secret, Name="large", **more) == ("ValidationException", 400)
    assert refused(sm.create_secret, Name="empty", SecretString="") == ("ValidationException", 400)
    sm.create_secret(Name="large", **most)


@pytest.mark.parametrize("name", ["with space", "비밀", "a#b", "a:b", "x" * 513, ""])
def test_names_have_512_characters_of_a_few_kinds(sm: SecretsManagerClient, name: str) -> None:
    assert refused(sm.create_secret, Name=name, SecretString="x") == ("ValidationException", 400)


def test_a_secret_is_there_once_and_is_deleted_with_a_window(sm: SecretsManagerClient) -> None:
    sm.create_secret(Name="jwt", SecretString="1")
    assert refused(sm.create_secret, Name="jwt", SecretString="1") == ("ResourceExistsException", 400)
    for days in (6, 31):
        assert refused(sm.delete_secret, SecretId="jwt", RecoveryWindowInDays=days)[0] == "InvalidParameterException"
    both = {"RecoveryWindowInDays": 7, "ForceDeleteWithoutRecovery": True}
    assert refused(sm.delete_secret, SecretId="jwt", **both)[0] == "InvalidParameterException"
    sm.delete_secret(SecretId="jwt", RecoveryWindowInDays=7)
    for call in (sm.get_secret_value, sm.put_secret_value):
        more = {"SecretString": "x"} if call == sm.put_secret_value else {}
        assert refused(call, SecretId="jwt", **more) == ("InvalidRequestException", 400)
    assert refused(sm.create_secret, Name="jwt", SecretString="1") == ("InvalidRequestException", 400)
    assert sm.describe_secret(SecretId="jwt")["DeletedDate"]
    assert sm.list_secrets()["SecretList"] == []
    sm.restore_secret(SecretId="jwt")
    assert sm.get_secret_value(SecretId="jwt")["SecretString"] == "1"
    sm.delete_secret(SecretId="jwt", ForceDeleteWithoutRecovery=True)
    assert refused(sm.describe_secret, SecretId="jwt") == ("ResourceNotFoundException", 400)


def test_update_makes_a_version_and_what_a_service_manages_is_refused(aws: StrictAws, sm: SecretsManagerClient) -> None:
    sm.create_secret(Name="jwt")
    assert refused(sm.put_secret_value, SecretId="jwt")[0] == "InvalidParameterException"
    both = {"SecretString": "a", "SecretBinary": b"b"}
    assert refused(sm.put_secret_value, SecretId="jwt", **both)[0] == "InvalidParameterException"
    sm.update_secret(SecretId="jwt", SecretString="1")
    assert sm.get_secret_value(SecretId="jwt")["VersionStages"] == ["AWSCURRENT"]
    aws.add("rds!db", "x", owning_service="rds")
    assert refused(sm.update_secret, SecretId="rds!db", SecretString="y")[0] == "InvalidRequestException"


def test_policies_are_judged_per_secret(aws: StrictAws) -> None:
    for name in ("api", "api-admin", "db"):
        aws.add(name, name)
    read, batch = "secretsmanager:GetSecretValue", "secretsmanager:BatchGetSecretValue"
    aws.user("pod", identity_policy(allow(batch, on="*"), allow(read, on=f"{SECRET}:api-??????")))
    with client(aws, "pod") as pod:
        answer = pod.batch_get_secret_value(SecretIdList=["api", "api-admin", "db", "nowhere"])
        assert [one.get("Name") for one in answer["SecretValues"]] == ["api"]
        assert {one.get("ErrorCode") for one in answer["Errors"]} == {"AccessDeniedException"}
    aws.user("pod", identity_policy(allow(batch, on=f"{SECRET}:*"), allow(read, on="*")))
    with client(aws, "pod") as pod:
        assert refused(pod.batch_get_secret_value, SecretIdList=["api"]) == ("AccessDeniedException", 400)
        assert refused(pod.get_secret_value, SecretId="nowhere") == ("ResourceNotFoundException", 400)
    aws.user("pod", identity_policy(allow("*", on="*"), deny(read, on=f"{SECRET}:db-??????")))
    with client(aws, "pod") as pod:
        assert refused(pod.get_secret_value, SecretId="db") == ("AccessDeniedException", 400)


def test_across_accounts_both_sides_have_to_allow_and_the_arn_is_needed(aws: StrictAws) -> None:
    other = "210987654321"
    aws.user("pod", identity_policy(allow("secretsmanager:GetSecretValue", "kms:Decrypt", on="*")))
    statement = allow("*", on="*", Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"})
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    key = aws.key(account=other, policy=policy)
    closed = aws.add("closed", "x", account=other, key=key.arn)
    shared = aws.add("shared", "x", account=other, key=key.arn, policy=policy)
    managed = aws.add("managed", "x", account=other, policy=policy)
    own_key = aws.add("own-key", "x", account=other, key=aws.key(account=other).arn, policy=policy)
    with client(aws, "pod") as pod:
        assert pod.get_secret_value(SecretId=shared.arn)["SecretString"] == "x"
        assert pod.get_secret_value(SecretId=shared.arn[:-7])["SecretString"] == "x"
        assert refused(pod.get_secret_value, SecretId="shared")[0] == "ResourceNotFoundException"
        for one in (closed, managed, own_key):
            assert refused(pod.get_secret_value, SecretId=one.arn)[0] == "AccessDeniedException"


@pytest.mark.parametrize("state", ["Disabled", "PendingDeletion"])
def test_a_key_that_is_not_enabled_does_not_decrypt(aws: StrictAws, sm: SecretsManagerClient, state: str) -> None:
    aws.add("jwt", "x", key=aws.key(state=state).arn)
    assert refused(sm.get_secret_value, SecretId="jwt") == ("DecryptionFailure", 400)
    assert refused(sm.put_secret_value, SecretId="jwt", SecretString="y") == ("EncryptionFailure", 400)


def test_a_key_is_allowed_through_the_service_only_where_the_policy_says_so(aws: StrictAws) -> None:
    kms = aws.key()
    aws.add("jwt", "x", key=kms.arn)
    read = allow("secretsmanager:GetSecretValue", on="*")
    for service, works in (("secretsmanager", True), ("ssm", False)):
        via = {"StringEquals": {"kms:ViaService": f"{service}.{REGION}.amazonaws.com"}}
        aws.user("pod", identity_policy(read, allow("kms:Decrypt", on=kms.arn, Condition=via)))
        with client(aws, "pod") as pod:
            if works:
                assert pod.get_secret_value(SecretId="jwt")["SecretString"] == "x"
            else:
                assert refused(pod.get_secret_value, SecretId="jwt") == ("AccessDeniedException", 400)


def test_unknown_keys_wrong_tokens_and_unknown_actions_are_refused(aws: StrictAws, sm: SecretsManagerClient) -> None:
    with client(aws, "nobody") as nobody:
        assert refused(nobody.get_secret_value, SecretId="x") == ("UnrecognizedClientException", 400)
    aws.temporary("operator", token="right")
    with client(aws, "temporary-operator") as wrong:
        assert refused(wrong.get_secret_value, SecretId="x") == ("UnrecognizedClientException", 400)
    assert refused(sm.get_random_password) == ("UnknownOperationException", 400)


def test_faults_meet_the_calls_they_are_for_as_often_as_they_are_for(aws: StrictAws, sm: SecretsManagerClient) -> None:
    aws.add("a", "1")
    aws.add("b", "2")
    aws.fault("GetSecretValue", "ThrottlingException", secret="a", times=2)
    for _ in range(2):
        assert refused(sm.get_secret_value, SecretId="a") == ("ThrottlingException", 400)
        assert sm.get_secret_value(SecretId="b")["SecretString"] == "2"
    assert sm.get_secret_value(SecretId="a")["SecretString"] == "1"
    assert aws.calls == {"GetSecretValue": 5}


def test_what_is_remembered_of_calls_holds_no_value(aws: StrictAws, sm: SecretsManagerClient) -> None:
    sm.create_secret(Name="jwt", SecretString="canary")
    assert "canary" not in repr(aws.asked)
