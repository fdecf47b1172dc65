"""Reading with the provider `aws`: how many calls, which ids, and every answer at its key. On the strict fake."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from estate_config.errors import Code
from estate_config.model import Deadline, Failed, Found
from estate_config_providers._aws import connection
from tests.fakes.aws import ACCOUNT, REGION, StrictAws
from tests.fakes.iam import allow, deny, identity_policy
from tests.providers.aws_support import codes, failure, fetch, key, provider_on, values

BATCH, GET = "BatchGetSecretValue", "GetSecretValue"
EVERYTHING = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:*"


def test_a_derived_name_has_the_prefix_and_the_origin_says_version_and_stage(aws: StrictAws) -> None:
    secret = aws.add("estate/database/url", "made-up")
    asked = key("database/url")
    found = fetch(aws, asked, prefix="estate/")[asked]
    assert isinstance(found, Found)
    origin = found.origin
    assert (origin.provider, origin.place, origin.stage) == ("aws", "estate/database/url", "AWSCURRENT")
    assert origin.version == secret.at("AWSCURRENT")


def test_fifty_secrets_are_three_calls(aws: StrictAws) -> None:
    keys = [key(f"secret/{number}") for number in range(50)]
    for one in keys:
        aws.add(one.name, f"value of {one.name}")
    answers = fetch(aws, *keys)
    assert values(answers) == {one.name: f"value of {one.name}" for one in keys}
    assert aws.calls == {BATCH: 3}
    ids = [name for _, body in aws.asked for name in body["SecretIdList"]]
    assert sorted(ids) == sorted(one.name for one in keys)


def test_t24_five_members_of_one_secret_are_one_call(aws: StrictAws) -> None:
    members = {"host": "db", "port": "5432", "user": "app", "password": "made-up", "name": "estate"}
    aws.add("estate/rds", json.dumps(members))
    keys = [key(member, f"estate/rds#{member}") for member in members]
    assert values(fetch(aws, *keys)) == members
    assert aws.calls == {GET: 1}


def test_a_number_keeps_its_digits_and_a_member_that_is_not_there_is_absent(aws: StrictAws) -> None:
    aws.add("estate/rds", '{"pin": 0.10, "none": null}')
    keys = [key(member, f"estate/rds#{member}") for member in ("pin", "none", "nowhere")]
    answers = fetch(aws, *keys)
    assert values(answers) == {"pin": "0.10"}
    assert codes(answers) == {"none": Code.NO_VALUE}


def test_t2_a_value_that_is_no_json_is_reported_by_its_position(aws: StrictAws) -> None:
    aws.add("estate/rds", '{"password": canary}')
    asked = key("password", "estate/rds#password")
    answer = failure(fetch(aws, asked), asked)
    assert answer.code is Code.MALFORMED
    assert "line 1, column 14" in answer.hint
    assert "canary" not in repr(answer)
    assert "put-secret-value --secret-id estate/rds" in answer.fix


def test_t8_only_what_was_asked_for_is_asked_for_and_never_by_filter(aws: StrictAws) -> None:
    for name in ("db", "db-admin", "api"):
        aws.add(name, name)
    assert values(fetch(aws, key("db"), key("api"))) == {"db": "db", "api": "api"}
    assert aws.asked == [(BATCH, {"SecretIdList": ["db", "api"]})]


def test_t8_a_denied_member_of_a_batch_is_an_error_of_its_own(aws: StrictAws) -> None:
    policy = identity_policy(
        allow(f"secretsmanager:{BATCH}", on="*"), allow(f"secretsmanager:{GET}", on=f"{EVERYTHING[:-1]}db-??????")
    )
    aws.add("db", "made-up")
    aws.add("api", "made-up")
    answers = fetch(aws, key("db"), key("api"), user=aws.user("pod", policy))
    assert values(answers) == {"db": "made-up"}
    assert codes(answers) == {"api": Code.DENIED}


def test_t7_another_version_is_another_question(aws: StrictAws) -> None:
    aws.add("jwt", "old")
    secret = aws.add("jwt", "new")
    old = secret.at("AWSPREVIOUS")
    aws.add("jwt", "next", stage="AWSPENDING")
    addresses = ["jwt", "jwt?stage=AWSPREVIOUS", "jwt?stage=AWSPENDING", "jwt?stage=AWSCURRENT", f"jwt?version={old}"]
    keys = [key(address, address) for address in addresses]
    answers = fetch(aws, *keys)
    assert list(values(answers).values()) == ["new", "old", "next", "new", "old"]
    stages = [one.origin.stage for one in answers.values() if isinstance(one, Found)]
    assert stages == ["AWSCURRENT", "AWSPREVIOUS", "AWSPENDING", "AWSCURRENT", "AWSPREVIOUS"]


def test_trap_4_stages_and_versions_are_single_reads_beside_the_batch(aws: StrictAws) -> None:
    for name in ("a", "b", "c"):
        aws.add(name, f"old {name}")
        aws.add(name, f"new {name}")
    keys = [key("a"), key("b"), key("c"), key("old", "c?stage=AWSPREVIOUS"), key("pending", "c?stage=AWSPENDING")]
    answers = fetch(aws, *keys)
    assert values(answers) == {"a": "new a", "b": "new b", "c": "new c", "old": "old c"}
    assert codes(answers) == {"pending": Code.NO_VALUE}
    assert aws.calls == {BATCH: 1, GET: 2, "DescribeSecret": 1}


def test_trap_11_a_pending_version_is_not_read_unless_it_is_asked_for(aws: StrictAws) -> None:
    aws.add("jwt", "in force")
    aws.add("jwt", "not yet", stage="AWSPENDING")
    assert values(fetch(aws, key("jwt"))) == {"jwt": "in force"}


@pytest.mark.parametrize("others", [0, 3])
def test_trap_5_a_name_and_an_arn_of_one_secret_are_both_answered(aws: StrictAws, others: int) -> None:
    arn = aws.add("estate/rds", '{"user": "app", "password": "p"}').arn
    keys = [key("user", "estate/rds#user"), key("password", f"{arn}#password"), key("partial", f"{arn[:-7]}#user")]
    for number in range(others):
        aws.add(f"other/{number}", "x")
        keys.append(key(f"other/{number}"))
    answers = fetch(aws, *keys)
    assert values(answers) == {"user": "app", "password": "p", "partial": "app"} | {
        f"other/{number}": "x" for number in range(others)
    }
    assert aws.calls == {BATCH: 1}


def test_trap_5_the_same_name_in_another_account_is_another_secret(aws: StrictAws) -> None:
    """By name it is the own account's, by ARN the other one's, though AWS answers with the same name for both."""
    user = aws.user("pod", identity_policy(allow("secretsmanager:*", "kms:Decrypt", on="*")))
    pod = f"arn:aws:iam::{ACCOUNT}:user/pod"
    shared = {"Version": "2012-10-17", "Statement": [allow("*", on="*", Principal={"AWS": pod})]}
    kms = aws.key(account="210987654321", policy=shared)
    other = aws.add("estate/rds", "theirs", account="210987654321", policy=shared, key=kms.arn)
    keys = [key("ours", "estate/rds"), key("theirs", other.arn)]
    assert codes(fetch(aws, keys[0], user=user)) == {}
    aws.calls.clear()
    answers = fetch(aws, *keys, user=user)
    assert values(answers) == {"theirs": "theirs"}
    aws.add("estate/rds", "ours")
    for asked in (keys, keys[::-1]):
        assert values(fetch(aws, *asked, user=user)) == {"ours": "ours", "theirs": "theirs"}


def test_an_arn_of_another_region_is_malformed_and_never_absent(aws: StrictAws) -> None:
    arn = aws.add("estate/rds", "made-up", region="eu-west-1").arn
    aws.add("other", "made-up")
    asked = key("rds", arn)
    answers = fetch(aws, asked, key("other"))
    answer = failure(answers, asked)
    assert answer.code is Code.MALFORMED
    assert "is in eu-west-1, and ap-northeast-2 is asked" in answer.hint
    assert values(answers) == {"other": "made-up"}


def test_binary_is_bytes_text_is_text_whichever_way_it_was_stored(aws: StrictAws) -> None:
    aws.add("bytes", b"\x00\xff")
    aws.add("text", "text")
    aws.add("utf8", "é".encode())
    keys = [key("bytes", binary=True), key("text", binary=True), key("utf8"), key("no text", "bytes")]
    answers = fetch(aws, *keys)
    assert values(answers) == {"bytes": b"\x00\xff", "text": b"text", "utf8": "é"}
    assert codes(answers) == {"no text": Code.MALFORMED}


def test_trap_1_a_policy_without_a_right_to_the_batch_is_read_one_by_one(
    aws: StrictAws, caplog: pytest.LogCaptureFixture
) -> None:
    pod = aws.user("pod", identity_policy(allow(f"secretsmanager:{BATCH}", f"secretsmanager:{GET}", on=EVERYTHING)))
    keys = [key(f"secret/{number}") for number in range(25)]
    for one in keys:
        aws.add(one.name, one.name)
    assert values(fetch(aws, *keys, user=pod)) == {one.name: one.name for one in keys}
    assert aws.calls == {BATCH: 2, GET: 25}
    assert "BatchGetSecretValue of 20 secrets: DENIED; they are read one by one" in caplog.text


def test_t8_an_scp_that_denies_the_batch_does_not_deny_the_secrets(aws: StrictAws) -> None:
    scp = identity_policy(allow("*", on="*"), deny(f"secretsmanager:{BATCH}", on="*"))
    aws.add("a", "1")
    aws.add("b", "2")
    assert values(fetch(aws, key("a"), key("b"), user=aws.user("pod", scp))) == {"a": "1", "b": "2"}


def test_t8_an_endpoint_policy_that_denies_one_member_denies_only_that(aws: StrictAws) -> None:
    """AWS then gives no values at all, and no errors either."""
    for name in ("a", "b", "c"):
        aws.add(name, name)
    aws.store.endpoint_denies.add("b")
    answers = fetch(aws, key("a"), key("b"), key("c"))
    assert values(answers) == {"a": "a", "c": "c"}
    assert codes(answers) == {"b": Code.DENIED}


def test_one_secret_needs_no_right_to_the_batch(aws: StrictAws) -> None:
    pod = aws.user("pod", identity_policy(allow(f"secretsmanager:{GET}", on=f"{EVERYTHING[:-1]}jwt-??????")))
    aws.add("jwt", "made-up")
    assert values(fetch(aws, key("jwt"), user=pod)) == {"jwt": "made-up"}
    assert aws.calls == {GET: 1}


def test_trap_2_an_id_that_a_batch_says_nothing_of_is_an_error_of_its_own(aws: StrictAws) -> None:
    for name in ("a", "b", "c"):
        aws.add(name, name)
    aws.store.unsaid.add("b")
    asked = key("b")
    answers = fetch(aws, key("a"), asked, key("c"))
    assert values(answers) == {"a": "a", "c": "c"}
    answer = failure(answers, asked)
    assert answer.code is Code.UNAVAILABLE
    assert "neither a value nor an error" in answer.hint


@pytest.mark.parametrize("said", ["ThrottlingException", "InternalServiceError"])
def test_trap_3_a_secret_that_a_batch_stumbles_over_is_asked_for_by_itself(aws: StrictAws, said: str) -> None:
    for name in ("a", "b", "c"):
        aws.add(name, name)
    aws.store.stumbles["b"] = said
    assert values(fetch(aws, key("a"), key("b"), key("c"))) == {"a": "a", "b": "b", "c": "c"}
    assert aws.calls == {BATCH: 1, GET: 1}


@pytest.mark.parametrize("pages", [[0], [0, 0, 2], [1, 1, 1], [4]])
def test_all_pages_of_a_batch_are_read_those_without_values_too(aws: StrictAws, pages: list[int]) -> None:
    keys = [key(name) for name in "abcd"]
    for one in keys:
        aws.add(one.name, one.name)
    aws.store.pages = pages
    answers = fetch(aws, *keys, key("nowhere"))
    assert values(answers) == {name: name for name in "abcd"}
    assert codes(answers) == {}
    assert aws.calls[BATCH] == len(pages) + 1


def test_pages_without_end_are_given_up(aws: StrictAws) -> None:
    aws.add("a", "1")
    aws.add("b", "2")
    aws.store.pages = [0] * 1000
    assert values(fetch(aws, key("a"), key("b"))) == {"a": "1", "b": "2"}
    assert aws.calls[BATCH] < 30


def test_traps_3_and_6_a_throttled_batch_is_read_one_by_one(aws: StrictAws) -> None:
    """ThrottlingException is HTTP 400, and a batch has a hundredth of the quota of single reads."""
    keys = [key(f"secret/{number}") for number in range(25)]
    for one in keys:
        aws.add(one.name, one.name)
    aws.fault(BATCH, "ThrottlingException")
    assert values(fetch(aws, *keys)) == {one.name: one.name for one in keys}
    assert aws.calls[GET] == 25


def test_traps_3_and_6_reads_that_are_throttled_are_asked_again_within_the_deadline(aws: StrictAws) -> None:
    aws.add("a", "1")
    aws.fault(GET, "ThrottlingException", times=4)  # more than the SDK tries by itself
    assert values(fetch(aws, key("a"))) == {"a": "1"}
    assert aws.calls == {GET: 5}


def test_a_throttle_that_does_not_end_is_said_before_the_deadline(aws: StrictAws) -> None:
    aws.add("a", "1")
    aws.fault("*", "ThrottlingException")
    asked = key("a")
    started = time.monotonic()
    answer = failure(fetch(aws, asked, seconds=5), asked)
    assert time.monotonic() - started < 5
    assert answer.code is Code.THROTTLED


def test_a_secret_that_hangs_takes_no_other_with_it(aws: StrictAws) -> None:
    aws.add("slow", "x")
    aws.add("jwt", "old")
    aws.add("jwt", "new")
    aws.fault(GET, "hang", secret="slow")
    keys = [key("slow"), key("jwt", "jwt?stage=AWSPREVIOUS")]
    started = time.monotonic()
    answers = fetch(aws, *keys, seconds=4)
    assert time.monotonic() - started < 8
    assert values(answers) == {"jwt": "old"}
    assert codes(answers) == {"slow": Code.UNAVAILABLE}


def test_an_answer_comes_before_the_deadline_so_that_somebody_still_waits_for_it(aws: StrictAws) -> None:
    aws.add("slow", "x")
    aws.fault(GET, "hang")
    with provider_on(aws) as provider:
        deadline = Deadline(5)  # a twentieth of it is kept, and a busy machine needs some of that
        assert provider.fetch([key("slow")], deadline)
        assert deadline.remaining() > 0


def test_trap_26_time_limits_are_short_and_pools_large_enough(aws: StrictAws) -> None:
    aws.add("a", "1")
    with provider_on(aws) as provider:
        provider.fetch([key("a")], Deadline(15))
        client = provider._connector.connected(Deadline(1))._client  # type: ignore[union-attr]  # it is connected
        config = client.meta.config
        assert (config.connect_timeout, config.read_timeout) == (2, 5)
        assert config.retries == {"mode": "standard", "total_max_attempts": 3}
        assert config.max_pool_connections >= 16


def test_a_short_deadline_does_not_shorten_the_next_one(aws: StrictAws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "_READ", 50)  # ten times what it is, so that a short one is enough to connect
    aws.add("a", "1")
    with provider_on(aws) as provider:
        for seconds, least, most in ((10, 0, 10), (150, 25, 50), (10, 25, 50)):
            provider.fetch([key("a")], Deadline(seconds))
            client = provider._connector.connected(Deadline(seconds))._client  # type: ignore[union-attr]
            assert least < client.meta.config.read_timeout <= most


_FROM_THE_ENVIRONMENT = """
import sys
from estate_config import Settings, load, secret

class Service(Settings):
    token: str = secret("x/token")

config = {"environments": {"production": {"chain": ["env", "aws"]}}, "providers": {"aws": {"prefix": "estate/"}}}
load(Service, environment="production", config=config)
print(*({"boto3", "botocore"} & set(sys.modules)))
"""


def test_what_the_environment_has_costs_no_call_and_no_import_of_boto3(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", _FROM_THE_ENVIRONMENT],
        cwd=tmp_path,
        env={"X_TOKEN": "made-up", "AWS_ENDPOINT_URL": "http://127.0.0.1:9"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == ""


_WITHOUT_BOTO3 = """
import sys
sys.modules["boto3"] = None
from pathlib import Path
from estate_config.contract import Context
from estate_config.errors import ProviderError
from estate_config.model import Deadline, Key
from estate_config_providers.aws import spec
try:
    spec.build(spec.options(), Context("x", Path())).fetch([Key("a", "a")], Deadline(5))
except ProviderError as error:
    print(error.code, error.fix)
"""


def test_without_boto3_the_install_command_is_named() -> None:
    done = subprocess.run([sys.executable, "-c", _WITHOUT_BOTO3], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "PLUGIN pip install 'estate-config[aws]'"


def test_locate_names_the_place_and_the_commands_without_a_value_on_the_command_line(aws: StrictAws) -> None:
    with provider_on(aws, region=REGION, prefix="estate/") as provider:
        place = provider.locate(key("openai/api_key"))
        assert place.text == "estate/openai/api_key"
        create, put = place.fix, place.change
        where = f"--region {REGION} --secret-string file:///dev/stdin "
        assert create.startswith(f"aws secretsmanager create-secret --name estate/openai/api_key {where}")
        assert put.startswith(f"aws secretsmanager put-secret-value --secret-id estate/openai/api_key {where}")
        member = provider.locate(key("password", "estate/rds#password"))
        assert member.text == "estate/rds#password"
        create, put = member.fix.splitlines()
        assert create.endswith('# it is not there yet: the whole JSON object, "password" in it')
        assert put.endswith('# it is there: the whole JSON object, "password" in it')
        assert member.change.endswith('file://secret.json   # the whole JSON object, "password" in it')
        assert len(provider.locate(key("old", "estate/jwt?stage=AWSPREVIOUS")).fix.splitlines()) == 2
        version = provider.locate(key("jwt", f"jwt?version={'0' * 32}"))
        assert version.fix.startswith("aws secretsmanager list-secret-version-ids --secret-id jwt")
        assert "create-secret" not in version.fix
        bad = provider.locate(key("bad", "no good"))
        assert bad.text == "no good"
    assert not aws.calls


def test_a_name_that_a_shell_would_read_is_quoted(aws: StrictAws) -> None:
    with provider_on(aws) as provider:
        assert "--secret-id 'rds!db-1'" in provider.locate(key("rds", "rds!db-1")).change


def test_no_answer_of_a_failure_is_mixed_up_with_found(aws: StrictAws) -> None:
    aws.add("a", "1")
    asked = key("a", "a?stage=AWSPENDING")
    answer = fetch(aws, asked, key("b", "a"))[asked]
    assert isinstance(answer, Failed)
