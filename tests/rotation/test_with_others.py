"""Others change the secret too: after a rotation, and while one is under way."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from estate_config.cli import rotate
from estate_config.cli.options import Format
from estate_config.errors import Code
from estate_config.rotation.steps import Rotation, Standing, Step, perform, standing
from estate_config_providers.aws.secrets_manager import SecretsManager
from tests.fakes.aws import StrictAws
from tests.rotation.conftest import Rotating, Users, go_on, secret_of, value

pytestmark = pytest.mark.integration


def one_user(aws: StrictAws, users: Users, rotating: Rotating) -> Rotation:
    aws.add("estate/url", users.url())
    return rotating("url", kind="postgresql-single")


def by_hand(aws: StrictAws, users: Users, password: str) -> None:
    """Set a password, and store it as the current version."""
    with psycopg.connect(users.server.url) as connection:
        connection.execute(f"ALTER ROLE \"{users.name}\" PASSWORD '{password}'".encode())
    aws.add("estate/url", users.url(password=password))


@pytest.mark.parametrize("is_by_aws", [False, True], ids=["by estate rotate", "by AWS"])
def test_what_was_replaced_by_hand_after_a_rotation_does_not_come_back(
    aws: StrictAws, users: Users, rotating: Rotating, is_by_aws: bool
) -> None:
    """AWS may leave AWSPENDING where AWSCURRENT is; a value by hand makes that version AWSPREVIOUS."""
    rotation = one_user(aws, users, rotating)
    secret_of(aws, "estate/url").rotation["RotationEnabled"] = is_by_aws
    go_on(rotation)
    leaked = value(aws, "estate/url")
    for password in ("by-hand",) if is_by_aws else ("by-hand", "by-hand-again"):
        by_hand(aws, users, password)
    stands = standing(rotation)
    assert isinstance(stands, Standing)
    assert stands.pending is None
    go_on(rotation)
    assert value(aws, "estate/url") != leaked
    assert users.lets_in(value(aws, "estate/url"))
    assert not users.lets_in(leaked)


def test_of_two_who_rotate_at_once_one_is_refused_and_nobody_is_locked_out(
    aws: StrictAws, users: Users, rotating: Rotating, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One has looked, and the other one's password is set before the first one's version is put."""
    rotation, quick, slow = one_user(aws, users, rotating), str(uuid4()), str(uuid4())

    def put_late(*args: Any) -> Any:
        monkeypatch.undo()
        for step in (Step.CREATE, Step.SET):
            assert perform(rotation, step, quick) is None
        return SecretsManager.put_pending(*args)

    monkeypatch.setattr(SecretsManager, "put_pending", put_late)
    failed = perform(rotation, Step.CREATE, slow)
    assert failed is not None
    assert failed.code is Code.UNAVAILABLE
    assert "another rotation that has begun meanwhile" in failed.hint
    assert go_on(rotation) == quick
    assert users.lets_in(value(aws, "estate/url"))


@pytest.mark.parametrize("now", [False, True])
def test_who_says_yes_does_not_end_a_hand_over_that_began_after_the_question(
    aws: StrictAws, rotating: Rotating, monkeypatch: pytest.MonkeyPatch, now: bool
) -> None:
    aws.add("estate/jwt", "the-first")
    rotation = rotating("jwt", kind="generated", hand_over=86400)
    here: Any = SimpleNamespace(name="production")
    monkeypatch.setattr(rotate, "confirmed", lambda *_: go_on(rotation))  # while the terminal waits for an answer
    document = rotate._rotated(rotation, here, Format.TEXT, yes=False, now=now, prepare=False)
    assert document["steps"] == [{"step": "create", "done": False}]
    assert document["problem"]["code"] == "UNAVAILABLE"
    assert "got another current version meanwhile" in document["problem"]["message"]
    assert value(aws, "estate/jwt", "AWSPREVIOUS") == "the-first"
