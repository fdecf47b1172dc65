"""The generated TypeScript on AWS: with the same faults, the same problems as in Python, and no value in any of them.

The account is the strict fake, which judges policies and breaks what it is told to; one test is on moto.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import boto3
import pytest

from estate_config.testing import EmbeddedAws
from estate_config_providers._aws.causes import Cause
from estate_config_providers.aws import mending
from estate_config_providers.aws.address import Address
from estate_config_providers.aws.mending import Site
from tests.fakes.aws import ACCOUNT, REGION, StrictAws
from tests.fakes.secrets_manager import Secret
from tests.generate.typescript.both import Both
from tests.generate.typescript.nodejs import Loader, Package
from tests.generate.typescript.schemas import Many, Service
from tests.leaks import PLAIN, assert_no_canary

pytestmark = pytest.mark.xdist_group("node")

SCHEMA = "service"


@pytest.fixture
def aws() -> Iterator[StrictAws]:
    with StrictAws() as aws:
        aws.words = f"the test says {PLAIN}"
        fill(aws)
        yield aws


def fill(aws: StrictAws) -> None:
    aws.add("estate/jwt/secret", f"{PLAIN}-old")
    aws.add("estate/jwt/secret", f"{PLAIN}-new")
    aws.add("estate/rds", f'{{"user": "{PLAIN}", "password": "{PLAIN} p@ss", "port": 5432}}')
    aws.add("estate/hosts", "1, 2")
    aws.add("estate/certificate", b"\xff\x00")


def codes(answer: dict[str, object]) -> dict[str, str]:
    problems = answer["problems"]
    assert isinstance(problems, list)
    return {problem["field"]: problem["code"] for problem in problems}


def test_values_and_provenance_are_those_of_python_in_as_many_calls(aws: StrictAws, both: Both) -> None:
    answer = both.load({"NODE_ENV": "production", **aws.environment()})
    assert answer["values"] == {
        "jwt": f"{PLAIN}-new",
        "previous": f"{PLAIN}-old",
        "user": PLAIN,
        "password": f"{PLAIN} p@ss",
        "port": 5432,
        "host": "localhost",
        "url": f"postgresql://{PLAIN}:{PLAIN}%20p%40ss@localhost:5432/estate",
        "hosts": [1, 2],
        "certificate": {"hex": "ff00"},
        "sentry": None,
    }
    assert_no_canary(answer["shown"], PLAIN)
    # two languages, each: one batch of five, the version of a stage, a look at each of the two that are not there
    assert aws.calls == {"BatchGetSecretValue": 2, "GetSecretValue": 2, "DescribeSecret": 4}


# --- the same faults, the same problems ------------------------------------------------------------------------------

Fault = Callable[[StrictAws], object]
READ = ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret", "secretsmanager:BatchGetSecretValue"]


def found(aws: StrictAws, name: str) -> Secret:
    secret = aws.store.find(name, ACCOUNT, REGION)
    assert secret is not None
    return secret


def gone(name: str) -> Fault:
    return lambda aws: aws.store.secrets.remove(found(aws, name))


def without_value(aws: StrictAws) -> None:
    found(aws, "estate/hosts").versions.clear()


def deleted(aws: StrictAws) -> None:
    found(aws, "estate/hosts").deleted = datetime.now(UTC)


def holding(name: str, value: str | bytes) -> Fault:
    return lambda aws: aws.add(name, value)


def together(*faults: Fault) -> Fault:
    def all_of_them(aws: StrictAws) -> None:
        for fault in faults:
            fault(aws)

    return all_of_them


def broken(action: str, what: str, secret: str | None = None, status: int = 400) -> Fault:
    return lambda aws: aws.fault(action, what, secret=secret, status=status)


def pod(*actions: str, resource: str = "*", deny: str | None = None) -> Fault:
    """Who asks may do these things with these secrets, and not with the one denied."""

    def limit(aws: StrictAws) -> None:
        statements = [{"Effect": "Allow", "Action": list(actions), "Resource": resource}]
        statements += [{"Effect": "Deny", "Action": "*", "Resource": deny}] if deny else []
        aws.user("pod", {"Version": "2012-10-17", "Statement": statements})

    return limit


def of_a_key(state: str, *actions: str) -> Fault:
    def lock(aws: StrictAws) -> None:
        found(aws, "estate/hosts").key = aws.key(state=state).arn
        pod(*READ, *actions)(aws)

    return lock


def throttled(aws: StrictAws) -> None:
    for name in ("estate/database/url", "estate/sentry/dsn"):  # there, so that nothing else is to be looked at
        aws.add(name, f"postgresql://{PLAIN}@host/estate")
    aws.fault(GET, "ThrottlingException", secret="estate/jwt/secret")


def managed(aws: StrictAws) -> None:
    found(aws, "estate/hosts").owning_service = "rds"


HOSTS = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:estate/hosts-??????"
GET, BATCH, LOOK = "GetSecretValue", "BatchGetSecretValue", "DescribeSecret"

FAULTS: dict[str, tuple[Fault, dict[str, str]]] = {
    "not there": (gone("estate/hosts"), {"hosts": "MISSING"}),
    "the secret of three members not there": (
        gone("estate/rds"),
        dict.fromkeys(("user", "password", "port"), "MISSING"),
    ),
    "all of them not there": (lambda aws: aws.store.secrets.clear(), {"jwt": "MISSING", "certificate": "MISSING"}),
    "no value yet": (without_value, {"hosts": "NO_VALUE"}),
    "no previous version": (
        together(gone("estate/jwt/secret"), holding("estate/jwt/secret", PLAIN)),
        {"previous": "NO_VALUE"},
    ),
    "not there, and who asks may not look": (
        together(gone("estate/hosts"), pod(*READ[::2])),
        {"hosts": "NO_VALUE", "sentry": "NO_VALUE", "url": "NO_VALUE"},
    ),
    "scheduled for deletion": (deleted, {"hosts": "DELETED"}),
    "scheduled for deletion, and who asks may not look": (
        together(deleted, pod(*READ[::2])),
        {"hosts": "DELETED"},
    ),
    "denied": (pod(*READ, deny=HOSTS), {"hosts": "DENIED"}),
    "all denied": (pod(READ[2]), {"jwt": "DENIED", "certificate": "DENIED", "sentry": "DENIED"}),
    "batches denied": (pod(*READ[:2]), {}),
    "batches denied, and one secret": (pod(*READ[:2], deny=HOSTS), {"hosts": "DENIED"}),
    "a policy of the endpoint that denies one": (
        lambda aws: aws.store.endpoint_denies.add("estate/hosts"),
        {"hosts": "DENIED"},
    ),
    "a key that may not be used": (of_a_key("Enabled"), {"hosts": "KMS"}),
    "a key that is disabled": (of_a_key("Disabled", "kms:Decrypt"), {"hosts": "KMS"}),
    "managed by a service": (managed, {}),
    "no JSON": (holding("estate/rds", f"{PLAIN}, no JSON"), dict.fromkeys(("user", "password", "port"), "MALFORMED")),
    "JSON, no object": (holding("estate/rds", f'["{PLAIN}"]'), {"user": "MALFORMED"}),
    "no such member": (holding("estate/rds", f'{{"user": "{PLAIN}", "password": "{PLAIN}"}}'), {"port": "MISSING"}),
    "a member that is null": (
        holding("estate/rds", f'{{"user": "{PLAIN}", "password": "{PLAIN}", "port": null}}'),
        {"port": "NO_VALUE"},
    ),
    "an empty member": (
        holding("estate/rds", f'{{"user": "", "password": "{PLAIN}", "port": 5432}}'),
        {"user": "EMPTY"},
    ),
    "bytes for text": (holding("estate/jwt/secret", b"\xff" + PLAIN.encode()), {"jwt": "MALFORMED"}),
    "text for bytes": (holding("estate/certificate", PLAIN), {}),
    "a text that is too short": (holding("estate/jwt/secret", PLAIN[:7]), {"jwt": "INVALID"}),
    "no number": (
        holding("estate/rds", f'{{"user": "{PLAIN}", "password": "{PLAIN}", "port": "{PLAIN}"}}'),
        {"port": "INVALID"},
    ),
    "a list of what is no number": (holding("estate/hosts", f"1, {PLAIN}, {PLAIN}"), {"hosts": "INVALID"}),
    "half a list": (holding("estate/hosts", f'["{PLAIN}"'), {"hosts": "MALFORMED"}),
    "a URL of another scheme": (holding("estate/database/url", f"mysql://{PLAIN}@host/estate"), {"url": "INVALID"}),
    "no URL": (holding("estate/database/url", PLAIN), {"url": "INVALID"}),
    "batches throttled": (broken(BATCH, "ThrottlingException"), {}),
    "one throttled for ever": (throttled, {"previous": "THROTTLED"}),
    "over a quota": (broken(GET, "LimitExceededException", "estate/jwt/secret"), {"previous": "THROTTLED"}),
    "the service failing for one": (broken("*", "InternalServiceError", "estate/hosts", 500), {"hosts": "UNAVAILABLE"}),
    "an error of the server that nobody knows": (
        broken("*", "NewException", "estate/hosts", 500),
        {"hosts": "UNAVAILABLE"},
    ),
    "an error that nobody knows": (broken("*", "NewException", "estate/hosts"), {"hosts": "PLUGIN"}),
    "a bad parameter": (broken("*", "InvalidParameterException", "estate/hosts"), {"hosts": "MALFORMED"}),
    "a state that forbids it": (
        broken(GET, "InvalidRequestException", "estate/jwt/secret"),
        {"previous": "UNAVAILABLE"},
    ),
    "a proxy's page": (broken("*", "page"), {"jwt": "UNAVAILABLE", "certificate": "UNAVAILABLE"}),
    "garbage": (broken("*", "garbage"), {"jwt": "UNAVAILABLE", "certificate": "UNAVAILABLE"}),
    "half an answer": (broken("*", "truncate"), {"jwt": "UNAVAILABLE", "certificate": "UNAVAILABLE"}),
    "connections reset": (broken("*", "reset"), {"jwt": "UNAVAILABLE", "certificate": "UNAVAILABLE"}),
    "a server that is gone": (lambda aws: aws.stop(), {"jwt": "UNAVAILABLE", "certificate": "UNAVAILABLE"}),
    "a token that has run out": (broken("*", "ExpiredTokenException"), {"jwt": "CREDENTIALS", "sentry": "CREDENTIALS"}),
    "keys that AWS does not know": (broken("*", "UnrecognizedClientException"), {"jwt": "CREDENTIALS"}),
    "values on several pages": (lambda aws: aws.store.pages.extend([0, 1]), {}),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_the_same_problem_as_in_python(aws: StrictAws, both: Both, name: str) -> None:
    fault, expected = FAULTS[name]
    aws.user("pod", {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
    fault(aws)
    answer = both.load({"NODE_ENV": "production", **aws.environment("pod")})
    assert expected.items() <= codes(answer).items()
    assert bool(expected) == bool(codes(answer))
    assert_no_canary(answer["shown"], PLAIN)


def test_a_report_has_the_one_command_that_is_right(aws: StrictAws, both: Both) -> None:
    together(gone("estate/hosts"), holding("estate/jwt/secret", PLAIN[:7]))(aws)
    problems = both.load({"NODE_ENV": "production", **aws.environment()})["problems"]
    fixes = {problem["field"]: problem["fix"].splitlines() for problem in problems}
    assert [line.partition(" --")[0] for line in fixes["hosts"]] == [
        "export HOSTS='…'",
        "aws secretsmanager create-secret",
    ]
    assert [line.partition(" --")[0] for line in fixes["jwt"]] == ["aws secretsmanager put-secret-value"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"AWS_ACCESS_KEY_ID": "nobody"}, "CREDENTIALS"),
        ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "CREDENTIALS"),
        ({"AWS_PROFILE": "nowhere"}, "CREDENTIALS"),
        ({"AWS_REGION": ""}, "SCHEMA"),
        ({"AWS_ENDPOINT_URL": "http://nowhere.invalid"}, "UNAVAILABLE"),
    ],
)
def test_what_is_wrong_with_who_asks_is_one_problem_for_all(
    aws: StrictAws, both: Both, change: dict[str, str], code: str
) -> None:
    answer = both.load(
        {name: value for name, value in {"NODE_ENV": "production", **aws.environment(), **change}.items() if value}
    )
    assert set(codes(answer).values()) == {code}
    assert len(codes(answer)) == len(Service.model_fields) - 1


def test_eight_faults_are_eight_problems_in_one_report(aws: StrictAws, both: Both) -> None:
    aws.add("estate/jwt/secret", b"\xff" + PLAIN.encode())
    aws.add("estate/jwt/secret", PLAIN[:7])
    aws.add("estate/rds", f'{{"user": "", "password": "{PLAIN}", "port": null}}')
    gone("estate/certificate")(aws)
    aws.add("estate/database/url", PLAIN)
    aws.add("estate/sentry/dsn", PLAIN).deleted = datetime.now(UTC)
    of_a_key("Enabled")(aws)
    pod(*READ, deny=HOSTS.replace("hosts", "database/url"))(aws)
    answer = both.load({"NODE_ENV": "production", **aws.environment("pod")})
    assert codes(answer) == {
        "jwt": "INVALID",
        "previous": "MALFORMED",
        "user": "EMPTY",
        "port": "NO_VALUE",
        "url": "DENIED",
        "hosts": "KMS",
        "certificate": "MISSING",
        "sentry": "DELETED",
    }
    assert "8 problems" in answer["report"]
    assert_no_canary(answer["shown"], PLAIN)


def test_t9_only_absent_falls_through_unless_the_chain_says_otherwise(aws: StrictAws, both: Both) -> None:
    pod(*READ, deny=HOSTS)(aws)
    environment = {"NODE_ENV": "lenient", **aws.environment("pod"), "HOSTS": "3", "CERTIFICATE": PLAIN}
    answer = both.load(environment)
    assert answer["values"]["hosts"] == [3]
    assert answer["values"]["certificate"] == {"hex": "ff00"}
    aws.stop()
    answer = both.load(environment)
    assert set(codes(answer).values()) == {"MISSING"}
    assert answer["chain"] == ["aws (on_denied = next, on_unavailable = next)", "env"]


def test_without_a_call_where_the_environment_has_all(aws: StrictAws, both: Both) -> None:
    values = {"JWT_SECRET": PLAIN, "PREVIOUS": PLAIN, "RDS_USER": PLAIN, "RDS_PASSWORD": PLAIN, "RDS_PORT": "1"}
    values |= {
        "DATABASE_URL": f"postgresql://{PLAIN}@host/estate",
        "HOSTS": "1",
        "CERTIFICATE": PLAIN,
        "SENTRY_DSN": PLAIN,
    }
    answer = both.load({"NODE_ENV": "production", **aws.environment(), **values})
    assert answer["problems"] == []
    assert not aws.calls


def test_an_account_that_never_answers_is_given_up_at_the_deadline(aws: StrictAws, both: Both) -> None:
    aws.fault("*", "hang")
    started = time.monotonic()
    answer = both.loader.load(both.folder, {"NODE_ENV": "production", **aws.environment()})
    assert time.monotonic() - started < 6  # the deadline is 4, and there is half a second of grace
    assert set(codes(answer).values()) == {"UNAVAILABLE"}
    aws.stop()  # lets go of those that hang


def test_trap_26_a_call_that_hangs_is_made_again_after_five_seconds(aws: StrictAws, both: Both) -> None:
    aws.fault(BATCH, "hang", times=2)  # once for each language
    started = time.monotonic()
    answer = both.load({"NODE_ENV": "patient", **aws.environment()})
    assert answer["problems"] == []
    assert time.monotonic() - started < 10
    aws.stop()  # lets go of those that hang


def test_fifty_secrets_are_three_calls(tmp_path: Path, aws: StrictAws, loaders: Callable[[str], Loader]) -> None:
    for name in Many.model_fields:
        aws.add(f"estate/{name}", f"{PLAIN} {name}")
    answer = loaders("many").load(tmp_path, {"NODE_ENV": "production", **aws.environment()})
    assert answer["values"] == {name: f"{PLAIN} {name}" for name in Many.model_fields}
    assert aws.calls == {"BatchGetSecretValue": 3}


def test_it_loads_from_moto_too(both: Both, tmp_path: Path) -> None:
    with EmbeddedAws() as moto:
        environment = {**moto.variables, "NODE_ENV": "production", "PATH": os.defpath}
        client = boto3.client(
            "secretsmanager",
            endpoint_url=moto.endpoint_url,
            region_name="us-east-1",
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )
        client.create_secret(Name="estate/rds", SecretString=f'{{"user": "{PLAIN}", "password": "p", "port": 1}}')
        client.create_secret(Name="estate/hosts", SecretString="7")
        client.create_secret(Name="estate/certificate", SecretBinary=b"\xff")
        client.create_secret(Name="estate/jwt/secret", SecretString=f"{PLAIN}-old")
        client.put_secret_value(SecretId="estate/jwt/secret", SecretString=f"{PLAIN}-new")
        answer = both.loader.load(tmp_path, environment)
        client.delete_secret(SecretId="estate/hosts")
        without = both.loader.load(tmp_path, environment)
        client.close()
    assert answer["values"]["url"] == f"postgresql://{PLAIN}:p@localhost:1/estate"
    assert (answer["values"]["jwt"], answer["values"]["previous"]) == (f"{PLAIN}-new", f"{PLAIN}-old")
    assert (answer["values"]["hosts"], answer["values"]["certificate"]) == ([7], {"hex": "ff"})
    assert codes(without) == {"hosts": "DELETED"}


def test_every_error_of_the_sdk_is_mapped(package: Package) -> None:
    (package.folder / "errors.mjs").write_text("""
        import * as sdk from '@aws-sdk/client-secrets-manager';
        import { causeOf } from './dist/service/estate-config/aws-failures.js';
        const kinds = Object.values(sdk).filter((one) => one?.prototype instanceof sdk.SecretsManagerServiceException);
        const causes = kinds.map((kind) => causeOf(new kind({ $metadata: {}, message: '' })));
        console.log(JSON.stringify(Object.fromEntries(kinds.map((kind, n) => [kind.name, causes[n]]))));
    """)
    causes = json.loads(package.run("errors.mjs"))
    assert causes["ResourceNotFoundException"] == "NOT_FOUND"
    assert len(causes) >= 12
    assert "UNEXPECTED" not in causes.values()


@pytest.mark.parametrize("name", ["prod/jwt-secret", "jwt", "jwt-AbCdEf"])
def test_an_arn_that_may_be_whole_or_not_is_mended_as_in_python(package: Package, name: str) -> None:
    arn = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{name}"
    (package.folder / "arn.mjs").write_text(f"""
        import {{ allow, create }} from './dist/service/estate-config/aws-address.js';
        const [address, region] = [{{ secret: '{arn}' }}, '{REGION}'];
        console.log(`${{allow(address, region, 'GetSecretValue', 'DescribeSecret')}}\\n${{create(address, region)}}`);
    """)
    expected = mending.of_cause(Cause.DENIED, Address(arn), Site(REGION))
    assert package.run("arn.mjs").strip() == expected
