"""The service of a rotation under load: it logs in for each request, and says with which version. For gunicorn.

It shows what it logged in with, which no service should: the test compares it with what was in the store.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable
from typing import Any

import psycopg

from estate_config import Settings, explain, lazy, load, on_change, retry_on_rejected, secret, snapshot, watch

ACCEPTED = ("AWSPENDING",)


class Orders(Settings):
    username: str = secret(aws="estate/orders#username", accepts=ACCEPTED)
    password: str = secret(aws="estate/orders#password", accepts=ACCEPTED)
    host: str = secret(aws="estate/orders#host")
    port: int = secret(aws="estate/orders#port")
    dbname: str = secret(aws="estate/orders#dbname")
    url: str = secret(template="postgresql://{username}:{password}@{host}:{port}/{dbname}")


settings = lazy(Orders)
load(settings)
seen = {"since": time.time()}
on_change(settings, "password", lambda _: seen.update(since=time.time()))
watch(settings, every=30)


@retry_on_rejected(settings, "url", exceptions=(psycopg.OperationalError,), every=0.05)
def logged_in() -> tuple[str, str, str]:
    """Log in with one version; return its user, its password, and who the database says that it is."""
    now = snapshot(settings)
    with psycopg.connect(now.url, connect_timeout=10) as connection:
        row = connection.execute("SELECT session_user::text").fetchone()
    assert row is not None
    return now.username, now.password, row[0]


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    if environ["PATH_INFO"] == "/version":
        said: dict[str, Any] = {"pid": os.getpid(), "version": explain(settings)["password"].version, **seen}
    else:
        user, password, current = logged_in()
        said = {"user": user, "password": password, "current": current}
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(said).encode()]
