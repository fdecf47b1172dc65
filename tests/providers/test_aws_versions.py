"""Versions of secrets by the provider `aws`: how old one is, and reading another stage than the current one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from estate_config.errors import Code
from estate_config.model import Deadline, Found, Key, Status
from estate_config_providers.aws import spec
from tests.fakes.aws import StrictAws
from tests.fakes.secrets_manager import Version
from tests.providers.aws_support import failure, fetch, key, provider_on


def test_the_origin_says_when_the_version_was_made_by_a_batch_and_by_a_single_read(aws: StrictAws) -> None:
    for name in ("jwt", "rds"):
        aws.add(name, "old")
        aws.add(name, "new")
    keys = [key("jwt"), key("rds"), key("old", "jwt?stage=AWSPREVIOUS")]
    for secret in aws.store.secrets:
        for days, version in enumerate(secret.versions.values()):
            version.created = datetime(2026, 1, 10 + days, tzinfo=UTC)
    answers = fetch(aws, *keys)
    made = {one.name: answer.origin.created_at for one, answer in answers.items() if isinstance(answer, Found)}
    assert {one and one.tzinfo for one in made.values()} == {UTC}
    assert made == {
        "jwt": datetime(2026, 1, 11, tzinfo=UTC),
        "rds": datetime(2026, 1, 11, tzinfo=UTC),
        "old": datetime(2026, 1, 10, tzinfo=UTC),
    }


STAGED = Key("rds/password", "rds_password", "estate/rds#password", stage="AWSPENDING")


@pytest.mark.parametrize(
    ("address", "place", "value"),
    [
        ("estate/rds#password", "estate/rds?stage=AWSPENDING#password", "next"),
        ("estate/rds?stage=AWSPREVIOUS#password", "estate/rds?stage=AWSPENDING#password", "next"),
        ("estate/rds?version={old}#password", "estate/rds?version={old}#password", "old"),
    ],
)
def test_a_key_with_a_stage_is_read_at_that_stage_and_one_with_a_version_at_that_version(
    aws: StrictAws, address: str, place: str, value: str
) -> None:
    aws.add("estate/rds", '{"password": "old"}')
    old = aws.add("estate/rds", '{"password": "current"}').at("AWSPREVIOUS")
    aws.add("estate/rds", '{"password": "next"}', stage="AWSPENDING")
    asked = replace(STAGED, address=address.format(old=old))
    found = fetch(aws, asked)[asked]
    assert isinstance(found, Found)
    assert (found.value, found.origin.place) == (value, place.format(old=old))
    assert spec.stages


def test_a_derived_name_with_a_stage_is_located_read_and_probed_there(aws: StrictAws) -> None:
    aws.add("estate/jwt", "current")
    pending = aws.add("estate/jwt", "next", stage="AWSPENDING").at("AWSPENDING")
    asked = Key("jwt", "jwt", stage="AWSPENDING")
    with provider_on(aws, prefix="estate/") as provider:
        assert provider.locate(asked).text == "estate/jwt?stage=AWSPENDING"
        found, status = provider.fetch([asked], Deadline(5))[asked], provider.probe([asked], Deadline(5))[asked]
    assert isinstance(found, Found)
    assert isinstance(status, Status)
    assert (found.value, found.origin.stage) == ("next", "AWSPENDING")
    assert found.origin.version == status.version == pending


def test_a_stage_that_no_version_has_is_no_value_and_not_absent(aws: StrictAws) -> None:
    aws.add("estate/rds", '{"password": "current"}')
    answer = failure(fetch(aws, STAGED), STAGED)
    assert (answer.code, answer.hint) == (Code.NO_VALUE, "exists, and no version of it is AWSPENDING")


@pytest.mark.parametrize("empty", [None, ""])
def test_trap_11_a_pending_version_that_is_empty_is_no_value_and_never_an_empty_text(
    aws: StrictAws, empty: str | None
) -> None:
    secret = aws.add("jwt", "current")
    secret.versions["0" * 36] = Version(empty, {"AWSPENDING"}, datetime.now(UTC))
    asked = Key("jwt", "jwt", stage="AWSPENDING")
    answer = failure(fetch(aws, asked), asked)
    assert answer.code is Code.NO_VALUE
    assert answer.hint == "exists, and its version AWSPENDING is empty: a rotation that fails leaves such a one"
