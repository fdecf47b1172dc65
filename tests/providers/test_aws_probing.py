"""How things stand with secrets, by the provider `aws`: no value is read, and nobody needs a right to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from estate_config.contract import Prober
from estate_config.errors import Code, ProviderError
from estate_config.model import Deadline, Failed, Key, Status
from tests.fakes.aws import REGION, StrictAws
from tests.fakes.iam import allow, identity_policy
from tests.providers.aws_support import key, provider_on

JWT = key("estate/jwt")
LOOK = identity_policy(allow("secretsmanager:DescribeSecret", on="*"))


def probe(aws: StrictAws, *keys: Key, user: str = "operator", seconds: float = 5) -> dict[Key, Status | Failed]:
    with provider_on(aws, user=user) as provider:
        assert isinstance(provider, Prober)
        return dict(provider.probe(keys, Deadline(seconds)))


def status(aws: StrictAws, asked: Key = JWT, user: str = "operator") -> Status:
    answer = probe(aws, asked, user=user)[asked]
    assert isinstance(answer, Status)
    return answer


def failed(aws: StrictAws, asked: Key = JWT, user: str = "operator") -> Failed:
    answer = probe(aws, asked, user=user)[asked]
    assert isinstance(answer, Failed)
    return answer


def test_who_may_only_describe_sees_version_and_time_and_reads_nothing(aws: StrictAws) -> None:
    aws.add("estate/jwt", "old")
    secret = aws.add("estate/jwt", "new")
    seen = status(aws, user=aws.user("auditor", LOOK))
    assert (seen.place, seen.version, seen.may_read, seen.notices) == (
        "estate/jwt",
        secret.at("AWSCURRENT"),
        None,
        (),
    )
    assert seen.changed_at is not None
    assert abs(seen.changed_at - secret.changed) < timedelta(seconds=1)
    assert aws.calls == {"DescribeSecret": 1}


def test_members_of_one_secret_are_one_look(aws: StrictAws) -> None:
    aws.add("estate/rds", "{}")
    keys = [key(name, f"estate/rds#{name}") for name in ("user", "password")]
    assert {one.name: answer.place for one, answer in probe(aws, *keys).items() if isinstance(answer, Status)} == {
        "user": "estate/rds#user",
        "password": "estate/rds#password",
    }
    assert aws.calls == {"DescribeSecret": 1}


def test_stages_and_versions_are_looked_up(aws: StrictAws) -> None:
    aws.add("estate/jwt", "old")
    secret = aws.add("estate/jwt", "new")
    old = secret.at("AWSPREVIOUS")
    assert status(aws, key("old", "estate/jwt?stage=AWSPREVIOUS")).version == old
    assert status(aws, key("old", f"estate/jwt?version={old}")).version == old
    assert failed(aws, key("pending", "estate/jwt?stage=AWSPENDING")).code is Code.NO_VALUE
    assert failed(aws, key("gone", f"estate/jwt?version={'0' * 36}")).code is Code.NO_VALUE


def test_what_is_not_there_is_absent_and_the_rest_has_the_codes_of_fetch(aws: StrictAws) -> None:
    aws.add("estate/empty")
    aws.add("estate/deleted", "x")
    operator = aws.session().client("secretsmanager", endpoint_url=aws.url)
    operator.delete_secret(SecretId="estate/deleted")
    operator.close()
    keys = [key(name) for name in ("estate/nowhere", "estate/empty", "estate/deleted")]
    answers = probe(aws, *keys, key("bad", "no good"))
    assert {one.name: answer.code for one, answer in answers.items() if isinstance(answer, Failed)} == {
        "estate/empty": Code.NO_VALUE,
        "estate/deleted": Code.DELETED,
        "bad": Code.MALFORMED,
    }
    assert len(answers) == 3


def test_who_may_not_look_is_told_which_statement_lets_it(aws: StrictAws) -> None:
    aws.add("estate/jwt", "x")
    answer = failed(aws, user=aws.user("auditor"))
    assert answer.code is Code.DENIED
    assert answer.fix == (
        '{"Effect": "Allow", "Action": "secretsmanager:DescribeSecret", '
        f'"Resource": "arn:aws:secretsmanager:{REGION}:*:secret:estate/jwt-??????"}}'
    )


def days_ago(days: float) -> datetime:
    return datetime.now(UTC) - timedelta(days=days)


@pytest.mark.parametrize(
    ("rotation", "late"),
    [
        ({}, False),
        ({"RotationEnabled": True, "NextRotationDate": days_ago(-1)}, False),
        ({"RotationEnabled": True, "NextRotationDate": days_ago(2), "LastRotatedDate": days_ago(32)}, True),
        ({"RotationEnabled": False, "NextRotationDate": days_ago(2)}, False),
        (
            {
                "RotationEnabled": True,
                "RotationRules": {"AutomaticallyAfterDays": 30},
                "LastRotatedDate": days_ago(31),
            },
            True,
        ),
        (
            {
                "RotationEnabled": True,
                "RotationRules": {"AutomaticallyAfterDays": 30},
                "LastRotatedDate": days_ago(29),
            },
            False,
        ),
        ({"RotationEnabled": True, "RotationRules": {"ScheduleExpression": "rate(4 hours)"}}, False),
    ],
)
def test_a_rotation_that_is_late_is_noticed(aws: StrictAws, rotation: dict[str, Any], late: bool) -> None:
    aws.add("estate/jwt", "x", rotation=rotation)
    notices = status(aws).notices
    assert [notice.code for notice in notices] == [Code.STALE] * late
    for notice in notices:
        assert "its rotation is late: it was due on " in notice.message
        assert f"the last one was on {rotation['LastRotatedDate']:%Y-%m-%d}" in notice.message
        assert notice.fix == f"aws secretsmanager rotate-secret --secret-id estate/jwt --region {REGION}"


def test_a_rotation_that_never_was_is_late_from_the_day_the_secret_was_made(aws: StrictAws) -> None:
    rules = {"RotationEnabled": True, "RotationRules": {"AutomaticallyAfterDays": 30}}
    aws.add("estate/jwt", "x", rotation=rules, created=days_ago(31))
    (notice,) = status(aws).notices
    assert "there was none yet" in notice.message


def test_a_replica_that_is_out_of_step_is_noticed(aws: StrictAws) -> None:
    replicas = [
        {"Region": "eu-west-1", "Status": "InSync"},
        {"Region": "us-east-1", "Status": "Failed"},
        {"Region": "us-west-2", "Status": "InProgress"},
    ]
    aws.add("estate/jwt", "x", replicas=replicas)
    notices = status(aws).notices
    assert [(notice.code, notice.message) for notice in notices] == [
        (Code.STALE, "its replica in us-east-1 is not in step: Failed"),
        (Code.STALE, "its replica in us-west-2 is not in step: InProgress"),
    ]
    assert "replicate-secret-to-regions --secret-id estate/jwt --add-replica-regions Region=us-east-1" in notices[0].fix


@pytest.mark.parametrize("how", ["gone", "garbage"])
def test_a_store_that_cannot_be_asked_raises(aws: StrictAws, how: str) -> None:
    if how == "garbage":
        aws.fault("DescribeSecret", "garbage")
    else:
        aws.stop()
    with pytest.raises(ProviderError) as caught:
        probe(aws, JWT, key("other"))
    assert caught.value.code is Code.UNAVAILABLE


def test_a_look_that_hangs_is_left_at_the_deadline(aws: StrictAws) -> None:
    aws.add("estate/jwt", "x")
    aws.add("slow", "x")
    aws.fault("DescribeSecret", "hang", secret="slow")
    answers = probe(aws, JWT, key("slow"), seconds=1)
    assert isinstance(answers[JWT], Status)
    answer = answers[key("slow")]
    assert isinstance(answer, Failed)
    assert answer.code is Code.UNAVAILABLE


def test_a_throttled_look_is_asked_again(aws: StrictAws) -> None:
    aws.add("estate/jwt", "x")
    aws.fault("DescribeSecret", "ThrottlingException", times=3)
    assert isinstance(probe(aws, JWT, seconds=10)[JWT], Status)
