"""The plan of the provider `aws`: which calls answer which keys, and which spellings an address has."""

from __future__ import annotations

from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estate_config.contract import Provider
from estate_config.errors import Code
from estate_config.model import Deadline, Failed, Found, Key
from estate_config_providers.aws.address import Address, address_of
from estate_config_providers.aws.plan import BATCH, plan
from tests.fakes.aws import StrictAws
from tests.fakes.iam import allow, deny, identity_policy
from tests.providers.aws_support import fetch, key, provider_on

ARN = "arn:aws:secretsmanager:ap-northeast-2:123456789012:secret:estate/rds-AbCdEf"
NUMBER = "0123456789abcdef0123456789abcdef"

names = st.text("abcXYZ019/_+=.@!-", min_size=1, max_size=12)
members = st.none() | st.text("abc#?@ é", min_size=1, max_size=6)
addresses = st.builds(
    Address,
    names,
    stage=st.none() | st.sampled_from(["AWSCURRENT", "AWSPENDING", "AWSPREVIOUS", "blue"]),
    member=members,
) | st.builds(Address, names, version=st.just(NUMBER), member=members)


@given(st.lists(addresses, max_size=80))
def test_every_address_is_read_once_by_calls_that_aws_takes(asked: list[Address]) -> None:
    calls = plan(asked)
    read = [address for batch in calls.batches for address in batch] + list(calls.singles)
    assert set(read) == {address.whole for address in asked}
    assert len(read) == len(set(read))
    assert all(2 <= len(batch) <= BATCH for batch in calls.batches)
    assert all(address.is_current for batch in calls.batches for address in batch)
    current = {address.secret for address in asked if address.is_current}
    versions = {address.whole for address in asked if not address.is_current}
    assert len(calls.batches) + len(calls.singles) == ceil(len(current) / BATCH) + len(versions)


@given(addresses)
def test_an_address_that_is_written_out_is_read_back_as_the_same(address: Address) -> None:
    assert address_of(key("any", address.text), "ignored/") == address


@pytest.mark.parametrize(
    ("given_", "address"),
    [
        ("estate/rds", Address("estate/rds")),
        ("estate/rds#password", Address("estate/rds", member="password")),
        ("estate/rds#a#b", Address("estate/rds", member="a#b")),
        ("estate/rds?stage=AWSPENDING#password", Address("estate/rds", stage="AWSPENDING", member="password")),
        (f"estate/jwt?version={NUMBER}", Address("estate/jwt", version=NUMBER)),
        ("team@estate/rds", Address("team@estate/rds")),
        ("rds!db-1a2b", Address("rds!db-1a2b")),
        (f"{ARN}#password", Address(ARN, member="password")),
        (f"{ARN}?stage=AWSPREVIOUS", Address(ARN, stage="AWSPREVIOUS")),
    ],
)
def test_an_address_has_one_reading(given_: str, address: Address) -> None:
    assert address_of(key("any", given_), "") == address


@pytest.mark.parametrize(
    "given_",
    [
        "",
        "#password",
        "estate/rds#",
        "estate rds",
        "estate/rds?",
        "estate/rds?AWSPENDING",
        "estate/rds?stage=",
        "estate/rds?version=3",
        "estate/rds:AWSPENDING",
        "a" * 513,
        "비밀",
        "arn:aws:ssm:ap-northeast-2:123456789012:parameter/estate",
        "arn:aws:secretsmanager:ap-northeast-2:1234:secret:estate/rds-AbCdEf",
    ],
)
def test_what_can_be_no_address_is_malformed_and_spoils_no_other_key(aws: StrictAws, given_: str) -> None:
    aws.add("estate/good", "made-up")
    bad, good = key("bad", given_), key("good", "estate/good")
    answers = fetch(aws, bad, good)
    answer = answers[bad]
    assert isinstance(answer, Failed)
    assert answer.code is Code.MALFORMED
    assert "correct the address in the schema" in answer.fix
    assert isinstance(answers[good], Found)


def test_a_derived_name_that_aws_would_refuse_is_malformed_without_a_call(aws: StrictAws) -> None:
    asked = key("x" * 400)
    answer = fetch(aws, asked, prefix="p" * 200)[asked]
    assert isinstance(answer, Failed)
    assert answer.code is Code.MALFORMED
    assert not aws.calls


def test_every_key_is_answered_as_its_secret_stands_whatever_it_is_asked_with() -> None:
    """T8: one denied member of a batch is an error of its own, and no other secret comes with what was asked."""
    with StrictAws() as aws:
        aws.add("text", "v")
        aws.add("json", '{"a": "v", "n": null}')
        aws.add("bytes", b"\xff")
        aws.add("empty")
        aws.add("deleted", "v")
        aws.session().client("secretsmanager", endpoint_url=aws.url).delete_secret(SecretId="deleted")
        aws.add("denied", "v")
        denied = deny("secretsmanager:GetSecretValue", on=aws.add("denied").arn)
        pod = aws.user("pod", identity_policy(allow("secretsmanager:*", on="*"), denied))
        aws.add("previous", "old")
        aws.add("previous", "v")
        expected: dict[str, object] = {
            "text": "v",
            "text#a": Code.MALFORMED,
            "json": '{"a": "v", "n": null}',
            "json#a": "v",
            "json#n": Code.NO_VALUE,
            "json#b": None,
            "bytes": Code.MALFORMED,
            "empty": Code.NO_VALUE,
            "empty#a": Code.NO_VALUE,
            "deleted": Code.DELETED,
            "denied": Code.DENIED,
            "denied#a": Code.DENIED,
            "nowhere": None,
            "nowhere?stage=AWSPENDING": None,
            "previous?stage=AWSPREVIOUS": "old",
            "previous": "v",
            "previous?stage=AWSPENDING": Code.NO_VALUE,
        }

        with provider_on(aws, user=pod) as provider:
            asked_for_any_of(provider, expected)


def asked_for_any_of(provider: Provider, expected: dict[str, object]) -> None:
    @given(st.lists(st.sampled_from(sorted(expected)), min_size=1))
    def answered(asked: list[str]) -> None:
        keys = [Key(address, address, address) for address in asked]
        answers = provider.fetch(keys, Deadline(10))
        for one in keys:
            answer = answers.get(one)
            said = answer.value if isinstance(answer, Found) else answer and answer.code
            assert said == expected[one.name]

    answered()
