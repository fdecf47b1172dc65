"""Versions of secrets by the provider `aws`: how old one is, and reading another stage than the current one."""

from __future__ import annotations

from datetime import UTC, datetime

from estate_config.model import Found
from tests.fakes.aws import StrictAws
from tests.providers.aws_support import fetch, key


def test_the_origin_says_when_the_version_was_made_by_a_batch_and_by_a_single_read(aws: StrictAws) -> None:
    for name in ("jwt", "rds"):
        aws.add(name, "old")
        aws.add(name, "new")
    keys = [key("jwt"), key("rds"), key("old", "jwt?stage=AWSPREVIOUS")]
    for secret in aws.store.secrets:
        for days, version in enumerate(secret.versions.values()):
            version.created = datetime(2026, 1, 10 + days, tzinfo=UTC)
    answers = fetch(aws, *keys)
    assert {one.name: answer.origin.created_at for one, answer in answers.items() if isinstance(answer, Found)} == {
        "jwt": datetime(2026, 1, 11, tzinfo=UTC),
        "rds": datetime(2026, 1, 11, tzinfo=UTC),
        "old": datetime(2026, 1, 10, tzinfo=UTC),
    }
