"""The provider `parameter_store`: what it writes, and what it can say without a value; on a strict fake."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest

from estate_config.errors import Code
from estate_config.model import Deadline, Failed, Key, Status
from estate_config_providers._aws import connection
from tests.fakes.iam import allow, identity_policy
from tests.fakes.parameter_store import StrictParameters, arn_of
from tests.leaks import PLAIN, assert_no_canary
from tests.providers.parameter_store_support import key, provider_on, user_with

OTHER = "210987654321"


@pytest.fixture
def ssm() -> Iterator[StrictParameters]:
    with StrictParameters() as fake:
        yield fake


def put(ssm: StrictParameters, values: Mapping[Key, str | bytes], **options: Any) -> dict[str, Failed]:
    with provider_on(ssm, **options) as provider:
        return {key.name: failed for key, failed in provider.put(values, Deadline(10)).items()}


def probe(ssm: StrictParameters, *keys: Key, **options: Any) -> dict[str, Status | Failed]:
    with provider_on(ssm, **options) as provider:
        return {key.name: status for key, status in provider.probe(keys, Deadline(10)).items()}


def kinds(ssm: StrictParameters) -> dict[str, tuple[str, str, int]]:
    return {one.name: (one.kind, one.key, len(one.versions)) for one in ssm.parameters}


# --- put --------------------------------------------------------------------------------------------------------------


def test_put_makes_encrypted_parameters_of_secrets_and_writes_nothing_twice(ssm: StrictParameters) -> None:
    values: dict[Key, str | bytes] = {key("jwt"): "s", key("level", secret=False): "debug", key("pem"): "é".encode()}
    for _ in range(2):
        assert put(ssm, values, prefix="/estate/") == {}
    aws = "alias/aws/ssm"
    assert kinds(ssm) == {
        "/estate/jwt": ("SecureString", aws, 1),
        "/estate/level": ("String", aws, 1),
        "/estate/pem": ("SecureString", aws, 1),
    }
    assert ssm.calls["PutParameter"] == 3


def test_a_new_value_keeps_the_key_that_the_old_one_was_encrypted_with(ssm: StrictParameters) -> None:
    own = ssm.key().arn
    ssm.hold("/jwt", "old", key=own)
    assert put(ssm, {key("jwt"): "new"}) == {}
    assert (ssm.value("/jwt"), kinds(ssm)["/jwt"]) == ("new", ("SecureString", own, 2))


def test_a_setting_that_is_encrypted_keeps_its_key_too(ssm: StrictParameters) -> None:
    own = ssm.key().arn
    ssm.hold("/level", "info", key=own)
    assert put(ssm, {key("level", secret=False): "debug"}) == {}
    assert (ssm.value("/level"), kinds(ssm)["/level"]) == ("debug", ("SecureString", own, 2))


def test_one_that_was_made_though_the_answer_was_lost_is_written(ssm: StrictParameters) -> None:
    ssm.fault("PutParameter", "lost", times=1)
    assert put(ssm, {key("jwt"): "s"}) == {}
    assert (ssm.value("/jwt"), kinds(ssm)["/jwt"][2], ssm.calls["PutParameter"]) == ("s", 1, 2)


@pytest.mark.parametrize(("theirs", "kind"), [("theirs", "SecureString"), ("s", "String")])
def test_one_that_somebody_else_made_meanwhile_is_left(
    ssm: StrictParameters, theirs: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def meanwhile(action: str, body: object) -> None:
        if action == "PutParameter":
            ssm.hold("/jwt", theirs, kind=kind)

    monkeypatch.setattr(ssm, "next_fault", meanwhile)
    assert put(ssm, {key("jwt"): "s"})["jwt"].code is Code.UNAVAILABLE
    assert (ssm.value("/jwt"), kinds(ssm)["/jwt"][2]) == (theirs, 1)


def test_without_the_right_to_see_the_key_nothing_is_written_and_the_statement_is_named(ssm: StrictParameters) -> None:
    own = ssm.key().arn
    ssm.hold("/jwt", "old", key=own)
    rights = allow("ssm:GetParameters", "ssm:PutParameter", on=arn_of("/jwt"))
    keys = allow("kms:Decrypt", "kms:Encrypt", on=own)
    ssm.user("pusher", identity_policy(rights, keys))
    failed = put(ssm, {key("jwt"): "new"}, user="pusher")["jwt"]
    assert (failed.code, ssm.value("/jwt")) == (Code.DENIED, "old")
    ssm.user("mended", identity_policy(rights, keys, allow("ssm:DescribeParameters", on="*")))
    assert '"Action": "ssm:DescribeParameters", "Resource": "*"' in failed.fix
    assert put(ssm, {key("jwt"): "new"}, user="mended") == {}


def test_members_are_written_together_and_their_siblings_stay(ssm: StrictParameters) -> None:
    ssm.hold("/rds", '{"host": "db", "user": "old"}')
    assert put(ssm, {key("user", "/rds#user"): "app", key("password", "/rds#password"): "p"}) == {}
    assert ssm.value("/rds") == '{"host": "db", "user": "app", "password": "p"}'
    assert ssm.calls["PutParameter"] == 1


@pytest.mark.parametrize("other", ["/rds", "/rds#user"])
def test_two_values_for_one_place_are_both_refused(ssm: StrictParameters, other: str) -> None:
    ssm.hold("/rds", '{"user": "old"}')
    failed = put(ssm, {key("other", other): '{"user": "theirs"}', key("user", "/rds#user"): "app", key("jwt"): "s"})
    assert {name: one.code for name, one in failed.items()} == {"other": Code.MALFORMED, "user": Code.MALFORMED}
    assert (ssm.value("/rds"), ssm.value("/jwt")) == ('{"user": "old"}', "s")


def test_what_cannot_be_written_is_refused_and_the_rest_is_written(ssm: StrictParameters) -> None:
    ssm.hold("/text", "no json")
    ssm.hold("/pattern", "abc", pattern="^[a-z]+$")
    bad: dict[Key, str | bytes] = {
        key("member", "/text#x"): "1",
        key("version", "/jwt:1"): "1",
        key("arn", arn_of("/jwt", OTHER)): "1",
        key("name", "no good"): "1",
        key("reserved", "/aws/jwt"): "1",
        key("empty"): "",
        key("bytes"): b"\xff",
        key("huge"): "x" * 8193,
        key("long"): "x" * 4097,
        key("nested"): "{{ssm:other}}",
        key("pattern"): "123",
    }
    failed = put(ssm, {**bad, key("good"): "1"})
    assert {name: one.code for name, one in failed.items()} == {k.name: Code.MALFORMED for k in bad}
    assert [name for name, one in failed.items() if not one.fix] == []
    assert "--tier Advanced" in failed["long"].fix
    assert "8,192" in failed["huge"].hint
    assert (ssm.value("/text"), ssm.value("/pattern"), ssm.value("/good")) == ("no json", "abc", "1")


def test_an_advanced_parameter_takes_twice_as_much(ssm: StrictParameters) -> None:
    ssm.hold("/long", "x", tier="Advanced")
    assert put(ssm, {key("long"): "y" * 8192}) == {}
    assert ssm.value("/long") == "y" * 8192


def test_a_secret_is_not_written_where_it_would_not_be_encrypted(ssm: StrictParameters) -> None:
    ssm.hold("/jwt", "old", kind="String")
    ssm.hold("/level", "info", kind="String")
    failed = put(ssm, {key("jwt"): "new", key("level", secret=False): "debug"})
    assert {name: one.code for name, one in failed.items()} == {"jwt": Code.INSECURE}
    assert "aws ssm delete-parameter --name /jwt" in failed["jwt"].fix
    assert (ssm.value("/jwt"), ssm.value("/level")) == ("old", "debug")


def test_who_may_not_write_gets_the_statement_that_lets_them(ssm: StrictParameters) -> None:
    reads = '{"Effect": "Allow", "Action": "ssm:GetParameters", "Resource": "' + arn_of("/jwt") + '"}'
    failed = put(ssm, {key("jwt"): "1"}, user=user_with(ssm, "reader", reads))["jwt"]
    assert failed.code is Code.DENIED
    assert put(ssm, {key("jwt"): "1"}, user=user_with(ssm, "writer", reads, failed.fix)) == {}


def test_a_write_that_fails_shows_nothing_of_the_value(ssm: StrictParameters, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "_ATTEMPTS", 1)  # the SDK's pauses are long
    for code in ("AccessDeniedException", "InternalServerError", "TooManyUpdates", "NoSuchCode"):
        ssm.fault("PutParameter", code, secret=f"/{code}")
    ssm.words = PLAIN
    names = [fault.secret or "" for fault in ssm._faults]
    failed = put(ssm, {key(name.removeprefix("/")): PLAIN for name in names})
    assert len(failed) == len(names)
    assert_no_canary(repr(failed), PLAIN)


def test_a_store_that_is_gone_fails_every_value_and_raises_nothing(ssm: StrictParameters) -> None:
    with provider_on(ssm) as provider:
        ssm.stop()
        failed = provider.put({key("a"): PLAIN, key("b"): PLAIN}, Deadline(3))
    assert [one.code for one in failed.values()] == [Code.UNAVAILABLE, Code.UNAVAILABLE]


# --- probe ------------------------------------------------------------------------------------------------------------


def test_probing_reads_no_value_and_lists_nothing_but_what_it_was_asked(ssm: StrictParameters) -> None:
    ssm.user("looker", identity_policy(allow("ssm:DescribeParameters", on="*")))
    ssm.hold("/jwt", "one", "two")
    ssm.hold("/not-asked-for", "x")
    seen = probe(ssm, key("jwt"), key("nowhere"), user="looker")
    status = seen["jwt"]
    assert isinstance(status, Status)
    assert (status.place, status.version, status.may_read, status.notices) == ("/jwt", "2", None, ())
    assert status.changed_at is not None
    assert abs(status.changed_at - ssm.parameters[0].versions[-1].modified) < timedelta(seconds=1)
    assert set(seen) == {"jwt"}
    assert [(action, body["ParameterFilters"]) for action, body in ssm.asked] == [
        ("DescribeParameters", [{"Key": "Name", "Values": ["/jwt", "/nowhere"]}])
    ]


def test_sixty_parameters_are_looked_at_in_pages_of_two_filters(ssm: StrictParameters) -> None:
    for number in range(60):
        ssm.hold(f"/{number}", "x")
    assert len(probe(ssm, *(key(str(number)) for number in range(60)))) == 60
    assert ssm.calls == {"DescribeParameters": 6}


def test_a_version_is_there_up_to_the_latest_and_of_a_label_nobody_can_tell_which(ssm: StrictParameters) -> None:
    ssm.hold("/jwt", "one", "two")
    seen = probe(ssm, key("old", "/jwt:1"), key("none", "/jwt:3"), key("label", "/jwt:live"))
    assert {name: one.version for name, one in seen.items() if isinstance(one, Status)} == {"old": "1", "label": None}
    assert {name: one.code for name, one in seen.items() if isinstance(one, Failed)} == {"none": Code.NO_VALUE}


def test_a_secret_that_is_not_encrypted_is_noticed(ssm: StrictParameters) -> None:
    ssm.hold("/jwt", "x", kind="String")
    ssm.hold("/level", "x", kind="String")
    seen = probe(ssm, key("jwt"), key("level", secret=False))
    notices = {name: [notice.code for notice in one.notices] for name, one in seen.items() if isinstance(one, Status)}
    assert notices == {"jwt": [Code.INSECURE], "level": []}


def test_of_another_account_only_reading_tells(ssm: StrictParameters) -> None:
    ssm.hold("/jwt", "ours")
    seen = probe(ssm, key("ours", arn_of("/jwt")), key("theirs", arn_of("/jwt", OTHER)))
    assert isinstance(seen["ours"], Status)
    theirs = seen["theirs"]
    assert isinstance(theirs, Failed)
    assert theirs.code is Code.UNAVAILABLE


def test_who_may_not_look_gets_the_statement_that_lets_them(ssm: StrictParameters) -> None:
    ssm.hold("/jwt", "x")
    nobody = ssm.user("nobody", identity_policy(allow("sts:GetCallerIdentity", on="*")))
    refused = probe(ssm, key("jwt"), user=nobody)["jwt"]
    assert isinstance(refused, Failed)
    assert refused.code is Code.DENIED
    assert set(probe(ssm, key("jwt"), user=user_with(ssm, "mended", refused.fix))) == {"jwt"}


def test_addresses_that_can_be_none_are_not_asked_for(ssm: StrictParameters) -> None:
    bad = probe(ssm, key("bad", "no good"))["bad"]
    assert isinstance(bad, Failed)
    assert (bad.code, ssm.calls) == (Code.MALFORMED, {})
