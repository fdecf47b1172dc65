"""The service of the soak: watches, refreshes from several threads, logs in with what it has, and never stops looking.

It checks what it is shown, and writes what it saw, numbers without values, to `seen.json` for the soak to read. Each
value ends with its number; `accepted` says which number of `key` its database lets in. Ends at SIGTERM.
"""

from __future__ import annotations

import json
import logging
import random
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Self

import boto3  # noqa: F401 - on a busy machine its import alone may take longer than the deadline
from pydantic import PositiveInt, model_validator

from estate_config import (
    Settings,
    explain,
    health,
    lazy,
    load,
    on_change,
    refresh,
    retry_on_rejected,
    secret,
    setting,
    snapshot,
    watch,
)

log = logging.getLogger("soak")
EVERY = 0.5
ASKED: list[tuple[str, ...]] = [(), (), ("username", "password"), ("key",), ("token", "limit")]
"""Fields that a thread may refresh; all, if none is named."""


class Orders(Settings):
    username: str = secret("orders/username")
    password: str = secret("orders/password")
    key: str = secret("orders/key", accepts=("AWSPENDING", "AWSPREVIOUS"))
    token: str = secret("orders/token", providers=("dotenv",))
    limit: PositiveInt = setting("orders/limit")

    @model_validator(mode="after")
    def _of_one_version(self) -> Self:
        if number(self.username) != number(self.password) or number(self.token) != self.limit:
            raise ValueError("these belong to two versions")
        return self


def number(value: str) -> int:
    return int(value.rpartition("-")[2])


class RefusedError(Exception):
    """The database does not let the key in."""


class Soaked:
    """The service at work."""

    def __init__(self, seed: int) -> None:
        self.settings = lazy(Orders)
        self.seed = seed
        self.counts: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.ended = threading.Event()

    def serve(self) -> None:
        """Work in threads until it is to end, writing twice a second what was seen."""
        load(self.settings)
        on_change(self.settings, "password", self.callback())
        jobs = [self.read, self.read, *[self.refresh] * 3, self.log_in, self.tell]
        workers = [threading.Thread(target=job, args=(random.Random(self.seed + n),)) for n, job in enumerate(jobs)]
        with watch(self.settings, every=EVERY):
            for worker in workers:
                worker.start()
            while not self.ended.wait(EVERY):
                self.write()
            for worker in workers:
                worker.join()
        self.write()

    def check(self, now: Orders, before: int) -> int:
        """Return the number of a version, which is one, and not older than the one that was seen before."""
        pair = number(now.username)
        if pair != number(now.password) or number(now.token) != now.limit:
            self.wrong.append("a version is mixed")
        if pair < before:
            self.wrong.append(f"version {pair} was shown after {before}")
        return pair

    def callback(self) -> Callable[[Orders], None]:
        seen = number(self.settings.password)

        def told(new: Orders) -> None:
            nonlocal seen
            self.counts["told"] += 1
            seen = self.check(new, seen + 1)

        return told

    def read(self, _: random.Random) -> None:
        pair = single = 0
        while not self.ended.wait(0.01):
            pair = self.check(snapshot(self.settings), pair)
            before, single = single, number(self.settings.password)
            if single < before:
                self.wrong.append(f"password {single} was shown after {before}")

    def refresh(self, dice: random.Random) -> None:
        while not self.ended.wait(dice.uniform(0.2, 1.0)):
            done = refresh(self.settings, *dice.choice(ASKED))
            self.counts["refused" if done.refused else "failed" if done.problems else "refreshed"] += 1
            log.info("%s", done)

    def log_in(self, _: random.Random) -> None:
        @retry_on_rejected(self.settings, "key", exceptions=(RefusedError,), every=0.2)
        def logged_in() -> None:
            if number(self.settings.key) != int(Path("accepted").read_text("utf-8")):
                self.counts["rejected"] += 1
                raise RefusedError

        while not self.ended.wait(0.02):
            try:
                logged_in()
            except RefusedError:
                log.exception("not let in")
            else:
                self.counts["let in"] += 1

    def tell(self, _: random.Random) -> None:
        while not self.ended.wait(EVERY):
            log.info("%s %s %r", health(self.settings), explain(self.settings).as_json(), self.settings)

    def write(self) -> None:
        now = snapshot(self.settings)
        has = {"pair": number(now.username), "key": number(now.key), "limit": now.limit}
        seen = {**has, "degraded": health(self.settings).degraded, "wrong": self.wrong, "counts": self.counts}
        Path("seen.new").write_text(json.dumps(seen), "utf-8")
        Path("seen.new").replace("seen.json")


if __name__ == "__main__":
    logging.basicConfig(level=logging.DEBUG)
    soaked = Soaked(int(sys.argv[1]))
    threading.excepthook = lambda hook: soaked.wrong.append(f"a thread raised {hook.exc_type.__name__}")
    signal.signal(signal.SIGTERM, lambda *_: soaked.ended.set())
    soaked.serve()
    sys.exit("estate-config-watch" in {thread.name for thread in threading.enumerate()})
