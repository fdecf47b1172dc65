"""What the small proxies in front of the embedded AWS share: they pass on what they are sent, and serve on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import urlsplit


class Proxy(BaseHTTPRequestHandler):
    """Handles a request by asking the account, at `account` (host:port)."""

    account: str
    content_type = "application/x-amz-json-1.1"
    protocol_version = "HTTP/1.1"
    timeout = 10

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def forward(self, body: bytes) -> tuple[int, bytes]:
        """Send this request with `body` to the account; return its status and answer."""
        connection = HTTPConnection(self.account, timeout=self.timeout)
        try:
            headers = {name: value for name, value in self.headers.items() if name.lower() != "content-length"}
            connection.request("POST", self.path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", self.content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the standard library's
        """Say nothing."""


@contextmanager
def in_front_of(aws_url: str, proxy: type[Proxy]) -> Iterator[str]:
    """Serve `proxy` in front of the account at `aws_url`; yield the URL to use instead."""
    proxy.account = urlsplit(aws_url).netloc
    with ThreadingHTTPServer(("127.0.0.1", 0), proxy) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
