"""A rotation from its begin to its end, and broken off at every point, on a real PostgreSQL."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import psycopg
import pytest

from estate_config import environments
from estate_config.loading import close_all
from estate_config.rotation.choosing import rotation_of
from estate_config.rotation.steps import Rotation, Step, perform
from estate_config.testing import EmbeddedAws
from estate_config_providers.aws.secrets_manager import SecretsManager
from tests.fakes.aws import StrictAws
from tests.live.doubles import wait_until
from tests.rotation.conftest import Rotating, Users, begin, go_on, secret_of, value

pytestmark = pytest.mark.integration

KINDS = ["postgresql-single", "postgresql-alternating", "generated"]


def prepared(kind: str, form: str, aws: StrictAws, users: Users, rotating: Rotating) -> Rotation:
    """Put a secret there, and an admin's; return how it is rotated."""
    name = f"{form}/{users.name.replace(' ', '-')}"
    aws.add(f"estate/{name}", "made-up-key" if kind == "generated" else getattr(users, form)())
    if kind != "postgresql-alternating":
        return rotating(name, kind=kind)
    aws.add(f"estate/{name}/admin", users.admin_json)
    return rotating(name, kind=kind, admin=f"{name}/admin")


@pytest.mark.parametrize("form", ["json", "url"])
def test_a_user_gets_another_password_and_everything_else_stays(
    aws: StrictAws, users: Users, rotating: Rotating, form: str
) -> None:
    rotation = prepared("postgresql-single", form, aws, users, rotating)
    place = f"estate/{rotation.name}"
    before = value(aws, place)
    version = go_on(rotation)
    after = value(aws, place)
    assert secret_of(aws, place).at("AWSCURRENT") == version
    assert value(aws, place, "AWSPREVIOUS") == before
    assert (users.lets_in(before), users.lets_in(after)) == (False, True)
    if form == "json":
        assert {**json.loads(after), "password": ""} == {**json.loads(before), "password": ""}
    else:
        assert after.partition("@")[2] == before.partition("@")[2]
        assert after.rpartition(":")[0].rpartition(":")[0] == before.rpartition(":")[0].rpartition(":")[0]


@pytest.mark.parametrize("form", ["json", "url"])
def test_two_users_take_turns_and_what_one_makes_belongs_to_both(
    aws: StrictAws, users: Users, rotating: Rotating, form: str
) -> None:
    rotation = prepared("postgresql-alternating", form, aws, users, rotating)
    place = f"estate/{rotation.name}"
    held = [value(aws, place)]
    for number in range(3):
        go_on(rotation)
        held.append(value(aws, place))
        assert users.lets_in(held[-2]), "the value before is still accepted"
        assert users.lets_in(held[-1])
        users.ask(users.url_of(held[-1]), f'CREATE TABLE "{users.name}".t{number}()')
    assert [users.lets_in(one) for one in held] == [False, False, True, True]
    question = f"SELECT array_agg(DISTINCT tableowner::text) FROM pg_tables WHERE schemaname = '{users.name}'"
    assert users.ask(users.server.url, question) == ([users.name],)
    assert [one[0] for one in users.stored()] == [users.name, f"{users.name}_clone"]


def test_the_current_credential_is_accepted_at_every_moment_of_an_alternating_rotation(
    aws: StrictAws, users: Users, rotating: Rotating
) -> None:
    rotation = prepared("postgresql-alternating", "url", aws, users, rotating)
    refused, logins, goal, done = [], [0], [0], threading.Event()

    def read_and_log_in() -> None:
        while not done.is_set():
            if not users.lets_in(value(aws, f"estate/{rotation.name}")):
                refused.append(1)
            logins[0] += 1

    reader = threading.Thread(target=read_and_log_in, daemon=True)
    reader.start()
    try:
        for _ in range(3):
            go_on(rotation)
            goal[0] = logins[0] + 2  # what was read before the end has been tried after it
            wait_until(lambda: logins[0] >= goal[0] or not reader.is_alive(), 30)
    finally:
        done.set()
        reader.join(30)
    assert refused == []
    assert logins[0] >= 6


def test_a_generated_value_is_of_its_length_and_the_one_before_can_be_read_by_its_stage(
    aws: StrictAws, rotating: Rotating
) -> None:
    aws.add("estate/jwt/secret", "the-first")
    rotation = rotating("jwt/secret", kind="generated", length=48)
    go_on(rotation)
    first = value(aws, "estate/jwt/secret")
    assert len(first) == 48
    assert value(aws, "estate/jwt/secret", "AWSPREVIOUS") == "the-first"
    go_on(rotation)
    assert value(aws, "estate/jwt/secret") != first
    assert value(aws, "estate/jwt/secret", "AWSPREVIOUS") == first


def test_a_password_that_is_a_secret_alone_is_rotated_with_the_connection_of_estate_toml(
    aws: StrictAws, users: Users, rotating: Rotating
) -> None:
    aws.add("estate/rds/password", "kq7Z/vXw2Lr9:Tb@N4mHc%")
    url = users.url(password="")
    rotation = rotating("rds/password", kind="postgresql-single", connection=url.replace(":@", "@"))
    go_on(rotation)
    assert users.lets_in(users.url(password=value(aws, "estate/rds/password")))
    assert not users.lets_in(users.url())


def test_trap_11_an_empty_version_that_waits_is_filled(aws: StrictAws, rotating: Rotating) -> None:
    secret = aws.add("estate/jwt/secret", "the-first")
    begin(aws, "estate/jwt/secret", token := str(uuid4()))
    rotation = rotating("jwt/secret", kind="generated")
    assert go_on(rotation) == token
    assert secret.at("AWSCURRENT") == token
    assert value(aws, "estate/jwt/secret") != "the-first"


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_that_is_done_again_changes_nothing(aws: StrictAws, users: Users, rotating: Rotating, kind: str) -> None:
    rotation = prepared(kind, "json", aws, users, rotating)
    version = str(uuid4())
    seen = []
    for step in Step:
        for _ in range(2):
            assert perform(rotation, step, version) is None
            secret = secret_of(aws, f"estate/{rotation.name}")
            versions = {number: (one.value, sorted(one.stages)) for number, one in secret.versions.items()}
            seen.append((versions, users.stored()))
        assert seen[-1] == seen[-2], step
    for step in Step:
        assert perform(rotation, step, version) is None
        assert (users.stored(), secret_of(aws, f"estate/{rotation.name}").at("AWSCURRENT")) == (seen[-1][1], version)


class Crash(BaseException):
    """As if the power had gone."""


def break_after(patch: pytest.MonkeyPatch, number: int) -> list[str]:
    """Let the call with this number be the last one that is made, of those that change AWS or ask PostgreSQL."""
    made: list[str] = []

    def breaking(owner: Any, name: str) -> None:
        whole = getattr(owner, name)

        def call(*args: Any, **words: Any) -> Any:
            if len(made) == number:
                raise Crash
            made.append(name)
            return whole(*args, **words)

        patch.setattr(owner, name, call)

    for name in ("put_pending", "make_current"):
        breaking(SecretsManager, name)
    breaking(psycopg, "connect")
    for name in ("execute", "commit"):
        breaking(psycopg.Connection, name)
    return made


def broken_off(run: Callable[[], object]) -> bool:
    try:
        run()
    except Crash:
        return True
    return False


@pytest.mark.parametrize("kind", KINDS)
def test_broken_off_between_any_two_calls_it_goes_on_and_ends_right(
    aws: StrictAws,
    make_users: Callable[[], Users],
    rotating: Rotating,
    kind: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rotation = prepared(kind, "url", aws, make_users(), rotating)
    with monkeypatch.context() as patch:
        made = break_after(patch, -1)
        go_on(rotation)
    for number in range(len(made)):
        users = make_users()
        rotation = prepared(kind, "url", aws, users, rotating)
        place = f"estate/{rotation.name}"
        before = value(aws, place)
        with monkeypatch.context() as patch:
            break_after(patch, number)
            assert broken_off(lambda: go_on(rotation))  # noqa: B023 - called at once
        if value(aws, place) == before:
            go_on(rotation)
        after = value(aws, place)
        assert after != before
        assert value(aws, place, "AWSPREVIOUS") == before
        assert len([one for one in secret_of(aws, place).versions.values() if one.stages]) == 2
        if kind != "generated":
            assert users.lets_in(after)
            assert users.lets_in(before) == (kind == "postgresql-alternating")
    assert {"put_pending", "make_current"} <= set(made)


def test_the_policy_of_the_how_to_is_enough_and_the_admin_s_secret_stays_as_it_is(
    aws: StrictAws, users: Users, rotating: Rotating
) -> None:
    page = Path(__file__).parents[2] / "docs" / "how-to" / "rotate-a-secret.md"
    (policy,) = re.findall(r"```json\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    aws.user("operator", json.loads(policy))
    aws.add("estate/database/url", users.url())
    aws.add("estate/database/admin", users.admin_json)
    rotation = rotating("database/url", kind="postgresql-alternating", admin="database/admin")
    for _ in range(2):
        go_on(rotation)
    assert aws.calls["BatchGetSecretValue"] == 0
    assert value(aws, "estate/database/admin") == users.admin_json


def test_it_rotates_on_the_embedded_aws_as_well(users: Users, monkeypatch: pytest.MonkeyPatch) -> None:
    """moto goes on giving the value before to who asks for no stage."""
    table = {
        "environments": {"production": {"chain": ["aws"]}},
        "rotation": {"url": {"kind": "postgresql-single"}},
    }
    estate = environments.read(table)
    with EmbeddedAws() as embedded:
        for name, text in embedded.variables.items():
            monkeypatch.setenv(name, text)
        operator = boto3.client("secretsmanager")
        operator.create_secret(Name="url", SecretString=users.url())
        rotation = rotation_of(estate, estate.choose("production"), "url")
        for _ in range(3):
            go_on(rotation)
        held = operator.get_secret_value(SecretId="url", VersionStage="AWSCURRENT")["SecretString"]
        operator.close()
        close_all([rotation.link])
    assert users.lets_in(held)
    assert not users.lets_in(users.url())
