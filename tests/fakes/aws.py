"""A strict fake of AWS on loopback: Secrets Manager, KMS, STS, the policies of IAM, on the wire, for the real SDK.

What it refuses is what AWS refuses (`fakes.secrets_manager`, `fakes.kms`, `fakes.iam`); what it breaks is what a
test says by `fault`. It counts calls, and remembers who asked for what, never a value.
"""

from __future__ import annotations

import json
import re
import socket
import struct
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs, quote
from uuid import uuid4

from tests.fakes.aws_model import AwsError, Caller
from tests.fakes.iam import Policy, Request, check, decide
from tests.fakes.kms import Kms
from tests.fakes.secrets_manager import Key, Secret, SecretsManager, Version

if TYPE_CHECKING:
    import boto3

ACCOUNT, REGION = "123456789012", "ap-northeast-2"
_VALUES = ("SecretString", "SecretBinary", "Value")
"""Parameters that hold a value."""


@dataclass
class Role:
    """A role that may be assumed."""

    trusts: set[str]
    """ARNs of who may assume it; that of an account's root leaves it to the policies of the account's identities."""
    policies: tuple[Policy, ...]
    seconds: int = 3600
    """How long its credentials are good."""


@dataclass
class Fault:
    action: str
    what: str
    """An error code; or `hang`, `reset`, `garbage`, `truncate`, `page` (of a proxy), `lost` (done, not answered)."""
    secret: str | None
    """Only where the call names this secret."""
    status: int
    times: int | None
    """None: always."""

    def refuse(self, words: str) -> None:
        raise AwsError(self.what, words, self.status)


class StrictAws:
    """`with StrictAws() as aws: aws.add("estate/jwt", "made-up")`; `aws.session()` is boto3's own, pointed here."""

    def __init__(self) -> None:
        self.store = SecretsManager()
        self.kms = Kms(self.store.keys)
        self.roles: dict[str, Role] = {}
        self.policies: dict[str, Policy] = {}
        """Customer-managed policies by name."""
        self.bearers = 2
        """How many roles have each of them."""
        self.calls: Counter[str] = Counter()
        self.asked: list[tuple[str, dict[str, Any]]] = []
        """Each call with its parameters, values left out."""
        self.words = "the test says so"
        """The message of faults: AWS's may say anything."""
        self._callers = {"operator": Caller(f"arn:aws:iam::{ACCOUNT}:user/operator", ACCOUNT)}
        self._faults: list[Fault] = []
        self._lock = Lock()
        self._stopped = Event()
        self._connections: set[socket.socket] = set()
        fake = self

        class Handler(_Handler):
            aws = fake

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    # --- what a test puts there --------------------------------------------------------------------------------------

    def add(self, name: str, value: str | bytes | None = None, *, stage: str = "AWSCURRENT", **words: Any) -> Secret:
        """Put a value as a new version, creating the secret; without a value, the secret alone."""
        account, region = words.pop("account", ACCOUNT), words.pop("region", REGION)
        secret = self.store.find(name, account, region)
        if secret is None:
            secret = Secret(account, region, name, **words)
            self.store.secrets.append(secret)
        if value is not None:
            number = str(uuid4())
            secret.versions[number] = Version(value, set(), datetime.now(UTC))
            secret.move(stage, number)
        return secret

    def key(self, **words: Any) -> Key:
        """Make a KMS key of a customer's."""
        account = words.pop("account", ACCOUNT)
        key = Key(f"arn:aws:kms:{REGION}:{account}:key/{uuid4()}", **words)
        self.store.keys[key.arn] = key
        return key

    def user(self, name: str, *policies: Policy, account: str = ACCOUNT) -> str:
        """Make an identity with these policies and no other right; its access key is its name."""
        for policy in policies:
            check(policy)
        self._callers[name] = Caller(f"arn:aws:iam::{account}:user/{name}", account, policies)
        return name

    def temporary(self, user: str, token: str) -> str:
        """Let an identity show a token besides its key, as those do that the metadata service hands out."""
        self._callers[f"temporary-{user}"] = replace(self._callers[user], token=token)
        return f"temporary-{user}"

    def role(self, name: str, *policies: Policy, trusts: set[str], account: str = ACCOUNT, seconds: int = 3600) -> str:
        """Make a role that trusts these users, or `root`; return its ARN."""
        arn = f"arn:aws:iam::{account}:role/{name}"
        root = f"arn:aws:iam::{account}:root"
        self.roles[arn] = Role(
            {root if user == "root" else self._callers[user].arn for user in trusts}, policies, seconds
        )
        return arn

    def fault(
        self, action: str, what: str, *, secret: str | None = None, status: int = 400, times: int | None = None
    ) -> None:
        """Let calls of an action fail, `*` for any: see `Fault.what`."""
        self._faults.append(Fault(action, what, secret, status, times))

    def mend(self) -> None:
        """End all faults."""
        self._faults.clear()

    # --- how a client gets here --------------------------------------------------------------------------------------

    def session(self, user: str = "operator") -> boto3.Session:
        import boto3

        return boto3.Session(aws_access_key_id=user, aws_secret_access_key="made-up", region_name=REGION)

    def environment(self, user: str = "operator") -> dict[str, str]:
        """Return the SDK's own variables that lead here."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": user,
            "AWS_SECRET_ACCESS_KEY": "made-up",
            "AWS_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": "/nowhere",
            "AWS_SHARED_CREDENTIALS_FILE": "/nowhere",
        }

    def stop(self) -> None:
        """Be gone: what is connected is cut off, and nobody listens any more."""
        self._stopped.set()
        self._server.shutdown()
        with self._lock:
            for connection in self._connections:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._server.server_close()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._stopped.is_set():
            self.stop()

    # --- the calls ---------------------------------------------------------------------------------------------------

    def answer(self, action: str, body: dict[str, Any], authorization: str, token: str | None) -> dict[str, Any]:
        """Return the answer to a call of Secrets Manager, or of KMS. Raises `AwsError`."""
        caller, region = self._caller(authorization, token)
        if action in self.kms.actions:
            return self.kms.answer(action, body, caller, region)
        return self.store.answer(action, body, caller, region)

    def assume(self, form: dict[str, str], authorization: str, token: str | None) -> str:
        """Return STS's answer to AssumeRole. Raises `AwsError`."""
        caller, _ = self._caller(authorization, token)
        arn = form["RoleArn"]
        role, request = self.roles.get(arn), Request("sts:AssumeRole", arn, caller.arn)
        may = True if caller.policies is None else decide(caller.policies, request)
        trusted = role is not None and (caller.arn in role.trusts or (may and _root_of(caller) in role.trusts))
        if role is None or not trusted or may is False:
            raise AwsError("AccessDenied", f"User: {caller.arn} is not authorized to perform: sts:AssumeRole", 403)
        name, account = f"ASIA{uuid4().hex[:16].upper()}", arn.split(":")[4]
        expires = datetime.now(UTC) + timedelta(seconds=role.seconds)
        secret_token = uuid4().hex
        self._callers[name] = Caller(arn, account, role.policies, expires, secret_token)
        assumed = arn.replace(":iam:", ":sts:").replace(":role/", ":assumed-role/") + f"/{form['RoleSessionName']}"
        return _ASSUMED.format(key=name, token=secret_token, expires=expires.isoformat(), arn=assumed)

    def ask(self, form: dict[str, str], authorization: str, token: str | None) -> str:
        """Return the answer to a call of STS or IAM. Raises `AwsError`."""
        action = form["Action"]
        if action == "AssumeRole":
            return self.assume(form, authorization, token)
        caller, _ = self._caller(authorization, token)
        if action == "GetCallerIdentity":
            return f"<R><GetCallerIdentityResult><Arn>{caller.arn}</Arn></GetCallerIdentityResult></R>"
        arn = form["PolicyArn"]
        if caller.policies is not None and not decide(caller.policies, Request(f"iam:{action}", arn, caller.arn)):
            raise AwsError("AccessDenied", f"User: {caller.arn} is not authorized to perform: iam:{action}", 403)
        document = self.policies.get(arn.rpartition("/")[2])
        if document is None or not arn.startswith(f"arn:aws:iam::{caller.account}:policy/"):
            raise AwsError("NoSuchEntity", f"Policy {arn} does not exist or is not attachable.", 404)
        return _POLICIES[action].format(document=quote(json.dumps(document)), bearers=self.bearers)

    def _caller(self, authorization: str, token: str | None) -> tuple[Caller, str]:
        signed = re.match(
            r"AWS4-HMAC-SHA256 Credential=([^/]+)/\d{8}/([^/]+)/(secretsmanager|kms|ssm|sts|iam)/", authorization
        )
        if signed is None:
            raise AwsError("MissingAuthenticationTokenException", "Missing Authentication Token")
        caller = self._callers.get(signed[1])
        if caller is None or caller.token != token:
            raise AwsError("UnrecognizedClientException", "The security token included in the request is invalid.")
        if caller.expires is not None and caller.expires < datetime.now(UTC):
            raise AwsError("ExpiredTokenException", "The security token included in the request is expired")
        return caller, signed[2]

    def next_fault(self, action: str, body: dict[str, Any]) -> Fault | None:
        """Count the call, and return the fault that it meets."""
        named = {body.get("SecretId"), body.get("Name"), *body.get("SecretIdList", ()), *body.get("Names", ())}
        with self._lock:
            self.calls[action] += 1
            shown = {name: value for name, value in body.items() if name not in _VALUES}
            self.asked.append((action, shown))
            for fault in self._faults:
                if fault.action in (action, "*") and fault.times != 0 and fault.secret in (None, *named):
                    fault.times = None if fault.times is None else fault.times - 1
                    return fault
        return None

    def connected(self, connection: socket.socket, *, there: bool) -> None:
        with self._lock:
            (self._connections.add if there else self._connections.discard)(connection)

    def hang(self) -> None:
        """Wait until the server stops."""
        self._stopped.wait()


def _root_of(caller: Caller) -> str:
    return f"arn:aws:iam::{caller.account}:root"


class _Handler(BaseHTTPRequestHandler):
    aws: StrictAws
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        self.aws.connected(self.connection, there=True)

    def finish(self) -> None:
        self.aws.connected(self.connection, there=False)
        with suppress(OSError):
            super().finish()

    def handle(self) -> None:
        with suppress(ConnectionError):  # a client that goes away in the middle is none of our business
            super().handle()

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        target = self.headers.get("X-Amz-Target", "")
        authorization, token = self.headers.get("Authorization", ""), self.headers.get("X-Amz-Security-Token")
        if not target:
            form = {name: values[0] for name, values in parse_qs(raw.decode()).items()}
            self._query(form, authorization, token)
            return
        action, body = target.rpartition(".")[2], json.loads(raw)
        fault = self.aws.next_fault(action, body)
        if fault is not None and not re.fullmatch("[A-Z].*", fault.what):
            if fault.what == "lost":
                self.aws.answer(action, body, authorization, token)
            self._break(fault.what)
            return
        try:
            if fault is not None:
                fault.refuse(self.aws.words)
            answer, status = self.aws.answer(action, body, authorization, token), 200
        except AwsError as error:
            answer, status = {"__type": error.code, "Message": error.message}, error.status
        self._send(status, json.dumps(answer).encode(), "application/x-amz-json-1.1")

    def _query(self, form: dict[str, str], authorization: str, token: str | None) -> None:
        fault = self.aws.next_fault(form["Action"], {})
        try:
            if fault is not None:
                fault.refuse(self.aws.words)
            status, answer = 200, self.aws.ask(form, authorization, token)
        except AwsError as error:
            status = error.status
            words = f"<Code>{error.code}</Code><Message>{error.message}</Message>"
            answer = f"<ErrorResponse><Error>{words}</Error></ErrorResponse>"
        self._send(status, answer.encode(), "text/xml")

    def _break(self, how: str) -> None:
        self.close_connection = True
        match how:
            case "hang":
                self.aws.hang()
            case "reset" | "lost":
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
            case "garbage":
                self._send(200, f"\x00 {self.aws.words}".encode(), "application/x-amz-json-1.1")
            case "truncate":
                self._send(200, b'{"ARN": ', "application/x-amz-json-1.1", length=1000)
            case "page":
                self._send(403, f"<html>{self.aws.words}</html>".encode(), "text/html")
            case _:
                raise ValueError(how)

    def _send(self, status: int, body: bytes, kind: str, length: int | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the standard library's
        """Say nothing."""


_ASSUMED = (
    "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>{key}</AccessKeyId>"
    "<SecretAccessKey>made-up</SecretAccessKey><SessionToken>{token}</SessionToken><Expiration>{expires}</Expiration>"
    "</Credentials><AssumedRoleUser><Arn>{arn}</Arn></AssumedRoleUser></AssumeRoleResult></AssumeRoleResponse>"
)

_POLICIES = {
    "GetPolicy": (
        "<R><GetPolicyResult><Policy><DefaultVersionId>v3</DefaultVersionId>"
        "<AttachmentCount>{bearers}</AttachmentCount></Policy></GetPolicyResult></R>"
    ),
    "GetPolicyVersion": (
        "<R><GetPolicyVersionResult><PolicyVersion><Document>{document}</Document>"
        "</PolicyVersion></GetPolicyVersionResult></R>"
    ),
}
