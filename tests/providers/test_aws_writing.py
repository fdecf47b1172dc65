"""Writing with the provider `aws`: what is missing is made, what differs gets a version, the rest is left alone."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
from pydantic import SecretBytes, SecretStr

from estate_config import Settings, load, secret
from estate_config.errors import Code
from estate_config.model import Deadline, Failed, Key
from estate_config.testing import EmbeddedAws, assert_no_leak
from tests.fakes.aws import ACCOUNT, REGION, StrictAws
from tests.fakes.iam import allow, identity_policy
from tests.providers.aws_support import key, provider_on

JWT, USER, PASSWORD = key("estate/jwt"), key("user", "estate/rds#user"), key("password", "estate/rds#password")
CANARY = "kq7ZvXw2Lr9TbN4mHc"
WRITES = {"CreateSecret", "PutSecretValue"}


def put(aws: StrictAws, values: dict[Key, str | bytes], *, user: str = "operator") -> dict[str, Failed]:
    with provider_on(aws, user=user) as provider:
        return {one.name: failed for one, failed in provider.put(values, Deadline(10)).items()}


def now(aws: StrictAws, name: str) -> str | bytes:
    secret_ = aws.store.find(name, ACCOUNT, REGION)
    assert secret_ is not None
    value = secret_.versions[secret_.at("AWSCURRENT") or ""].value
    assert value is not None
    return value


def writes(aws: StrictAws) -> dict[str, int]:
    return {action: count for action, count in aws.calls.items() if action in WRITES}


def test_what_is_missing_is_made_what_differs_gets_a_version_and_nothing_is_written_twice(aws: StrictAws) -> None:
    aws.add("estate/old", "before")
    values: dict[Key, str | bytes] = {JWT: "made-up", key("estate/old"): "after", key("estate/cert"): b"\x00\xff"}
    assert put(aws, values) == {}
    assert (now(aws, "estate/jwt"), now(aws, "estate/old"), now(aws, "estate/cert")) == (
        "made-up",
        "after",
        b"\x00\xff",
    )
    assert writes(aws) == {"CreateSecret": 2, "PutSecretValue": 1}
    assert put(aws, values) == {}
    assert writes(aws) == {"CreateSecret": 2, "PutSecretValue": 1}
    old = aws.store.find("estate/old", ACCOUNT, REGION)
    assert old is not None
    assert old.versions[old.at("AWSPREVIOUS") or ""].value == "before"


def test_members_are_written_together_and_keep_their_siblings(aws: StrictAws) -> None:
    aws.add("estate/rds", '{"host": "db", "user": "old", "port": 5432}')
    assert put(aws, {USER: "app", PASSWORD: "made-up"}) == {}
    assert json.loads(now(aws, "estate/rds")) == {"host": "db", "user": "app", "port": 5432, "password": "made-up"}
    assert writes(aws) == {"PutSecretValue": 1}


def test_members_of_a_secret_that_is_not_there_make_it(aws: StrictAws) -> None:
    assert put(aws, {USER: "app", PASSWORD: "made-up"}) == {}
    assert json.loads(now(aws, "estate/rds")) == {"user": "app", "password": "made-up"}
    assert writes(aws) == {"CreateSecret": 1}


def test_a_member_by_name_and_one_by_arn_are_one_write(aws: StrictAws) -> None:
    arn = aws.add("estate/rds", "{}").arn
    assert put(aws, {USER: "app", key("password", f"{arn}#password"): "made-up"}) == {}
    assert json.loads(now(aws, "estate/rds")) == {"user": "app", "password": "made-up"}
    assert writes(aws) == {"PutSecretValue": 1}


def test_a_member_by_name_and_one_by_arn_are_one_write_of_a_secret_without_a_value_too(aws: StrictAws) -> None:
    """Each written from "nothing there", the later one would take the other's place."""
    arn = aws.add("estate/rds").arn
    aws.add("estate/rds-other")
    short, other = key("host", f"{arn[:-7]}#host"), key("other", f"{arn[:-7]}-other#user")
    assert put(aws, {USER: "app", key("password", f"{arn}#password"): "made-up", short: "db", other: "theirs"}) == {}
    assert json.loads(now(aws, "estate/rds")) == {"user": "app", "password": "made-up", "host": "db"}
    assert json.loads(now(aws, "estate/rds-other")) == {"user": "theirs"}
    assert writes(aws) == {"PutSecretValue": 2}


def test_where_nobody_may_look_whether_two_empty_ones_are_one_neither_is_written(aws: StrictAws) -> None:
    arn = aws.add("estate/rds").arn
    rights = allow("secretsmanager:GetSecretValue", *(f"secretsmanager:{action}" for action in WRITES), on="*")
    pod = aws.user("pod", identity_policy(rights))
    values: dict[Key, str | bytes] = {USER: "app", key("password", f"{arn}#password"): "made-up", JWT: "made-up"}
    failed = put(aws, values, user=pod)
    assert {name: one.code for name, one in failed.items()} == dict.fromkeys(("user", "password"), Code.DENIED)
    aws.user("pod", identity_policy(rights, *(json.loads(one.fix) for one in failed.values())))
    assert put(aws, values, user=pod) == {}
    assert json.loads(now(aws, "estate/rds")) == {"user": "app", "password": "made-up"}


def test_a_secret_that_terraform_made_gets_its_first_value(aws: StrictAws) -> None:
    aws.add("estate/jwt")
    assert put(aws, {JWT: "made-up"}) == {}
    assert now(aws, "estate/jwt") == "made-up"
    assert writes(aws) == {"PutSecretValue": 1}


@pytest.mark.parametrize("there", [True, False])
def test_where_nobody_may_look_whether_it_is_there_it_is_written_all_the_same(aws: StrictAws, there: bool) -> None:
    if there:
        aws.add("estate/jwt")
    actions = [f"secretsmanager:{action}" for action in ("GetSecretValue", *WRITES)]
    pod = aws.user("pod", identity_policy(allow(*actions, on=f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:*")))
    assert put(aws, {JWT: "made-up"}, user=pod) == {}
    assert now(aws, "estate/jwt") == "made-up"


def test_a_call_that_is_sent_again_makes_one_version(aws: StrictAws) -> None:
    """The answer is lost, so the SDK asks again: with the same ClientRequestToken."""
    aws.add("estate/jwt", "before")
    aws.fault("PutSecretValue", "lost", times=1)
    assert put(aws, {JWT: "after"}) == {}
    tokens = [body["ClientRequestToken"] for action, body in aws.asked if action == "PutSecretValue"]
    assert len(tokens) == 2
    assert tokens[0] == tokens[1]
    secret_ = aws.store.find("estate/jwt", ACCOUNT, REGION)
    assert secret_ is not None
    assert len(secret_.versions) == 2


def test_a_version_says_nothing_of_its_value(aws: StrictAws) -> None:
    """Version ids can be seen by whoever may describe a secret."""
    for name in ("estate/a", "estate/b"):
        put(aws, {key(name): "the same"})
    a, b = (aws.store.find(name, ACCOUNT, REGION) for name in ("estate/a", "estate/b"))
    assert a is not None
    assert b is not None
    assert set(a.versions).isdisjoint(b.versions)


@pytest.mark.parametrize(("theirs", "failed"), [("theirs", {"estate/jwt": Code.UNAVAILABLE}), ("ours", {})])
def test_what_somebody_else_makes_meanwhile_is_not_written_over(
    aws: StrictAws, theirs: str, failed: dict[str, Code]
) -> None:
    aws.add("estate/jwt", theirs)
    aws.fault("GetSecretValue", "ResourceNotFoundException", times=1)
    aws.fault("DescribeSecret", "ResourceNotFoundException", times=1)
    assert {name: one.code for name, one in put(aws, {JWT: "ours"}).items()} == failed
    assert now(aws, "estate/jwt") == theirs
    assert writes(aws) == {"CreateSecret": 1}


def test_one_that_was_made_though_the_answer_was_lost_is_written(aws: StrictAws) -> None:
    aws.fault("CreateSecret", "lost", times=1)
    assert put(aws, {JWT: "ours"}) == {}
    assert (now(aws, "estate/jwt"), writes(aws)) == ("ours", {"CreateSecret": 2})


def test_a_secret_that_is_scheduled_for_deletion_is_not_restored_silently(aws: StrictAws) -> None:
    aws.add("estate/jwt", "made-up")
    operator = aws.session().client("secretsmanager", endpoint_url=aws.url)
    operator.delete_secret(SecretId="estate/jwt")
    operator.close()
    failed = put(aws, {JWT: "new"})["estate/jwt"]
    assert failed.code is Code.DELETED
    assert failed.fix == f"aws secretsmanager restore-secret --secret-id estate/jwt --region {REGION}"
    assert writes(aws) == {}


@pytest.mark.parametrize(
    ("there", "values", "code"),
    [
        ("no json", {PASSWORD: "x"}, Code.MALFORMED),
        (b"\xff", {PASSWORD: "x"}, Code.MALFORMED),
        ("{}", {PASSWORD: b"\xff"}, Code.MALFORMED),
        ("{}", {PASSWORD: "x", key("whole", "estate/rds"): "y"}, Code.MALFORMED),
        ("{}", {PASSWORD: "x", key("again", "estate/rds#password"): "y"}, Code.MALFORMED),
        ("{}", {key("whole", "estate/rds"): "é" * 32_769}, Code.MALFORMED),
        ("{}", {key("whole", "estate/rds"): ""}, Code.EMPTY),
        ("{}", {key("stage", "estate/rds?stage=AWSPENDING"): "x"}, Code.MALFORMED),
        ("{}", {key("version", f"estate/rds?version={'0' * 36}"): "x"}, Code.MALFORMED),
        ("{}", {key("no name", "no good"): "x"}, Code.MALFORMED),
        ("{}", {key("elsewhere", f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:a-AbCdEf"): "x"}, Code.MALFORMED),
        ("{}", {key("arn", f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:new-AbCdEf"): "x"}, Code.MISSING),
    ],
)
def test_what_cannot_be_written_is_said_and_leaves_what_is_there(
    aws: StrictAws, there: str | bytes, values: dict[Key, str | bytes], code: Code
) -> None:
    aws.add("estate/rds", there)
    failed = put(aws, {**values, JWT: "made-up"})
    assert {name: one.code for name, one in failed.items()} == {one.name: code for one in values}
    assert all(one.fix for one in failed.values())
    assert now(aws, "estate/rds") == there
    assert now(aws, "estate/jwt") == "made-up"


def test_a_right_to_write_that_is_lacking_is_printed_as_a_statement_that_mends_it(aws: StrictAws) -> None:
    read = allow("secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret", on="*")
    pod = aws.user("pod", identity_policy(read))
    failed = put(aws, {JWT: "made-up"}, user=pod)["estate/jwt"]
    assert failed.code is Code.DENIED
    assert failed.hint == "may not be written by this identity"
    statement = json.loads(failed.fix)
    aws.user("pod", identity_policy(read, statement))
    for value in ("made-up", "another"):
        assert put(aws, {JWT: value}, user=pod) == {}
    assert now(aws, "estate/jwt") == "another"


def test_a_kms_key_that_does_not_encrypt_is_named_and_the_statement_that_is_printed_mends_it(aws: StrictAws) -> None:
    kms = aws.key()
    aws.add("estate/jwt", key=kms.arn)
    may = allow("secretsmanager:*", on="*")
    pod = aws.user("pod", identity_policy(may))
    failed = put(aws, {JWT: "made-up"}, user=pod)["estate/jwt"]
    assert failed.code is Code.KMS
    statement = json.loads(failed.fix)
    assert statement["Resource"] == kms.arn
    aws.user("pod", identity_policy(may, statement))
    assert put(aws, {JWT: "made-up"}, user=pod) == {}
    kms.state = "Disabled"
    assert put(aws, {JWT: "another"}, user=pod)["estate/jwt"].code is Code.KMS


def test_what_may_not_be_read_is_not_overwritten(aws: StrictAws) -> None:
    """Whether it differs cannot be known."""
    aws.add("estate/jwt", "theirs")
    pod = aws.user("pod", identity_policy(allow(*(f"secretsmanager:{action}" for action in WRITES), on="*")))
    assert put(aws, {JWT: "ours"}, user=pod)["estate/jwt"].code is Code.DENIED
    assert writes(aws) == {}


def test_a_secret_that_an_aws_service_manages_is_left_to_it(aws: StrictAws) -> None:
    aws.add("rds!db-1", '{"password": "theirs"}', owning_service="rds")
    failed = put(aws, {key("password", "rds!db-1#password"): "ours"})["password"]
    assert failed.code is Code.DENIED
    assert "is managed by the AWS service rds" in failed.hint


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("EncryptionFailure", Code.KMS),
        ("LimitExceededException", Code.THROTTLED),
        ("reset", Code.UNAVAILABLE),
        ("garbage", Code.UNAVAILABLE),
        ("page", Code.UNAVAILABLE),
        ("ValidationException", Code.MALFORMED),
    ],
)
def test_no_way_to_fail_in_writing_shows_a_value(aws: StrictAws, fault: str, code: Code) -> None:
    aws.words = CANARY
    aws.add("estate/jwt", "before")
    aws.fault("PutSecretValue", fault)
    with provider_on(aws) as provider:
        failed = assert_no_leak(lambda: provider.put({JWT: CANARY}, Deadline(5)), [CANARY])
    assert failed[JWT].code is code


@pytest.mark.parametrize(
    ("how", "code"),
    [("gone", Code.UNAVAILABLE), ("refused", Code.CREDENTIALS), ("no profile", Code.CREDENTIALS)],
)
def test_where_nothing_can_be_asked_the_values_are_in_no_traceback(aws: StrictAws, how: str, code: Code) -> None:
    """`put` returns what is wrong, since there are values in its frames."""
    options = {"session": None, "profile": "nobody"} if how == "no profile" else {}
    with provider_on(aws, user="nobody" if how == "refused" else "operator", **options) as provider:
        if how == "gone":
            aws.stop()
        failed = assert_no_leak(lambda: provider.put({JWT: CANARY, PASSWORD: CANARY}, Deadline(5)), [CANARY])
    assert {one.name: answer.code for one, answer in failed.items()} == {"estate/jwt": code, "password": code}


def test_writing_is_not_logged(aws: StrictAws, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    put(aws, {JWT: CANARY})
    ours = [record for record in caplog.records if str(record.threadName).startswith("estate-config")]
    assert CANARY not in repr([record.__dict__ for record in ours])


class Service(Settings):
    jwt: SecretStr = secret("jwt")
    user: SecretStr = secret("rds/user", aws="estate/rds#user")
    password: SecretStr = secret("rds/password", aws="estate/rds#password")
    certificate: SecretBytes = secret("certificate")


def test_the_embedded_aws_is_seeded_through_the_writer_and_read_by_a_load(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "estate.toml").write_text(
        '[environments.production]\nchain = ["aws"]\n[providers.aws]\nprefix = "estate/"\n'
    )
    monkeypatch.chdir(tmp_path)
    with EmbeddedAws() as server:
        for name, value in server.variables.items():
            monkeypatch.setenv(name, value)
        for _ in range(2):
            server.seed(Service, password="by hand")
        service = load(Service, environment="production")
    assert service.password.get_secret_value() == "by hand"
    assert service.user.get_secret_value() == "fake-rds-user"
    assert service.certificate.get_secret_value() == b"fake-certificate"
