"""Read the paged listing API of the real-estate board."""

from __future__ import annotations

import time
from collections.abc import Iterator
from decimal import Decimal
from http import HTTPStatus

import httpx
from pydantic import BaseModel, Field, ValidationError

ATTEMPTS = 4
"""How often one page is asked for."""
FIRST_PAUSE = 0.2
"""Seconds before the second attempt; each later pause is twice as long."""
PAGES = 10_000
"""More pages than this are not believed."""


class BoardError(Exception):
    """The board gave no listings. The message says why, without a value; `again` says whether later may help."""

    def __init__(self, message: str, *, again: bool) -> None:
        self.again = again
        super().__init__(message)


class Listing(BaseModel):
    """A home on offer."""

    id: str = Field(min_length=1, max_length=64)
    address: str = Field(min_length=1, max_length=500)
    price_krw: int = Field(ge=0)
    area_m2: Decimal = Field(gt=0)


class Page(BaseModel):
    """One page of the board's answer."""

    page: int = Field(ge=1)
    pages: int = Field(ge=0, le=PAGES)
    items: list[Listing]


def client_of(base_url: str, api_key: str, timeout: float) -> httpx.Client:
    """Return a client. The key goes into a header: a URL ends up in logs."""
    return httpx.Client(base_url=base_url, headers={"Authorization": f"Bearer {api_key}"}, timeout=timeout)


def pages(client: httpx.Client, size: int) -> Iterator[Page]:
    """Yield every page in order; raise `BoardError`."""
    number, last = 1, 1
    while number <= last:
        page = _page(client, number, size)
        yield page
        number, last = number + 1, page.pages


def _page(client: httpx.Client, number: int, size: int) -> Page:
    pause, reason = FIRST_PAUSE, ""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            answer = client.get("/listings", params={"page": number, "size": size})
        except httpx.TransportError as error:
            reason = f"cannot be reached ({type(error).__name__})"
        else:
            if (
                answer.status_code < HTTPStatus.INTERNAL_SERVER_ERROR
                and answer.status_code != HTTPStatus.TOO_MANY_REQUESTS
            ):
                return _checked(answer, number)
            reason = f"answered with status {answer.status_code}"
        if attempt < ATTEMPTS:
            time.sleep(pause)
            pause *= 2
    raise BoardError(f"page {number}: the board {reason}, {ATTEMPTS} times (KREB_BASE_URL)", again=True)


def _checked(answer: httpx.Response, number: int) -> Page:
    if answer.status_code in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        raise BoardError("the board refuses our key (estate/kreb/api_key)", again=False)
    if answer.status_code != HTTPStatus.OK:
        raise BoardError(f"page {number}: the board answered with status {answer.status_code}", again=False)
    try:
        return Page.model_validate_json(answer.content)
    except ValidationError as error:
        first = error.errors(include_input=False, include_context=False, include_url=False)[0]
    where = ".".join(str(step) for step in first["loc"]) or "the document"
    raise BoardError(f"page {number}: the board's answer is not as agreed: {where}: {first['msg']}", again=False)
