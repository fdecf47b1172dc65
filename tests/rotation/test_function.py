"""The rotation function, called as AWS Lambda calls it, once for each step."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest

from estate_config.rotation import handler
from tests.fakes.aws import StrictAws
from tests.leaks import assert_no_canary_in_error
from tests.rotation.conftest import PASSWORD, Users, begin, secret_of, value

pytestmark = pytest.mark.integration

STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")
TABLE = """
default_environment = "production"
[environments.production]
chain = ["env", "aws"]
[providers.aws]
prefix = "estate/"
[rotation."jwt/secret"]
kind = "generated"
[rotation."database/url"]
kind = "postgresql-alternating"
admin = "database/admin"
"""


@pytest.fixture
def function(aws: StrictAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StrictAws:
    """The folder and the variables of a function of Lambda."""
    (tmp_path / "estate.toml").write_text(TABLE)
    monkeypatch.chdir(tmp_path)
    for name in ("ESTATE_ENV", "ESTATE_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    for name, text in aws.environment().items():
        monkeypatch.setenv(name, text)
    return aws


def call(aws: StrictAws, name: str, step: str, token: str) -> None:
    handler({"SecretId": secret_of(aws, name).arn, "ClientRequestToken": token, "Step": step}, None)


def test_four_calls_rotate_a_database_and_each_may_come_twice(function: StrictAws, users: Users) -> None:
    function.add("estate/database/url", users.url())
    function.add("estate/database/admin", users.admin_json)
    begin(function, "estate/database/url", token := str(uuid4()))
    for step in STEPS:
        for _ in range(2):
            call(function, "estate/database/url", step, token)
    secret = secret_of(function, "estate/database/url")
    assert secret.at("AWSCURRENT") == token
    assert f"{users.name}_clone".replace(" ", "%20") in value(function, "estate/database/url")
    assert users.lets_in(value(function, "estate/database/url"))
    assert users.lets_in(value(function, "estate/database/url", "AWSPREVIOUS"))


def test_what_is_wrong_fails_the_call_so_that_aws_calls_again_and_no_value_is_shown(
    function: StrictAws, users: Users
) -> None:
    function.add("estate/database/url", users.url())
    begin(function, "estate/database/url", token := str(uuid4()))
    call(function, "estate/database/url", "createSecret", token)
    with pytest.raises(RuntimeError, match="database/url has an admin whose secret has no value yet") as caught:
        call(function, "estate/database/url", "setSecret", token)
    assert_no_canary_in_error(caught.value, PASSWORD)
    assert users.lets_in(value(function, "estate/database/url"))


def test_a_call_that_is_no_rotation_of_aws_is_refused(function: StrictAws) -> None:
    function.add("estate/jwt/secret", "made-up")
    function.add("estate/jwt/other", "made-up")
    with pytest.raises(RuntimeError, match="is not rotated by AWS on a schedule"):
        call(function, "estate/jwt/secret", "createSecret", str(uuid4()))
    begin(function, "estate/jwt/secret", token := str(uuid4()))
    with pytest.raises(RuntimeError, match=r"does not have the version .* as AWSPENDING"):
        call(function, "estate/jwt/secret", "createSecret", str(uuid4()))
    with pytest.raises(RuntimeError, match="a step that is not known"):
        call(function, "estate/jwt/secret", "undoSecret", token)
    with pytest.raises(RuntimeError, match=r"has no \[rotation\] for .*estate/jwt/other"):
        call(function, "estate/jwt/other", "createSecret", token)
    with pytest.raises(RuntimeError, match="DENIED jwt/secret"):
        handler(
            {
                "SecretId": secret_of(function, "estate/jwt/secret").arn.replace("123456789012", "210987654321"),
                "ClientRequestToken": token,
                "Step": "createSecret",
            },
            None,
        )
    assert function.calls["PutSecretValue"] == 0
