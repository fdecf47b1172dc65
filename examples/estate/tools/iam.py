"""Plays IAM in front of the embedded AWS, which denies nothing: a small proxy that refuses single secrets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

_SERVICE = "secretsmanager."


@dataclass(slots=True)
class Iam:
    """What is denied at the moment, and where the SDKs find the account."""

    url: str = ""
    denied: set[str] = field(default_factory=set)
    """Names of secrets that may not be read."""


@contextmanager
def iam_in_front_of(aws_url: str) -> Iterator[Iam]:
    """Yield the policy; the account behind `iam.url` obeys it at once."""
    iam = Iam()
    upstream = urlsplit(aws_url).netloc

    class Handler(_Proxy):
        policy = iam
        account = upstream

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        iam.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield iam
        finally:
            server.shutdown()
            thread.join()


class _Proxy(BaseHTTPRequestHandler):
    policy: Iam
    account: str
    protocol_version = "HTTP/1.1"
    timeout = 10

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        action = self.headers.get("X-Amz-Target", "").removeprefix(_SERVICE)
        request = json.loads(body) if action in {"BatchGetSecretValue", "GetSecretValue"} else {}
        denied = [name for name in request.get("SecretIdList", []) if name in self.policy.denied]
        if request.get("SecretId") in self.policy.denied:
            self._send(400, _refusal(action, request["SecretId"]))
        elif denied:
            self._batch(request, denied)
        else:
            self._send(*self._forward(body))

    def _batch(self, request: dict[str, Any], denied: list[str]) -> None:
        """A batch answers for what is allowed, and has an error per secret for the rest."""
        allowed = [name for name in request["SecretIdList"] if name not in denied]
        status, answer = 200, b'{"SecretValues": [], "Errors": []}'
        if allowed:
            status, answer = self._forward(json.dumps({**request, "SecretIdList": allowed}).encode())
        document = json.loads(answer)
        if status == 200:  # noqa: PLR2004 - the status of an answer
            errors = [
                {"SecretId": name, "ErrorCode": "AccessDeniedException", "Message": _words("GetSecretValue", name)}
                for name in denied
            ]
            document["Errors"] = [*document.get("Errors", []), *errors]
        self._send(status, json.dumps(document).encode())

    def _forward(self, body: bytes) -> tuple[int, bytes]:
        connection = HTTPConnection(self.account, timeout=self.timeout)
        try:
            headers = {name: value for name, value in self.headers.items() if name.lower() != "content-length"}
            connection.request("POST", self.path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the standard library's
        """Say nothing."""


def _refusal(action: str, name: str) -> bytes:
    return json.dumps({"__type": "AccessDeniedException", "Message": _words(action, name)}).encode()


def _words(action: str, name: str) -> str:
    return (
        f"User: arn:aws:sts::123456789012:assumed-role/estate/pod is not authorized to perform: secretsmanager:{action}"
        f" on resource: {name} because no identity-based policy allows the secretsmanager:{action} action"
    )
