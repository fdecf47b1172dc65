"""Each error of AWS is an outcome of its own, with what mends it. Statements that are printed are tried on policies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import botocore.exceptions
import botocore.session
import pytest
from pydantic import SecretStr

from estate_config import ConfigurationError, Settings, explain, load, secret, setting
from estate_config.errors import Code, ProviderError
from estate_config.model import Deadline
from estate_config.testing import assert_no_leak
from estate_config_providers._aws.causes import WHOLE, Cause
from estate_config_providers._aws.failures import trouble_of
from estate_config_providers.aws.failures import SERVICE
from tests.fakes.aws import ACCOUNT, REGION, StrictAws
from tests.fakes.iam import allow, identity_policy
from tests.leaks import assert_no_canary, assert_no_canary_in_error
from tests.providers.aws_support import codes, failure, fetch, key, provider_on, values

JWT = key("estate/jwt")
EVERYTHING = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:*"
BATCH = allow("secretsmanager:BatchGetSecretValue", on="*")
CANARY = "kq7ZvXw2Lr9TbN4mHc"


def statements(fix: str) -> list[dict[str, Any]]:
    return [json.loads(line[: line.rindex("}") + 1]) for line in fix.splitlines() if line.startswith("{")]


def test_what_is_not_there_is_absent(aws: StrictAws) -> None:
    assert fetch(aws, JWT, key("other")) == {}
    assert aws.calls["DescribeSecret"] == 2


def test_trap_7_a_secret_without_a_value_is_told_from_one_that_is_not_there(aws: StrictAws) -> None:
    """AWS says ResourceNotFoundException of both."""
    aws.add("estate/jwt")
    answers = fetch(aws, JWT, key("nowhere"))
    assert codes(answers) == {"estate/jwt": Code.NO_VALUE}
    answer = failure(answers, JWT)
    assert answer.hint == "exists, and no version of it is AWSCURRENT: no value was put into it yet"
    assert answer.fix.startswith("aws secretsmanager put-secret-value --secret-id estate/jwt --region ap-northeast-2")


def test_trap_7_where_nobody_may_look_the_report_names_both_and_the_start_stops(aws: StrictAws) -> None:
    pod = aws.user("pod", identity_policy(allow("secretsmanager:GetSecretValue", on=EVERYTHING)))
    answer = failure(fetch(aws, JWT, user=pod), JWT)
    assert answer.code is Code.NO_VALUE
    assert "does not exist, or has no such version" in answer.hint
    assert "create-secret --name estate/jwt" in answer.fix
    assert "put-secret-value --secret-id estate/jwt" in answer.fix
    (statement,) = statements(answer.fix)
    aws.user("pod", identity_policy(allow("secretsmanager:GetSecretValue", on=EVERYTHING), statement))
    aws.add("estate/jwt")
    assert "exists, and" in failure(fetch(aws, JWT, user=pod), JWT).hint


@pytest.mark.parametrize("address", ["estate/jwt?stage=AWSPENDING", f"estate/jwt?version={'0' * 36}"])
def test_a_version_that_is_not_there_is_no_value_and_not_absent(aws: StrictAws, address: str) -> None:
    aws.add("estate/jwt", "made-up")
    asked = key("jwt", address)
    answer = failure(fetch(aws, asked), asked)
    assert answer.code is Code.NO_VALUE
    assert address.partition("=")[2] in answer.hint


def test_trap_8_a_secret_that_is_scheduled_for_deletion_is_said_with_its_date_and_restored(aws: StrictAws) -> None:
    aws.add("estate/jwt", "made-up")
    operator = aws.session().client("secretsmanager", endpoint_url=aws.url)
    gone = operator.delete_secret(SecretId="estate/jwt", RecoveryWindowInDays=7)["DeletionDate"]
    for keys in ([JWT], [JWT, key("other")]):
        answer = failure(fetch(aws, *keys), JWT)
        assert answer.code is Code.DELETED
        assert answer.hint == f"is scheduled for deletion (DeletedDate {gone:%Y-%m-%d})"
        assert answer.fix == f"aws secretsmanager restore-secret --secret-id estate/jwt --region {REGION}"
    pod = aws.user("pod", identity_policy(allow("secretsmanager:GetSecretValue", on="*")))
    answer = failure(fetch(aws, JWT, user=pod), JWT)
    assert (answer.code, answer.hint) == (Code.DELETED, "is scheduled for deletion")
    operator.close()


def test_an_arn_without_its_six_characters_is_mended_though_its_name_ends_as_if_it_had_them(aws: StrictAws) -> None:
    aws.add("prod/jwt-secret", "made-up")
    jwt = key("jwt", f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:prod/jwt-secret")
    answer = failure(fetch(aws, jwt, user=aws.user("pod", identity_policy(BATCH))), jwt)
    assert "create-secret --name prod/jwt " in answer.fix
    assert "or --name prod/jwt-secret, if that is its name; type the value" in answer.fix
    pod = aws.user("pod", identity_policy(BATCH, *statements(answer.fix)))
    assert values(fetch(aws, jwt, user=pod)) == {"jwt": "made-up"}


@pytest.mark.parametrize("others", [(), ("other",)])
def test_t9_denied_is_denied_and_the_statement_that_is_printed_mends_it(aws: StrictAws, others: tuple[str]) -> None:
    aws.add("estate/jwt", "made-up")
    pod = aws.user("pod", identity_policy(BATCH))
    answer = failure(fetch(aws, JWT, *map(key, others), user=pod), JWT)
    assert answer.code is Code.DENIED
    assert "or does not exist" in answer.hint
    assert '-??????"' in answer.fix
    assert "create-secret --name estate/jwt" in answer.fix
    assert len(answer.fix.splitlines()) == 2
    aws.user("pod", identity_policy(BATCH, *statements(answer.fix)))
    assert values(fetch(aws, JWT, user=pod)) == {"estate/jwt": "made-up"}
    aws.add("estate/jwt-admin", "made-up")
    assert codes(fetch(aws, key("estate/jwt-admin"), user=pod)) == {"estate/jwt-admin": Code.DENIED}


@pytest.mark.parametrize("cut", [0, 7])
def test_the_statement_for_an_arn_is_for_that_arn(aws: StrictAws, cut: int) -> None:
    arn = aws.add("estate/jwt", "made-up").arn
    asked = key("jwt", arn[: len(arn) - cut])
    pod = aws.user("pod")
    (statement,) = statements(failure(fetch(aws, asked, user=pod), asked).fix)
    aws.user("pod", identity_policy(statement))
    assert values(fetch(aws, asked, user=pod)) == {"jwt": "made-up"}


def test_trap_9_a_denied_kms_key_is_named_and_the_statement_that_is_printed_mends_it(aws: StrictAws) -> None:
    kms = aws.key()
    aws.add("estate/jwt", "made-up", key=kms.arn)
    read = allow("secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret", on=EVERYTHING)
    pod = aws.user("pod", identity_policy(BATCH, read))
    answer = failure(fetch(aws, JWT, key("other"), user=pod), JWT)
    assert answer.code is Code.KMS
    assert answer.hint.endswith(f"The key is {kms.arn}")
    assert "aws kms describe-key --key-id" in answer.fix
    (statement,) = statements(answer.fix)
    assert statement["Resource"] == kms.arn
    aws.user("pod", identity_policy(BATCH, read, statement))
    assert values(fetch(aws, JWT, user=pod)) == {"estate/jwt": "made-up"}


def test_trap_9_a_kms_key_that_is_disabled_is_the_same_outcome(aws: StrictAws) -> None:
    aws.add("estate/jwt", "made-up", key=aws.key(state="Disabled").arn)
    answer = failure(fetch(aws, JWT), JWT)
    assert answer.code is Code.KMS
    assert "or the key is disabled" in answer.hint


def test_where_nobody_may_look_the_kms_key_is_to_be_filled_in(aws: StrictAws) -> None:
    aws.add("estate/jwt", "made-up", key=aws.key().arn)
    pod = aws.user("pod", identity_policy(allow("secretsmanager:GetSecretValue", on=EVERYTHING)))
    answer = failure(fetch(aws, JWT, user=pod), JWT)
    assert answer.code is Code.KMS
    (statement,) = statements(answer.fix)
    assert statement["Resource"] == f"arn:aws:kms:{REGION}:*:key/KEY-ID"
    assert statement["Condition"] == {"StringEquals": {"kms:ViaService": f"secretsmanager.{REGION}.amazonaws.com"}}


def test_another_account_cannot_use_the_managed_key_and_is_told_so(aws: StrictAws) -> None:
    pod = aws.user("pod", identity_policy(allow("secretsmanager:*", on="*")))
    everybody = {"Version": "2012-10-17", "Statement": [allow("secretsmanager:*", on="*", Principal="*")]}
    asked = key("theirs", aws.add("estate/jwt", "x", account="210987654321", policy=everybody).arn)
    answer = failure(fetch(aws, asked, user=pod), asked)
    assert answer.code is Code.KMS
    assert "aws/secretsmanager, which other accounts cannot use" in answer.hint
    assert "update-secret" in answer.fix


WHOLES = {
    "UnrecognizedClientException": Code.CREDENTIALS,
    "ExpiredTokenException": Code.CREDENTIALS,
    "InvalidSignatureException": Code.CREDENTIALS,
    "UnknownOperationException": Code.UNAVAILABLE,
    "reset": Code.UNAVAILABLE,
    "truncate": Code.UNAVAILABLE,
    "page": Code.UNAVAILABLE,
    "garbage": Code.UNAVAILABLE,
}
SINGLES = {
    "AccessDeniedException": Code.DENIED,
    "DecryptionFailure": Code.KMS,
    "InternalServiceError": Code.UNAVAILABLE,
    "InvalidParameterException": Code.MALFORMED,
    "InvalidRequestException": Code.UNAVAILABLE,
    "LimitExceededException": Code.THROTTLED,
    "ThrottlingException": Code.THROTTLED,
    "NobodyKnowsThisException": Code.PLUGIN,
}


@pytest.mark.parametrize("fault", [*WHOLES, *SINGLES])
@pytest.mark.parametrize("others", [(), ("other",)])
def test_each_error_is_its_own_outcome_and_nothing_of_its_words_is_shown(
    aws: StrictAws, fault: str, others: tuple[str]
) -> None:
    aws.words = CANARY
    aws.add("estate/jwt", CANARY)
    aws.fault("*", fault, status=500 if fault == "InternalServiceError" else 400)
    with provider_on(aws) as provider:
        # long enough for the SDK's pauses: one second and two, for a batch and then for a single read, and ours
        said = assert_no_leak(lambda: provider.fetch([JWT, *map(key, others)], Deadline(8)), [CANARY])
    if fault in WHOLES:
        assert isinstance(said, ProviderError)
        assert (said.code, said.__cause__, said.__context__) == (WHOLES[fault], None, None)
    else:
        said = failure(dict(said), JWT)
        assert said.code is SINGLES[fault]
    assert said.fix


def test_a_server_that_is_gone_is_reported_with_where_it_was(aws: StrictAws) -> None:
    with provider_on(aws) as provider:
        aws.stop()
        with pytest.raises(ProviderError) as caught:
            provider.fetch([JWT, key("other")], Deadline(5))
    assert caught.value.code is Code.UNAVAILABLE
    assert caught.value.hint == f"cannot be reached at {aws.url}"


def test_a_key_with_a_mistake_of_its_own_keeps_it_when_nothing_can_be_reached(aws: StrictAws) -> None:
    bad = key("bad", "no good")
    with provider_on(aws) as provider:
        aws.stop()
        answers = dict(provider.fetch([JWT, bad], Deadline(5)))
    assert codes(answers) == {"estate/jwt": Code.UNAVAILABLE, "bad": Code.MALFORMED}


def test_the_policy_of_the_documents_is_enough_and_not_more(aws: StrictAws) -> None:
    page = (Path(__file__).parents[2] / "docs" / "providers" / "aws.md").read_text("utf-8")
    pod = aws.user("pod", json.loads(page.partition("```json\n")[2].partition("```")[0]))
    for name in ("estate/database/url", "estate/rds", "estate/jwt", "estate/jwt-admin"):
        aws.add(name, '{"username": "app"}')
    keys = [key("estate/database/url"), key("user", "estate/rds#username"), key("next", "estate/jwt?stage=AWSPENDING")]
    answers = fetch(aws, *keys, key("estate/jwt-admin"), user=pod)
    assert set(values(answers)) == {"estate/database/url", "user"}
    assert codes(answers) == {"next": Code.NO_VALUE, "estate/jwt-admin": Code.DENIED}
    assert aws.calls["BatchGetSecretValue"] == 1


# --- the table ------------------------------------------------------------------------------------------------------


_NEVER_HERE = frozenset(
    {"AwsChunkedWrapperError", "CapacityNotAvailableError", "InvalidExpressionError", "InvalidS3AddressingStyleError"}
    | {"InvalidS3UsEast1RegionalEndpointConfigError", "OperationNotPageableError", "PaginationError"}
    | {"StubResponseError", "UnseekableStreamError", "UnsupportedOutpostResourceError"}
    | {"UnsupportedS3AccesspointConfigurationError", "UnsupportedS3ArnError", "UnsupportedS3ConfigurationError"}
    | {"UnsupportedS3ControlArnError", "UnsupportedS3ControlConfigurationError"}
    | {"WaiterConfigError", "WaiterError"}
)
"""botocore's errors of other services, and of what is not used: pages, waiters, stubs."""


def _made(kind: type[Exception]) -> Exception:
    return kind.__new__(kind)


def test_every_error_of_botocore_is_mapped_or_known_to_be_of_something_else() -> None:
    kinds = [
        kind
        for kind in vars(botocore.exceptions).values()
        if isinstance(kind, type)
        and issubclass(kind, Exception)
        and not issubclass(kind, Warning)
        and kind.__module__ == "botocore.exceptions"
    ]
    roots = {"BotoCoreError", "ClientError", "EventStreamError"}  # never raised themselves, or known by its code
    unmapped = {
        kind.__name__
        for kind in kinds
        if trouble_of(_made(kind), SERVICE).cause is Cause.UNEXPECTED
        and not any(parent.__name__ in _NEVER_HERE for parent in kind.__mro__)
    }
    assert unmapped == roots
    assert {kind.__name__ for kind in kinds} >= _NEVER_HERE


@pytest.mark.parametrize("service", ["secretsmanager", "sts"])
def test_every_error_of_the_services_model_is_mapped(service: str) -> None:
    model = botocore.session.get_session().get_service_model(service)
    operation = {"secretsmanager": "GetSecretValue", "sts": "AssumeRole"}[service]
    for shape in model.error_shapes:
        code = shape.metadata.get("error", {}).get("code", shape.name)
        error = botocore.exceptions.ClientError({"Error": {"Code": code, "Message": "x"}}, operation)
        cause = trouble_of(error, SERVICE).cause
        assert cause is not Cause.UNEXPECTED, shape.name
        assert service == "secretsmanager" or cause in WHOLE


def test_every_cause_has_something_that_mends_it(aws: StrictAws) -> None:
    from estate_config_providers._aws.causes import Trouble
    from estate_config_providers.aws.address import Address
    from estate_config_providers.aws.looking import failed
    from estate_config_providers.aws.mending import Site

    for cause in Cause:
        answer = failed(Trouble(cause), Address("estate/jwt"), Site(REGION))
        assert answer.fix
        assert answer.hint[0].islower()
        assert "{" not in answer.hint


# --- through a load --------------------------------------------------------------------------------------------------


class Service(Settings):
    jwt: SecretStr = secret("jwt")
    rds: SecretStr = secret("rds/password", aws="estate/rds#password")
    token: SecretStr | None = secret("token", default=None)
    level: str = setting(default="info")


def config(
    aws: StrictAws, *, user: str = "operator", after: tuple[str, ...] = (), deadline: float = 6, **rules: str
) -> dict[str, Any]:
    entry = {"provider": "aws", **rules}
    return {
        "environments": {"production": {"chain": ["env", entry, *after], "deadline": deadline}},
        "providers": {"aws": {"session": aws.session(user), "endpoint_url": aws.url, "prefix": "estate/"}},
    }


def problems(config_: dict[str, Any]) -> dict[str, Code]:
    with pytest.raises(ConfigurationError) as caught:
        load(Service, environment="production", config=config_)
    assert_no_canary_in_error(caught.value, CANARY)
    assert_no_canary(caught.value.as_text(), CANARY)
    assert_no_canary(json.dumps(caught.value.as_json()), CANARY)
    return {problem.field: problem.code for problem in caught.value.problems}


def test_a_service_starts_on_secrets_and_an_optional_one_may_be_absent(aws: StrictAws) -> None:
    aws.add("estate/jwt", "made-up")
    aws.add("estate/rds", '{"password": "p"}')
    service = load(Service, environment="production", config=config(aws))
    assert (service.jwt.get_secret_value(), service.rds.get_secret_value(), service.token) == ("made-up", "p", None)
    assert [one.place for one in explain(service) if one.provider == "aws"] == ["estate/jwt", "estate/rds#password"]


def test_t9_a_denied_secret_with_a_value_further_down_the_chain_stops_the_start(
    aws: StrictAws, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    dotenv = tmp_path / ".env"
    dotenv.touch(0o600)
    dotenv.write_text(f"JWT={CANARY}\nRDS_PASSWORD={CANARY}\n")
    aws.add("estate/rds", f'{{"password": "{CANARY}"}}')
    pod = aws.user("pod", identity_policy(BATCH, allow("secretsmanager:*", on=f"{EVERYTHING[:-1]}estate/rds-??????")))
    assert problems(config(aws, user=pod, after=("dotenv",))) == {"jwt": Code.DENIED, "token": Code.DENIED}
    monkeypatch.setenv("TOKEN", "made-up")
    service = load(Service, environment="production", config=config(aws, user=pod, after=("dotenv",), on_denied="next"))
    assert service.jwt.get_secret_value() == CANARY


def test_many_faults_are_one_report_with_each_its_own_code(aws: StrictAws, monkeypatch: pytest.MonkeyPatch) -> None:
    aws.words = CANARY
    aws.add("estate/jwt", CANARY)
    aws.add("estate/rds", CANARY)
    aws.add("estate/token", CANARY, key=aws.key(state="PendingDeletion").arn)
    aws.fault("GetSecretValue", "ThrottlingException", secret="estate/jwt")
    aws.fault("BatchGetSecretValue", "AccessDeniedException")
    assert problems(config(aws)) == {"jwt": Code.THROTTLED, "rds": Code.MALFORMED, "token": Code.KMS}


def test_a_store_that_cannot_be_reached_is_one_cause_for_all_fields(aws: StrictAws) -> None:
    aws.stop()
    with pytest.raises(ConfigurationError) as caught:
        load(Service, environment="production", config=config(aws))
    assert {problem.code for problem in caught.value.problems} == {Code.UNAVAILABLE}
    assert caught.value.as_text().count("cannot be reached at") == 1


@pytest.mark.parametrize("how", ["hang", "reset", "garbage", "truncate", "page", "AccessDeniedException"])
def test_no_way_to_fail_shows_a_value(aws: StrictAws, how: str) -> None:
    """The first secret is in hand when the second one fails."""
    aws.words = CANARY
    aws.add("estate/jwt", CANARY)
    aws.add("estate/rds", f'{{"password": "{CANARY}", canary}}')
    aws.fault("BatchGetSecretValue", "AccessDeniedException")
    aws.fault("GetSecretValue", how, secret="estate/rds")
    aws.fault("GetSecretValue", how, secret="estate/token")
    assert "rds" in problems(config(aws, deadline=2))


def test_botocore_logs_no_value_and_other_users_of_it_log_as_before(
    aws: StrictAws, caplog: pytest.LogCaptureFixture
) -> None:
    aws.add("estate/jwt", CANARY)
    with provider_on(aws) as provider:
        caplog.set_level("DEBUG")
        provider.fetch([JWT], Deadline(5))
        provider.put({key("other"): CANARY}, Deadline(5))
        ours = {record.name for record in caplog.records if str(record.threadName).startswith("estate-config")}
        assert ours == {"estate_config.aws", "urllib3.connectionpool"}
        assert_no_canary(caplog.text, CANARY)
        client = aws.session().client("secretsmanager", endpoint_url=aws.url)
        client.get_secret_value(SecretId="other")
        client.close()
    assert "botocore.parsers" in {record.name for record in caplog.records}
