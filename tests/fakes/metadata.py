"""A fake of the EC2 instance metadata service (IMDSv2), which is not up from the start on a fresh node."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import TracebackType
from typing import Self


class Metadata:
    """Gives credentials with the access key `user`, after refusing `refusals` questions for them."""

    def __init__(self, user: str, refusals: int = 0) -> None:
        fake = self
        self.user, self.refusals, self.asked = user, refusals, 0

        class Handler(_Handler):
            metadata = fake

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    metadata: Metadata

    def do_PUT(self) -> None:
        self._send(200, "token")

    def do_GET(self) -> None:
        if not self.path.endswith("/security-credentials/"):
            expires = datetime.now(UTC) + timedelta(hours=6)
            keys = {"AccessKeyId": self.metadata.user, "SecretAccessKey": "made-up", "Token": "none"}
            document = {"Code": "Success", "Type": "AWS-HMAC", "Expiration": f"{expires:%Y-%m-%dT%H:%M:%SZ}", **keys}
            self._send(200, json.dumps(document))
            return
        self.metadata.asked += 1
        if self.metadata.asked <= self.metadata.refusals:
            self._send(404, "")
        else:
            self._send(200, "role-of-the-node")

    def _send(self, status: int, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the standard library's
        """Say nothing."""
