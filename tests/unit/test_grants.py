"""What one policy grants and another does not: by its meaning, whatever the order and spelling of its statements."""

from __future__ import annotations

from typing import Any

import pytest

from estate_config.grants import difference

ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/"


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(action: Any, resource: Any, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


READ = allow(
    ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"], [f"{ARN}jwt-??????", f"{ARN}rds-??????"]
)
VIA = {"StringEquals": {"kms:ViaService": ["a", "b"]}, "StringLike": {"kms:EncryptionContext:SecretARN": "x*"}}
DECRYPT = allow("kms:Decrypt", f"{KEY}*", Condition=VIA)
WANTED = policy(READ, DECRYPT)


@pytest.mark.parametrize(
    "same",
    [
        policy(DECRYPT, READ),
        policy(DECRYPT, READ, READ),
        policy({**READ, "Sid": "Another"}, DECRYPT),
        policy({**READ, "Resource": READ["Resource"][::-1], "Action": READ["Action"][::-1]}, DECRYPT),
        policy(*(allow(action, READ["Resource"]) for action in READ["Action"]), DECRYPT),
        policy({**READ, "Action": [action.upper() for action in READ["Action"]]}, DECRYPT),
        policy({**READ, "Resource": [f"{ARN}jwt-AbCdEf", f"{ARN}rds-123456"]}, DECRYPT),
        policy(
            READ,
            *(
                allow(["kms:Decrypt"], [f"{KEY}1"], Condition={**VIA, "StringEquals": {"KMS:viaservice": [one]}})
                for one in "ab"
            ),
        ),
    ],
)
def test_the_same_grants_are_no_difference_however_they_are_written(same: dict[str, Any]) -> None:
    assert difference(WANTED, same) == ([], [])


def test_one_statement_without_a_list_is_a_policy_too() -> None:
    assert difference(policy(READ), {"Statement": READ}) == ([], [])


def test_what_is_missing_and_what_is_extra_is_named() -> None:
    deployed = policy({**READ, "Resource": f"{ARN}jwt-??????"}, DECRYPT, allow("s3:*", "*"))
    assert difference(WANTED, deployed) == (
        [f"Allow secretsmanager:GetSecretValue, secretsmanager:DescribeSecret on {ARN}rds-??????"],
        ["Allow s3:* on *"],
    )


@pytest.mark.parametrize(
    "wider",
    [
        {**READ, "Resource": f"{ARN}*"},
        {**READ, "Resource": [f"{ARN}jwt-*", f"{ARN}rds-??????"]},
        {**READ, "Resource": [f"{ARN}jwt-*?????", f"{ARN}rds-??????"]},
        {**READ, "Action": "*"},
        {**READ, "Effect": "Deny"},
        {"Effect": "Allow", "NotAction": ["iam:*", "kms:*"], "Resource": READ["Resource"]},
        {"Effect": "Allow", "Action": READ["Action"], "NotResource": READ["Resource"]},
    ],
)
def test_what_is_wider_or_something_else_is_both(wider: dict[str, Any]) -> None:
    missing, extra = difference(policy(READ), policy(wider))
    assert missing
    assert extra


def test_a_condition_belongs_to_its_grant() -> None:
    missing, extra = difference(policy(DECRYPT), policy(allow("kms:Decrypt", f"{KEY}*")))
    test = "if StringEquals kms:ViaService a, if StringLike kms:EncryptionContext:SecretARN x*"
    assert missing[0] == f"Allow kms:Decrypt on {KEY}*, {test}"
    assert extra == [f"Allow kms:Decrypt on {KEY}*"]


def test_the_values_of_an_operator_that_denies_belong_together() -> None:
    def no(*regions: str) -> dict[str, Any]:
        return policy(allow("*", "*", Condition={"StringNotEquals": {"aws:RequestedRegion": list(regions)}}))

    assert difference(no("a", "b"), no("b", "a")) == ([], [])
    both = policy(*no("a")["Statement"], *no("b")["Statement"])
    assert difference(no("a", "b"), both) != ([], [])
