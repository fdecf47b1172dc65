"""What the stubs share: JSON over HTTP on loopback, behind a key that comes as `Authorization: Bearer`."""

from __future__ import annotations

import argparse
import hmac
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, ClassVar


class JsonHandler(BaseHTTPRequestHandler):
    """Answers JSON, and 401 to a wrong key."""

    key: ClassVar[str]
    """The key that is accepted."""
    protocol_version = "HTTP/1.1"
    timeout = 10

    def authorised(self) -> bool:
        """Return whether the request bears the right key."""
        given = self.headers.get("Authorization", "").removeprefix("Bearer ")
        return hmac.compare_digest(given.encode(), self.key.encode())

    def body(self) -> Any:
        """Return the request's JSON, None if it is none."""
        try:
            return json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        except ValueError:
            return None

    def answer(self, status: int, document: object) -> None:
        """Send `document` as JSON."""
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the standard library's
        """Say nothing: the callers tell the story."""


@contextmanager
def serving(handler: type[JsonHandler], port: int = 0, **attributes: object) -> Iterator[str]:
    """Serve in a thread of this process; yield the base URL. `attributes` become the handler's (`key="…"`)."""
    with ThreadingHTTPServer(("127.0.0.1", port), type(handler.__name__, (handler,), attributes)) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def serve_forever(handler: type[JsonHandler], key_variable: str) -> int:
    """Serve until interrupted, on `--port` of the command line; return the exit code.

    The key comes from the environment, not the command line: everybody on a machine can read command lines.
    """
    parser = argparse.ArgumentParser(description=handler.__doc__)
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes a free one")
    port = parser.parse_args().port
    key = os.environ.get(key_variable)
    if not key:
        sys.stderr.write(f"say which key to accept: {key_variable}=… python -m …\n")
        return 2
    accepting = type(handler.__name__, (handler,), {"key": key})
    with ThreadingHTTPServer(("127.0.0.1", port), accepting) as server:
        sys.stdout.write(f"listening on http://127.0.0.1:{server.server_address[1]}\n")
        sys.stdout.flush()
        with suppress(KeyboardInterrupt):
            server.serve_forever()
    return 0
