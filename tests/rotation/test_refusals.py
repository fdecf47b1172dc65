"""What a rotation does not do: each refusal says why and what to do, changes nothing, and shows no value."""

from __future__ import annotations

import json
import logging
import socket
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from psycopg.sql import Composable

from estate_config.errors import Code
from estate_config.model import Deadline, Failed
from estate_config.rotation.steps import Rotation, Standing, Step, perform, standing, too_early
from tests.fakes.aws import StrictAws
from tests.fakes.iam import allow, identity_policy
from tests.leaks import assert_no_canary
from tests.rotation.conftest import PASSWORD, Rotating, Users, begin, go_on, secret_of, value
from tools.processes import free_port

pytestmark = pytest.mark.integration


def refused(rotation: Rotation, *steps: Step) -> Failed:
    """Do the steps; the last one must be refused, with what to do, and without a value."""
    version = str(uuid4())
    for step in steps[:-1]:
        assert perform(rotation, step, version) is None
    failed = perform(rotation, steps[-1], version)
    assert failed is not None
    assert failed.fix
    assert_no_canary(repr(failed), PASSWORD)
    return failed


@pytest.mark.parametrize(
    ("kind", "stored", "words"),
    [
        ("generated", '{"key": "x"}', "would replace all its members"),
        ("postgresql-single", "kq7Z/vXw2Lr9:Tb@N4mHc%", "neither a JSON object nor a URL"),
        ("postgresql-single", "mysql://u:kq7Z%2FvXw2Lr9@h/d", "is no URL of PostgreSQL"),
        ("postgresql-single", "postgresql://[u:kq7Z%2FvXw2Lr9@h/d", "is no URL that can be read"),
        ("postgresql-single", "postgresql://h/d", "does not say which user"),
        ("postgresql-single", '{"username": "u", "password": "kq7Z/vXw2Lr9"}', "does not say which user"),
        ("postgresql-single", '{"engine": "mysql", "host": "h", "username": "u", "password": "p"}', "another engine"),
        ("postgresql-alternating", "no login", "neither a JSON object nor a URL"),
        ("postgresql-alternating", f"postgresql://{'u' * 58}:p@h/d", "too long"),
        ("postgresql-alternating", b"\xff\xfe", "is not text"),
    ],
)
def test_a_secret_that_cannot_be_rotated_in_this_way_is_left_alone(
    aws: StrictAws, rotating: Rotating, kind: str, stored: Any, words: str
) -> None:
    aws.add("estate/x", stored)
    admin = {"admin": "admin"} if kind == "postgresql-alternating" else {}
    failed = refused(rotating("x", kind=kind, **admin), Step.CREATE)
    assert failed.code is Code.MALFORMED
    assert words in failed.hint
    assert aws.calls["PutSecretValue"] == 0


def test_users_that_alternate_are_part_of_the_secret(aws: StrictAws, rotating: Rotating) -> None:
    aws.add("estate/x", "alone")
    table = {"admin": "admin", "connection": "postgresql://u@h/d"}
    assert "password alone" in refused(rotating("x", kind="postgresql-alternating", **table), Step.CREATE).hint


def test_a_secret_that_is_not_there_and_one_without_a_value_are_told_apart(aws: StrictAws, rotating: Rotating) -> None:
    assert refused(rotating("nowhere", kind="generated"), Step.CREATE).code is Code.MISSING
    aws.add("estate/empty")
    assert refused(rotating("empty", kind="generated"), Step.CREATE).code is Code.NO_VALUE


def test_a_right_that_is_lacking_is_printed_as_a_statement_that_mends_it(aws: StrictAws, rotating: Rotating) -> None:
    aws.add("estate/jwt", "made-up")
    read = allow("secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue", on="*")
    aws.user("operator", identity_policy(read))
    rotation = rotating("jwt", kind="generated")
    failed = refused(rotation, Step.CREATE)
    assert failed.code is Code.DENIED
    aws.user("operator", identity_policy(json.loads(failed.fix)))
    go_on(rotation)
    assert value(aws, "estate/jwt") != "made-up"


def test_when_postgresql_knows_neither_version_nothing_is_changed(
    aws: StrictAws, users: Users, rotating: Rotating
) -> None:
    aws.add("estate/x", users.json(password=f"not {PASSWORD}"))
    aws.add("estate/admin", users.admin_json)
    before = users.stored()
    for kind, table in (("postgresql-single", {}), ("postgresql-alternating", {"admin": "admin"})):
        failed = refused(rotating("x", kind=kind, **table), Step.CREATE, Step.SET)
        assert "nothing was changed" in failed.hint
        secret = secret_of(aws, "estate/x")
        secret.versions[secret.at("AWSPENDING") or ""].stages.clear()
    assert users.stored() == before


@pytest.mark.parametrize(
    ("kind", "full"),
    [("postgresql-single", "name"), ("postgresql-alternating", "name"), ("postgresql-alternating", "admin")],
)
def test_where_no_connection_is_free_no_password_is_said_to_be_wrong(
    aws: StrictAws, users: Users, rotating: Rotating, kind: str, full: str
) -> None:
    """What is refused after the question for a password may be refused for another reason, which has no code."""
    with psycopg.connect(users.server.url) as connection:
        connection.execute(f'ALTER ROLE "{getattr(users, full)}" CONNECTION LIMIT 0'.encode())
    aws.add("estate/x", users.json())
    aws.add("estate/admin", users.admin_json)
    table = {"admin": "admin"} if kind == "postgresql-alternating" else {}
    failed = refused(rotating("x", kind=kind, **table), Step.CREATE, Step.SET)
    assert "or no connection is free" in failed.hint
    assert failed.fix.startswith("look into the server's log")


def test_the_version_before_lets_in_where_a_rotation_was_finished_without_postgresql(
    aws: StrictAws, users: Users, rotating: Rotating
) -> None:
    """Somebody made a version current that PostgreSQL never heard of."""
    aws.add("estate/x", users.json())
    aws.add("estate/x", users.json(password="never-set"))
    go_on(rotating("x", kind="postgresql-single"))
    assert users.lets_in(value(aws, "estate/x"))


@pytest.mark.parametrize(
    ("kind", "waits"),
    [
        ("postgresql-single", '{"username": "u", "password": "p"}'),
        ("postgresql-alternating", "mysql://u:p@h/d"),
    ],
)
def test_a_version_that_waits_and_is_no_login_is_refused(
    aws: StrictAws, users: Users, rotating: Rotating, kind: str, waits: str
) -> None:
    aws.add("estate/x", users.json())
    aws.add("estate/admin", users.admin_json)
    aws.add("estate/x", waits, stage="AWSPENDING")
    table = {"admin": "admin"} if kind == "postgresql-alternating" else {}
    rotation, version = rotating("x", kind=kind, **table), secret_of(aws, "estate/x").at("AWSPENDING") or ""
    for step in (Step.SET, Step.TEST):
        failed = perform(rotation, step, version)
        assert failed is not None
        assert failed.code is Code.MALFORMED


def test_a_standby_is_named_as_such(aws: StrictAws, users: Users, rotating: Rotating) -> None:
    with psycopg.connect(users.server.url) as connection:
        connection.execute(f'ALTER ROLE "{users.name}" SET default_transaction_read_only = on'.encode())
    aws.add("estate/x", users.json())
    failed = refused(rotating("x", kind="postgresql-single"), Step.CREATE, Step.SET)
    assert failed.code is Code.UNAVAILABLE
    assert "is a standby" in failed.hint


@pytest.mark.parametrize("change", ["user", "host"])
@pytest.mark.parametrize("kind", ["postgresql-single", "postgresql-alternating"])
def test_a_version_that_waits_for_another_user_or_server_is_not_given_a_password(
    aws: StrictAws, users: Users, rotating: Rotating, kind: str, change: str
) -> None:
    """Who may write the pending version must not get the current one's, or the admin's, rights on another user."""
    aws.add("estate/x", users.json())
    aws.add("estate/admin", users.admin_json)
    waiting = json.loads(users.json(password="theirs"))
    waiting |= {"username": users.admin} if change == "user" else {"host": "localhost"}
    aws.add("estate/x", json.dumps(waiting), stage="AWSPENDING")
    version = secret_of(aws, "estate/x").at("AWSPENDING") or ""
    before = users.stored()
    table = {"admin": "admin"} if kind == "postgresql-alternating" else {}
    failed = perform(rotating("x", kind=kind, **table), Step.SET, version)
    assert failed is not None
    assert failed.code is Code.MALFORMED
    assert "of another user or server" in failed.hint
    assert users.stored() == before


@pytest.mark.parametrize(
    ("admin", "words"),
    [
        ('{"username": "nobody", "password": "wrong"}', "an admin whom PostgreSQL refuses"),
        ('{"username": "a", "password": "b", "host": "elsewhere"}', "an admin of another server"),
        ("no login", "an admin whose secret does not say"),
        (None, "an admin whose secret has no value yet"),
    ],
)
def test_an_admin_that_does_not_serve_is_named_as_such(
    aws: StrictAws, users: Users, rotating: Rotating, admin: str | None, words: str
) -> None:
    aws.add("estate/x", users.json())
    aws.add("estate/admin", admin)
    failed = refused(rotating("x", kind="postgresql-alternating", admin="admin"), Step.CREATE, Step.SET)
    assert words in failed.hint


def test_an_admin_without_the_right_to_make_users_is_denied(aws: StrictAws, users: Users, rotating: Rotating) -> None:
    with psycopg.connect(users.server.url) as connection:
        connection.execute(f'ALTER ROLE "{users.admin}" NOCREATEROLE'.encode())
    aws.add("estate/x", users.json())
    aws.add("estate/admin", users.admin_json)
    failed = refused(rotating("x", kind="postgresql-alternating", admin="admin"), Step.CREATE, Step.SET)
    assert failed.code is Code.DENIED
    assert "CREATEROLE" in failed.fix


def test_a_server_that_cannot_be_reached_is_not_one_that_refuses(
    aws: StrictAws, users: Users, rotating: Rotating
) -> None:
    aws.add("estate/x", users.json().replace(f": {users.server.port},", f": {free_port()},"))
    failed = refused(rotating("x", kind="postgresql-single"), Step.CREATE, Step.SET)
    assert failed.code is Code.UNAVAILABLE
    assert "cannot be reached" in failed.hint


def test_a_server_that_does_not_answer_is_not_waited_for(aws: StrictAws, users: Users, rotating: Rotating) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        aws.add("estate/x", users.json().replace(f": {users.server.port},", f": {deaf.getsockname()[1]},"))
        rotation = rotating("x", kind="postgresql-single", deadline=5)
        start = time.monotonic()
        failed = refused(rotation, Step.CREATE, Step.SET)
    assert failed.code is Code.UNAVAILABLE
    assert time.monotonic() - start < 20


def test_a_user_who_is_let_in_without_a_password_is_not_rotated(
    aws: StrictAws, users: Users, rotating: Rotating
) -> None:
    """No password could be tested there: any would do."""
    rules = Path(users.ask(users.server.url, "SHOW hba_file")[0])
    rules.write_text(f'host all "{users.name}" 127.0.0.1/32 trust\n{rules.read_text()}')
    users.ask(users.server.url, "SELECT pg_reload_conf()")
    patience = Deadline(10)  # the server reads its rules in its own time
    while not users.lets_in(users.url(password="any")):
        assert patience.remaining()
    aws.add("estate/x", users.json())
    before = users.stored()
    failed = refused(rotating("x", kind="postgresql-single"), Step.CREATE, Step.SET)
    assert failed.code is Code.INSECURE
    assert users.stored() == before


@pytest.mark.parametrize("step", [Step.SET, Step.TEST, Step.FINISH])
def test_a_step_of_a_version_that_does_not_wait_is_refused(aws: StrictAws, rotating: Rotating, step: Step) -> None:
    aws.add("estate/jwt", "made-up")
    assert "another rotation has begun, or this one was ended" in refused(rotating("jwt", kind="generated"), step).hint
    begin(aws, "estate/jwt", str(uuid4()))
    assert "another rotation has begun" in refused(rotating("jwt", kind="generated"), Step.CREATE).hint


def test_who_made_another_version_current_meanwhile_is_not_overruled(
    aws: StrictAws, rotating: Rotating, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.add("estate/jwt", "made-up")
    rotation, version = rotating("jwt", kind="generated"), str(uuid4())
    assert perform(rotation, Step.CREATE, version) is None
    failed = rotation.rotator.make_current(rotation.key, version, str(uuid4()), Deadline(10))
    assert failed is not None
    assert value(aws, "estate/jwt") == "made-up"
    aws.fault("UpdateSecretVersionStage", "lost", times=1)
    assert perform(rotation, Step.FINISH, version) is None
    assert secret_of(aws, "estate/jwt").at("AWSCURRENT") == version


def test_a_new_rotation_waits_for_the_hand_over_of_the_last_one(aws: StrictAws, rotating: Rotating) -> None:
    aws.add("estate/jwt", "the-first")
    rotation = rotating("jwt", kind="generated", hand_over=3600)
    assert too_early(rotation, _stands(rotation)) is None, "nothing is handed over yet"
    go_on(rotation)
    early = too_early(rotation, _stands(rotation))
    assert early is not None
    assert "--now" in early.fix
    secret_of(aws, "estate/jwt").changed = datetime.now(UTC) - timedelta(hours=1)
    assert too_early(rotation, _stands(rotation)) is None
    secret_of(aws, "estate/jwt").changed = datetime.now(UTC)
    begin(aws, "estate/jwt", str(uuid4()))
    assert too_early(rotation, _stands(rotation)) is None, "what has begun goes on"


def test_a_single_user_has_no_hand_over_since_its_old_password_is_refused_at_once(
    aws: StrictAws, users: Users, rotating: Rotating
) -> None:
    aws.add("estate/x", users.json())
    rotation = rotating("x", kind="postgresql-single")
    go_on(rotation)
    assert not users.lets_in(value(aws, "estate/x", "AWSPREVIOUS"))
    assert too_early(rotation, _stands(rotation)) is None


def _stands(rotation: Rotation) -> Standing:
    stands = standing(rotation)
    assert isinstance(stands, Standing)
    return stands


def test_no_password_is_in_a_statement_or_a_log(
    aws: StrictAws, users: Users, rotating: Rotating, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    sent: list[str] = []
    execute: Any = psycopg.Connection.execute

    def recorded(self: Any, query: Any, *args: Any, **words: Any) -> Any:
        sent.append(f"{query.as_string(self) if isinstance(query, Composable) else query} {args}")
        return execute(self, query, *args, **words)

    monkeypatch.setattr(psycopg.Connection, "execute", recorded)
    caplog.set_level(logging.DEBUG)
    aws.add("estate/x", users.url())
    aws.add("estate/admin", users.admin_json)
    for kind, table in (("postgresql-alternating", {"admin": "admin"}), ("postgresql-single", {})):
        go_on(rotating("x", kind=kind, **table))
    logged = [r for r in caplog.records if r.threadName and r.threadName.startswith("estate-config")]
    shown = "\n".join([*sent, *(repr(record.__dict__) for record in logged)])
    for stage in ("AWSCURRENT", "AWSPREVIOUS"):
        assert_no_canary(shown, str(conninfo_to_dict(value(aws, "estate/x", stage))["password"]))
    assert_no_canary(shown, PASSWORD)
    assert sum("SCRAM-SHA-256$" in statement for statement in sent) == 2
