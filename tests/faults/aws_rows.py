"""What goes wrong with AWS: on the way there, with the service itself, with identities, keys and secrets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from estate_config import Code, lazy, load
from tests.doubles import estate
from tests.fakes.aws import ACCOUNT, REGION, StrictAws
from tests.fakes.iam import allow, deny, identity_policy
from tests.fakes.secrets_manager import Secret, Version
from tests.faults.proxy import Proxy
from tests.faults.row import CANARY, Row, Service

READ = allow("secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret", on="*")
BATCH = allow("secretsmanager:BatchGetSecretValue", on="*")
KMS = allow("kms:Decrypt", on="*")
TIME = 15.0
"""Seconds of a load, as of a service that does not say: what passes has passed, and a busy machine is not the fault."""
DEADLINE = 5.0
"""Seconds of a load where what is broken is waited for until then: a busy machine can load in it before and after."""


class Aws:
    """The strict fake behind a proxy; the service may read its two secrets and nothing else."""

    def __init__(self, fake: StrictAws, way: Proxy, deadline: float) -> None:
        self.fake, self.way, self.deadline = fake, way, deadline
        self.key = fake.key()
        fake.add("token", f"{CANARY}-1", key=self.key.arn)
        fake.add("other", "o")
        self.let(READ, BATCH, KMS)

    def load(self) -> Any:
        options = {"session": self.fake.session("service"), "endpoint_url": self.way.url}
        return load(lazy(Service), config=estate("aws", deadline=self.deadline, providers={"aws": options}))

    def rotate(self, value: str) -> None:
        self.fake.add("token", value)

    def let(self, *statements: Any) -> None:
        self.fake.user("service", identity_policy(*statements))

    def fault(self, what: str, status: int = 400, action: str = "*", times: int | None = None) -> None:
        self.fake.fault(action, what, status=status, times=times)

    @property
    def secret(self) -> Secret:
        found = self.fake.store.find("token", ACCOUNT, REGION)
        assert found is not None
        return found

    def mend(self) -> None:
        self.fake.mend()
        self.way.mend()
        self.let(READ, BATCH, KMS)
        self.key.state = "Enabled"
        self.secret.deleted = None

    def empty(self) -> None:
        """Put the label on a version that has nothing in it, as a rotation that was broken off may."""
        self.secret.versions["0" * 36] = Version(None, set(), datetime.now(UTC))
        self.secret.move("AWSCURRENT", "0" * 36)

    def remove(self) -> None:
        self.removed = self.secret
        self.fake.store.secrets.remove(self.removed)

    def bring_back(self) -> None:
        self.fake.store.secrets.append(self.removed)
        self.mend()


@contextmanager
def aws(deadline: float = TIME) -> Iterator[Aws]:
    with StrictAws() as fake, Proxy(int(fake.url.rpartition(":")[2])) as way:
        yield Aws(fake, way, deadline)


def waited_for() -> AbstractContextManager[Aws]:
    """Return a world that does not answer when it is broken."""
    return aws(DEADLINE)


def asked_again() -> AbstractContextManager[Aws]:
    """Return a world in which a call has failed three times, with the pauses between, well before the deadline."""
    return aws(8)


def row(
    what: str,
    breaks: Callable[[Aws], object],
    at_start: Code | None,
    running: Code | None,
    mends: Callable[[Aws], object] = Aws.mend,
    **words: Any,
) -> Row:
    return Row(what, words.pop("world", aws), breaks, mends, at_start, running, **words)


def fails(what: str, words: str, code: Code, status: int = 400, **more: Any) -> Row:
    return row(f"AWS answers {status} {what}: {words}", lambda world: world.fault(what, status), code, code, **more)


def set_silent(world: Aws) -> None:
    world.way.silent.set()


def set_pause(seconds: float) -> Callable[[Aws], object]:
    return lambda world: setattr(world.way, "pause", seconds)


U, C = Code.UNAVAILABLE, Code.CREDENTIALS
GARBAGE, PAGE = b"\x00\xff" * 50, b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n<html></html>"

ROWS = [
    row("nobody listens: connections are refused", lambda world: world.way.close(), U, U),
    row("every connection is reset when it is asked", lambda world: world.fault("reset"), U, U),
    row("one connection is reset", lambda world: world.fault("reset", times=1), None, None, degraded=False),
    row("half-open: connections are taken and nothing is answered", set_silent, U, U, world=waited_for),
    row("the service hangs with the question", lambda world: world.fault("hang"), U, U, world=waited_for),
    row("slow: a byte in 10 milliseconds, past the deadline", set_pause(0.01), U, U, world=waited_for),
    row("slow: a byte in half a millisecond, within it", set_pause(0.0002), None, None, degraded=False),
    row("garbage instead of HTTP", lambda world: setattr(world.way, "instead", GARBAGE), U, U),
    row("a page of a proxy instead of an answer, 200", lambda world: setattr(world.way, "instead", PAGE), U, U),
    row("a page of a proxy instead of an answer, 403", lambda world: world.fault("page"), U, U),
    row("an answer that is no JSON", lambda world: world.fault("garbage"), U, U),
    row("an answer whose JSON breaks off", lambda world: world.fault("truncate"), U, U),
    fails("ThrottlingException", "throttled, which passes", Code.THROTTLED, world=asked_again),
    fails("InternalServiceError", "the service is broken", U, 500),
    fails("ServiceUnavailable", "the service is away", U, 503),
    fails("ExpiredTokenException", "credentials have expired", C),
    fails("UnrecognizedClientException", "credentials are wrong", C),
    fails("InvalidSignatureException", "the signature is not accepted", C),
    fails("RequestExpired", "the clock of the machine is wrong", C),
    row("nothing may be read", Aws.let, Code.DENIED, Code.DENIED),
    row(
        "the secret may not be read",
        lambda world: world.let(
            READ,
            BATCH,
            KMS,
            deny("secretsmanager:GetSecretValue", on=f"arn:aws:secretsmanager:*:{ACCOUNT}:secret:token-??????"),
        ),
        Code.DENIED,
        Code.DENIED,
    ),
    row("the batch may not be called", lambda world: world.let(READ, KMS), None, None, degraded=False),
    row(
        "the batch is throttled, single reads are not",
        lambda world: world.fault("ThrottlingException", action="BatchGetSecretValue"),
        None,
        None,
        degraded=False,
    ),
    row("the KMS key may not be used, and may again", lambda world: world.let(READ, BATCH), Code.KMS, Code.KMS),
    row("the KMS key is disabled", lambda world: setattr(world.key, "state", "Disabled"), Code.KMS, Code.KMS),
    row(
        "the secret is scheduled for deletion",
        lambda world: setattr(world.secret, "deleted", datetime.now(UTC) + timedelta(days=7)),
        Code.DELETED,
        Code.DELETED,
    ),
    row("the secret is gone", Aws.remove, Code.MISSING, Code.MISSING, Aws.bring_back),
    row(
        "the current version is empty",
        Aws.empty,
        Code.NO_VALUE,
        Code.NO_VALUE,
        lambda world: world.rotate(f"{CANARY}-3"),
    ),
    row(
        "the current version is an empty text",
        lambda world: world.rotate(""),
        Code.EMPTY,
        Code.EMPTY,
        lambda world: world.rotate(f"{CANARY}-3"),
    ),
    row(
        "the current version is not text in UTF-8",
        lambda world: world.fake.add("token", b"\xff\xfe"),
        Code.MALFORMED,
        Code.MALFORMED,
        lambda world: world.rotate(f"{CANARY}-3"),
    ),
]
