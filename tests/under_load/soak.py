"""A soak: a watching service, random faults and rotations. Memory, threads and file descriptors stay flat, no value is
in its log, and its settings are always one validated version that never goes back.

`python -m tests.under_load.soak --seconds 600 --seed 1` (`make soak`). The service is a process of its own, and is
measured from without, by `/proc`: on Linux only. The seed decides what happens and in which order.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from tests.fakes.aws import ACCOUNT, REGION, StrictAws
from tests.fakes.secrets_manager import Secret
from tests.faults.proxy import Proxy
from tests.leaks import PLAIN, assert_no_canary
from tools.processes import Child, bare_environment, running

ROOT = Path(__file__).parents[2]
TABLE = """
default_environment = "production"
[environments.production]
chain = ["dotenv", "aws"]
deadline = 3
"""
PAIR = ("orders/username", "orders/password")
SOON = 15.0
"""Seconds after the last fault until the service has to have the last version of everything, and to be well."""
LATEST = 60.0
"""Seconds that a run may take longer until the service has counted what it must: what is thrown depends on the time."""


@dataclass(frozen=True)
class Sample:
    """What the service takes. The last third of a run may have as much more than the first as `MARGIN` says."""

    kilobytes: int
    threads: int
    descriptors: int


MARGIN = Sample(kilobytes=8192, threads=2, descriptors=4)
"""8 MiB: an interpreter still grows by some of them while it warms up."""


def sample(pid: int) -> Sample:
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text("utf-8").splitlines())
    descriptors = len(list(Path(f"/proc/{pid}/fd").iterdir()))
    return Sample(int(status["VmRSS"].split()[0]), int(status["Threads"]), descriptors)


def risen(samples: Sequence[Sample], margin: Sample = MARGIN) -> list[str]:
    """Return what rose by more than the margin from the first third to the last, by their medians."""
    third = len(samples) // 3
    first, last = median_of(samples[:third]), median_of(samples[-third:])
    return [
        f"{name}: {before} in the first third, {after} in the last"
        for name, before, after in ((name, first[name], last[name]) for name in first)
        if after - before > getattr(margin, name)
    ]


def median_of(samples: Sequence[Sample]) -> dict[str, float]:
    return {one.name: median(getattr(sample, one.name) for sample in samples) for one in fields(Sample)}


class World:
    """What the service has its settings from: the strict fake behind a proxy, and a `.env` file."""

    def __init__(self, fake: StrictAws, way: Proxy, folder: Path, dice: random.Random) -> None:
        self.fake, self.way, self.folder, self.dice = fake, way, folder, dice
        self.pair = self.limit = self.key = 0
        (folder / "estate.toml").write_text(TABLE, "utf-8")
        for rotate in (self.rotate_pair, self.rotate_pair, self.rotate_key, self.rotate_file):
            rotate()

    # --- rotations ---------------------------------------------------------------------------------------------------

    def rotate_pair(self) -> None:
        """Rotate two secrets that belong together, one after the other."""
        self.pair += 1
        for name in PAIR:
            self.fake.add(name, f"{PLAIN}-{self.pair}")
            time.sleep(self.dice.uniform(0, 0.1))

    def rotate_key(self) -> None:
        """Let the database take the next key while it is still pending, and then make it the current one."""
        self.key += 1
        secret = self.fake.add("orders/key", f"{PLAIN}-{self.key}", stage="AWSPENDING")
        self.put("accepted", str(self.key))
        time.sleep(self.dice.uniform(0, 0.3))
        secret.move("AWSCURRENT", secret.at("AWSPENDING") or "")

    def rotate_file(self) -> None:
        self.limit += 1
        self.put(".env", f"ORDERS_TOKEN={PLAIN}-{self.limit}\nORDERS_LIMIT={self.limit}\n")

    def put(self, name: str, text: str) -> None:
        new = self.folder / f"{name}.new"
        new.touch(0o600)
        new.write_text(text, "utf-8")
        new.replace(self.folder / name)

    # --- faults ------------------------------------------------------------------------------------------------------

    def faults(self) -> dict[str, Callable[[], object]]:
        refused = [
            (400, "ThrottlingException"),
            (500, "InternalServiceError"),
            (503, "ServiceUnavailable"),
            (400, "ExpiredTokenException"),
            (400, "UnrecognizedClientException"),
            (400, "AccessDeniedException"),
        ]
        return {
            **{code: partial(self.break_aws, code, status) for status, code in refused},
            **{how: partial(self.break_aws, how) for how in ("reset", "garbage", "truncate", "page")},
            "nobody listens": self.way.close,
            "half-open": self.way.silent.set,
            "slow": lambda: setattr(self.way, "pause", 0.01),
            "cut": lambda: setattr(self.way, "cut_after", self.dice.randrange(600)),
            "no HTTP": lambda: setattr(self.way, "instead", b"\x00\xff" * 50),
            "deleted": self.delete,
            "an older version": self.go_back,
            "no file": lambda: (self.folder / ".env").unlink(missing_ok=True),
            "a bad line": lambda: self.put(".env", f"ORDERS_LIMIT\n{PLAIN}\n"),
            "a bad value": lambda: self.put(".env", f"ORDERS_TOKEN={PLAIN}-0\nORDERS_LIMIT={PLAIN}\n"),
            "two versions": lambda: self.put(".env", f"ORDERS_TOKEN={PLAIN}-0\nORDERS_LIMIT={self.limit}\n"),
        }

    def break_aws(self, what: str, status: int = 400) -> None:
        """Break all calls, or those for one secret; for good, or for the next two."""
        secret = self.dice.choice([None, *PAIR])
        self.fake.fault("*", what, secret=secret, status=status, times=self.dice.choice([None, 2]))

    def delete(self) -> None:
        self.secret(self.dice.choice(PAIR)).deleted = datetime.now(UTC) + timedelta(days=7)

    def go_back(self) -> None:
        for name in PAIR:
            self.secret(name).move("AWSCURRENT", self.secret(name).at("AWSPREVIOUS") or "")

    def secret(self, name: str) -> Secret:
        found = self.fake.store.find(name, ACCOUNT, REGION)
        assert found is not None
        return found

    def mend(self) -> None:
        """End all faults; what had been set back or taken away gets a new version."""
        self.fake.mend()
        self.way.mend()
        self.fake.asked.clear()
        for name in PAIR:
            self.secret(name).deleted = None
        self.rotate_pair()
        self.rotate_file()

    def step(self) -> str:
        """Mend, or break something; rotate something, half of the time. Return what was done."""
        faults = self.faults()
        fault = self.dice.choice([*faults, *["mended"] * len(faults)])
        faults.get(fault, self.mend)()
        if self.dice.random() < 0.5:
            self.dice.choice([self.rotate_pair, self.rotate_key, self.rotate_file])()
        return fault


@dataclass(frozen=True)
class Soaked:
    """What came of it."""

    samples: list[Sample]
    """One after each step."""
    seen: dict[str, Any]
    """What the service says that it saw."""
    log: str = field(repr=False)

    def __str__(self) -> str:
        tenth = max(1, len(self.samples) // 10)
        parts = [self.samples[start : start + tenth] for start in range(0, len(self.samples), tenth)]
        lines = [f"  {median_of(part)}" for part in parts]
        head = f"{len(self.samples)} steps; {len(self.log)} characters of log; the service saw {json.dumps(self.seen)}"
        return "\n".join([head, "medians of each tenth:", *lines])


@contextmanager
def service(folder: Path, way: Proxy, fake: StrictAws, seed: int) -> Iterator[Child]:
    environment = {
        **bare_environment(),
        **fake.environment(),
        "AWS_ENDPOINT_URL": way.url,
        "PYTHONPATH": str(ROOT),
        "MALLOC_ARENA_MAX": "1",  # one arena for all threads, or what is measured is how glibc spreads them
    }
    command = [sys.executable, "-m", "tests.under_load.soaked_service", str(seed)]
    with running("the service", command, environment=environment, folder=folder) as child:
        child.wait_until((folder / "seen.json").exists, 60)
        yield child


def soak(seconds: float, seed: int, until_seen: Collection[str] = ()) -> Soaked:
    """Let a service run for so long while things go wrong, and on until it has counted one of each of `until_seen`.

    Raises `AssertionError` at the first thing that it sees.
    """
    dice = random.Random(seed)
    samples: list[Sample] = []
    with tempfile.TemporaryDirectory() as name, StrictAws() as fake, Proxy(int(fake.url.rpartition(":")[2])) as way:
        folder = Path(name)
        world = World(fake, way, folder, dice)
        with service(folder, way, fake, seed) as child:
            end = time.monotonic() + seconds
            while time.monotonic() < end or not counted(folder, until_seen):
                assert time.monotonic() < end + LATEST, f"it has counted only {seen(folder)['counts']}"
                fault = world.step()
                time.sleep(dice.uniform(0.2, 1.2))
                samples.append(sample(child.process.pid))
                wrong = seen(folder)["wrong"]
                assert not wrong, f"step {len(samples)}, {fault}: {wrong}"
            world.mend()
            child.wait_until(lambda: is_well(seen(folder), world), SOON)
            assert child.stop() == 0, "it did not end as it should"
            return Soaked(samples, seen(folder), child.output())


def seen(folder: Path) -> dict[str, Any]:
    said: dict[str, Any] = json.loads((folder / "seen.json").read_text("utf-8"))
    return said


def counted(folder: Path, whats: Collection[str]) -> bool:
    counts = seen(folder)["counts"]
    return all(counts.get(what) for what in whats)


def is_well(said: dict[str, Any], world: World) -> bool:
    has = said["pair"], said["key"], said["limit"], said["degraded"]
    return has == (world.pair, world.key, world.limit, False)


def check(run: Soaked, margin: Sample = MARGIN) -> None:
    """Raise `AssertionError` for what is only known in the end."""
    assert_no_canary(run.log, PLAIN, "the log")
    assert not run.seen["wrong"], run.seen["wrong"]
    grown = risen(run.samples, margin)
    assert not grown, grown


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=600)
    options.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    given = options.parse_args()
    sys.stdout.write(f"seed {given.seed}, {given.seconds:g} seconds\n")
    sys.stdout.flush()
    run = soak(given.seconds, given.seed)
    sys.stdout.write(f"{run}\n")
    check(run)


if __name__ == "__main__":
    main()
