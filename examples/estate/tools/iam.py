"""Plays IAM in front of the embedded AWS, which denies nothing: a small proxy that refuses single secrets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tools.proxy import Proxy, in_front_of

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

    class Handler(_Deciding):
        policy = iam

    with in_front_of(aws_url, Handler) as iam.url:
        yield iam


class _Deciding(Proxy):
    policy: Iam

    def do_POST(self) -> None:  # noqa: N802 - the name is http.server's
        body = self.body()
        action = self.headers.get("X-Amz-Target", "").removeprefix(_SERVICE)
        request = json.loads(body) if action in {"BatchGetSecretValue", "GetSecretValue"} else {}
        denied = [name for name in request.get("SecretIdList", []) if name in self.policy.denied]
        if request.get("SecretId") in self.policy.denied:
            self.send(400, _refusal(action, request["SecretId"]))
        elif denied:
            self._batch(request, denied)
        else:
            self.send(*self.forward(body))

    def _batch(self, request: dict[str, Any], denied: list[str]) -> None:
        """A batch answers for what is allowed, and has an error per secret for the rest."""
        allowed = [name for name in request["SecretIdList"] if name not in denied]
        status, answer = 200, b'{"SecretValues": [], "Errors": []}'
        if allowed:
            status, answer = self.forward(json.dumps({**request, "SecretIdList": allowed}).encode())
        document = json.loads(answer)
        if status == 200:  # noqa: PLR2004 - the status of an answer
            errors = [
                {"SecretId": name, "ErrorCode": "AccessDeniedException", "Message": _words("GetSecretValue", name)}
                for name in denied
            ]
            document["Errors"] = [*document.get("Errors", []), *errors]
        self.send(status, json.dumps(document).encode())


def _refusal(action: str, name: str) -> bytes:
    return json.dumps({"__type": "AccessDeniedException", "Message": _words(action, name)}).encode()


def _words(action: str, name: str) -> str:
    return (
        f"User: arn:aws:sts::123456789012:assumed-role/estate/pod is not authorized to perform: secretsmanager:{action}"
        f" on resource: {name} because no identity-based policy allows the secretsmanager:{action} action"
    )
