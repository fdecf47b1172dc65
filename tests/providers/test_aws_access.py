"""Who asks AWS, and where: credentials that come late or never, roles, profiles, regions, endpoints."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from estate_config.contract import Context
from estate_config.errors import Code, ProviderError
from estate_config.model import Deadline, Failed
from estate_config_providers._aws.access import AwsAccess
from estate_config_providers.aws import spec
from tests.fakes.aws import ACCOUNT, REGION, StrictAws
from tests.fakes.iam import allow, identity_policy
from tests.fakes.metadata import Metadata
from tests.fakes.wire import Wire
from tests.providers.aws_support import Answers, clear_of_this_machine, fetch, key, provider_on, values

JWT = key("jwt")
READ_ALL = identity_policy(allow("secretsmanager:GetSecretValue", on="*"))


@pytest.fixture(autouse=True)
def _nothing_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    clear_of_this_machine(monkeypatch, tmp_path)


def asked_as_in_production(options: Mapping[str, Any], seconds: float = 10) -> Answers:
    """Fetch with the SDK's own way to credentials, region and endpoint, and no session given."""
    provider = spec.build(spec.options.model_validate(dict(options)), Context("production", Path.cwd()))
    try:
        return dict(provider.fetch([JWT], Deadline(seconds)))
    finally:
        provider.close()


def refused(options: Mapping[str, Any], seconds: float = 10) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        asked_as_in_production(options, seconds)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert caught.value.fix
    return caught.value


def set_all(monkeypatch: pytest.MonkeyPatch, variables: Mapping[str, str], *names: str) -> None:
    for name in names or variables:
        monkeypatch.setenv(name, variables[name])


def test_what_no_option_says_the_sdks_own_variables_say(aws: StrictAws, monkeypatch: pytest.MonkeyPatch) -> None:
    aws.add("jwt", "made-up")
    set_all(monkeypatch, aws.environment())
    assert values(asked_as_in_production({})) == {"jwt": "made-up"}


def test_options_go_before_the_variables(aws: StrictAws, monkeypatch: pytest.MonkeyPatch) -> None:
    aws.add("jwt", "made-up", region="eu-west-1")
    set_all(monkeypatch, aws.environment())
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    options = {"region": "eu-west-1", "endpoint_url": aws.url}
    assert values(asked_as_in_production(options)) == {"jwt": "made-up"}


def test_a_profile_brings_credentials_and_region(
    aws: StrictAws, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    aws.add("jwt", "made-up")
    (tmp_path / "config").write_text(f"[profile estate]\nregion = {REGION}\nendpoint_url = {aws.url}\n")
    (tmp_path / "credentials").write_text("[estate]\naws_access_key_id = operator\naws_secret_access_key = made-up\n")
    assert values(asked_as_in_production({"profile": "estate"})) == {"jwt": "made-up"}


def test_trap_27_credentials_that_are_not_there_yet_are_waited_for(
    aws: StrictAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.add("jwt", "made-up")
    set_all(monkeypatch, aws.environment(), "AWS_ENDPOINT_URL", "AWS_REGION")
    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")
    with Metadata(aws.temporary("operator", token="none"), refusals=3) as metadata:
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", metadata.url)
        assert values(asked_as_in_production({})) == {"jwt": "made-up"}
        assert metadata.asked == 4


def test_trap_27_credentials_that_never_come_are_said_within_the_deadline(
    aws: StrictAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_all(monkeypatch, aws.environment(), "AWS_ENDPOINT_URL", "AWS_REGION")
    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")
    with Metadata("operator", refusals=1000) as metadata:
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", metadata.url)
        started = time.monotonic()
        error = refused({}, seconds=5)  # another try wants 3, and on a busy machine the first one takes one
        assert time.monotonic() - started < 8
        assert metadata.asked > 1
    assert error.code is Code.CREDENTIALS
    assert "has no AWS credentials" in error.hint
    assert not aws.calls


def test_where_nothing_can_bring_credentials_nobody_waits_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", REGION)
    started = time.monotonic()
    assert refused({}, seconds=30).code is Code.CREDENTIALS
    assert time.monotonic() - started < 5


def test_a_program_for_credentials_that_hangs_is_left_at_the_deadline(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "config").write_text("[default]\ncredential_process = sleep 9\n")
    monkeypatch.setenv("AWS_REGION", REGION)
    started = time.monotonic()
    assert refused({}, seconds=1).code is Code.CREDENTIALS
    assert time.monotonic() - started < 7


@pytest.mark.parametrize(
    ("config", "options", "hint"),
    [
        ("", {"profile": "nobody"}, "is given a profile that"),
        ("[default]\nno section header is well", {}, "configuration files that it cannot use"),
        ("[default]\nrole_arn = arn:aws:iam::1:role/x\n", {}, "configuration files that it cannot use"),
        ("[default]\nsso_session = gone\nsso_account_id = 1\nsso_role_name = x\n", {}, "files that it cannot use"),
        ("[default]\ncredential_process = false\n", {}, "has no AWS credentials"),
        (
            "[default]\nsso_start_url = https://x\nsso_region = eu-west-1\nsso_account_id = 1\nsso_role_name = x\n",
            {},
            "has a login that has run out",
        ),
    ],
)
def test_a_login_or_a_file_that_is_no_good_is_said_as_such(
    config: str, options: dict[str, str], hint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_REGION", REGION)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "config").write_text(config)
    error = refused(options)
    assert error.code is Code.CREDENTIALS
    assert hint in error.hint


@pytest.mark.parametrize(
    ("variables", "hint"),
    [
        ({}, "is given no region"),
        ({"AWS_REGION": "no region!"}, "that the SDK cannot use"),
        ({"AWS_REGION": REGION, "AWS_ENDPOINT_URL": "not a url"}, "that the SDK cannot use"),
        ({"AWS_REGION": REGION, "AWS_USE_FIPS_ENDPOINT": "true", "AWS_ENDPOINT_URL": "ftp:/x"}, "that the SDK cannot"),
    ],
)
def test_a_region_or_an_endpoint_that_cannot_be_used_is_a_mistake_of_the_configuration(
    variables: dict[str, str], hint: str, aws: StrictAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_all(monkeypatch, aws.environment(), "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    set_all(monkeypatch, variables)
    error = refused({})
    assert error.code is Code.SCHEMA
    assert hint in error.hint


def test_an_address_that_nobody_listens_at_is_named(monkeypatch: pytest.MonkeyPatch, aws: StrictAws) -> None:
    set_all(monkeypatch, aws.environment())
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://user:canary-1@127.0.0.1:9/canary-2?canary-3")
    error = refused({})
    assert error.code is Code.UNAVAILABLE
    assert error.hint == "cannot be reached at http://127.0.0.1:9"


def test_an_address_with_the_rest_of_a_password_for_a_host_is_not_shown(
    monkeypatch: pytest.MonkeyPatch, aws: StrictAws
) -> None:
    set_all(monkeypatch, aws.environment())
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://user:begun@canary.invalid/word@127.0.0.1:9")
    error = refused({})
    assert error.code is Code.UNAVAILABLE
    assert error.hint == "cannot be reached"


def test_a_role_is_assumed_and_assumed_again_when_its_credentials_run_out(
    aws: StrictAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """STS is asked at its own endpoint, and Secrets Manager with what the role may do, not with what the caller may."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", aws.url)
    aws.add("jwt", "made-up")
    pod = aws.user("pod", identity_policy(allow("sts:AssumeRole", on="*")))
    role = aws.role("reader", READ_ALL, trusts={pod}, seconds=2)
    with provider_on(aws, user=pod, role_arn=role) as provider:
        assert values(dict(provider.fetch([JWT], Deadline(10)))) == {"jwt": "made-up"}
        assert aws.calls["AssumeRole"] >= 1
        before = aws.calls["AssumeRole"]
        time.sleep(2.1)  # the credentials run out: that is what is tested
        assert values(dict(provider.fetch([JWT], Deadline(10)))) == {"jwt": "made-up"}
        assert aws.calls["AssumeRole"] > before


def test_credentials_of_a_role_that_hold_are_kept(aws: StrictAws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", aws.url)
    for name in ("jwt", "a", "b"):
        aws.add(name, "made-up")
    role = aws.role("reader", identity_policy(allow("secretsmanager:*", on="*")), trusts={"operator"})
    with provider_on(aws, role_arn=role) as provider:
        for keys in ([JWT], [JWT, key("a")], [key("b", "b?stage=AWSCURRENT"), JWT]):
            provider.fetch(keys, Deadline(10))
    assert aws.calls["AssumeRole"] == 1


def test_a_role_that_may_not_be_assumed_is_denied_and_the_statement_that_is_printed_mends_it(
    aws: StrictAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", aws.url)
    aws.add("jwt", "made-up")
    pod = aws.user("pod", READ_ALL)
    role = aws.role("reader", READ_ALL, trusts={"root"})
    with pytest.raises(ProviderError) as caught:
        fetch(aws, JWT, user=pod, role_arn=role)
    assert caught.value.code is Code.DENIED
    assert caught.value.hint == f"may not assume the role {role}"
    statement, trust = caught.value.fix.splitlines()
    assert "trust policy" in trust
    pod = aws.user("pod", identity_policy(json.loads(statement)))
    assert values(fetch(aws, JWT, user=pod, role_arn=role)) == {"jwt": "made-up"}


def test_an_sts_that_hangs_is_said_to_be_late_and_not_a_lack_of_credentials(
    aws: StrictAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    role = aws.role("reader", READ_ALL, trusts={"operator"})
    with Wire(int(aws.url.rpartition(":")[2])) as wire:
        wire.hold()
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", wire.url)
        with pytest.raises(ProviderError) as caught:
            fetch(aws, JWT, role_arn=role, seconds=1)
    assert (caught.value.code, caught.value.hint) == (Code.UNAVAILABLE, "was not answered in time")


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ("ExpiredTokenException", 403, Code.CREDENTIALS),
        ("RegionDisabledException", 403, Code.CREDENTIALS),
        ("InvalidClientTokenId", 403, Code.CREDENTIALS),
        ("Throttling", 400, Code.THROTTLED),
        ("InternalFailure", 500, Code.UNAVAILABLE),
    ],
)
def test_what_sts_says_is_told_apart(
    fault: str, status: int, code: Code, aws: StrictAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", aws.url)
    aws.fault("AssumeRole", fault, status=status)
    with pytest.raises(ProviderError) as caught:
        fetch(aws, JWT, role_arn=aws.role("reader", READ_ALL, trusts={"operator"}), seconds=6)
    assert caught.value.code is code


def test_trap_6_a_role_that_is_throttled_is_assumed_a_little_later(
    aws: StrictAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", aws.url)
    aws.add("jwt", "made-up")
    aws.fault("AssumeRole", "Throttling", times=4)  # more than the SDK tries by itself
    role = aws.role("reader", READ_ALL, trusts={"operator"})
    assert values(fetch(aws, JWT, role_arn=role, seconds=15)) == {"jwt": "made-up"}
    assert aws.calls["AssumeRole"] == 5


def test_the_account_of_the_role_is_in_the_statement_for_a_denied_secret(
    aws: StrictAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", aws.url)
    answer = fetch(aws, JWT, role_arn=aws.role("reader", trusts={"operator"}))[JWT]
    assert isinstance(answer, Failed)
    assert f'"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:jwt-??????"' in answer.fix


@pytest.mark.parametrize(
    "options",
    [
        {"region": "no region!"},
        {"endpoint_url": "secretsmanager.example"},
        {"endpoint_url": "http://user:password@127.0.0.1"},
        {"endpoint_url": "http://user:pass/word@127.0.0.1"},
        {"role_arn": "estate"},
        {"profile": ""},
        {"session": object(), "profile": "estate"},
    ],
)
def test_options_that_cannot_be_are_refused_before_anybody_is_asked(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        spec.options.model_validate(options)


def test_a_session_is_in_no_repr_and_in_no_dump(aws: StrictAws) -> None:
    options = spec.options.model_validate({"session": aws.session()})
    assert isinstance(options, AwsAccess)
    assert "ession" not in repr(options).replace("AwsOptions", "")
    assert "session" not in options.model_dump()


def test_the_provider_works_again_after_a_close(aws: StrictAws) -> None:
    aws.add("jwt", "made-up")
    with provider_on(aws) as provider:
        for _ in range(2):
            assert values(dict(provider.fetch([JWT], Deadline(10)))) == {"jwt": "made-up"}
            provider.close()


def test_a_fix_names_no_place_of_this_machine(aws: StrictAws) -> None:
    error = refused({"profile": "nobody", "region": REGION})
    assert not re.search(r"/(root|home|tmp|work)/", error.hint + error.fix)
