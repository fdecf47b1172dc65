"""Rotation under load: gunicorn's four processes, a real PostgreSQL, eight threads and an asyncio client. No request
fails, nobody sees a user of one version with the password of another, and every process has a new version soon after
its event: how soon is printed (`-s`), and only bounded here."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from estate_config.model import Deadline
from estate_config.testing import EmbeddedAws
from tests.fakes.aws import REGION, StrictAws
from tests.providers.test_aws_events import Route
from tests.rotation.conftest import (  # noqa: F401 - fixtures
    Rotating,
    Users,
    aws,
    begin,
    go_on,
    make_users,
    rotating,
    secret_of,
    server,
    users,
    value,
)
from tools.processes import Child, accepts, bare_environment, free_port, running

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("under load")]

ROOT = Path(__file__).parents[2]
WORKERS, ROTATIONS, WITHIN = 4, 10, 60.0
PACE = 0.02
"""Seconds between two requests of one client: two cores serve everybody here."""


@dataclass
class Load:
    """Requests without end, and what came of them."""

    url: str
    stopped: threading.Event = field(default_factory=threading.Event)
    failures: list[str] = field(default_factory=list)
    seen: set[tuple[str, str]] = field(default_factory=set)
    answered: Counter[int] = field(default_factory=Counter)
    """Requests that each client has had an answer to, by its thread."""

    def take(self, response: httpx.Response) -> None:
        self.answered[threading.get_ident()] += 1
        if response.status_code != httpx.codes.OK:
            self.failures.append(f"{response.status_code} {response.text[:200]}")
            return
        said = response.json()
        if said["user"] != said["current"]:
            self.failures.append(f"logged in as {said['current']} with the settings of {said['user']}")
        self.seen.add((said["user"], said["password"]))

    def finish_what_has_begun(self) -> None:
        """Wait until nobody waits for an answer of before: a request that meets two rotations is refused twice."""
        before, deadline = dict(self.answered), Deadline(WITHIN)
        while any(self.answered[client] == count for client, count in before.items()):
            assert deadline.remaining(), "a client has no answer"
            time.sleep(PACE)

    def thread(self) -> None:
        with httpx.Client(timeout=30) as client:
            while not self.stopped.wait(PACE):
                self.take(client.get(self.url))

    async def task(self) -> None:
        async with httpx.AsyncClient(timeout=30) as client:
            while not self.stopped.is_set():
                self.take(await client.get(self.url))
                await asyncio.sleep(PACE)


@contextmanager
def under_load(url: str) -> Iterator[Load]:
    load = Load(url)
    threads = [threading.Thread(target=load.thread) for _ in range(8)]
    threads.append(threading.Thread(target=lambda: asyncio.run(load.task())))
    for thread in threads:
        thread.start()
    try:
        yield load
    finally:
        load.stopped.set()
        for thread in threads:
            thread.join()


@pytest.fixture
def route(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Route, str]]:
    with EmbeddedAws() as moto:
        for name, text in moto.variables.items():
            monkeypatch.setenv(name, text)
        made = Route(moto)
        yield made, moto.endpoint_url
        made.close()


@contextmanager
def serving(fake: StrictAws, queue: str, sqs: str, folder: Path) -> Iterator[tuple[str, Child]]:
    table = f'[environments.production]\nchain = ["aws"]\n[providers.aws]\nevents_queue_url = "{queue}"\n'
    (folder / "estate.toml").write_text(table, "utf-8")
    port = free_port()
    environment = {
        **bare_environment(),
        **fake.environment(),
        "AWS_ENDPOINT_URL_SQS": sqs,
        "AWS_REGION": REGION,
        "ESTATE_ENV": "production",
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-m", "gunicorn", "--preload", "--workers", str(WORKERS), "--threads", "4"]
    command += ["--bind", f"127.0.0.1:{port}", "--worker-tmp-dir", str(folder), "tests.under_load.service:application"]
    with running("gunicorn", command, environment=environment, folder=folder) as child:
        child.wait_until(lambda: accepts(port), 30)
        yield f"http://127.0.0.1:{port}", child


def versions(url: str) -> dict[int, tuple[str, float]]:
    """Return the version of each process and since when it has it, asking until all of them have answered."""
    found: dict[int, tuple[str, float]] = {}
    deadline = Deadline(WITHIN)
    with httpx.Client(timeout=30, headers={"Connection": "close"}) as client:
        while len(found) < WORKERS:
            assert deadline.remaining(), f"not all processes answer: {found}"
            said = client.get(f"{url}/version").json()
            found[said["pid"]] = said["version"], said["since"]
    return found


def seconds_until_everywhere(url: str, version: str, told: float) -> float:
    """Return how long after it was told the last process had a version."""
    while True:
        found = versions(url)
        if {one for one, _ in found.values()} == {version}:
            return max(0.0, *(since - told for _, since in found.values()))
        assert time.time() - told < WITHIN, f"not everywhere: {found}, {version} is expected"


@pytest.mark.parametrize("kind", ["postgresql-single", "postgresql-alternating"])
def test_a_rotation_under_load_fails_no_request_and_is_in_every_process_soon(  # noqa: PLR0917 - fixtures
    kind: str,
    aws: StrictAws,  # noqa: F811 - the fixtures
    users: Users,  # noqa: F811
    rotating: Rotating,  # noqa: F811
    route: tuple[Route, str],
    tmp_path: Path,
) -> None:
    aws.add("estate/orders", users.json())
    aws.add("estate/orders/admin", users.admin_json)
    rotation = rotating("orders", kind=kind, **({"admin": "orders/admin"} if "alternating" in kind else {}))
    changes, sqs = route
    pairs = {pair_of(value(aws, "estate/orders"))}
    took: list[float] = []
    with serving(aws, changes.url, sqs, tmp_path) as (url, child), under_load(url) as load:
        for _ in range(ROTATIONS):
            version = go_on(rotation)
            pairs.add(pair_of(value(aws, "estate/orders")))
            told = time.time()
            changes.tell("estate/orders", secret_of(aws, "estate/orders").arn, version)
            took.append(seconds_until_everywhere(url, version, told))
            load.finish_what_has_begun()
        output = child.output()
    assert load.failures == [], output
    requests = load.answered.total()
    assert requests > 100
    assert load.seen <= pairs
    assert len(load.seen) > ROTATIONS
    times = ", ".join(f"{seconds:.2f}" for seconds in sorted(took))
    sys.stdout.write(f"\n{kind}: {requests} requests; seconds from event to the last of {WORKERS}: {times}\n")
    assert not any(password in output for _, password in pairs)


def pair_of(secret: str) -> tuple[str, str]:
    held: dict[str, Any] = json.loads(secret)
    return held["username"], held["password"]
