"""`POST /v2/email/outbound-emails`, as Amazon SES takes it. Run: `python -m stubs.ses_stub`."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from typing import Any, ClassVar

from stubs.json_server import JsonHandler, serve_forever

_SIGNED = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key_id>[^/]+)/(?P<scope>\d{8}/[^/]+/ses/aws4_request), ?"
    r"SignedHeaders=(?P<headers>[^,]+), ?Signature=(?P<signature>[0-9a-f]{64})"
)


class SesStub(JsonHandler):
    """Keeps what it is to send, and refuses a wrong key. The pair it accepts: SES_STUB_KEY, as `ID:SECRET`."""

    sent: ClassVar[list[dict[str, Any]]] = []

    def do_POST(self) -> None:  # noqa: N802 - the name is http.server's
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        refusal = self._refusal(raw)
        if refusal:
            self.answer(403, {"__type": refusal, "message": "the request is not signed with a key that is known here"})
        elif self.path != "/v2/email/outbound-emails":
            self.answer(404, {"__type": "NotFoundException", "message": "there is only outbound-emails here"})
        else:
            self.sent.append(json.loads(raw))
            self.answer(200, {"MessageId": f"stub-{len(self.sent)}"})

    def _refusal(self, raw: bytes) -> str:
        """Return what AWS calls it where the signature is not that of the pair, or ""."""
        signed = _SIGNED.fullmatch(self.headers.get("Authorization", ""))
        key_id, _, secret = self.key.partition(":")
        if signed is None or not hmac.compare_digest(signed["key_id"].encode(), key_id.encode()):
            return "UnrecognizedClientException"
        right = self._signature(secret, signed["scope"], signed["headers"], raw)
        return "" if hmac.compare_digest(signed["signature"], right) else "InvalidSignatureException"

    def _signature(self, secret: str, scope: str, names: str, raw: bytes) -> str:
        """Return the signature of this request: AWS Signature Version 4, as its documentation says it step by step."""
        headers = "".join(f"{name}:{' '.join(self.headers.get(name, '').split())}\n" for name in names.split(";"))
        request = "\n".join(("POST", self.path, "", headers, names, hashlib.sha256(raw).hexdigest()))
        digest = hashlib.sha256(request.encode()).hexdigest()
        text = "\n".join(("AWS4-HMAC-SHA256", self.headers.get("X-Amz-Date", ""), scope, digest))
        key = f"AWS4{secret}".encode()
        for part in (*scope.split("/"), text):
            key = hmac.digest(key, part.encode(), "sha256")
        return key.hex()


if __name__ == "__main__":
    raise SystemExit(serve_forever(SesStub, "SES_STUB_KEY"))
