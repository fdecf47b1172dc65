"""Django on a PostgreSQL whose password is rotated: its requests, its transactions, its copies of a connection."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any
from wsgiref.util import setup_testing_defaults

import django
import psycopg
import pytest
from django import conf
from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.wsgi import WSGIHandler
from django.db import OperationalError, connection, connections, transaction
from django.db.utils import ConnectionHandler
from django.http import HttpRequest, HttpResponse
from django.urls import path

from estate_config import lazy, load, refresh, use
from estate_config.integrations.django import database
from tests.integrations.conftest import UNREADABLE_BY_LIBPQ, Mounted, Rotated, Service, Unchecked, assert_hidden
from tests.leaks import PLAIN, assert_no_canary

settings = lazy(Service)


def pid(_: HttpRequest) -> HttpResponse:
    return HttpResponse(str(pid_of(connection)))


urlpatterns = [path("", pid)]

conf.settings.configure(
    ALLOWED_HOSTS=["*"],
    DATABASES={"default": database(settings, "database_url", CONN_MAX_AGE=600)},
    LOGGING_CONFIG=None,
    ROOT_URLCONF=__name__,
)
django.setup()


def pid_of(connection: Any) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    return int(pid)


def requested() -> int:
    """Send a request through Django as a WSGI server does, and return the server process that answered the database."""
    environ: dict[str, Any] = {}
    setup_testing_defaults(environ)
    response = WSGIHandler()(environ, lambda *_: lambda _: None)
    response.close()
    return int(b"".join(response))


@pytest.fixture(autouse=True)
def _loaded(rotated: Rotated, mounted: Mounted) -> Iterator[None]:
    load(settings, config=mounted.config)
    yield
    connections.close_all()


def test_a_connection_is_kept_between_requests_while_nothing_changes(mounted: Mounted) -> None:
    before = requested()
    mounted.put(workers="2")
    assert refresh(settings).changed == ("workers",)
    assert requested() == before


def test_after_a_rotation_the_next_request_connects_with_the_password_of_now(rotated: Rotated) -> None:
    before = requested()
    rotated.rotate(settings)
    now = requested()
    assert rotated.sessions() == {now} != {before}


def test_a_transaction_finishes_its_work(rotated: Rotated) -> None:
    with transaction.atomic():
        before = pid_of(connection)
        with connection.cursor() as cursor:
            cursor.execute("CREATE TEMPORARY TABLE work (done int)")
            rotated.rotate(settings)
            cursor.execute("INSERT INTO work VALUES (1)")
    assert pid_of(connection) == before
    assert requested() != before


def test_a_refused_password_is_looked_for_at_once(rotated: Rotated) -> None:
    rotated.change()
    rotated.tell()  # and nobody has refreshed
    requested()


def test_a_password_that_stays_refused_is_djangos_error(rotated: Rotated) -> None:
    used = rotated.password
    rotated.change()
    with pytest.raises(OperationalError, match="password authentication failed") as caught:
        pid_of(connection)
    assert_hidden(caught.value, used)


def test_a_url_may_name_the_driver_as_those_of_sqlalchemy_do(rotated: Rotated, mounted: Mounted) -> None:
    url = (mounted.folder / "database_url").read_text("utf-8")
    mounted.put(url=url.replace("postgresql:", "postgresql+psycopg:"))
    handler = ConnectionHandler({"default": database(mounted.live(Unchecked), "url")})
    assert pid_of(handler["default"]) in rotated.sessions()
    handler.close_all()


@pytest.mark.parametrize("name", ["", "service"])
@pytest.mark.parametrize("text", UNREADABLE_BY_LIBPQ)
def test_a_text_that_is_no_url_is_named_and_not_shown(text: str, name: str, mounted: Mounted) -> None:
    mounted.put(url=text)
    handler = ConnectionHandler({"default": database(mounted.live(Unchecked), "url", NAME=name)})
    with pytest.raises((OperationalError, psycopg.OperationalError), match=r"Unchecked\.url is no URL") as caught:
        handler["default"].ensure_connection()
    assert_hidden(caught.value, PLAIN)


def test_a_url_without_a_database_is_djangos_error_and_not_shown(mounted: Mounted) -> None:
    mounted.put(url=f"postgresql://service:{PLAIN}@host")
    handler = ConnectionHandler({"default": database(mounted.live(Unchecked), "url")})
    with pytest.raises(ImproperlyConfigured, match="NAME") as caught:
        handler["default"].ensure_connection()
    assert_hidden(caught.value, PLAIN)


def test_each_thread_has_a_connection_that_follows(rotated: Rotated) -> None:
    seen: list[int] = []

    def work() -> None:
        seen.append(requested())
        connections.close_all()

    rotated.rotate(settings)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join(10)
    assert len({requested(), *seen}) == 2


def test_copies_that_django_makes_of_a_connection_follow_too(rotated: Rotated) -> None:
    copy = connection.copy()
    rotated.rotate(settings)
    pid_of(copy)
    copy.close()
    with connection._nodb_cursor() as cursor:
        cursor.execute("SELECT current_database()")
        assert cursor.fetchone() == ("postgres",)


def test_a_name_of_the_database_that_is_not_the_urls_wins(rotated: Rotated) -> None:
    handler = ConnectionHandler({"default": database(settings, "database_url", NAME="postgres")})
    with handler["default"].cursor() as cursor:
        cursor.execute("SELECT current_database()")
        assert cursor.fetchone() == ("postgres",)
    handler.close_all()


def test_no_password_is_in_the_settings_of_django(rotated: Rotated) -> None:
    requested()
    assert_no_canary(repr(conf.settings.DATABASES) + repr(connection.settings_dict), rotated.password)


def test_nothing_is_loaded_before_the_connection_is_used(rotated: Rotated) -> None:
    url = settings.database_url
    handler = ConnectionHandler({"default": database(lazy(Service), "database_url")})
    with use(Service, {"database_url": url}):
        pid_of(handler["default"])
    handler.close_all()


def test_djangos_own_pool_is_refused() -> None:
    handler = ConnectionHandler({"default": database(settings, "database_url", OPTIONS={"pool": True})})
    with pytest.raises(ImproperlyConfigured, match="CONN_MAX_AGE"):
        handler["default"].ensure_connection()


def test_what_is_no_field_is_refused_where_it_is_written() -> None:
    with pytest.raises(ValueError, match="no field 'databse_url'"):
        database(settings, "databse_url")
