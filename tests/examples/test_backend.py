"""The backend as a process of Node.js, on a real PostgreSQL, with secrets from the embedded AWS."""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.database import connect
from services.etl import board, job
from stubs.json_server import serving as stub
from stubs.segment_stub import SegmentStub
from stubs.ses_stub import SesStub
from tools.account import Account
from tools.made_up import OTHERS, shown_in
from tools.node import BACKEND, built, node
from tools.postgres import Postgres
from tools.processes import Child, DidNotStartError, accepts, bare_environment, free_port, running

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("node")]

HOME = board.Listing(id="KREB-00001", address="1 Teheran-ro", price_krw=901_000_000, area_m2=Decimal("60.5"))
EMAIL = "kim@estate.example"
MINE = {name.lower(): value for name, value in OTHERS.items()}
"""The four secrets that nobody else reads, by field."""


@pytest.fixture(scope="session")
def server() -> list[str]:
    """The command that starts the service."""
    try:
        program = node()
    except DidNotStartError as error:
        pytest.skip(str(error))
    return [program, str(built())]


@dataclass(frozen=True)
class Outside:
    """The services of others."""

    mails: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)


@pytest.fixture
def outside() -> Iterator[Outside]:
    outside, pair = Outside(), f"{OTHERS['SES_ACCESS_KEY_ID']}:{OTHERS['SES_SECRET_ACCESS_KEY']}"
    with ExitStack() as stack:
        outside.variables["SES_URL"] = stack.enter_context(stub(SesStub, key=pair, sent=outside.mails))
        key = OTHERS["SEGMENT_WRITE_KEY"]
        outside.variables["SEGMENT_URL"] = stack.enter_context(stub(SegmentStub, key=key, tracked=outside.events))
        yield outside


@dataclass(frozen=True)
class Service:
    """The running service."""

    url: str
    child: Child

    def ask(self, method: str, path: str, document: object = None, token: str = "") -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.request(method, self.url + path, json=document, headers=headers, timeout=20)

    def token(self) -> str:
        answer = self.ask("POST", "/sessions", {"email": EMAIL})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["token"])


@contextmanager
def serving(server: list[str], *environments: Mapping[str, str], folder: Path | None = None) -> Iterator[Service]:
    port = free_port()
    environment = {**bare_environment(), "LISTEN_PORT": str(port)}
    for more in environments:
        environment |= more
    with running("backend", server, environment=environment, folder=folder or BACKEND) as child:
        child.wait_until(lambda: accepts(port), 30)
        yield Service(f"http://127.0.0.1:{port}", child)


@pytest.fixture
def listings(empty_database: Postgres) -> Postgres:
    job.load([board.Page(page=1, pages=1, items=[HOME])], connect(empty_database.url), lambda _: None)
    return empty_database


def test_a_sign_in_is_mailed_and_counted_and_opens_the_listings(
    account: Account, listings: Postgres, outside: Outside, server: list[str]
) -> None:
    account.create(database_url=listings.url, **MINE)
    with serving(server, account.environment, outside.variables) as service:
        token = service.token()
        session = service.ask("GET", "/sessions", token=token)
        listing = service.ask("GET", "/listings/KREB-00001", token=token)
        unknown = service.ask("GET", "/listings/nowhere", token=token)
        health = service.ask("GET", "/healthz")
        output = service.child.output()
    assert session.json()["email"] == EMAIL
    assert listing.json() == {"id": HOME.id, "address": HOME.address, "price_krw": "901000000", "area_m2": "60.5"}
    assert unknown.status_code == 404
    assert [mail["Destination"]["ToAddresses"] for mail in outside.mails] == [[EMAIL]]
    assert outside.events == [{"userId": EMAIL, "event": "Signed In"}]
    origins = {item["field"]: (item["provider"], item["place"]) for item in health.json()["settings"]}
    assert origins["jwt_secret"] == ("aws", "estate/jwt/secret")
    assert origins["ses_url"] == ("env", "SES_URL")
    assert origins["mail_from"][0] == "default"
    assert "Secrets loaded successfully from AWS Secrets Manager (backend, production: 5 secrets" in output
    assert shown_in(health.text + listing.text + output) == []


def test_a_token_that_was_changed_opens_nothing(
    account: Account, listings: Postgres, outside: Outside, server: list[str]
) -> None:
    account.create(database_url=listings.url, **MINE)
    with serving(server, account.environment, outside.variables) as service:
        header, payload, signature = service.token().split(".")
        claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
        other = base64.urlsafe_b64encode(json.dumps({**claims, "sub": "lee@estate.example"}).encode()).decode()
        changed = service.ask("GET", "/listings/KREB-00001", token=f"{header}.{other.rstrip('=')}.{signature}")
        nobody = service.ask("GET", "/listings/KREB-00001")
    assert (changed.status_code, nobody.status_code) == (401, 401)


@pytest.mark.parametrize("wrong", ["ses_access_key_id", "ses_secret_access_key"])
def test_a_refused_mail_key_is_502_and_shows_nowhere(
    account: Account, database: Postgres, outside: Outside, server: list[str], wrong: str
) -> None:
    account.create(database_url=database.url, **{**MINE, wrong: MINE[wrong] + "-old"})
    with serving(server, account.environment, outside.variables) as service:
        answer = service.ask("POST", "/sessions", {"email": EMAIL})
        output = service.child.output()
    assert answer.status_code == 502
    assert answer.json()["detail"] == "the mail service refuses our key (estate/ses/…)"
    assert (outside.mails, outside.events) == ([], [])
    assert shown_in(answer.text + output) == []


def test_a_refused_tracking_key_is_logged_and_stops_nobody(
    account: Account, database: Postgres, outside: Outside, server: list[str]
) -> None:
    account.create(database_url=database.url, **{**MINE, "segment_write_key": "canary-old"})
    with serving(server, account.environment, outside.variables) as service:
        assert service.token()
        output = service.child.output()
    assert "Segment refuses our key (estate/segment/write_key)" in output
    assert outside.events == []
    assert shown_in(output) == []


def test_a_wrong_database_password_is_503_and_shows_nowhere(
    account: Account, database: Postgres, outside: Outside, server: list[str]
) -> None:
    account.create(database_url=database.url_with("canary-wrong"), **MINE)
    with serving(server, account.environment, outside.variables) as service:
        answer = service.ask("GET", "/listings/KREB-00001", token=service.token())
        output = service.child.output()
    assert answer.status_code == 503
    assert "refuses the user or the password" in answer.json()["detail"]
    assert shown_in(answer.text + output) == []


def test_it_does_not_start_without_its_secrets_and_says_all_that_is_wrong(
    account: Account, server: list[str], tmp_path: Path
) -> None:
    account.create(ses_access_key_id=OTHERS["SES_ACCESS_KEY_ID"], jwt_secret="canary-short", database_url="canary://x")
    account.iam.denied.add("estate/ses/access_key_id")
    port = free_port()
    done = subprocess.run(
        server,
        env={**bare_environment(), **account.environment, "LISTEN_PORT": str(port)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 78
    assert "backend cannot start in production: 5 problems." in done.stderr
    assert "DENIED  ses_access_key_id" in done.stderr
    assert "MISSING  ses_secret_access_key" in done.stderr
    assert "INVALID  jwt_secret\n  is too short (declared: str, min_length=32)" in done.stderr
    assert "INVALID  database_url\n  is a URL of another scheme (declared: PostgresDsn)" in done.stderr
    assert done.stdout == ""
    assert not accepts(port)
    assert shown_in(done.stderr) == []


def test_on_a_laptop_its_secrets_come_from_the_env_file(
    database: Postgres, outside: Outside, server: list[str], tmp_path: Path
) -> None:
    values = {"DATABASE_URL": database.url, **OTHERS}
    file = tmp_path / ".env"
    file.touch(0o600)
    file.write_text("".join(f"{name}='{value}'\n" for name, value in values.items()), "utf-8")
    with serving(server, outside.variables, folder=tmp_path) as service:
        assert service.token()
        health, output = service.ask("GET", "/healthz"), service.child.output()
    origins = {item["field"]: item["place"] for item in health.json()["settings"]}
    assert origins["jwt_secret"] == ".env:2"
    assert "Secrets loaded successfully from .env files (backend, development: 5 secrets" in output


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_once_it_has_answered_what_it_was_asked(
    account: Account, database: Postgres, outside: Outside, server: list[str], number: signal.Signals
) -> None:
    account.create(database_url=database.url, **MINE)
    with serving(server, account.environment, outside.variables) as service, socket.socket() as client:
        client.settimeout(20)
        client.connect(("127.0.0.1", int(service.url.rpartition(":")[2])))
        body = json.dumps({"email": EMAIL}).encode()
        head = f"POST /sessions HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        client.sendall(head.encode() + body[:5])
        service.child.wait_until(lambda: service.ask("GET", "/healthz").status_code == 200, 10)
        os.kill(service.child.process.pid, number)
        service.child.wait_until(lambda: not accepts(int(service.url.rpartition(":")[2])), 10)
        client.sendall(body[5:])
        answer = b"".join(iter(lambda: client.recv(65_536), b""))
        assert service.child.process.wait(10) == 0
    assert answer.startswith(b"HTTP/1.1 201 ")


def test_its_own_tests_pass(server: list[str]) -> None:
    program, dist = server[0], Path(server[-1]).parent
    tests = sorted(str(file) for file in dist.rglob("*.test.js"))
    done = subprocess.run(
        [program, "--test", *tests],
        env=bare_environment(),
        cwd=BACKEND,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(tests) == 4


def test_an_account_that_nobody_answers_for_stops_the_start(server: list[str], tmp_path: Path) -> None:
    account = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "-"}
    done = subprocess.run(
        server,
        env={**bare_environment(), "NODE_ENV": "production", **account},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 78
    assert done.stderr.count("\nUNAVAILABLE  ") == 1  # one trouble, said once for all five
    assert "aws cannot be reached" in done.stderr
