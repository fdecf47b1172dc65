"""Changes that AWS tells of: EventBridge's documented event, through a queue that several processes listen to.

The route is that of the embedded AWS, which makes no event of its own when a label moves: a test puts it on the bus.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import botocore.exceptions
import botocore.session
import pytest
from pydantic import ValidationError

from estate_config.contract import Context, Watcher
from estate_config.errors import Code, ProviderError
from estate_config.model import Deadline
from estate_config.testing import EmbeddedAws
from estate_config_providers._aws.causes import Cause
from estate_config_providers._aws.failures import trouble_of
from estate_config_providers.aws import spec
from estate_config_providers.aws.listening import SQS
from estate_config_providers.aws.secrets_manager import SecretsManager
from tests.fakes.aws import ACCOUNT, REGION, StrictAws
from tests.fakes.aws_model import validate
from tests.providers.aws_support import key

ARN = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:estate/rds-AbCdEf"
USER, PASSWORD = key("rds/user", "estate/rds#user"), key("rds/password", f"{ARN}#password")
JWT = key("estate/jwt")
CANARY = "kq7ZvXw2Lr9TbN4mHc"
NEW = "11111111-2222-3333-4444-555555555555"


@pytest.fixture(scope="module")
def moto() -> Iterator[EmbeddedAws]:
    with EmbeddedAws() as server:
        yield server


class Route:
    """EventBridge's rule and SQS's queue, as `estate generate terraform` makes them."""

    def __init__(self, moto: EmbeddedAws) -> None:
        session = boto3.Session(aws_access_key_id="testing", aws_secret_access_key="testing", region_name=REGION)
        self._sqs: Any = session.client("sqs", endpoint_url=moto.endpoint_url)
        self._events: Any = session.client("events", endpoint_url=moto.endpoint_url)
        name = f"changes-{uuid4().hex[:8]}"
        self.url = self._sqs.create_queue(QueueName=name, Attributes={"MessageRetentionPeriod": "300"})["QueueUrl"]
        pattern = {"source": ["aws.secretsmanager"], "detail-type": ["Secret Label Updated"]}
        self._events.put_rule(Name=name, EventPattern=json.dumps(pattern))
        arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"
        self._events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn}])
        self._rule = name

    def tell(self, name: str, arn: str, version: str = NEW, label: str = "AWSCURRENT") -> None:
        """Put the event on the bus that AWS documents for a label that moves."""
        detail = {"name": name, "labelUpdated": label, "versionId": version}
        event = {"Source": "aws.secretsmanager", "DetailType": "Secret Label Updated", "Resources": [arn]}
        done = self._events.put_events(Entries=[{**event, "Detail": json.dumps(detail)}])
        assert done["FailedEntryCount"] == 0

    def send(self, body: str) -> None:
        self._sqs.send_message(QueueUrl=self.url, MessageBody=body)

    def waiting(self) -> int:
        asked = self._sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["ApproximateNumberOfMessages"])
        return int(asked["Attributes"]["ApproximateNumberOfMessages"])

    def close(self) -> None:
        self._events.remove_targets(Rule=self._rule, Ids=["queue"])
        self._events.delete_rule(Name=self._rule)
        self._sqs.delete_queue(QueueUrl=self.url)
        self._sqs.close()
        self._events.close()


@pytest.fixture
def route(moto: EmbeddedAws, monkeypatch: pytest.MonkeyPatch) -> Iterator[Route]:
    for name, value in moto.variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_REGION", REGION)
    made = Route(moto)
    yield made
    made.close()


def provider_with(**options: Any) -> SecretsManager:
    provider = spec.build(spec.options.model_validate(options), Context("production", Path.cwd()))
    assert isinstance(provider, SecretsManager)
    assert isinstance(provider, Watcher)
    return provider


@pytest.fixture
def watcher(route: Route) -> Iterator[SecretsManager]:
    provider = provider_with(events_queue_url=route.url)
    yield provider
    provider.close()


def test_an_event_names_the_keys_of_its_secret_and_the_version_to_expect(route: Route, watcher: SecretsManager) -> None:
    route.tell("estate/rds", ARN)
    assert watcher.changes([USER, PASSWORD, JWT], Deadline(5)) == {USER: NEW, PASSWORD: NEW}


def test_two_watchers_on_one_queue_both_see_it_and_each_only_once(route: Route, watcher: SecretsManager) -> None:
    other = provider_with(events_queue_url=route.url)
    try:
        route.tell("estate/jwt", ARN.replace("rds", "jwt"))
        assert watcher.changes([JWT], Deadline(5)) == {JWT: NEW}
        assert other.changes([JWT], Deadline(5)) == {JWT: NEW}
        assert watcher.changes([JWT], Deadline(1)) == {}
        assert route.waiting() == 1
    finally:
        other.close()


def test_one_that_listens_already_is_told_at_once(route: Route, watcher: SecretsManager) -> None:
    watcher.changes([JWT], Deadline(3))  # connecting is not what is looked at
    told: list[tuple[object, float]] = []

    def listen() -> None:
        told.append((watcher.changes([JWT], Deadline(20)), time.monotonic()))

    thread = threading.Thread(target=listen)
    thread.start()
    started = time.monotonic()
    route.tell("estate/jwt", ARN.replace("rds", "jwt"))
    thread.join()
    ((answer, at),) = told
    assert answer == {JWT: NEW}
    assert at - started < 3


def test_it_is_told_of_the_current_version_only(route: Route, watcher: SecretsManager) -> None:
    pending, old, pinned = (
        key(name, f"estate/jwt?{which}")
        for name, which in (("p", "stage=AWSPENDING"), ("o", "stage=AWSPREVIOUS"), ("v", f"version={NEW}"))
    )
    arn = ARN.replace("rds", "jwt")
    for label in ("AWSPENDING", "AWSPREVIOUS", "blue"):
        route.tell("estate/jwt", arn, label=label)
    assert watcher.changes([JWT, pending, old, pinned], Deadline(3)) == {}  # connecting included
    route.tell("estate/jwt", arn)
    told = watcher.changes([JWT, pending, old, pinned], Deadline(5))
    assert told == {JWT: NEW, old: None}, "AWSPREVIOUS goes where AWSCURRENT was: to which version, no event says"


def test_what_was_there_before_it_is_told_once_and_the_latest_event_of_a_secret_counts(
    route: Route, watcher: SecretsManager
) -> None:
    event = {"source": "aws.secretsmanager", "detail-type": "Secret Label Updated", "resources": [ARN]}
    for hour, version in ((9, "old"), (11, "new"), (10, "between")):
        detail = {"name": "estate/rds", "labelUpdated": "AWSCURRENT", "versionId": version}
        route.send(json.dumps({**event, "time": f"2026-11-25T{hour:02}:00:00Z", "detail": detail}))
    assert watcher.changes([USER], Deadline(5)) == {USER: "new"}
    assert watcher.changes([USER], Deadline(1)) == {}


def test_an_event_that_sns_wrapped_is_understood(route: Route, watcher: SecretsManager) -> None:
    detail = {"name": "estate/jwt", "labelUpdated": "AWSCURRENT", "versionId": NEW}
    event = {
        "source": "aws.secretsmanager",
        "detail-type": "Secret Label Updated",
        "resources": [ARN],
        "detail": detail,
    }
    message = json.dumps({**event, "time": "2026-11-25T09:00:00Z"})
    route.send(json.dumps({"Type": "Notification", "TopicArn": "arn:aws:sns:x", "Message": message}))
    assert watcher.changes([JWT], Deadline(5)) == {JWT: NEW}


def test_what_is_no_event_is_left_alone_with_one_warning_and_without_its_body(
    route: Route, watcher: SecretsManager, caplog: pytest.LogCaptureFixture
) -> None:
    bodies = [
        CANARY,
        f'["{CANARY}"]',
        "[" * 100_000,
        json.dumps({"Type": "Notification", "Message": CANARY}),
        json.dumps({"source": "aws.secretsmanager", "detail-type": "Secret Label Updated", "detail": {"name": CANARY}}),
    ]
    for body in bodies:
        route.send(body)
    route.send(json.dumps({"source": "aws.s3", "detail-type": "Object Created", "detail": CANARY}))
    route.tell("estate/jwt", ARN.replace("rds", "jwt"))
    caplog.set_level("DEBUG")
    assert watcher.changes([JWT], Deadline(5)) == {JWT: NEW}
    assert watcher.changes([JWT], Deadline(1)) == {}
    assert caplog.text.count("is no event") == len(bodies)
    assert CANARY not in caplog.text


ON = f'"Resource": "arn:aws:sqs:{REGION}:{ACCOUNT}:changes"'


class Queueing(StrictAws):
    """A queue that never waits, whose messages never end."""

    def __init__(self, *bodies: str) -> None:
        super().__init__()
        self._messages = [{"MessageId": str(number), "Body": body} for number, body in enumerate(bodies)]
        self.url_of_queue = f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/changes"

    def answer(self, action: str, body: dict[str, Any], authorization: str, token: str | None) -> dict[str, Any]:
        del authorization, token
        validate("sqs", action, body)
        assert (action, body["VisibilityTimeout"]) == ("ReceiveMessage", 0)
        return {"Messages": self._messages}


@pytest.fixture
def never_ending(monkeypatch: pytest.MonkeyPatch) -> Iterator[Queueing]:
    with Queueing("x") as queue:
        for name, value in queue.environment().items():
            monkeypatch.setenv(name, value)
        yield queue


def test_messages_that_stay_in_the_queue_do_not_make_it_ask_more_than_twice_a_second(never_ending: Queueing) -> None:
    provider = provider_with(events_queue_url=never_ending.url_of_queue)
    provider.changes([JWT], Deadline(3))  # connecting is not what is counted
    never_ending.asked.clear()
    assert provider.changes([JWT], Deadline(3.4)) == {}
    provider.close()
    waits = [body["WaitTimeSeconds"] for _, body in never_ending.asked]
    assert len(waits) <= 7
    assert waits[0] == 2, "it is over before the deadline"
    assert waits == sorted(waits, reverse=True)


@pytest.mark.parametrize(
    ("fault", "status", "code", "hint", "fix"),
    [
        ("AccessDeniedException", 403, Code.DENIED, "may not be read by this identity", f'"sqs:ReceiveMessage", {ON}'),
        ("QueueDoesNotExist", 400, Code.SCHEMA, "there is no queue changes", "correct events_queue_url"),
        (
            "KmsAccessDenied",
            400,
            Code.KMS,
            "cannot be decrypted",
            '"kms:ViaService": "sqs.ap-northeast-2.amazonaws.com"',
        ),
        ("RequestThrottled", 400, Code.THROTTLED, "more often than the account's quota allows", "let fewer processes"),
        ("ServiceUnavailable", 503, Code.UNAVAILABLE, "the service failed", "try again"),
        ("hang", 0, Code.UNAVAILABLE, "was not answered in time", "look whether it can be reached"),
    ],
)
def test_a_queue_that_cannot_be_listened_to_says_why_and_what_mends_it(  # noqa: PLR0917 - columns of a table
    never_ending: Queueing, fault: str, status: int, code: Code, hint: str, fix: str
) -> None:
    never_ending.words = CANARY
    never_ending.fault("ReceiveMessage", fault, status=status)
    provider = provider_with(events_queue_url=never_ending.url_of_queue)
    with pytest.raises(ProviderError) as caught:
        provider.changes([JWT], Deadline(5 if status else 3))
    provider.close()
    error = caught.value
    assert (error.code, error.__cause__, error.__context__) == (code, None, None)
    assert error.hint.startswith("is told of no changes: ")
    assert hint in error.hint
    assert fix in error.fix
    assert CANARY not in f"{error!r} {error.fix}"


def test_a_queue_that_cannot_be_reached_is_said_as_such_and_it_listens_again_once_it_can(
    route: Route, monkeypatch: pytest.MonkeyPatch, moto: EmbeddedAws
) -> None:
    provider = provider_with(events_queue_url=route.url)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(ProviderError) as caught:
        provider.changes([JWT], Deadline(5))
    assert caught.value.code is Code.UNAVAILABLE
    assert caught.value.hint.endswith("cannot be reached at http://127.0.0.1:9")
    provider.close()
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto.endpoint_url)
    route.tell("estate/jwt", ARN.replace("rds", "jwt"))
    assert provider.changes([JWT], Deadline(5)) == {JWT: NEW}
    provider.close()
    assert provider.changes([JWT], Deadline(3)) == {}, "what was told stays told when connections are given back"
    provider.close()


def test_every_error_of_receiving_is_mapped() -> None:
    model = botocore.session.get_session().get_service_model("sqs").operation_model("ReceiveMessage")
    assert len(model.error_shapes) > 10
    for shape in model.error_shapes:
        error = botocore.exceptions.ClientError({"Error": {"Code": shape.name, "Message": "x"}}, "ReceiveMessage")
        assert trouble_of(error, SQS).cause is not Cause.UNEXPECTED, shape.name


@pytest.mark.parametrize("url", ["changes", "https://sqs.eu-west-1.amazonaws.com/changes", "ftp://x/123456789012/q"])
def test_what_is_no_queues_url_is_refused_before_anybody_is_asked(url: str) -> None:
    with pytest.raises(ValidationError):
        spec.options.model_validate({"events_queue_url": url})


_IMPORTS = """
import sys
from pathlib import Path
from estate_config.contract import Context
from estate_config.model import Deadline, Key
from estate_config_providers.aws import spec

url = "https://sqs.eu-west-1.amazonaws.com/123456789012/changes"
spec.build(spec.options(events_queue_url=url), Context("x", Path())).locate(Key("a", "a"))
print(spec.build(spec.options(), Context("x", Path())).changes([Key("a", "a")], Deadline(5)))
print(*({"boto3", "botocore"} & set(sys.modules)))
"""


def test_without_a_queue_nobody_tells_it_anything_and_boto3_is_not_imported() -> None:
    done = subprocess.run([sys.executable, "-c", _IMPORTS], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["None"]
