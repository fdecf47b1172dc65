"""The Terraform of the example estate: applied by the real AWS provider, on an embedded AWS."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest

from apps.backend.settings import BackendSettings
from estate_config import Settings, environments, load, secret
from estate_config.environments import Estate
from estate_config.generate.catalogue import catalogue_of, schemas_of
from estate_config.generate.terraform import terraform
from estate_config.policies import reviewed
from estate_config.testing import EmbeddedAws
from estate_secrets import EstateSecrets
from services.ai.settings import AiSettings
from services.etl.settings import EtlSettings
from tests.fakes.metric_filter import counts
from tests.infrastructure.terraform_runs import formatted, initialised, terraform_or_skip
from tools.processes import DidNotStartError
from tools.terraform import PLUGINS, VARIABLES, NoTerraformError, Terraform, what_it_builds_on

ESTATE = Path(__file__).parents[2] / "examples" / "estate"
REGION = "ap-northeast-2"
PASSWORD = "canary/p@ss:w%rd 71+"
VALUES = {
    "estate/jwt/secret": "canary-jwt-of-thirty-two-characters",
    "estate/ses/access_key_id": "canary-ses-id",
    "estate/ses/secret_access_key": "canary-ses-key",
    "estate/segment/write_key": "canary-segment",
    "estate/openai/api_key": "canary-openai",
    "estate/kreb/api_key": "canary-kreb",
}


READ = {
    "eventVersion": "1.08",
    "eventType": "AwsApiCall",
    "eventSource": "secretsmanager.amazonaws.com",
    "eventName": "GetSecretValue",
    "awsRegion": REGION,
    "userIdentity": {"type": "AssumedRole", "arn": "arn:aws:sts::123456789012:assumed-role/estate-nodes/i-0"},
    "requestParameters": {"secretId": "estate/jwt/secret"},
    "responseElements": None,
}
"""What CloudTrail writes of a read, also of one in a batch (Secrets Manager User Guide, "CloudTrail entries")."""
EVENTS: list[tuple[dict[str, Any], list[str]]] = [
    (READ, []),
    ({**READ, "errorCode": "AccessDenied", "errorMessage": "User: … is not authorized"}, ["FailedReads"]),
    ({**READ, "errorCode": "ResourceNotFoundException"}, ["FailedReads"]),
    ({**READ, "eventName": "BatchGetSecretValue", "errorCode": "AccessDenied"}, ["FailedReads"]),
    ({**READ, "eventName": "DescribeSecret", "errorCode": "AccessDenied"}, []),
    ({**READ, "eventSource": "ssm.amazonaws.com", "errorCode": "AccessDenied"}, []),
    ({**READ, "eventType": "AwsServiceEvent", "eventName": "RotationFailed"}, ["FailedRotations"]),
    ({**READ, "eventType": "AwsServiceEvent", "eventName": "RotationAbandoned"}, ["FailedRotations"]),
    ({**READ, "eventType": "AwsServiceEvent", "eventName": "RotationSucceeded"}, []),
]
"""Events, and the metrics that count them."""


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[EmbeddedAws]:
    with EmbeddedAws() as server:
        for name, value in {**server.variables, "AWS_EC2_METADATA_DISABLED": "true"}.items():
            monkeypatch.setenv(name, value)
        yield server


def client(service: str, region: str = REGION) -> Any:
    return boto3.client(service, region_name=region)  # type: ignore[call-overload]  # any service, by its name


def estate() -> Estate:
    """The example estate, with copies in another region, and a last known good by a key of KMS."""
    table = tomllib.loads((ESTATE / "estate.toml").read_text("utf-8"))
    table["providers"]["aws"]["replica_regions"] = ["ap-northeast-1"]
    table["environments"]["production"]["last_known_good"] = {"file": "{service}.lkg", "key": "aws:alias/estate-cache"}
    return environments.read(table)


@pytest.fixture
def folder(estate_folder: Path, tmp_path: Path) -> Path:
    catalogue = catalogue_of(estate(), schemas_of(estate(), list(estate().table.services)))
    shutil.copy(estate_folder / "infrastructure" / "terraform" / "main.tf", tmp_path)
    tmp_path.joinpath("secrets-manager.tf").write_text(terraform(catalogue, "made for a test"), "utf-8")
    variables = {**VARIABLES, "replica_regions": {"ap-northeast-1": "alias/aws/secretsmanager"}}
    tmp_path.joinpath("terraform.tfvars.json").write_text(json.dumps(variables), "utf-8")
    return tmp_path


def pushed(folder: Path, values: Mapping[str, str]) -> None:
    """Push values out of a `.env` file, as an operator does; what Terraform built is the same, and left alone."""
    shutil.copy(ESTATE / "estate.toml", folder)
    names = {place: place.removeprefix("estate/").replace("/", "_").upper() for place in values}
    dotenv = folder / ".env"
    dotenv.touch(0o600)
    dotenv.write_text("".join(f"{names[place]}='{value}'\n" for place, value in values.items()), "utf-8")
    words = ["push", "catalogue", "--from", "dotenv", "--to", "aws", "--env", "production", "--yes"]
    done = subprocess.run(
        [Path(sys.executable).with_name("estate"), *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ESTATE)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    versions = [
        len(client("secretsmanager").list_secret_version_ids(SecretId=place)["Versions"])
        for place in ("estate/rds/password", "estate/database/url")
    ]
    assert versions == [1, 1], "what Terraform put is what the push has"


@pytest.mark.integration
def test_it_is_applied_filled_and_loaded_from(folder: Path, aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch) -> None:
    run = initialised(folder, {**aws.variables, "TF_VAR_estate_rds_password": PASSWORD})
    what_it_builds_on(aws.endpoint_url, user="estate user")
    run("fmt", "-check", "-diff")
    run("validate")
    run("apply", "-auto-approve")
    address = client("rds").describe_db_instances()["DBInstances"][0]["Endpoint"]["Address"]
    url = f"postgresql://estate%20user:canary%2Fp%40ss%3Aw%25rd%2071%2B@{address}:5432/estate"
    pushed(folder, {**VALUES, "estate/rds/password": PASSWORD, "estate/database/url": url})

    monkeypatch.setenv("NODE_ENV", "production")
    every = load(EstateSecrets)
    assert every.rds_password.get_secret_value() == PASSWORD
    assert every.jwt_secret.get_secret_value() == VALUES["estate/jwt/secret"]
    assert str(load(AiSettings).database_url) == url
    assert str(load(EtlSettings).database_url) == url
    assert str(load(BackendSettings).database_url) == url

    run("plan", "-detailed-exitcode")  # 0: nothing to do, although values came from elsewhere
    function = f"arn:aws:lambda:{REGION}:123456789012:function:rotate"
    rotated = json.dumps({"estate/jwt/secret": function, "estate/kreb/api_key": function})
    planned = run("plan", "-detailed-exitcode", f"-var=rotation_lambda_arns={rotated}", expect=2)
    assert re.findall(r"aws_secretsmanager_secret_rotation\.estate\[(.*)\] will be created", planned) == [
        '"estate/jwt/secret"'
    ], "the schema says nothing of how often the other one is changed"
    assert re.search(r'schedule_expression += "rate\(90 days\)"', planned)
    assert "canary" not in (folder / "terraform.tfstate").read_text("utf-8")
    the_account_is_as_it_should_be()
    doctor_finds_the_policy_to_be_the_generated_one()


def doctor_finds_the_policy_to_be_the_generated_one() -> None:
    review = reviewed(estate(), estate().choose("production"), ["ai", "etl", "backend"])
    assert {one.name: (one.state, one.bearers) for one in review.findings} == {
        **{f"estate-{service}": ("not deployed", None) for service in ("ai", "etl", "backend")},
        "estate-secrets-manager-access": ("same", 1),
    }
    assert (review.problems, review.warnings) == ((), ())


def the_account_is_as_it_should_be() -> None:
    described = [client("secretsmanager").describe_secret(SecretId=name) for name in [*VALUES, "estate/database/url"]]
    assert {tuple(r["Region"] for r in one["ReplicationStatus"]) for one in described} == {("ap-northeast-1",)}
    assert all(one["KmsKeyId"].startswith(f"arn:aws:kms:{REGION}:") for one in described)
    iam = client("iam")
    (attached,) = iam.list_attached_role_policies(RoleName="estate-nodes")["AttachedPolicies"]
    assert attached["PolicyName"] == "estate-secrets-manager-access"
    version = iam.get_policy_version(PolicyArn=attached["PolicyArn"], VersionId="v1")["PolicyVersion"]
    (read, batch, decrypt, keep) = version["Document"]["Statement"]
    assert len(read["Resource"]) == 16, "eight secrets, in two regions"
    assert {one["ARN"] for one in described} < set(read["Resource"])
    assert batch["Action"] == "secretsmanager:BatchGetSecretValue"
    assert decrypt["Resource"] == [described[0]["KmsKeyId"]]
    assert keep["Resource"] == f"arn:aws:kms:{REGION}:123456789012:key/*"
    assert keep["Condition"]["ForAnyValue:StringEquals"] == {"kms:ResourceAliases": "alias/estate-cache"}
    alarms = client("cloudwatch").describe_alarms()["MetricAlarms"]
    filters = client("logs").describe_metric_filters(logGroupName="estate-trail")["metricFilters"]
    metrics = {one["metricTransformations"][0]["metricName"] for one in filters}
    assert {alarm["MetricName"] for alarm in alarms} == metrics == {"FailedReads", "FailedRotations"}
    for event, counted in EVENTS:
        names = [
            one["metricTransformations"][0]["metricName"] for one in filters if counts(one["filterPattern"], event)
        ]
        assert names == counted, event


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ('resource "aws_kms_key" "any" {}', NoTerraformError, f"gets no AWS provider here: {PLUGINS} may name"),
        ('terraform { required_version = ">= 99" }', NoTerraformError, "this Terraform is too old"),
        ("provider {", DidNotStartError, "(?s)init ended with exit code 1.*Error:"),
    ],
    ids=["no provider", "too old", "wrong files"],
)
def test_why_terraform_cannot_run_here_is_said(
    text: str, error: type[Exception], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    terraform_or_skip()
    monkeypatch.setenv(PLUGINS, str(tmp_path))
    tmp_path.joinpath("main.tf").write_text(text, "utf-8")
    with pytest.raises(DidNotStartError, match=words) as caught:
        Terraform(tmp_path, {})
    assert type(caught.value) is error


@pytest.mark.parametrize(
    "pattern",
    [
        '$.a = "b"',
        '{ $.a = "b"',
        '{ ($.a = "b" }',
        '{ $.a = "b" && $.a = "c" || $.a = "d" }',
        '{ $.a == "b" }',
        '{ a = "b" }',
        "{ $.a = }",
        "{ $.a EXISTS }",
        "{ }",
        "",
    ],
)
def test_a_pattern_that_the_double_does_not_understand_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"not understood|in braces|mixed|not closed"):
        counts(pattern, {"a": "b"})


class Odd(Settings):
    quoted: str = secret("a/b", description='say "hi" for ${free} or %{if}', rotates=timedelta(hours=6))
    often: str = secret("c", rotates=timedelta(minutes=5))
    shared_1: str = secret("d/1", aws="estate/d#one", description="Two members", rotates=timedelta(days=30))
    shared_2: str = secret("d/2", aws="estate/d#two", rotates=timedelta(days=7))
    foreign: str = secret(aws="arn:aws:secretsmanager:eu-west-1:210987654321:secret:x-AbCdEf")
    url: str = secret("url", template="postgresql://me:{shared_1}@db/estate")


def odd(key: str | None = None, **options: object) -> str:
    kept = {"last_known_good": {"file": "{service}.lkg", "key": key}} if key else {}
    table = {
        "environments": {"production": {"chain": ["aws"], **kept}},
        "default_environment": "production",
        "providers": {"aws": {"prefix": "estate/", "region": REGION, **options}},
    }
    return terraform(catalogue_of(environments.read(table), {"odd": Odd}), "made for a test")


def test_words_of_the_schema_stay_words_and_rotations_are_ones_that_aws_takes() -> None:
    text = odd()
    assert r'description = "say \"hi\" for $${free} or %%{if}"' in text
    assert re.findall(r"(estate/\S+)\"|rotation += (.+)", text.split("resource")[0].split("estate_secrets = ")[1]) == [
        ("estate/a/b", ""),
        ("", '"rate(6 hours)"'),
        ("estate/c", ""),
        ("", '"rate(4 hours)"'),
        ("estate/d", ""),
        ("", '"rate(7 days)"'),
        ("estate/url", ""),
        ("", "null"),
    ]


def test_a_url_with_a_part_that_terraform_cannot_know_is_left_to_be_pushed() -> None:
    assert "secret_string_wo" not in odd()
    assert "aws_db_instance" not in odd()


@pytest.mark.parametrize("regions", [[], ["ap-northeast-1"], ["ap-northeast-1", "us-east-1"]])
def test_replicas_of_estate_toml_are_the_default_and_the_form_is_terraforms_own(regions: list[str]) -> None:
    text = odd(replica_regions=regions)
    assert text == odd(region=None, regions=[REGION, *regions])
    assert formatted(text) == text
    assert text.count('= "alias/aws/secretsmanager"') == len(regions)


ARN = f"arn:aws:kms:{REGION}:210987654321:key/mrk-1234"


@pytest.mark.parametrize(
    ("key", "resource"),
    [
        ("alias/cache", 'replace(aws_kms_key.estate_secrets.arn, aws_kms_key.estate_secrets.key_id, "*")'),
        ("mrk-1234", 'replace(aws_kms_key.estate_secrets.arn, aws_kms_key.estate_secrets.key_id, "mrk-1234")'),
        (ARN, f'"{ARN}"'),
    ],
)
def test_the_key_of_the_last_known_good_is_the_one_of_estate_toml(key: str, resource: str) -> None:
    text = odd(f"aws:{key}")
    assert formatted(text) == text
    assert f"Resource = {resource}\n" in text
    assert '"kms:EncryptionContext:service"     = ["odd"]\n' in text
    assert ('"kms:ResourceAliases" = "alias/cache"' in text) is (key == "alias/cache")
    assert "KeepLastKnownGood" not in odd("file:cache.key")


@pytest.mark.integration
def test_the_queue_of_changes_has_its_rule_and_short_lived_messages(aws: EmbeddedAws, tmp_path: Path) -> None:
    shutil.copy(ESTATE / "infrastructure" / "terraform" / "main.tf", tmp_path)
    text = odd(events_queue_url=f"https://sqs.{REGION}.amazonaws.com/123456789012/estate-changes")
    assert formatted(text) == text
    tmp_path.joinpath("secrets-manager.tf").write_text(text, "utf-8")
    tmp_path.joinpath("terraform.tfvars.json").write_text(json.dumps(VARIABLES), "utf-8")
    run = initialised(tmp_path, aws.variables)
    run("plan", "-out=plan")
    shown = run("show", "-json", "plan")
    plan = json.loads(shown[shown.index('{"format_version"') :])
    planned = {one["address"]: one.get("values", {}) for one in plan["planned_values"]["root_module"]["resources"]}
    queue = planned["aws_sqs_queue.estate_changes"]
    assert (queue["name"], queue["message_retention_seconds"]) == ("estate-changes", 300)
    assert json.loads(planned["aws_cloudwatch_event_rule.estate_changes"]["event_pattern"]) == {
        "source": ["aws.secretsmanager"],
        "detail-type": ["Secret Label Updated"],
        "detail": {"labelUpdated": ["AWSCURRENT"]},
    }
    expressions = {one["address"]: one["expressions"] for one in plan["configuration"]["root_module"]["resources"]}
    for block in ("aws_cloudwatch_event_target.estate_changes", "aws_iam_policy.estate_secrets"):
        assert "aws_sqs_queue.estate_changes.arn" in json.dumps(expressions[block])
    assert "aws_sqs_queue" not in odd()
