"""The AI service with doubles: no AWS, no database, no `.env`."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import httpx
import openai
import pytest

from estate_config import ConfigurationError, Health
from estate_config.testing import Estate
from services.ai import app as app_module
from services.ai.app import create_app
from services.ai.describer import ModelError, client_of, describe
from services.ai.listings import Listing
from services.ai.secrets_manager import secrets_manager
from services.ai.settings import AiSettings, settings
from services.database import DatabaseUnavailableError
from stubs.json_server import JsonHandler, serving
from stubs.openai_stub import OpenAIStub

KEY = "double-key-1"
DOUBLES = {"database_url": "postgresql://double:double@localhost:1/double", "openai_api_key": KEY}
pytestmark = pytest.mark.estate(AiSettings, DOUBLES)

HOME = Listing("KREB-00001", "1 Teheran-ro", 901_000_000, Decimal("60.5"))


def ask(method: str, path: str, document: object = None) -> httpx.Response:
    """Send one request to the application, in this context."""

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(create_app(settings))
        async with httpx.AsyncClient(transport=transport, base_url="http://ai") as client:
            return await client.request(method, path, json=document)

    return asyncio.run(send())


def client_to(estate: Estate, url: str, **values: str) -> openai.OpenAI:
    """Return a client of the model server at `url`."""
    estate.use(AiSettings, {**DOUBLES, "openai_base_url": url, **values})
    return client_of(settings)


def test_the_facade_gives_plain_texts() -> None:
    assert secrets_manager.get_database_url() == "postgresql://double:double@localhost:1/double"
    assert secrets_manager.get_openai_api_key() == "double-key-1"


def test_the_client_sends_the_key_that_is_in_force_at_each_request(estate: Estate) -> None:
    """T26: a key taken once, when the client is made, would never rotate."""
    with serving(OpenAIStub, key=KEY) as url, client_to(estate, f"{url}/v1") as client:
        assert "1 Teheran-ro" in describe(client, "any", HOME)
        estate.use(AiSettings, {**DOUBLES, "openai_api_key": "another-key"})
        with pytest.raises(ModelError, match="refuses our key"):
            describe(client, "any", HOME)


def test_a_refused_key_is_502_and_no_part_of_it_is_in_the_error(estate: Estate) -> None:
    """The real service quotes the key in its answer, and the SDK puts that answer into its exception."""
    with (
        serving(OpenAIStub, key="right") as url,
        client_to(estate, f"{url}/v1") as client,
        pytest.raises(ModelError) as caught,
    ):
        describe(client, "any", HOME)
    assert caught.value.status == 502
    assert caught.value.__context__ is None
    assert KEY not in str(caught.value)


class Saying(JsonHandler):
    """A model server that always answers the same."""

    status: int
    document: object

    def do_POST(self) -> None:  # noqa: N802 - the name is http.server's
        self.body()
        self.answer(self.status, self.document)


@pytest.mark.parametrize(
    ("status", "document", "expected", "words"),
    [
        (403, {}, 502, "refuses our key"),
        (404, {}, 502, "status 404"),
        (429, {}, 503, "slow down"),
        (500, {}, 502, "status 500"),
        (200, {"choices": []}, 502, "not as agreed"),
        (200, {"choices": [{"message": {"role": "assistant", "content": ""}}]}, 502, "not as agreed"),
        (200, {"choices": [{"message": None}]}, 502, "not as agreed"),
        (200, "hello", 502, "not as agreed"),
    ],
)
def test_what_the_model_server_does_is_said(
    status: int, document: object, expected: int, words: str, estate: Estate
) -> None:
    with (
        serving(Saying, key="", status=status, document=document) as url,
        client_to(estate, url) as client,
        pytest.raises(ModelError, match=words) as caught,
    ):
        describe(client, "any", HOME)
    assert caught.value.status == expected


def test_a_model_server_that_cannot_be_reached_is_503(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_module, "connect", lambda url: None)
    monkeypatch.setattr(app_module, "read_listing", lambda connection, listing_id: HOME)
    estate.use(AiSettings, {**DOUBLES, "openai_base_url": "http://127.0.0.1:1"})
    answer = ask("POST", "/describe", {"listing_id": "KREB-00001"})
    assert (answer.status_code, answer.json()["detail"]) == (
        503,
        "the language model cannot be reached (OPENAI_BASE_URL)",
    )


def test_a_model_server_that_is_slow_is_503(estate: Estate) -> None:
    class Slow(Saying):
        def do_POST(self) -> None:  # noqa: N802 - the name is http.server's
            self.rfile.read()  # until the client has given up and gone

    with (
        serving(Slow, key="") as url,
        client_to(estate, url, openai_timeout="0.05") as client,
        pytest.raises(ModelError, match="in time") as caught,
    ):
        describe(client, "any", HOME)
    assert caught.value.status == 503


@pytest.mark.parametrize(
    ("outcome", "status", "words"),
    [
        (None, 404, "no such listing"),
        (DatabaseUnavailableError("the database cannot be reached"), 503, "the database cannot be reached"),
    ],
)
def test_what_the_database_does_is_said(outcome: Any, status: int, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(url: str) -> None:
        if outcome is not None:
            raise outcome

    monkeypatch.setattr(app_module, "connect", connect)
    monkeypatch.setattr(app_module, "read_listing", lambda connection, listing_id: None)
    answer = ask("POST", "/describe", {"listing_id": "KREB-00001"})
    assert answer.status_code == status
    assert words in answer.json()["detail"]


def test_health_shows_where_settings_came_from_and_no_value() -> None:
    answer = ask("GET", "/healthz")
    assert answer.status_code == 200
    origins = {item["field"]: item["provider"] for item in answer.json()["settings"]}
    assert origins["openai_api_key"] == "fixture"
    assert origins["log_level"] == "default"
    assert KEY not in answer.text
    assert "double:double" not in answer.text


@pytest.mark.parametrize(
    ("health", "expected"),
    [
        (Health(live=True, ready=True, degraded=False), (200, 200, "ok")),
        (Health(live=True, ready=True, degraded=True, reasons=("UNAVAILABLE",)), (200, 200, "degraded")),
        (Health(live=True, ready=False, degraded=True, reasons=("STALE",)), (200, 503, "degraded")),
        (Health(live=False, ready=True, degraded=True, reasons=("ended",)), (503, 200, "degraded")),
    ],
)
def test_probes_restart_what_is_dead_and_spare_what_is_not_ready(
    health: Health, expected: tuple[int, int, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app_module, "health", lambda _: health)
    alive, ready = ask("GET", "/healthz"), ask("GET", "/readyz")
    assert (alive.status_code, ready.status_code, alive.json()["status"]) == expected
    assert alive.json()["reasons"] == ready.json()["reasons"] == list(health.reasons)


def test_a_key_with_its_line_end_stops_the_start(estate: Estate) -> None:
    with pytest.raises(ConfigurationError) as caught:
        estate.load(AiSettings, **{**DOUBLES, "openai_api_key": "double-key-1\n"})
    assert [(problem.field, problem.code) for problem in caught.value.problems] == [("openai_api_key", "INVALID")]
    assert "double-key-1" not in str(caught.value)


def test_a_fake_made_from_the_schema_is_enough_to_start(estate: Estate) -> None:
    estate.fake(AiSettings)
    assert ask("GET", "/healthz").status_code == 200


def test_a_key_that_iam_denies_stops_the_start(estate: Estate) -> None:
    estate.deny("openai/api_key")
    with pytest.raises(ConfigurationError) as caught:
        create_app(settings)
    assert [(problem.field, problem.code) for problem in caught.value.problems] == [("openai_api_key", "DENIED")]
