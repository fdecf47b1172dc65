"""A start on AWS Secrets Manager, the real SDK on the strict fake: what it costs, and what a bad day looks like."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr, create_model

from estate_config import Code, ConfigurationError, Settings, explain, load, secret, setting
from tests.fakes.aws import StrictAws
from tests.fakes.iam import allow, deny, identity_policy
from tests.leaks import PLAIN, assert_no_canary_in_error

PRODUCTION = {"environment_variables": ["NODE_ENV"], "environments": {"production": {"chain": ["env", "aws"]}}}
CONFIG: dict[str, Any] = {**PRODUCTION, "providers": {"aws": {"prefix": "estate/"}}}


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[StrictAws]:
    with StrictAws() as fake:
        monkeypatch.setenv("NODE_ENV", "production")
        for name, value in fake.environment().items():
            monkeypatch.setenv(name, value)
        yield fake


class Bad(Settings):
    good: SecretStr = secret("good")
    missing: SecretStr = secret("missing")
    empty: SecretStr = secret("empty")
    no_value: SecretStr = secret("no_value")
    deleted: SecretStr = secret("deleted")
    denied: SecretStr = secret("denied")
    kms: SecretStr = secret("kms")
    malformed: SecretStr = secret("malformed", aws="estate/malformed#password")
    invalid: int = secret("invalid")


FAULTS = {name: Code[name.upper()] for name in Bad.model_fields if name != "good"}


@pytest.fixture
def bad_day(aws: StrictAws, monkeypatch: pytest.MonkeyPatch) -> StrictAws:
    """Eight faults, and a value that is good; every value that there is holds the canary."""
    for name in ("good", "deleted", "denied", "invalid"):
        aws.add(f"estate/{name}", f"{PLAIN}-{name}")
    aws.add("estate/malformed", f'{{"password": "{PLAIN}')
    aws.add("estate/no_value")
    key = aws.key(state="Disabled")
    aws.add("estate/kms", PLAIN, key=key.arn)
    found = aws.store.find("estate/deleted", "123456789012", "ap-northeast-2")
    assert found is not None
    found.deleted = datetime.now(UTC)
    rights = identity_policy(
        allow("secretsmanager:*", on="*"),
        allow("kms:Decrypt", on="*"),
        deny("secretsmanager:GetSecretValue", on="arn:aws:secretsmanager:*:*:secret:estate/denied-??????"),
    )
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", aws.user("service", rights))
    monkeypatch.setenv("EMPTY", "")
    return aws


def test_t23_eight_different_faults_are_eight_problems_with_the_right_codes_and_no_value(bad_day: StrictAws) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(Bad, config=CONFIG)
    assert {problem.field: problem.code for problem in caught.value.problems} == FAULTS
    assert len(caught.value.problems) == len(FAULTS) == 8
    assert all(problem.fix and problem.places for problem in caught.value.problems)
    assert "8 problems" in str(caught.value)
    assert_no_canary_in_error(caught.value, PLAIN)


def test_a_denied_secret_with_a_value_further_down_the_chain_still_stops_the_start(
    bad_day: StrictAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Service(Settings):
        denied: SecretStr = secret("denied")

    monkeypatch.chdir(tmp_path)
    Path(".env").write_text("DENIED=stale\n", "utf-8")
    Path(".env").chmod(0o600)
    config = {**CONFIG, "environments": {"production": {"chain": ["env", "aws", "dotenv"]}}}
    with pytest.raises(ConfigurationError) as caught:
        load(Service, config=config)
    (problem,) = caught.value.problems
    assert problem.code is Code.DENIED
    assert [step.outcome for step in problem.places] == ["absent", "DENIED", "not asked"]
    entry = {"provider": "aws", "on_denied": "next"}
    allowed = {**CONFIG, "environments": {"production": {"chain": ["env", entry, "dotenv"]}}}
    assert explain(load(Service, config=allowed))["denied"].provider == "dotenv"


def test_fifty_secrets_are_three_calls(aws: StrictAws) -> None:
    names = [f"s{number}" for number in range(50)]
    for name in names:
        aws.add(f"estate/{name}", "made-up")
    fields: dict[str, Any] = dict.fromkeys(names, (SecretStr, ...))
    cls: Any = create_model("Fifty", __base__=Settings, **fields)
    load(cls, config=CONFIG)
    assert aws.calls == {"BatchGetSecretValue": 3}


def test_t24_five_fields_of_one_json_secret_are_one_call(aws: StrictAws) -> None:
    class Rds(BaseModel):
        host: str = setting(aws="estate/rds#host")
        port: int = setting(aws="estate/rds#port")
        user: str = setting(aws="estate/rds#username")
        password: SecretStr = secret(aws="estate/rds#password")
        name: str = setting(aws="estate/rds#dbname")

    class Service(Settings):
        rds: Rds

    document = {"host": "h", "port": 5432, "username": "app", "password": "0123", "dbname": "estate"}
    aws.add("estate/rds", json.dumps(document))
    settings = load(Service, config=CONFIG)
    assert (settings.rds.port, settings.rds.password.get_secret_value()) == (5432, "0123")
    assert aws.calls.total() == 1


def test_t5_a_schema_that_the_environment_satisfies_calls_nobody_and_imports_no_sdk(aws: StrictAws) -> None:
    code = (
        "import sys\n"
        "from pydantic import SecretStr\n"
        "from estate_config import Settings, load, secret\n"
        "class Service(Settings):\n"
        "    key: SecretStr = secret('openai/api_key')\n"
        f"load(Service, config={CONFIG!r})\n"
        "print([name for name in ('boto3', 'botocore') if name in sys.modules])\n"
    )
    environment = {**aws.environment(), "NODE_ENV": "production", "OPENAI_API_KEY": "made-up"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr
    assert not aws.calls


def test_the_line_of_a_good_start_names_aws(aws: StrictAws, caplog: pytest.LogCaptureFixture) -> None:
    aws.add("estate/good", PLAIN)

    class Service(Settings):
        good: SecretStr

    with caplog.at_level("INFO", "estate_config"):
        load(Service, config=CONFIG)
    assert caplog.messages[-1].startswith(
        "Secrets loaded successfully from AWS Secrets Manager (Service, production: 1 "
    )
    assert PLAIN not in caplog.text
