"""Moving stages with the provider `aws`: a version that waits, and making it the current one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from estate_config.contract import Prober, Rotator
from estate_config.errors import Code
from estate_config.model import Deadline, Failed, Found, Key
from estate_config.testing import assert_no_leak
from estate_config_providers.aws import rotating, spec
from estate_config_providers.aws.looking import describe
from tests.fakes.aws import ACCOUNT, REGION, StrictAws
from tests.fakes.iam import allow, identity_policy
from tests.fakes.secrets_manager import Secret, Version
from tests.providers.aws_support import failure, fetch, key, provider_on, values

JWT = key("estate/jwt")
CANARY = "kq7ZvXw2Lr9TbN4mHc"


def stages(secret: Secret) -> dict[str, tuple[str, ...]]:
    return {number: tuple(sorted(one.stages)) for number, one in secret.versions.items()}


def put(aws: StrictAws, value: str, version: str, *, name: str = "estate/jwt", user: str = "operator") -> Failed | None:
    with provider_on(aws, user=user) as provider:
        return provider.put_pending(key(name), value, version, Deadline(10))


def promoted(aws: StrictAws, version: str, before: str) -> Failed | None:
    with provider_on(aws) as provider:
        return provider.make_current(JWT, version, before, Deadline(10))


def test_it_offers_what_rotating_needs() -> None:
    assert {Rotator, Prober} <= set(spec.offers)
    assert spec.stages


def test_a_version_waits_under_its_id_however_often_it_is_put(aws: StrictAws) -> None:
    secret, version = aws.add("estate/jwt", "now"), str(uuid4())
    current = secret.at("AWSCURRENT") or ""
    for action in ("PutSecretValue", "UpdateSecretVersionStage"):
        aws.fault(action, "lost", times=1)
    for _ in range(2):
        assert put(aws, "next", version) is None
    assert stages(secret) == {current: ("AWSCURRENT",), version: ("AWSPENDING",)}
    failed = put(aws, "another", version)
    assert failed is not None
    assert failed.code is Code.UNAVAILABLE
    assert secret.versions[version].value == "next"


@pytest.mark.parametrize("moment", ["before it looks", "after it looked"])
@pytest.mark.parametrize("left", [None, "AWSCURRENT", "AWSPREVIOUS"])
def test_of_two_versions_that_are_to_wait_at_once_the_first_one_does(
    aws: StrictAws, monkeypatch: pytest.MonkeyPatch, moment: str, left: str | None
) -> None:
    """Wherever a rotation before has left the label."""
    secret, first, second = aws.add("estate/jwt", "before"), str(uuid4()), str(uuid4())
    aws.add("estate/jwt", "now")
    if left:
        secret.move("AWSPENDING", secret.at(left) or "")
    if moment == "before it looks":
        assert put(aws, "next", first) is None
    else:

        def looked(*args: Any) -> Any:
            monkeypatch.undo()
            seen = describe(*args)
            assert put(aws, "next", first) is None
            return seen

        monkeypatch.setattr(rotating, "describe", looked)
    failed = put(aws, "another", second)
    assert failed is not None
    assert failed.code is Code.UNAVAILABLE
    assert "another rotation that has begun meanwhile" in failed.hint
    assert stages(secret)[first] == ("AWSPENDING",)
    assert stages(secret)[second] == ()


def test_the_label_moves_once_also_where_the_answer_is_lost(aws: StrictAws) -> None:
    secret, version = aws.add("estate/jwt", "now"), str(uuid4())
    before = secret.at("AWSCURRENT") or ""
    put(aws, "next", version)
    aws.fault("UpdateSecretVersionStage", "lost", times=1)
    assert promoted(aws, version, before) is None
    assert promoted(aws, version, before) is None
    assert stages(secret) == {before: ("AWSPREVIOUS",), version: ("AWSCURRENT",)}


@pytest.mark.parametrize("answer", ["lost", "AccessDeniedException"])
def test_a_version_that_is_current_is_so_however_taking_its_other_label_off_ends(aws: StrictAws, answer: str) -> None:
    secret, version = aws.add("estate/jwt", "now"), str(uuid4())
    before = secret.at("AWSCURRENT") or ""
    put(aws, "next", version)
    secret.move("AWSCURRENT", version)  # as if it was broken off between the two moves
    aws.fault("UpdateSecretVersionStage", answer, times=2)
    assert promoted(aws, version, before) is None
    assert secret.at("AWSCURRENT") == version
    assert promoted(aws, version, before) is None
    assert stages(secret) == {before: ("AWSPREVIOUS",), version: ("AWSCURRENT",)}


def test_where_aws_rotates_it_takes_awspending_off_itself(aws: StrictAws) -> None:
    """AWS's guide: taken off by a call of its own, a rotation may look as if it had failed."""
    secret, version = aws.add("estate/jwt", "now"), str(uuid4())
    secret.rotation["RotationEnabled"] = True
    put(aws, "next", version)
    assert promoted(aws, version, secret.at("AWSCURRENT") or "") is None
    assert stages(secret)[version] == ("AWSCURRENT", "AWSPENDING")


def test_who_moved_the_label_meanwhile_is_not_overruled(aws: StrictAws) -> None:
    secret, version = aws.add("estate/jwt", "now"), str(uuid4())
    before = secret.at("AWSCURRENT") or ""
    put(aws, "next", version)
    aws.add("estate/jwt", "by hand")
    failed = promoted(aws, version, before)
    assert failed is not None
    assert failed.code is Code.UNAVAILABLE
    assert failed.hint == "got another current version meanwhile, from somebody else"
    assert secret.versions[secret.at("AWSCURRENT") or ""].value == "by hand"


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("AccessDeniedException", Code.DENIED),
        ("EncryptionFailure", Code.KMS),
        ("LimitExceededException", Code.THROTTLED),
        ("InternalServiceError", Code.UNAVAILABLE),
        ("reset", Code.UNAVAILABLE),
        ("garbage", Code.UNAVAILABLE),
        ("UnrecognizedClientException", Code.CREDENTIALS),
    ],
)
def test_no_way_to_fail_shows_a_value(aws: StrictAws, fault: str, code: Code) -> None:
    aws.words = CANARY
    secret, version = aws.add("estate/jwt", "now"), str(uuid4())
    for action in ("PutSecretValue", "UpdateSecretVersionStage"):
        aws.fault(action, fault)
    with provider_on(aws) as provider:
        failed = assert_no_leak(lambda: provider.put_pending(JWT, CANARY, version, Deadline(5)), [CANARY])
        moved = provider.make_current(JWT, version, secret.at("AWSCURRENT") or "", Deadline(5))
    assert failed is not None
    assert moved is not None
    assert (failed.code, moved.code) == (code, code)


@pytest.mark.parametrize(("name", "code"), [("no name", Code.MALFORMED), ("estate/nowhere", Code.NO_VALUE)])
def test_what_is_not_there_is_not_made(aws: StrictAws, name: str, code: Code) -> None:
    failed = put(aws, "x", str(uuid4()), name=name)
    assert failed is not None
    assert failed.code is code
    assert aws.store.secrets == []


def test_how_the_stages_stand_is_told_without_a_value(aws: StrictAws) -> None:
    secret, token = aws.add("estate/jwt", "now"), str(uuid4())
    secret.rotation["RotationEnabled"] = True
    secret.versions[token] = Version(None, {"AWSPENDING"}, datetime.now(UTC))
    looker = aws.user("looker", identity_policy(allow("secretsmanager:DescribeSecret", on="*")))
    waiting = key("estate/jwt", "estate/jwt?stage=AWSPENDING")
    with provider_on(aws, user=looker) as provider:
        seen = provider.probe([JWT, waiting], Deadline(10))
    assert [getattr(seen[one], "version", None) for one in (JWT, waiting)] == [secret.at("AWSCURRENT"), token]
    assert getattr(seen[JWT], "rotated", None) is True


def test_the_fake_moves_a_label_only_from_where_it_is(aws: StrictAws) -> None:
    """As AWS's reference says of RemoveFromVersionId."""
    secret = aws.add("estate/jwt", "now")
    aws.add("estate/jwt", "next", stage="AWSPENDING")
    current, pending = secret.at("AWSCURRENT") or "", secret.at("AWSPENDING") or ""
    client = aws.session().client("secretsmanager", endpoint_url=aws.url)
    move = {"SecretId": "estate/jwt", "VersionStage": "AWSCURRENT", "MoveToVersionId": pending}
    for wrong in ({}, {"RemoveFromVersionId": pending}):
        with pytest.raises(client.exceptions.InvalidParameterException):
            client.update_secret_version_stage(**move, **wrong)
    client.update_secret_version_stage(**move, RemoveFromVersionId=current)
    with pytest.raises(client.exceptions.InvalidParameterException):
        client.update_secret_version_stage(**move, RemoveFromVersionId=current)
    client.close()


def test_the_fake_makes_the_first_value_the_current_one_whatever_stage_it_is_put_at(aws: StrictAws) -> None:
    """As AWS's reference says of PutSecretValue."""
    secret = aws.add("estate/jwt")
    assert put(aws, "first", version := str(uuid4())) is None
    assert stages(secret) == {version: ("AWSCURRENT", "AWSPENDING")}
    assert aws.store.find("estate/jwt", ACCOUNT, REGION) is secret


@pytest.mark.parametrize("form", ["stage", "version"])
def test_a_load_may_ask_for_a_stage_or_for_one_version(aws: StrictAws, form: str) -> None:
    secret = aws.add("estate/rds", '{"password": "now"}')
    aws.add("estate/rds", '{"password": "next"}', stage="AWSPENDING")
    version = secret.at("AWSPENDING") or ""
    asked = Key("rds", "rds", "estate/rds#password", stage="AWSPENDING" if form == "stage" else f"version={version}")
    found = fetch(aws, asked)[asked]
    assert isinstance(found, Found)
    assert (found.value, found.origin.version, found.origin.stage) == ("next", version, "AWSPENDING")


def test_what_is_neither_a_stage_nor_a_version_is_malformed(aws: StrictAws) -> None:
    aws.add("estate/jwt", "now")
    for stage in ("version=short", "s" * 257):
        asked = Key("jwt", "jwt", "estate/jwt", stage=stage)
        assert failure(fetch(aws, asked), asked).code is Code.MALFORMED


def test_an_address_of_one_version_stays_that_version(aws: StrictAws) -> None:
    secret = aws.add("estate/jwt", "now")
    aws.add("estate/jwt", "next", stage="AWSPENDING")
    asked = Key("jwt", "jwt", f"estate/jwt?version={secret.at('AWSCURRENT')}", stage="AWSPENDING")
    assert values(fetch(aws, asked)) == {"jwt": "now"}
