"""Two regions, each a strict fake: home is down, what is not another region's to answer, and the way back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from pydantic import ValidationError

from estate_config.errors import Code, ProviderError
from estate_config.model import Deadline, Failed, Found, Key, Status
from estate_config_providers.aws import regions, spec
from estate_config_providers.aws.secrets_manager import SecretsManager
from tests.fakes.aws import REGION as HOME
from tests.fakes.aws import StrictAws
from tests.fakes.metadata import Metadata
from tests.providers.aws_support import Answers, codes, key, provider_on, values

COPY = "us-east-1"
JWT, RDS = key("estate/jwt"), key("estate/rds", "estate/rds#password")
DEGRADED = f"from {COPY}: {HOME} "


class Two:
    """Home and a copy of what it has. The one endpoint that a provider is given is that of home."""

    def __init__(self, home: StrictAws, copy: StrictAws) -> None:
        self.home, self.copy = home, copy

    def replicate(self) -> None:
        """As AWS does: the same versions, and ARNs that differ in their region only."""
        self.copy.store.secrets = [replace(secret, region=COPY) for secret in self.home.store.secrets]
        self.copy.store.keys = self.home.store.keys

    @contextmanager
    def provider(self) -> Iterator[SecretsManager]:
        with provider_on(self.home, regions=[HOME, COPY]) as provider:
            yield provider

    def fetch(self, *keys: Key, seconds: float = 10) -> Answers:
        with self.provider() as provider:
            return dict(provider.fetch(keys, Deadline(seconds)))


@pytest.fixture
def two(aws: StrictAws, monkeypatch: pytest.MonkeyPatch) -> Iterator[Two]:
    aws.add("estate/jwt", "made-up")
    aws.add("estate/rds", '{"password": "p"}')
    with StrictAws() as copy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", copy.url)
        found = Two(aws, copy)
        found.replicate()
        yield found


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A clock for how long home is left alone; `now` is set by the test."""
    made = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(regions, "time", SimpleNamespace(monotonic=lambda: made.now))
    return made


def degraded(answers: Answers) -> set[str]:
    return {answer.origin.degraded for answer in answers.values() if isinstance(answer, Found)}


def test_home_is_asked_and_nobody_else(two: Two) -> None:
    answers = two.fetch(JWT, RDS)
    assert values(answers) == {"estate/jwt": "made-up", "estate/rds": "p"}
    assert degraded(answers) == {""}
    assert not two.copy.calls


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ("gone", "cannot be reached"),
        ("reset", "cannot be reached"),
        ("hang", "does not answer in time"),
        ("InternalFailure", "fails"),
        ("garbage", "does not answer as AWS does"),
    ],
)
@pytest.mark.parametrize("keys", [(JWT,), (JWT, RDS)])
def test_where_home_is_down_the_next_region_answers_within_the_deadline(
    two: Two, how: str, why: str, keys: tuple[Key, ...]
) -> None:
    two.home.stop() if how == "gone" else two.home.fault("*", how, status=500)
    started, seconds = time.monotonic(), 4 if how == "hang" else 20  # the SDK's pauses may take 6 of the first half
    answers = two.fetch(*keys, seconds=seconds)
    assert time.monotonic() - started < seconds
    assert len(values(answers)) == len(keys)
    found = answers[JWT]
    assert isinstance(found, Found)
    current = two.home.store.secrets[0].at("AWSCURRENT")
    origin = found.origin
    assert (found.value, origin.place, origin.version, origin.degraded) == (
        "made-up",
        JWT.name,
        current,
        DEGRADED + why,
    )
    assert origin.created_at is not None
    assert origin.created_at.tzinfo is not None


def test_only_what_home_did_not_answer_is_asked_elsewhere(two: Two) -> None:
    two.home.fault("*", "hang", secret="estate/jwt")
    pending = Key("estate/rds", "rds", "estate/rds#password", stage="AWSCURRENT")
    answers = two.fetch(replace(JWT, stage="AWSCURRENT"), pending, seconds=6)
    assert values(answers) == {"estate/jwt": "made-up", "estate/rds": "p"}
    assert degraded(answers) == {"", f"{DEGRADED}does not answer in time"}
    assert [body["SecretId"] for _, body in two.copy.asked] == ["estate/jwt"]


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("AccessDeniedException", Code.DENIED),
        ("ResourceNotFoundException", None),
        ("DecryptionFailure", Code.KMS),
        ("ThrottlingException", Code.THROTTLED),
        ("deleted", Code.DELETED),
        ("UnrecognizedClientException", Code.CREDENTIALS),
    ],
)
def test_what_home_says_is_not_asked_elsewhere(two: Two, fault: str, code: Code | None) -> None:
    if fault == "deleted":
        two.home.store.secrets[0].deleted = datetime(2026, 12, 1, tzinfo=UTC)
    else:
        two.home.fault("*", fault)
    bad = key("bad", "no good")  # with one that has a mistake of its own, nothing is raised for all
    answers = two.fetch(JWT, bad, seconds=10)  # of its half, the SDK's pauses after a throttle may take 3
    assert codes(answers) == {"bad": Code.MALFORMED} | ({} if code is None else {"estate/jwt": code})
    assert not values(answers)
    assert not two.copy.calls


@pytest.mark.parametrize("what", ["not replicated", "denied", "deleted"])
def test_what_another_region_does_not_give_is_as_home_left_it_and_never_absent(two: Two, what: str) -> None:
    two.home.stop()
    if what == "not replicated":
        del two.copy.store.secrets[0]
    elif what == "deleted":
        two.copy.store.secrets[0].deleted = datetime(2026, 12, 1, tzinfo=UTC)
    else:
        two.copy.fault("*", "AccessDeniedException", secret="estate/jwt")
    answers = two.fetch(JWT, RDS)
    assert values(answers) == {"estate/rds": "p"}
    answer = answers[JWT]
    assert isinstance(answer, Failed)
    assert answer.code is Code.UNAVAILABLE
    assert answer.hint.startswith(f"cannot be reached at {two.home.url}; {COPY}: ")
    reason = {"not replicated": "does not exist", "denied": "may not be read", "deleted": "is scheduled for deletion"}
    assert reason[what] in answer.hint


def test_two_regions_that_are_down_are_both_named(two: Two) -> None:
    two.home.stop()
    two.copy.stop()
    with pytest.raises(ProviderError) as caught:
        two.fetch(JWT, RDS)
    assert caught.value.code is Code.UNAVAILABLE
    assert caught.value.hint == f"cannot be reached at {two.home.url}; {COPY}: cannot be reached at {two.copy.url}"


def test_the_arn_of_home_is_that_of_the_copy_there_and_the_place_stays_as_it_is_spelled(two: Two) -> None:
    home, copy = two.home.store.secrets[1].arn, two.copy.store.secrets[1].arn
    assert home.replace(HOME, COPY) == copy
    two.home.stop()
    keys = [key("whole", f"{home}#password"), key("partial", f"{home[:-7]}#password")]
    answers = two.fetch(*keys)
    assert values(answers) == {"whole": "p", "partial": "p"}
    assert [one.origin.place for one in answers.values() if isinstance(one, Found)] == [one.address for one in keys]
    assert {secret for _, body in two.copy.asked for secret in body["SecretIdList"]} == {copy, copy[:-7]}


def test_home_is_left_alone_for_a_while_and_asked_first_again_after_it(two: Two, clock: SimpleNamespace) -> None:
    two.home.fault("*", "InternalFailure", status=500)
    with two.provider() as provider:
        assert degraded(dict(provider.fetch([JWT], Deadline(10)))) == {f"{DEGRADED}fails"}
        two.home.mend()
        two.home.calls.clear()
        clock.now += 29
        assert degraded(dict(provider.fetch([JWT], Deadline(10)))) == {f"{DEGRADED}fails"}
        assert not two.home.calls
        clock.now += 2
        assert degraded(dict(provider.fetch([JWT], Deadline(10)))) == {""}
        clock.now += 1
        assert degraded(dict(provider.fetch([JWT], Deadline(10)))) == {""}, "and it stays"


def test_while_home_is_left_alone_it_is_asked_where_no_copy_gives_an_answer(two: Two, clock: SimpleNamespace) -> None:
    two.home.fault("*", "InternalFailure", status=500)
    with two.provider() as provider:
        provider.fetch([JWT], Deadline(10))
        two.home.mend()
        two.copy.stop()
        clock.now += 5
        answers = dict(provider.fetch([JWT], Deadline(10)))
        assert (values(answers), degraded(answers)) == ({"estate/jwt": "made-up"}, {""})


def test_one_secret_that_fails_does_not_make_home_a_region_that_is_down(two: Two) -> None:
    two.home.fault("*", "InternalFailure", status=500, secret="estate/jwt")
    with two.provider() as provider:
        provider.fetch([replace(JWT, stage="AWSCURRENT"), replace(RDS, stage="AWSCURRENT")], Deadline(10))
        assert degraded(dict(provider.fetch([RDS], Deadline(10)))) == {""}


def test_probing_goes_the_same_way(two: Two) -> None:
    two.home.stop()
    with two.provider() as provider:
        answer = provider.probe([JWT], Deadline(10))[JWT]
        assert isinstance(answer, Status)
        assert (answer.place, answer.version) == (JWT.name, two.home.store.secrets[0].at("AWSCURRENT"))
        assert [notice.message for notice in answer.notices] == [f"is told {DEGRADED}cannot be reached"]
        del two.copy.store.secrets[0]
        with pytest.raises(ProviderError, match="cannot be reached"):
            provider.probe([JWT], Deadline(10))
    assert set(two.copy.calls) == {"DescribeSecret"}


def test_nothing_is_written_elsewhere(two: Two) -> None:
    two.home.stop()
    with two.provider() as provider:
        assert provider.put({JWT: "new"}, Deadline(10))[JWT].code is Code.UNAVAILABLE
    assert not two.copy.calls


def test_trap_27_credentials_are_no_regions_and_are_waited_for_with_all_the_time_there_is(
    two: Two, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_EC2_METADATA_DISABLED"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, f"{tmp_path}/nothing")
    with Metadata(two.home.temporary("operator", token="none"), refusals=2) as metadata:
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", metadata.url)
        with provider_on(two.home, session=None, regions=[HOME, COPY]) as provider:
            answers = dict(provider.fetch([JWT], Deadline(6)))  # half of it is too short to ask for them twice
        assert metadata.asked == 3
    assert (values(answers), degraded(answers)) == ({"estate/jwt": "made-up"}, {""})


@pytest.mark.parametrize(
    "options",
    [
        {"region": HOME, "regions": [HOME, COPY]},
        {"regions": [HOME, COPY, HOME]},
        {"regions": ["no region!"]},
        {"regions": HOME},
    ],
)
def test_regions_that_cannot_be_are_refused_before_anybody_is_asked(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        spec.options.model_validate(options)
