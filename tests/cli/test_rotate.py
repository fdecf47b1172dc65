"""`estate rotate`: it asks, says each step, and goes on where it was broken off. What it does is in tests/rotation."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.cli.conftest import Project
from tests.fakes.aws import ACCOUNT, REGION, StrictAws
from tests.fakes.secrets_manager import Secret
from tests.leaks import PLAIN, assert_no_canary

TABLE = """
[services]
app = "schemas:AppSettings"

[environments.production]
chain = ["env", "aws"]

[environments.laptop]
chain = ["env", "dotenv"]

[providers.aws]
prefix = "estate/"

[rotation."jwt/secret"]
kind = "generated"
hand_over = 600

[rotation."database/url"]
kind = "postgresql-single"
"""

ROTATE = ("rotate", "jwt/secret", "--env", "production")


@pytest.fixture
def aws() -> Iterator[StrictAws]:
    with StrictAws() as fake:
        yield fake


@pytest.fixture
def on_aws(project: Project, aws: StrictAws) -> Project:
    project.write("estate.toml", TABLE)
    project.variables.update(aws.environment())
    aws.add("estate/jwt/secret", PLAIN)
    return project


def secret(aws: StrictAws) -> Secret:
    found = aws.store.find("estate/jwt/secret", ACCOUNT, REGION)
    assert found is not None
    return found


def current(aws: StrictAws) -> str:
    value = secret(aws).versions[secret(aws).at("AWSCURRENT") or ""].value
    assert isinstance(value, str)
    return value


def test_a_yes_on_the_terminal_rotates_and_each_step_is_said(on_aws: Project, aws: StrictAws) -> None:
    code, shown = on_aws.answered(b"y\n", *ROTATE)
    assert code == 0, shown
    said = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "", shown)
    assert "jwt/secret in production: estate/jwt/secret of AWS Secrets Manager\n" in said
    assert "Rotate jwt/secret? [y/N] " in said
    version = secret(aws).at("AWSCURRENT")
    assert f"create  version {version} waits as AWSPENDING" in said
    assert "finish  it is the current one; the one before is AWSPREVIOUS" in said
    for value in (PLAIN, current(aws)):
        assert_no_canary(said, value)


@pytest.mark.parametrize("answer", [b"\n", b"n\n", b"\x04"])
def test_anything_else_changes_nothing(on_aws: Project, aws: StrictAws, answer: bytes) -> None:
    code, shown = on_aws.answered(answer, *ROTATE)
    assert code == 1, shown
    assert "Nothing was changed." in shown
    assert len(secret(aws).versions) == 1


def test_without_a_terminal_to_ask_on_nothing_is_changed(on_aws: Project, aws: StrictAws) -> None:
    assert "--yes goes on without asking" in on_aws.run(*ROTATE, code=2).err
    assert "give --yes" in on_aws.run(*ROTATE, "--format", "json", code=2).err
    assert len(secret(aws).versions) == 1


def test_broken_off_the_same_command_goes_on(on_aws: Project, aws: StrictAws) -> None:
    on_aws.run(*ROTATE, "--yes", "--prepare")
    aws.fault("UpdateSecretVersionStage", "AccessDeniedException", times=1)
    done = on_aws.run(*ROTATE, "--yes", code=1)
    assert "finish  failed" in done.out
    assert "DENIED  jwt/secret\n  may not be rotated by this identity" in done.out
    pending = secret(aws).at("AWSPENDING")
    assert current(aws) == PLAIN
    assert f"a rotation to version {pending} has begun, and goes on" in on_aws.run(*ROTATE, "--prepare", "--yes").out
    document = on_aws.run(*ROTATE, "--yes", "--format", "json").document
    assert (document["ok"], document["resumed"], document["version"]) == (True, True, pending)
    assert document["steps"] == [{"step": step, "done": True} for step in ("create", "set", "test", "finish")]
    assert secret(aws).at("AWSCURRENT") == pending


def test_the_next_version_can_be_prepared_and_tried_before_it_is_the_current_one(
    on_aws: Project, aws: StrictAws
) -> None:
    schema = """
        from pydantic import SecretStr
        from estate_config import Settings, secret

        class AppSettings(Settings):
            jwt: SecretStr = secret("jwt/secret")
    """
    on_aws.write("schemas.py", textwrap.dedent(schema))
    done = on_aws.run(*ROTATE, "--yes", "--prepare")
    assert "test    it works" in done.out
    assert "finish" not in done.out
    assert current(aws) == PLAIN
    shown = on_aws.program(
        "run", "--env", "production", "--stage", "jwt=AWSPENDING", "--", "sh", "-c", "echo ${#JWT_SECRET}"
    )
    assert shown.out == "64\n"
    assert on_aws.run(*ROTATE, "--yes", "--format", "json").document["resumed"]
    assert current(aws) != PLAIN
    refused = on_aws.run("rotate", "database/url", "--env", "production", "--prepare", "--yes", code=2)
    assert "would lock out who has the current version" in refused.err


def test_the_hand_over_of_the_last_one_is_waited_for_unless_told_otherwise(on_aws: Project, aws: StrictAws) -> None:
    on_aws.run(*ROTATE, "--yes")
    first = current(aws)
    refused = on_aws.run(*ROTATE, "--yes", "--format", "json", code=1).document
    assert (refused["ok"], refused["steps"], refused["problem"]["code"]) == (False, [], "DENIED")
    assert "the version before is to be accepted until" in refused["problem"]["message"]
    assert refused["problem"]["fix"] == "wait, or end it now: estate rotate jwt/secret --env production --now"
    on_aws.run(*ROTATE, "--yes", "--now")
    assert current(aws) != first
    secret(aws).changed = datetime.now(UTC) - timedelta(seconds=601)
    on_aws.run(*ROTATE, "--yes")


def test_what_is_wrong_is_reported_before_anything_is_asked(on_aws: Project) -> None:
    done = on_aws.run("rotate", "database/url", "--env", "production", code=1)
    assert "MISSING  database/url\n  is not there\n    aws  estate/database/url  MISSING\n" in done.out
    assert "create-secret --name estate/database/url" in done.out


def test_names_that_are_not_there_are_wrong_usage(on_aws: Project) -> None:
    for words, hint in (
        (("rotate", "jwt/secrte", "--yes"), 'did you mean "jwt/secret"?'),
        ((*ROTATE[:3], "produktion", "--yes"), 'did you mean "production"?'),
    ):
        assert hint in " ".join(on_aws.run(*words, code=2).err.replace("│", "").split())


def test_an_environment_whose_chain_cannot_rotate_says_which_can(on_aws: Project) -> None:
    done = on_aws.run("rotate", "jwt/secret", "--env", "laptop", "--yes", code=1)
    assert "no provider in the chain of laptop can rotate: env, dotenv" in done.out


def test_where_no_secret_is_listed_the_line_to_add_is_said(project: Project) -> None:
    done = project.run("rotate", "jwt/secret", "--env", "laptop", "--yes", code=1)
    assert 'fix  add [rotation."jwt/secret"] with its kind to estate.toml' in done.out


@pytest.mark.parametrize(
    ("limits", "code", "words"),
    [
        ("min_length=65", 1, "jwt/secret would get 64 characters, and jwt of app takes at least 65"),
        ("min_length=8, max_length=40", 1, "takes at least 8 and at most 40"),
        ("max_length=64", 0, ""),
    ],
)
def test_a_generated_value_has_the_length_that_the_schema_asks_for(
    on_aws: Project, limits: str, code: int, words: str
) -> None:
    schema = f"""
        from typing import Annotated
        from pydantic import Field, SecretStr
        from estate_config import Settings, secret

        class AppSettings(Settings):
            jwt: Annotated[SecretStr, Field({limits})] = secret("jwt/secret")
    """
    on_aws.write("schemas.py", textwrap.dedent(schema))
    assert words in on_aws.run(*ROTATE, "--yes", code=code).out


def test_a_shell_completes_the_names_of_secrets_that_can_be_rotated(on_aws: Project) -> None:
    words = {"_ESTATE_COMPLETE": "complete_bash", "COMP_WORDS": "estate rotate ", "COMP_CWORD": "2"}
    assert on_aws.program(variables=words).out.split() == ["jwt/secret", "database/url"]
