"""`POST /v1/track`, as Segment's HTTP API takes it. Run: `python -m stubs.segment_stub`."""

from __future__ import annotations

import base64
import hmac
from typing import Any, ClassVar

from stubs.json_server import JsonHandler, serve_forever


class SegmentStub(JsonHandler):
    """Counts what it is told, and refuses a wrong write key. The key it accepts: SEGMENT_STUB_KEY."""

    tracked: ClassVar[list[dict[str, Any]]] = []

    def authorised(self) -> bool:
        """Return whether the request bears the right key, as the user of HTTP's Basic scheme without a password."""
        right = base64.b64encode(f"{self.key}:".encode()).decode()
        given = self.headers.get("Authorization", "").removeprefix("Basic ")
        return hmac.compare_digest(given.encode(), right.encode())

    def do_POST(self) -> None:  # noqa: N802 - the name is http.server's
        event = self.body()
        if not self.authorised():
            self.answer(401, {"success": False, "message": "wrong write key"})
        elif self.path != "/v1/track":
            self.answer(404, {"success": False, "message": "there is only /v1/track here"})
        elif not isinstance(event, dict) or not event.get("userId") or not event.get("event"):
            self.answer(400, {"success": False, "message": "userId or event is missing"})
        else:
            self.tracked.append(event)
            self.answer(200, {"success": True})


if __name__ == "__main__":
    raise SystemExit(serve_forever(SegmentStub, "SEGMENT_STUB_KEY"))
