"""`GET /listings?page=1&size=50`, the paged listing API of the real-estate board. Run: `python -m stubs.kreb_stub`."""

from __future__ import annotations

from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

from stubs.json_server import JsonHandler, serve_forever


class KrebStub(JsonHandler):
    """A board with 120 listings, always the same. The key it accepts: KREB_STUB_KEY."""

    total: ClassVar[int] = 120
    failures: ClassVar[list[int]] = []
    """Statuses to answer with first, one request each: how it looks when the board has a bad day."""

    def do_GET(self) -> None:  # noqa: N802 - the name is http.server's
        url = urlsplit(self.path)
        query = parse_qs(url.query)
        if not self.authorised():
            self.answer(401, {"error": "wrong key"})
        elif url.path != "/listings":
            self.answer(404, {"error": "there is only /listings here"})
        elif self.failures:
            self.answer(self.failures.pop(0), {"error": "try again"})
        else:
            page, size = int(query.get("page", ["1"])[0]), int(query.get("size", ["50"])[0])
            numbers = range((page - 1) * size + 1, min(page * size, self.total) + 1)
            self.answer(
                200,
                {"page": page, "pages": -(-self.total // size), "items": [self.item(number) for number in numbers]},
            )

    def item(self, number: int) -> dict[str, object]:
        """Return the listing with this number."""
        return {
            "id": f"KREB-{number:05}",
            "address": f"{number} Teheran-ro, Gangnam-gu, Seoul",
            "price_krw": 900_000_000 + number * 1_000_000,
            "area_m2": 59.5 + number % 30,
        }


if __name__ == "__main__":
    raise SystemExit(serve_forever(KrebStub, "KREB_STUB_KEY"))
