"""The ETL job with doubles: no AWS, no database, no `.env`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from estate_config import explain
from estate_config.testing import Estate
from services.etl import board
from services.etl.board import BoardError
from services.etl.secrets_manager import secrets_manager
from services.etl.settings import EtlSettings, settings
from stubs.json_server import JsonHandler, serving
from stubs.kreb_stub import KrebStub

KEY = "double-key-2"
DOUBLES = {"kreb_api_key": KEY, "db_password": "p@ss/word"}

pytestmark = pytest.mark.estate(EtlSettings, DOUBLES)


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board, "FIRST_PAUSE", 0)


def read(url: str, size: int = 50) -> Iterator[board.Page]:
    with board.client_of(url, secrets_manager.get_kreb_api_key(), 5) as client:
        yield from board.pages(client, size)


def test_the_database_url_is_built_from_its_parts_where_nobody_has_it_whole() -> None:
    assert secrets_manager.get_database_url() == "postgresql://estate:p%40ss%2Fword@localhost:5432/estate"
    assert explain(settings)["database_url"].provider == "template"


def test_a_whole_database_url_goes_before_its_parts(estate: Estate) -> None:
    estate.use(EtlSettings, {**DOUBLES, "database_url": "postgresql://whole@localhost/whole"})
    assert secrets_manager.get_database_url() == "postgresql://whole@localhost/whole"


def test_every_page_is_read_in_order() -> None:
    with serving(KrebStub, key=KEY, total=120) as url:
        pages = list(read(url))
    assert [(page.page, page.pages, len(page.items)) for page in pages] == [(1, 3, 50), (2, 3, 50), (3, 3, 20)]


def test_an_empty_board_is_one_empty_page() -> None:
    with serving(KrebStub, key=KEY, total=0) as url:
        assert [page.items for page in read(url)] == [[]]


def test_a_bad_moment_of_the_board_is_outlived() -> None:
    with serving(KrebStub, key=KEY, total=10, failures=[503, 429, 500]) as url:
        assert [len(page.items) for page in read(url)] == [10]


def test_a_bad_day_of_the_board_ends_the_job_after_four_attempts() -> None:
    failures = [503] * 9
    with (
        serving(KrebStub, key=KEY, failures=failures) as url,
        pytest.raises(BoardError, match="page 1: the board answered with status 503, 4 times") as caught,
    ):
        list(read(url))
    assert caught.value.again
    assert len(failures) == 5


def test_a_board_that_cannot_be_reached_is_said_with_the_setting_to_look_at() -> None:
    with pytest.raises(BoardError, match=r"cannot be reached.*KREB_BASE_URL") as caught:
        list(read("http://127.0.0.1:1"))
    assert caught.value.again


def test_a_refused_key_is_not_tried_again_and_not_shown() -> None:
    with (
        serving(KrebStub, key="right") as url,
        pytest.raises(BoardError, match="refuses our key") as caught,
    ):
        list(read(url))
    assert not caught.value.again
    assert KEY not in str(caught.value)


class Saying(JsonHandler):
    """A board that always answers the same."""

    status: int
    document: object

    def do_GET(self) -> None:  # noqa: N802 - the name is http.server's
        self.answer(self.status, self.document)


@pytest.mark.parametrize(
    ("status", "document", "words"),
    [
        (404, {}, "answered with status 404"),
        (200, [], "the document"),
        (200, {"page": 1, "pages": 10**9, "items": []}, "pages"),
        (
            200,
            {"page": 1, "pages": 1, "items": [{"id": "a", "address": "b", "price_krw": "cheap", "area_m2": 1}]},
            r"items\.0\.price_krw",
        ),
    ],
)
def test_an_answer_that_is_not_as_agreed_is_named_by_its_place(status: int, document: object, words: str) -> None:
    with (
        serving(Saying, key=KEY, status=status, document=document) as url,
        pytest.raises(BoardError, match=words) as caught,
    ):
        list(read(url))
    assert not caught.value.again
    assert caught.value.__context__ is None
    assert "cheap" not in str(caught.value)
