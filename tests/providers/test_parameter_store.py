"""The provider `parameter_store`: what it reads, in how many calls, and what each failure is; on a strict fake."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Barrier
from typing import Any

import boto3
import pytest
from botocore import session as botocore_session
from botocore.exceptions import ClientError

from estate_config.contract import Context
from estate_config.errors import Code, ProviderError
from estate_config.model import Deadline, Found
from estate_config_providers._aws import connection, patience
from estate_config_providers._aws.causes import Cause
from estate_config_providers._aws.failures import trouble_of
from estate_config_providers.parameter_store import spec
from estate_config_providers.parameter_store.failures import SERVICE
from tests.fakes.aws import ACCOUNT, REGION
from tests.fakes.iam import allow, identity_policy
from tests.fakes.parameter_store import StrictParameters, arn_of
from tests.providers.parameter_store_support import failure, fetch, key, provider_on, user_with, values

OTHER = "210987654321"


@pytest.fixture
def ssm() -> Iterator[StrictParameters]:
    with StrictParameters() as fake:
        yield fake


# --- where it looks ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prefix", "name", "place"),
    [
        ("/estate/", "database/url", "/estate/database/url"),
        ("estate/", "database/url", "/estate/database/url"),
        ("", "database/url", "/database/url"),
        ("", "log_level", "/log_level"),
    ],
)
def test_a_derived_name_is_a_path_after_the_prefix(ssm: StrictParameters, prefix: str, name: str, place: str) -> None:
    made = ssm.hold(place, "x").versions[0].modified
    asked = key(name)
    found = fetch(ssm, asked, prefix=prefix)[asked]
    assert isinstance(found, Found)
    assert (found.origin.place, found.origin.version, found.origin.stage) == (place, "1", None)
    assert found.origin.created_at == made


def test_a_given_address_is_whole(ssm: StrictParameters) -> None:
    ssm.hold("plain-name", "a")
    ssm.hold("/other/jwt", "b")
    assert values(fetch(ssm, key("a", "plain-name"), key("b", "/other/jwt"), prefix="/estate/")) == {"a": "a", "b": "b"}


@pytest.mark.parametrize(
    "address", ["", "estate/jwt", "/a//b", "/a/", "/with space", "/a:", "/a:b:c", "/a#", "arn:aws:ssm:x:1:parameter/a"]
)
def test_an_address_that_can_be_none_is_malformed_and_not_asked_for(ssm: StrictParameters, address: str) -> None:
    ssm.hold("/estate/good", "1")
    bad, good = key("bad", address), key("good")
    answers = fetch(ssm, bad, good, prefix="/estate/")
    assert failure(answers, bad).code is Code.MALFORMED
    assert values(answers) == {"good": "1"}
    assert values(fetch(ssm, bad)) == {}
    assert ssm.calls == {"GetParameters": 1}


def test_text_and_lists_are_text_and_a_binary_field_gets_its_bytes(ssm: StrictParameters) -> None:
    ssm.hold("/hosts", "a,b", kind="StringList")
    ssm.hold("/level", "debug", kind="String")
    ssm.hold("/pem", "é")
    keys = [key("hosts"), key("level"), key("pem", binary=True)]
    assert values(fetch(ssm, *keys)) == {"hosts": "a,b", "level": "debug", "pem": "é".encode()}


def test_members_of_one_parameter_are_one_name_of_one_call(ssm: StrictParameters) -> None:
    ssm.hold("/estate/rds", '{"user": "app", "port": 5432, "password": "p"}')
    keys = [key(member, f"/estate/rds#{member}") for member in ("user", "port", "password", "absent")]
    assert values(fetch(ssm, *keys)) == {"user": "app", "port": "5432", "password": "p"}
    assert [body["Names"] for _, body in ssm.asked] == [["/estate/rds"]]


def test_a_member_of_what_is_no_json_says_how_to_put_it(ssm: StrictParameters) -> None:
    ssm.hold("/rds", "no json")
    asked = key("password", "/rds#password")
    answer = failure(fetch(ssm, asked), asked)
    assert answer.code is Code.MALFORMED
    assert "aws ssm put-parameter --overwrite --name /rds" in answer.fix


def test_the_place_comes_with_the_command_that_fills_it_without_a_value() -> None:
    provider = spec.build(spec.options(prefix="/estate/", region=REGION), Context("production", Path.cwd()))
    place = provider.locate(key("openai/api_key"))
    assert place.text == "/estate/openai/api_key"
    assert place.fix.startswith(
        "aws ssm put-parameter --overwrite --name /estate/openai/api_key --type SecureString "
        f"--region {REGION} --value file:///dev/stdin"
    )
    assert "--type String " in provider.locate(key("log_level", secret=False)).fix
    assert "the whole JSON object" in provider.locate(key("p", "/rds#password")).fix
    assert "label-parameter-version" in provider.locate(key("p", "/rds:live")).fix


def test_a_version_gets_no_command_that_would_make_a_label_of_its_number() -> None:
    provider = spec.build(spec.options(region=REGION), Context("production", Path.cwd()))
    describe = f"aws ssm describe-parameters --parameter-filters Key=Name,Values=/rds --region {REGION}"
    assert provider.locate(key("p", "/rds:3#password")).fix.startswith(f"{describe}   # a version cannot be written: ")


# --- in how many calls ------------------------------------------------------------------------------------------------


def test_thirty_parameters_are_three_calls_at_the_same_time(
    ssm: StrictParameters, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(30):
        ssm.hold(f"/estate/{number}", str(number))
    together, answer = Barrier(3, timeout=5), ssm.answer

    def meet(*call: Any) -> Any:
        together.wait()
        return answer(*call)

    monkeypatch.setattr(ssm, "answer", meet)
    keys = [key(str(number)) for number in range(30)]
    assert values(fetch(ssm, *keys, prefix="/estate/")) == {str(number): str(number) for number in range(30)}
    assert ssm.calls == {"GetParameters": 3}
    assert [len(body["Names"]) for _, body in ssm.asked] == [10, 10, 10]


def test_versions_and_labels_are_addresses_and_each_is_told_from_the_others(ssm: StrictParameters) -> None:
    held = ssm.hold("/jwt", "one", "two", "three")
    held.labels["live"] = 2
    keys = [key("first", "/jwt:1"), key("live", "/jwt:live"), key("latest", "/jwt")]
    answers = fetch(ssm, *keys)
    assert values(answers) == {"first": "one", "live": "two", "latest": "three"}
    origins = [(a.origin.place, a.origin.version, a.origin.stage) for a in answers.values() if isinstance(a, Found)]
    assert origins == [("/jwt:1", "1", None), ("/jwt:live", "2", "live"), ("/jwt", "3", None)]


# --- what AWS calls invalid -------------------------------------------------------------------------------------------


def test_what_is_not_there_is_absent_and_what_has_no_such_version_is_not(ssm: StrictParameters) -> None:
    ssm.hold("/jwt", "one")
    keys = {name: key(name, address) for name, address in _INVALID.items()}
    answers = fetch(ssm, *keys.values(), key("jwt"))
    assert set(answers) == {keys["version"], keys["label"], key("jwt")}
    assert failure(answers, keys["version"]).code is Code.NO_VALUE
    assert "exists, and has no version or label 7" in failure(answers, keys["version"]).hint
    assert "exists, and has no version or label live" in failure(answers, keys["label"]).hint


_INVALID = {"nowhere": "/nowhere", "version": "/jwt:7", "label": "/jwt:live", "neither": "/nowhere:7"}


def test_where_nobody_can_tell_a_missing_version_from_a_missing_parameter_the_start_stops(
    ssm: StrictParameters,
) -> None:
    ssm.fault("GetParameters", "AccessDeniedException", secret="/jwt")
    asked = key("jwt", "/jwt:7")
    answer = failure(fetch(ssm, asked), asked)
    assert answer.code is Code.NO_VALUE
    assert "does not exist, or has no such version" in answer.hint


def test_a_name_that_an_answer_says_nothing_of_is_not_absent(ssm: StrictParameters) -> None:
    ssm.hold("/a", "1")
    ssm.hold("/b", "2")
    ssm.unsaid.add("/a")
    answers = fetch(ssm, key("a"), key("b"))
    assert failure(answers, key("a")).code is Code.UNAVAILABLE
    assert values(answers) == {"b": "2"}


# --- rights -----------------------------------------------------------------------------------------------------------


def test_one_denied_name_does_not_deny_the_others_and_the_fix_is_the_statement_it_needs(ssm: StrictParameters) -> None:
    for number in range(12):
        ssm.hold(f"/estate/{number}", str(number))
    granted = [arn_of(f"/estate/{number}") for number in range(12) if number != 3]
    ssm.user("service", identity_policy(allow("ssm:GetParameters", on=granted)))
    keys = [key(str(number)) for number in range(12)]
    answers = fetch(ssm, *keys, user="service", prefix="/estate/")
    denied = failure(answers, keys[3])
    assert len(values(answers)) == 11
    assert denied.code is Code.DENIED
    assert f'"Action": "ssm:GetParameters", "Resource": "arn:aws:ssm:{REGION}:*:parameter/estate/3"' in denied.fix
    assert values(fetch(ssm, keys[3], user=user_with(ssm, "mended", denied.fix), prefix="/estate/")) == {"3": "3"}


def test_a_denied_name_that_is_not_there_is_denied_too(ssm: StrictParameters) -> None:
    ssm.user("service", identity_policy(allow("ssm:GetParameters", on=arn_of("/estate/*"))))
    asked = key("elsewhere")
    answer = failure(fetch(ssm, asked, user="service"), asked)
    assert answer.code is Code.DENIED
    assert "or does not exist" in answer.hint


def test_a_key_that_may_not_be_used_is_kms_and_the_others_are_read(ssm: StrictParameters) -> None:
    own = ssm.key().arn
    ssm.hold("/plain", "1")
    ssm.hold("/locked", "2", key=own)
    may_read = allow("ssm:GetParameters", on=[arn_of("/plain"), arn_of("/locked")])
    ssm.user("service", identity_policy(may_read))
    answers = fetch(ssm, key("plain"), key("locked"), user="service")
    refused = failure(answers, key("locked"))
    assert values(answers) == {"plain": "1"}
    assert refused.code is Code.KMS
    statement = refused.fix.replace("KEY-ID", own.rpartition("/")[2])
    mended = user_with(ssm, "mended", statement, json.dumps(may_read))
    assert values(fetch(ssm, key("locked"), user=mended)) == {"locked": "2"}


def test_a_key_that_is_disabled_is_kms(ssm: StrictParameters) -> None:
    own = ssm.key(state="Disabled").arn
    ssm.hold("/locked", "2", key=own)
    assert failure(fetch(ssm, key("locked")), key("locked")).code is Code.KMS


def test_a_shared_parameter_of_another_account_is_read_by_its_arn(ssm: StrictParameters) -> None:
    ssm.hold("/shared", "theirs", account=OTHER, tier="Advanced", shared_with={ACCOUNT})
    ssm.hold("/shared", "ours")
    theirs, ours = key("theirs", arn_of("/shared", OTHER)), key("ours", "/shared")
    assert values(fetch(ssm, theirs, ours)) == {"theirs": "theirs", "ours": "ours"}


def test_one_that_is_not_shared_is_denied_by_its_own_arn(ssm: StrictParameters) -> None:
    ssm.hold("/private", "theirs", account=OTHER)
    asked = key("theirs", arn_of("/private", OTHER))
    answer = failure(fetch(ssm, asked), asked)
    assert answer.code is Code.DENIED
    assert f'"Resource": "{arn_of("/private", OTHER)}"' in answer.fix


def test_an_arn_of_another_region_is_not_asked_for_here(ssm: StrictParameters) -> None:
    asked = key("far", arn_of("/far", region="eu-west-1"))
    answer = failure(fetch(ssm, asked), asked)
    assert (answer.code, "eu-west-1" in answer.hint) == (Code.MALFORMED, True)
    assert ssm.calls == {}


# --- failures ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def one_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave asking again to the provider: the SDK's own pauses are long, and of random length."""
    monkeypatch.setattr(connection, "_ATTEMPTS", 1)
    monkeypatch.setattr(patience, "_TRY", 0.2)


@pytest.mark.usefixtures("one_attempt")
def test_throttling_is_asked_again_though_it_is_a_status_of_400(ssm: StrictParameters) -> None:
    ssm.hold("/a", "1")
    ssm.fault("GetParameters", "ThrottlingException", times=2)
    assert values(fetch(ssm, key("a"))) == {"a": "1"}
    assert ssm.calls == {"GetParameters": 3}


@pytest.mark.usefixtures("one_attempt")
def test_throttling_that_does_not_end_is_said_before_the_deadline_with_what_to_do(ssm: StrictParameters) -> None:
    ssm.hold("/a", "1")
    with provider_on(ssm) as provider:
        provider.fetch([key("a")], Deadline(10))  # connecting is not what is timed
        ssm.fault("GetParameters", "ThrottlingException")
        started = time.monotonic()
        answer = failure(dict(provider.fetch([key("a")], Deadline(2))), key("a"))
    assert time.monotonic() - started < 5
    assert answer.code is Code.THROTTLED
    assert "high-throughput-enabled" in answer.fix
    assert ssm.calls["GetParameters"] > 2


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        ("ThrottlingException", Code.THROTTLED),
        ("AccessDeniedException", Code.DENIED),
        ("InvalidKeyId", Code.KMS),
        ("ValidationException", Code.MALFORMED),
        ("InternalServerError", Code.UNAVAILABLE),
        ("ParameterLimitExceeded", Code.THROTTLED),
        ("TooManyUpdates", Code.UNAVAILABLE),
        ("ExpiredTokenException", Code.CREDENTIALS),
    ],
)
def test_each_error_code_is_its_own_outcome(code: str, outcome: Code) -> None:
    error = ClientError({"Error": {"Code": code, "Message": ""}}, "GetParameters")
    assert trouble_of(error, SERVICE).cause.code is outcome


@pytest.mark.parametrize(
    "message",
    [
        "User: arn:… is not authorized to perform: kms:Decrypt on resource: arn:… because no identity-based policy …",
        "The ciphertext refers to a customer master key that does not exist, does not exist in this region, or …",
        "Access denied. (Service: AWSKMS; Status Code: 400; Error Code: AccessDeniedException)",
    ],
)
def test_a_denial_that_is_of_the_key_is_known_by_what_kms_says(message: str) -> None:
    error = ClientError({"Error": {"Code": "AccessDeniedException", "Message": message}}, "GetParameters")
    assert trouble_of(error, SERVICE).cause is Cause.KMS


def test_every_error_in_the_model_of_the_operations_is_mapped() -> None:
    model = botocore_session.get_session().get_service_model("ssm")
    names = {
        (operation, shape.name)
        for operation in SERVICE.operations
        for shape in model.operation_model(operation).error_shapes
    }
    assert len(names) > 15
    for operation, name in names:
        error = ClientError({"Error": {"Code": name, "Message": ""}}, operation)
        assert trouble_of(error, SERVICE).cause is not Cause.UNEXPECTED, name


def test_no_code_is_listed_that_no_operation_has() -> None:
    model = botocore_session.get_session().get_service_model("ssm")
    known = {shape.name for name in SERVICE.operations for shape in model.operation_model(name).error_shapes}
    assert set(SERVICE.codes) <= known


def test_a_server_that_is_gone_is_one_error_for_all_and_within_the_deadline(ssm: StrictParameters) -> None:
    with provider_on(ssm) as provider:
        ssm.stop()
        started = time.monotonic()
        with pytest.raises(ProviderError) as caught:
            provider.fetch([key(str(number)) for number in range(15)], Deadline(3))
    assert time.monotonic() - started < 8
    assert caught.value.code is Code.UNAVAILABLE


def test_what_is_wrong_with_an_address_is_said_though_the_server_is_gone(ssm: StrictParameters) -> None:
    ssm.stop()
    good, bad = key("good"), key("bad", "no name")
    answers = fetch(ssm, good, bad, seconds=3)
    assert (failure(answers, good).code, failure(answers, bad).code) == (Code.UNAVAILABLE, Code.MALFORMED)


def test_what_answers_and_is_no_parameter_store_is_said_to_be_none(ssm: StrictParameters) -> None:
    ssm.fault("GetParameters", "page")
    with provider_on(ssm) as provider, pytest.raises(ProviderError) as caught:
        provider.fetch([key("a")], Deadline(5))
    assert caught.value.code is Code.UNAVAILABLE
    assert "[providers.parameter_store]" in caught.value.fix


def test_without_a_region_the_table_for_it_is_named(ssm: StrictParameters, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    nowhere = boto3.Session(aws_access_key_id="operator", aws_secret_access_key="made-up")
    with provider_on(ssm, session=nowhere) as provider, pytest.raises(ProviderError) as caught:
        provider.fetch([key("a")], Deadline(5))
    assert (caught.value.code, "[providers.parameter_store]" in caught.value.fix) == (Code.SCHEMA, True)


def test_a_role_is_assumed_and_gives_the_account(ssm: StrictParameters, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", ssm.url)
    ssm.hold("/a", "1")
    role = ssm.role("reader", identity_policy(allow("ssm:GetParameters", on=arn_of("/a"))), trusts={"operator"})
    answers = fetch(ssm, key("a"), key("b"), role_arn=role)
    assert values(answers) == {"a": "1"}
    assert f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/b" in failure(answers, key("b")).fix
    assert ssm.calls["AssumeRole"] == 1


def test_without_boto3_the_install_command_is_named() -> None:
    code = """
import sys
sys.modules["boto3"] = None
from pathlib import Path
from estate_config.contract import Context
from estate_config.errors import ProviderError
from estate_config.model import Deadline, Key
from estate_config_providers.parameter_store import spec
try:
    spec.build(spec.options(), Context("x", Path())).fetch([Key("a", "a")], Deadline(5))
except ProviderError as error:
    print(error.code, error.fix)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "PLUGIN pip install 'estate-config[aws]'"
