"""Requests that bear the token of the settings, to a server over HTTP whose token is rotated."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any, ClassVar

import httpx
import pytest
from pydantic import SecretStr, field_validator

from estate_config import Settings, lazy, refresh, secret, use
from estate_config.integrations.httpx import CurrentToken
from stubs.json_server import JsonHandler, serving
from tests.integrations.conftest import Mounted, assert_hidden, is_on_a_loop
from tests.leaks import PLAIN


class Service(Settings):
    board_token: SecretStr = secret("board/token")


class Board:
    """What the server accepts now, and the headers and bodies of what it was sent."""

    def __init__(self, token: str) -> None:
        self.token = token
        self.header = "Authorization"
        self.given: list[str] = []
        self.bodies: list[object] = []


class Handler(JsonHandler):
    board: ClassVar[Board]

    def do_POST(self) -> None:  # noqa: N802 - the name is http.server's
        given = self.headers.get(self.board.header, "")
        self.board.given.append(given)
        self.board.bodies.append(self.body())
        accepted = given.removeprefix("Bearer ") == self.board.token
        self.answer(200 if accepted else 401, {})


@pytest.fixture
def board(mounted: Mounted) -> Board:
    mounted.put(board_token="first")
    return Board("first")


@pytest.fixture
def url(board: Board) -> Iterator[str]:
    with serving(Handler, board=board) as url:
        yield url


@pytest.fixture
def settings(board: Board, mounted: Mounted) -> Service:
    return mounted.live(Service)


@pytest.fixture
def client(url: str, settings: Service) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, auth=CurrentToken(settings, "board_token")) as client:
        yield client


def test_each_request_bears_the_token_of_now(
    client: httpx.Client, board: Board, settings: Service, mounted: Mounted
) -> None:
    client.post("/").raise_for_status()
    board.token = "second"
    mounted.put(board_token="second")
    refresh(settings)
    client.post("/").raise_for_status()
    assert board.given == ["Bearer first", "Bearer second"]


def test_a_refused_request_is_sent_once_more_with_a_newer_token(
    client: httpx.Client, board: Board, mounted: Mounted
) -> None:
    board.token = "second"
    mounted.put(board_token="second")  # and nobody has refreshed
    client.post("/", json={"order": 1}).raise_for_status()
    assert board.given == ["Bearer first", "Bearer second"]
    assert board.bodies == [{"order": 1}, {"order": 1}]


def test_without_a_newer_token_the_refusal_is_the_answer(client: httpx.Client, board: Board) -> None:
    board.token = "second"
    assert client.post("/").status_code == 401
    assert board.given == ["Bearer first"]


def test_a_body_that_is_streamed_is_sent_once(client: httpx.Client, board: Board, mounted: Mounted) -> None:
    def body() -> Iterator[bytes]:
        yield b"{}"

    board.token = "second"
    mounted.put(board_token="second")
    assert client.post("/", content=body(), headers={"Content-Length": "2"}).status_code == 401
    assert board.given == ["Bearer first"]


def test_the_header_and_its_scheme_can_be_others(url: str, board: Board, settings: Service) -> None:
    board.header = "X-Api-Key"
    auth = CurrentToken(settings, "board_token", header="X-Api-Key", scheme="")
    httpx.post(url, auth=auth).raise_for_status()
    assert board.given == ["first"]


def test_an_async_client_is_served_too_and_its_loop_goes_on(
    url: str, board: Board, settings: Service, mounted: Mounted
) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"{}"

    async def run() -> None:
        async with httpx.AsyncClient(base_url=url, auth=CurrentToken(settings, "board_token")) as client:
            (await client.post("/")).raise_for_status()
            board.token = "second"
            mounted.put(board_token="second")
            streamed = await client.post("/", content=body(), headers={"Content-Length": "2"})
            assert streamed.status_code == 401
            (await client.post("/", json={"order": 1})).raise_for_status()
            board.token = "third"
            assert (await client.post("/")).status_code == 401

    asyncio.run(run())
    assert board.given == [*["Bearer first"] * 3, *["Bearer second"] * 2]


def test_an_async_client_loads_off_its_loop(url: str, board: Board) -> None:
    on_a_loop: list[bool] = []

    class Noticing(Service):
        @field_validator("board_token", mode="before")
        @classmethod
        def _notice(cls, value: object) -> object:
            on_a_loop.append(is_on_a_loop())
            return value

    async def run() -> None:
        auth = CurrentToken(lazy(Noticing), "board_token")
        async with httpx.AsyncClient(base_url=url, auth=auth) as client:
            (await client.post("/")).raise_for_status()

    with use(Noticing, {"board_token": "first"}):
        asyncio.run(run())
    assert on_a_loop == [False]


def test_under_a_loop_that_is_not_asyncio_s_it_loads_and_looks_where_it_is(board: Board, mounted: Mounted) -> None:
    settings = lazy(Service)
    with use(Service, {"board_token": "first"}):
        flow = CurrentToken(settings, "board_token").async_auth_flow(httpx.Request("POST", "http://there/"))
        request = step(flow.__anext__())
        assert request.headers["Authorization"] == "Bearer first"
        with pytest.raises(StopAsyncIteration):
            step(flow.asend(httpx.Response(401, request=request)))


def step(awaiting: Any) -> Any:
    """Go on until it is done, as any loop would; it may wait for nothing."""
    try:
        awaiting.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("it waits for something of asyncio's")


@pytest.mark.parametrize("token", [f"{PLAIN}\n", f"{PLAIN}\r\nHost: there", f"{PLAIN} ", f"{PLAIN}\0"])
def test_a_token_that_no_header_can_carry_is_named_and_not_shown(token: str, url: str) -> None:
    auth = CurrentToken(lazy(Service), "board_token")
    with (
        use(Service, {"board_token": token}),
        pytest.raises(ValueError, match=r"Service\.board_token has what no header can carry") as caught,
    ):
        httpx.get(url, auth=auth)
    assert_hidden(caught.value, PLAIN)


def test_the_token_is_in_no_repr_and_nothing_is_loaded_before_the_first_request(url: str, board: Board) -> None:
    auth = CurrentToken(lazy(Service), "board_token")
    with use(Service, {"board_token": "first"}):
        httpx.post(url, auth=auth).raise_for_status()
    assert "first" not in f"{auth!r}{vars(auth)}"
