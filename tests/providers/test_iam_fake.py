"""The fake of IAM judges as AWS documents it, and lets no policy pass that it does not understand."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fakes.iam import PolicyError, Request, allow, check, decide, deny, identity_policy

READ = "secretsmanager:GetSecretValue"
ARN = "arn:aws:secretsmanager:ap-northeast-2:123456789012:secret:estate/jwt-AbCdEf"
PREFIX = ARN.removesuffix("-AbCdEf")


def verdict(
    *statements: dict[str, Any], resource: str = ARN, action: str = READ, **context: str | tuple[str, ...]
) -> bool | None:
    return decide([identity_policy(*statements)], Request(action, resource, context=context))


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ("*", True),
        (ARN, True),
        (f"{PREFIX}-??????", True),
        (f"{PREFIX}-*", True),
        (f"{PREFIX}*", True),
        ("arn:aws:secretsmanager:*:*:secret:estate/*", True),
        (f"{PREFIX}-?????", False),
        (PREFIX, False),
        (f"{PREFIX.removesuffix('jwt')}JWT-??????", False),
        ("arn:aws:secretsmanager:ap-northeast-2:*", False),
        ("arn:aws:secretsmanager:*:secret:estate/*", False),
        ("arn:aws:secretsmanager:eu-west-1:123456789012:secret:estate/jwt-??????", False),
    ],
)
def test_resources_match_segment_by_segment(pattern: str, matches: bool) -> None:
    if pattern.count(":") < 5 and pattern != "*":
        with pytest.raises(PolicyError):
            verdict(allow(READ, on=pattern))
    else:
        assert verdict(allow(READ, on=pattern)) is (True if matches else None)


def test_six_question_marks_are_tighter_than_a_star() -> None:
    longer = f"{PREFIX}-admin-AbCdEf"
    assert verdict(allow(READ, on=f"{PREFIX}-??????"), resource=longer) is None
    assert verdict(allow(READ, on=f"{PREFIX}-*"), resource=longer) is True


@pytest.mark.parametrize(
    ("action", "matches"),
    [
        (READ, True),
        ("SecretsManager:getsecretvalue".lower(), True),
        ("secretsmanager:Get*", True),
        ("*", True),
        ("secretsmanager:DescribeSecret", False),
    ],
)
def test_actions_match_without_case(action: str, matches: bool) -> None:
    assert verdict(allow(action, on="*")) is (True if matches else None)


def test_an_explicit_deny_wins_and_silence_is_no_allow() -> None:
    assert verdict(allow("*", on="*"), deny(READ, on=ARN)) is False
    assert verdict(allow("*", on="*"), deny(READ, on=f"{PREFIX}2-??????")) is True
    assert decide([], Request(READ, ARN)) is None


def test_what_is_all_but_something() -> None:
    but_this = {"Effect": "Deny", "NotAction": "secretsmanager:GetSecretValue", "NotResource": f"{PREFIX}-??????"}
    assert verdict(but_this) is None
    assert verdict(but_this, action="secretsmanager:PutSecretValue") is None
    assert verdict(but_this, action="secretsmanager:PutSecretValue", resource=ARN.replace("jwt", "rds")) is False


@pytest.mark.parametrize(
    ("condition", "context", "holds"),
    [
        ({"StringEquals": {"kms:ViaService": ["a", "b"]}}, {"kms:viaservice": "b"}, True),
        ({"StringEquals": {"kms:ViaService": "a"}}, {"kms:ViaService": "b"}, False),
        ({"StringEquals": {"kms:ViaService": "a"}}, {}, False),
        ({"StringEqualsIfExists": {"kms:ViaService": "a"}}, {}, True),
        ({"StringNotEquals": {"kms:ViaService": "a"}}, {}, True),
        ({"StringLike": {"kms:ViaService": "secretsmanager.*"}}, {"kms:ViaService": "secretsmanager.x"}, True),
        ({"StringNotLike": {"kms:ViaService": "secretsmanager.*"}}, {"kms:ViaService": "secretsmanager.x"}, False),
        ({"ArnLike": {"aws:SourceArn": f"{PREFIX}-??????"}}, {"aws:SourceArn": ARN}, True),
        ({"Bool": {"aws:SecureTransport": "true"}}, {"aws:SecureTransport": "true"}, True),
        ({"StringEquals": {"a": "1"}, "StringLike": {"b": "2"}}, {"a": "1", "b": "3"}, False),
    ],
)
def test_conditions_hold_all_together(condition: dict[str, Any], context: dict[str, str], holds: bool) -> None:
    assert verdict(allow(READ, on="*", Condition=condition), **context) is (True if holds else None)


@pytest.mark.parametrize(
    ("values", "holds"), [(("alias/a", "alias/b"), True), (("alias/b",), True), (("alias/a",), None), ((), None)]
)
def test_one_of_several_values_is_enough_where_the_operator_says_so(
    values: tuple[str, ...], holds: bool | None
) -> None:
    def judged(operator: str, context: dict[str, str | tuple[str, ...]]) -> bool | None:
        policy = identity_policy(allow(READ, on="*", Condition={operator: {"kms:ResourceAliases": "alias/b"}}))
        return decide([policy], Request(READ, ARN, context=context))

    assert judged("ForAnyValue:StringEquals", {"kms:ResourceAliases": values}) is holds
    assert judged("ForAnyValue:StringEquals", {}) is None
    with pytest.raises(PolicyError, match="has several values"):
        judged("StringEquals", {"kms:ResourceAliases": values})


@pytest.mark.parametrize(
    ("principal", "matches"),
    [
        ("*", True),
        ({"AWS": "*"}, True),
        ({"AWS": "123456789012"}, True),
        ({"AWS": ["arn:aws:iam::123456789012:root"]}, True),
        ({"AWS": "arn:aws:iam::123456789012:role/pod"}, True),
        ({"AWS": "arn:aws:iam::123456789012:role/other"}, False),
        ({"Service": "lambda.amazonaws.com"}, False),
    ],
)
def test_a_policy_of_a_resource_names_who(principal: Any, matches: bool) -> None:
    policy = {"Version": "2012-10-17", "Statement": allow(READ, on="*", Principal=principal)}
    request = Request(READ, ARN, principal="arn:aws:iam::123456789012:role/pod")
    assert decide([policy], request) is (True if matches else None)


@pytest.mark.parametrize(
    "policy",
    [
        {"Statement": []},
        {"Version": "2008-10-17", "Statement": []},
        {"Version": "2012-10-17", "Statements": []},
        {"Version": "2012-10-17", "Statement": [allow("secretsmanager:GetSecretValues", on="*")]},
        {"Version": "2012-10-17", "Statement": [allow("secretsmanager:List?????", on="*")]},
        {"Version": "2012-10-17", "Statement": [allow("GetSecretValue", on="*")]},
        {"Version": "2012-10-17", "Statement": [allow("kms:Decript", on="*")]},
        {"Version": "2012-10-17", "Statement": [allow(READ, on="estate/jwt")]},
        {"Version": "2012-10-17", "Statement": [allow(READ, on=f"{PREFIX}/${{aws:PrincipalTag/team}}")]},
        {"Version": "2012-10-17", "Statement": [{"Effect": "allow", "Action": READ, "Resource": "*"}]},
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": READ}]},
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "*"}]},
        {"Version": "2012-10-17", "Statement": [{**allow(READ, on="*"), "NotAction": READ}]},
        {"Version": "2012-10-17", "Statement": [{**allow(READ, on="*"), "Conditions": {}}]},
        {"Version": "2012-10-17", "Statement": [allow(READ, on="*", Condition={"StringEqual": {"a": "b"}})]},
    ],
)
def test_a_policy_that_would_not_do_what_it_seems_to_is_an_error(policy: dict[str, Any]) -> None:
    with pytest.raises(PolicyError):
        check(policy)
