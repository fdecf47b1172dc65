"""The last known good on AWS, the real SDK on the strict fake: which of AWS's answers it stands in for."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from estate_config import Code, ConfigurationError, Settings, explain, load, secret
from tests.fakes.aws import StrictAws
from tests.fakes.iam import allow, deny, identity_policy
from tests.leaks import PLAIN, assert_no_canary, assert_no_canary_in_error

NAME = "estate/jwt"


class Service(Settings):
    jwt: SecretStr = secret("jwt", aws="estate/jwt#key")
    other: SecretStr | None = secret("other", default=None)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[StrictAws]:
    with StrictAws() as fake:
        for name, value in fake.environment().items():
            monkeypatch.setenv(name, value)
        fake.add(NAME, f'{{"key": "{PLAIN}"}}')
        yield fake


@pytest.fixture
def config(aws: StrictAws, tmp_path: Path) -> dict[str, Any]:
    """Return the configuration of a service that has started once while all was well."""
    (tmp_path / "key").write_bytes(base64.b64encode(b"k" * 32))
    kept = {"file": f"{tmp_path}/{{service}}.lkg", "key": f"file:{tmp_path}/key"}
    here = {"chain": ["env", "aws"], "deadline": 10, "last_known_good": kept}
    made = {"default_environment": "here", "environments": {"here": here}, "providers": {"aws": {"prefix": "estate/"}}}
    load(Service, config=made)
    return made


def starts_from_disk(config: Any, *, seconds: float = 10) -> None:
    config["environments"]["here"]["deadline"] = seconds
    settings = load(Service, config=config)
    assert settings.jwt.get_secret_value() == PLAIN
    assert "last known good" in explain(settings)["jwt"].degraded
    assert [warning.code for warning in explain(settings).warnings] == [Code.STALE]


def refusal(config: Any) -> list[Code]:
    with pytest.raises(ConfigurationError) as caught:
        load(Service, config=config)
    assert_no_canary_in_error(caught.value, PLAIN)
    assert all("is removed" in warning.message for warning in caught.value.warnings)
    return [problem.code for problem in caught.value.problems if problem.field == "jwt"]


def test_it_stands_in_while_nobody_answers(aws: StrictAws, config: Any, caplog: pytest.LogCaptureFixture) -> None:
    aws.stop()
    with caplog.at_level("DEBUG"):
        starts_from_disk(config)
    assert_no_canary(caplog.text, PLAIN)


@pytest.mark.parametrize("how", ["reset", "garbage", "hang"])
def test_it_stands_in_for_what_is_no_answer(aws: StrictAws, config: Any, how: str) -> None:
    aws.fault("*", how)
    starts_from_disk(config, seconds=3)


@pytest.mark.parametrize(("code", "status"), [("ThrottlingException", 400), ("InternalServiceError", 500)])
def test_trap_6_throttled_and_failed_are_out_of_reach_whatever_the_status_is(
    aws: StrictAws, config: Any, code: str, status: int
) -> None:
    aws.fault("*", code, status=status)
    starts_from_disk(config, seconds=4)


def deleted(aws: StrictAws, monkeypatch: pytest.MonkeyPatch) -> None:
    found = aws.store.find(NAME, "123456789012", "ap-northeast-2")
    assert found is not None
    found.deleted = datetime.now(UTC)


def removed(aws: StrictAws, monkeypatch: pytest.MonkeyPatch) -> None:
    aws.store.secrets.clear()


def without_a_value(aws: StrictAws, monkeypatch: pytest.MonkeyPatch) -> None:
    aws.store.secrets.clear()
    aws.add(NAME)


def denied(aws: StrictAws, monkeypatch: pytest.MonkeyPatch) -> None:
    rights = identity_policy(
        allow("secretsmanager:*", on="*"),
        deny("secretsmanager:GetSecretValue", on="arn:aws:secretsmanager:*:*:secret:estate/jwt-??????"),
    )
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", aws.user("service", rights))


def without_its_kms_key(aws: StrictAws, monkeypatch: pytest.MonkeyPatch) -> None:
    aws.store.secrets.clear()
    aws.add(NAME, "{}", key=aws.key(state="Disabled").arn)


def no_json_any_more(aws: StrictAws, monkeypatch: pytest.MonkeyPatch) -> None:
    aws.add(NAME, '{"key": ')


def with_credentials_that_were_taken_away(aws: StrictAws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (deleted, Code.DELETED),
        (removed, Code.MISSING),
        (without_a_value, Code.NO_VALUE),
        (denied, Code.DENIED),
        (without_its_kms_key, Code.KMS),
        (no_json_any_more, Code.MALFORMED),
        (with_credentials_that_were_taken_away, Code.CREDENTIALS),
    ],
)
def test_trap_15_what_aws_says_of_a_secret_is_believed(
    aws: StrictAws, config: Any, change: Any, code: Code, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(aws, monkeypatch)
    assert refusal(config) == [code]
    file = Path(config["environments"]["here"]["last_known_good"]["file"].format(service="Service"))
    assert file.exists() is (code not in (Code.DENIED, Code.KMS, Code.DELETED))


def test_a_value_that_was_rotated_is_read_again_once_the_store_is_back(aws: StrictAws, config: Any) -> None:
    aws.fault("*", "InternalServiceError", status=500, times=20)
    starts_from_disk(config)
    aws.add(NAME, '{"key": "the new one"}')
    aws._faults.clear()
    settings = load(Service, config=config)
    assert settings.jwt.get_secret_value() == "the new one"
    assert explain(settings).warnings == ()
    aws.stop()
    assert load(Service, config=config).jwt.get_secret_value() == "the new one"
