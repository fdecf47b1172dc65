"""httpx: every request bears the token of now; one that is refused is sent once more with a newer token."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator

import httpx

from estate_config.integrations.reading import sendable_of
from estate_config.live import retry_on_rejected
from estate_config.settings import Settings


class CurrentToken(httpx.Auth):
    """Authenticates the requests of a client: `httpx.Client(auth=CurrentToken(settings, "kreb_token"))`.

    Answered with 401, it has the field read again as `retry_on_rejected` does, and sends the request once more if there
    is another token by then. A request whose body is a stream is sent once. An `AsyncClient` has all of it done off the
    event loop of asyncio. `scheme` goes before the token, "" for none. Raises `TypeError` for an instance that is not
    lazy, `ValueError` for a name that is no field.
    """

    def __init__(
        self, settings: Settings, field: str, *, header: str = "Authorization", scheme: str = "Bearer"
    ) -> None:
        self._retry = retry_on_rejected(settings, field, exceptions=())
        self._field = field
        self._header = header
        self._scheme = scheme

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        seen = self._retry.seen()
        self._sign(request, seen)
        response = yield request
        if _is_refused(response) and _can_be_repeated(request) and self._retry.renewed(seen):
            self._sign(request, self._retry.seen())
            yield request

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        seen = await self._retry.aseen()
        self._sign(request, seen)
        response = yield request
        if _is_refused(response) and _can_be_repeated(request) and await self._retry.arenewed(seen):
            self._sign(request, self._retry.seen())
            yield request

    def _sign(self, request: httpx.Request, version: Settings) -> None:
        request.headers[self._header] = f"{self._scheme} {sendable_of(version, self._field)}".lstrip()


def _is_refused(response: httpx.Response) -> bool:
    return response.status_code == httpx.codes.UNAUTHORIZED


def _can_be_repeated(request: httpx.Request) -> bool:
    """Whether the body is still there."""
    return isinstance(request.stream, httpx.ByteStream)
