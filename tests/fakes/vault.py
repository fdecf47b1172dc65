"""What stands between a client and a real `bao` server: faults, counts, and the AWS login that `bao` has not.

Everything that is not told otherwise is passed on, so that answers are the server's own.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import http.client
import json
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit


@dataclass
class Fault:
    """An answer instead of the server's, for calls whose `METHOD PATH` matches."""

    pattern: str
    status: int = 500
    times: int = 10**9
    body: str = '{"errors": ["the fake says so"]}'
    headers: Mapping[str, str] = field(default_factory=dict)
    after: bool = False
    """The server does what it is asked, and its answer is lost."""


class VaultFront:
    """`with VaultFront(bao.endpoint_url) as front: …`; `front.url` is where the client goes."""

    def __init__(self, upstream: str) -> None:
        self.upstream = urlsplit(upstream).netloc
        self.faults: list[Fault] = []
        self.calls: list[str] = []
        """`METHOD PATH` of every call, without `/v1/`."""
        self.most_at_once = 0
        self.gate: threading.Barrier | None = None
        """Reads wait for each other here."""
        self.silent = False
        """Take calls, and never answer."""
        self.drips = False
        """Answer with one byte after another, for ever."""
        self.aws: AwsLogin | None = None
        self.stopped = threading.Event()
        self._now = 0
        self._lock = threading.Lock()
        front = self

        class Handler(_Handler):
            vault = front

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def count(self, pattern: str) -> int:
        return sum(re.fullmatch(pattern, call) is not None for call in self.calls)

    def fault_of(self, call: str) -> Fault | None:
        with self._lock:
            for fault in self.faults:
                if fault.times > 0 and re.fullmatch(fault.pattern, call):
                    fault.times -= 1
                    return fault
        return None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        if not self.stopped.is_set():
            self.stopped.set()
            self._server.shutdown()
            self._server.server_close()
            self._thread.join(5)

    def entered(self, call: str) -> None:
        with self._lock:
            self.calls.append(call)
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)

    def left(self) -> None:
        with self._lock:
            self._now -= 1


class _Handler(BaseHTTPRequestHandler):
    vault: VaultFront
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name that http.server gives it
        """Say nothing: a fake is no news."""

    def do_any(self) -> None:
        front = self.vault
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        call = f"{self.command} {self.path.removeprefix('/v1/')}"
        front.entered(call)
        try:
            if front.gate is not None and self.command == "GET" and "/data/" in call:
                front.gate.wait(5)
            self._answer(front, call, body)
        finally:
            front.left()

    do_GET = do_POST = do_PUT = do_LIST = do_DELETE = do_any  # noqa: N815 - the names that http.server asks for

    def _answer(self, front: VaultFront, call: str, body: bytes) -> None:
        if front.silent or front.stopped.is_set():
            front.stopped.wait()
            self.close_connection = True
            return
        fault = front.fault_of(call)
        if fault is not None and not fault.after:
            self._send(fault.status, fault.body.encode(), fault.headers)
        elif front.aws is not None and call == f"POST auth/{front.aws.mount}/login":
            status, answer = front.aws.decide(json.loads(body))
            self._send(status, json.dumps(answer).encode(), {})
        else:
            status, answer_body, headers = self._passed_on(front, body)
            if fault is not None:
                self.close_connection = True  # and no answer
            elif front.drips:
                self._drip(front)
            else:
                self._send(status, answer_body, headers)

    def _passed_on(self, front: VaultFront, body: bytes) -> tuple[int, bytes, dict[str, str]]:
        connection = http.client.HTTPConnection(front.upstream, timeout=10)
        try:
            headers = {k: v for k, v in self.headers.items() if k.lower() not in {"host", "connection"}}
            connection.request(self.command, self.path, body or None, headers)
            answer = connection.getresponse()
            return answer.status, answer.read(), {"Content-Type": answer.headers.get("Content-Type", "")}
        finally:
            connection.close()

    def _drip(self, front: VaultFront) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "100000")
        self.end_headers()
        while not front.stopped.wait(0.1):
            try:
                self.wfile.write(b" ")
            except OSError:
                break
        self.close_connection = True

    def _send(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@dataclass
class AwsLogin:
    """`auth/aws/login` as developer.hashicorp.com/vault/api-docs/auth/aws has it, with the signature worked out anew.

    What STS would say is said here: the signature has to be right for the endpoint's host and region, and to cover the
    header that the server wants.
    """

    role: str
    access_key: str
    secret_key: str
    token: str
    """What a login gives."""
    mount: str = "aws"
    host: str = "sts.amazonaws.com"
    region: str = "us-east-1"
    session_token: str | None = None
    server_id: str | None = None
    seen: list[str] = field(default_factory=list)
    """Why logins were refused."""

    def decide(self, body: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        why = self._wrong(body)
        if why is None:
            auth = {"client_token": self.token, "lease_duration": 3600, "renewable": True}
            return 200, {"auth": auth}
        self.seen.append(why)
        return 400, {"errors": ["error making upstream request: received error code 403 from STS"]}

    def _wrong(self, body: Mapping[str, Any]) -> str | None:
        wanted = {"role", "iam_http_request_method", "iam_request_url", "iam_request_headers", "iam_request_body"}
        if set(body) != wanted or body["role"] != self.role or body["iam_http_request_method"] != "POST":
            return "fields"
        url, text = _decoded(body["iam_request_url"]), _decoded(body["iam_request_body"])
        if url != f"https://{self.host}/" or text != "Action=GetCallerIdentity&Version=2011-06-15":
            return "url or body"
        raw = json.loads(_decoded(body["iam_request_headers"]))
        if not all(isinstance(values, list) and len(values) == 1 for values in raw.values()):
            return "headers are lists"
        headers = {name.lower(): values[0] for name, values in raw.items()}
        return self._wrong_headers(headers, text)

    def _wrong_headers(self, headers: Mapping[str, str], body: str) -> str | None:
        match = re.fullmatch(
            r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/sts/aws4_request, SignedHeaders=([a-z0-9;-]+), "
            r"Signature=([0-9a-f]{64})",
            headers.get("authorization", ""),
        )
        if match is None:
            return "authorization"
        key, day, region, signed, signature = match.groups()
        needed = {"host", "x-amz-date"}
        needed |= {"x-vault-aws-iam-server-id"} if self.server_id else set()
        needed |= {"x-amz-security-token"} if self.session_token else set()
        at = dt.datetime.strptime(headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=dt.UTC)
        given = {"host": self.host, **headers}
        checks = {
            "host": given["host"] == self.host,
            "content type": headers.get("content-type", "").startswith("application/x-www-form-urlencoded"),
            "server id": headers.get("x-vault-aws-iam-server-id") == self.server_id,
            "session token": headers.get("x-amz-security-token") == self.session_token,
            "key": key == self.access_key,
            "region": region == self.region,
            "signed headers": needed <= set(signed.split(";")),
            "time": abs(dt.datetime.now(dt.UTC) - at) < dt.timedelta(minutes=15) and f"{at:%Y%m%d}" == day,
            "signature": self._signature({name: given[name] for name in signed.split(";")}, body) == signature,
        }
        return next((name for name, right in checks.items() if not right), None)

    def _signature(self, signed: Mapping[str, str], body: str) -> str:
        """Return the Signature Version 4 of the request, as docs.aws.amazon.com/IAM/latest/UserGuide has it."""
        names = sorted(signed)
        lines = [
            "POST",
            "/",
            "",
            *(f"{name}:{' '.join(signed[name].split())}" for name in names),
            "",
            ";".join(names),
            hashlib.sha256(body.encode()).hexdigest(),
        ]
        date = signed["x-amz-date"]
        scope = f"{date[:8]}/{self.region}/sts/aws4_request"
        hashed = hashlib.sha256("\n".join(lines).encode()).hexdigest()
        key = f"AWS4{self.secret_key}".encode()
        for part in (date[:8], self.region, "sts", "aws4_request"):
            key = hmac.digest(key, part.encode(), "sha256")
        return hmac.digest(key, f"AWS4-HMAC-SHA256\n{date}\n{scope}\n{hashed}".encode(), "sha256").hex()


def _decoded(text: str) -> str:
    return base64.b64decode(text, validate=True).decode()
