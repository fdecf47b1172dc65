"""A strict fake of Azure Key Vault: HTTPS on loopback, with the challenge and the errors that Microsoft documents.

It enforces names, the size of values and the token, and tells a deleted secret from an active one as Key Vault does:
both `SecretNotFound` when read, the deleted one answers under `deletedsecrets`. There is no list: that is 400.
"""

from __future__ import annotations

import json
import re
import ssl
import threading
import uuid
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from azure.core.credentials import AccessToken
from azure.keyvault.secrets import SecretClient

from tests.fakes.tls import certificate

FIRST = 1_700_000_000
"""When the first version was made; each other one is a minute younger."""


class _Credential:
    """A credential whose token the fake knows."""

    def get_token(self, *scopes: str, **kwargs: Any) -> AccessToken:
        return AccessToken("fake-token", 4_000_000_000)


class StrictAzure:
    """`with StrictAzure(tmp_path) as vault: vault.add("name", "value")`; `vault.client()` is Microsoft's own client."""

    def __init__(self, folder: Path) -> None:
        self.secrets: dict[str, list[tuple[str, str]]] = {}
        """Versions of a secret, the newest last: version and value."""
        self.created: dict[str, int] = {}
        """When a version was made, in seconds of the epoch; Key Vault has no fractions."""
        self.deleted: set[str] = set()
        self.failing: dict[str, tuple[int, str]] = {}
        """Names that are answered with this status and inner code."""
        self.hanging: set[str] = set()
        """Names that are answered when the fake ends, and not before."""
        self.ending = threading.Event()
        self.denied_deleted = False
        """Whether looking among the deleted ones is refused."""
        self.calls: Counter[str] = Counter()
        self._clients: list[SecretClient] = []
        self._certificate, key = certificate(folder)
        fake = self

        class Handler(_Handler):
            vault = fake

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._certificate, key)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = f"https://127.0.0.1:{self._server.server_address[1]}"

    def add(self, name: str, value: str) -> str:
        """Put a value as a new version; return the version."""
        version = uuid.uuid4().hex
        self.secrets.setdefault(name, []).append((version, value))
        self.created[version] = FIRST + 60 * len(self.created)
        return version

    def client(self) -> SecretClient:
        client = SecretClient(
            self.url, _Credential(), verify_challenge_resource=False, connection_verify=str(self._certificate)
        )
        self._clients.append(client)
        return client

    def strict_client(self) -> SecretClient:
        """A client that sends its token to no host outside the domain of the challenge, and so never to this fake."""
        self._clients.append(SecretClient(self.url, _Credential(), connection_verify=str(self._certificate)))
        return self._clients[-1]

    def stop(self) -> None:
        self.ending.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for client in self._clients:
            client.close()
        if self._thread.is_alive():
            self.stop()


class _Handler(BaseHTTPRequestHandler):
    vault: StrictAzure
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that http.server gives it
        """Say nothing: a fake is no news."""

    def do_GET(self) -> None:
        self._answer("GET", {})

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._answer("PUT", json.loads(body) if body else {})

    def _answer(self, method: str, body: dict[str, Any]) -> None:
        if self.headers.get("Authorization") != "Bearer fake-token":
            challenge = 'Bearer authorization="https://login.windows.net/tenant", resource="https://vault.azure.net"'
            self._send(401, {"error": {"code": "Unauthorized", "message": "no token"}}, challenge)
            return
        self._send(*self._decide(method, body))

    def _decide(self, method: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        match = re.fullmatch(r"/(secrets|deletedsecrets)/([0-9A-Za-z-]{1,127})/?([0-9a-f]{32})?(?:\?.*)?", self.path)
        if match is None:
            return _error(400, "BadParameter")
        kind, name, version = match.groups()
        self.vault.calls[f"{method} {kind}"] += 1
        if name in self.vault.hanging:
            self.vault.ending.wait()
        if name in self.vault.failing:
            status, inner = self.vault.failing[name]
            return _error(status, "Failed", inner)
        if kind == "deletedsecrets":
            return self._deleted(name)
        return self._put(name, str(body["value"])) if method == "PUT" else self._get(name, version)

    def _get(self, name: str, version: str | None) -> tuple[int, dict[str, Any]]:
        versions = [] if name in self.vault.deleted else self.vault.secrets.get(name, [])
        found = [(known, value) for known, value in versions if version in {None, known}]
        return self._secret(name, *found[-1]) if found else _error(404, "SecretNotFound")

    def _deleted(self, name: str) -> tuple[int, dict[str, Any]]:
        if self.vault.denied_deleted:
            return _error(403, "Forbidden", "ForbiddenByRbac")
        if name not in self.vault.deleted:
            return _error(404, "SecretNotFound")
        places = {"id": f"{self.vault.url}/secrets/{name}", "recoveryId": f"{self.vault.url}/deletedsecrets/{name}"}
        return 200, {**places, "attributes": {}}

    def _put(self, name: str, value: str) -> tuple[int, dict[str, Any]]:
        if name in self.vault.deleted:
            return _error(409, "Conflict", "ObjectIsDeletedButRecoverable")
        if len(value.encode()) > 25_600:
            return _error(400, "BadParameter")
        return self._secret(name, self.vault.add(name, value), value)

    def _secret(self, name: str, version: str, value: str) -> tuple[int, dict[str, Any]]:
        place = f"{self.vault.url}/secrets/{name}/{version}"
        return 200, {
            "id": place,
            "value": value,
            "attributes": {"enabled": True, "created": self.vault.created[version]},
        }

    def _send(self, status: int, body: dict[str, Any], challenge: str = "") -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        if challenge:
            self.send_header("WWW-Authenticate", challenge)
        self.end_headers()
        self.wfile.write(data)


def _error(status: int, code: str, inner: str = "") -> tuple[int, dict[str, Any]]:
    error: dict[str, Any] = {"code": code, "message": "the fake says so"}
    if inner:
        error["innererror"] = {"code": inner}
    return status, {"error": error}
