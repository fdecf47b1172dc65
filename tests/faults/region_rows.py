"""What goes wrong with a region, where the service names another one that has copies."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch
from uuid import uuid4

from estate_config import Code, lazy, load
from estate_config_providers.aws import regions as asked
from tests.doubles import estate
from tests.fakes.aws import REGION, StrictAws
from tests.fakes.iam import identity_policy
from tests.fakes.secrets_manager import Version
from tests.faults.aws_rows import TIME
from tests.faults.proxy import Proxy
from tests.faults.row import CANARY, Row, Service

COPY = "us-east-1"


class Regions:
    """Home behind a proxy, and a region with copies, on a clock that a test may set forward."""

    def __init__(self, home: StrictAws, copy: StrictAws, way: Proxy) -> None:
        self.home, self.copy, self.way = home, copy, way
        for name, value in (("token", f"{CANARY}-1"), ("other", "o")):
            home.add(name, value)
        self.replicate()
        self.later = 0.0

    def replicate(self) -> None:
        self.copy.store.secrets = [
            replace(
                one,
                region=COPY,
                versions={
                    number: replace(version, stages={*version.stages}) for number, version in one.versions.items()
                },
            )
            for one in self.home.store.secrets
        ]

    def load(self) -> Any:
        options = {"session": self.home.session("service"), "endpoint_url": self.way.url, "regions": [REGION, COPY]}
        return load(lazy(Service), config=estate("aws", deadline=TIME, providers={"aws": options}))

    def rotate(self, value: str) -> None:
        self.home.add("token", value)

    def down_in_step(self) -> None:
        self.replicate()
        self.way.close()

    def down_out_of_step(self) -> None:
        """The copy never had what the service has: it is a version behind."""
        token = next(one for one in self.copy.store.secrets if one.name == "token")
        token.versions.clear()
        number = str(uuid4())
        token.versions[number] = Version(f"{CANARY}-0", set(), datetime.now(UTC) - timedelta(days=1))
        token.move("AWSCURRENT", number)
        self.way.close()

    def both_down(self) -> None:
        self.way.close()
        self.copy.fault("*", "reset")

    def deny(self) -> None:
        self.home.user("service", identity_policy())

    def let(self) -> None:
        self.home.user("service")
        self.home._callers["service"] = replace(self.home._callers["service"], policies=None)

    def mend(self) -> None:
        self.let()
        self.copy.mend()
        self.way.mend()
        self.later += 60  # home is left alone for a while after it was down


@contextmanager
def regions() -> Iterator[Regions]:
    with StrictAws() as home, StrictAws() as copy, Proxy(int(home.url.rpartition(":")[2])) as way:
        world = Regions(home, copy, way)
        world.let()
        copy._callers["service"] = home._callers["service"]
        clock = SimpleNamespace(monotonic=lambda: time.monotonic() + world.later)
        with patch.dict(os.environ, {"AWS_ENDPOINT_URL": copy.url}), patch.object(asked, "time", clock):
            yield world


ROWS = [
    Row(
        "home is down, the other region has the same versions", regions, Regions.down_in_step, Regions.mend, None, None
    ),
    Row(
        "home is down, the other region is a version behind",
        regions,
        Regions.down_out_of_step,
        Regions.mend,
        None,
        Code.STALE,
        note="a service that starts has nothing to compare with, and takes the older one",
    ),
    Row("both regions are down", regions, Regions.both_down, Regions.mend, Code.UNAVAILABLE, Code.UNAVAILABLE),
    Row(
        "home denies, the other region would not",
        regions,
        Regions.deny,
        Regions.mend,
        Code.DENIED,
        Code.DENIED,
    ),
]
