"""A store in memory with versions, stages and events: what a real one does, and all that can go wrong with it."""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from estate_config.errors import Code, ProviderError
from estate_config.model import Deadline, Failed, Found, Key, Origin, Place, Renewal, Status

BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Version:
    number: int
    value: str = field(repr=False)

    @property
    def name(self) -> str:
        return f"v{self.number}"

    @property
    def created_at(self) -> datetime:
        return BEGINNING + timedelta(minutes=self.number)


class Store:
    """Answers by logical name. `put` makes a new version, `go_back` shows an older one again."""

    def __init__(self, name: str = "store", **values: str) -> None:
        self.name = name
        self.versions: dict[str, list[Version]] = {}
        self.current: dict[str, Version] = {}
        self.stages: dict[tuple[str, str], Version] = {}
        self.failing: dict[str, Failed] = {}
        self.down: ProviderError | None = None
        self.hanging = threading.Event()
        self.hanging.set()
        self.fetches: list[list[str]] = []
        self.probes = 0
        self.closed = 0
        self.lock = threading.Lock()
        for key, value in values.items():
            self.put(key, value)

    def put(self, name: str, value: str) -> Version:
        with self.lock:
            made = Version(sum(map(len, self.versions.values())) + 1, value)
            self.versions.setdefault(name, []).append(made)
            self.current[name] = made
            return made

    def stage(self, name: str, stage: str, value: str) -> Version:
        with self.lock:
            made = Version(sum(map(len, self.versions.values())) + 1, value)
            self.versions.setdefault(name, []).append(made)
            self.stages[name, stage] = made
            return made

    def go_back(self, name: str) -> Version:
        with self.lock:
            self.current[name] = self.versions[name][0]
            return self.current[name]

    def locate(self, key: Key) -> Place:
        return Place(f"{self.name}:{key.name}", f"put {key.name}")

    def fetch(self, keys: Sequence[Key], deadline: Deadline) -> Mapping[Key, Found | Failed]:
        self.fetches.append([key.name for key in keys])
        self.hanging.wait(deadline.remaining() + 1)
        if self.down is not None:
            raise self.down
        answers: dict[Key, Found | Failed] = {}
        with self.lock:
            for key in keys:
                version = self.stages.get((key.name, key.stage)) if key.stage else self.current.get(key.name)
                if key.name in self.failing:
                    answers[key] = self.failing[key.name]
                elif version is not None:
                    stage = key.stage or "CURRENT"
                    place = self.locate(key).text
                    origin = Origin(self.name, place, version.name, stage, created_at=version.created_at)
                    answers[key] = Found(version.value, origin)
        return answers

    def close(self) -> None:
        self.closed += 1


class Members(Store):
    """Its secrets are JSON, and its places say which member: `rds#user`."""

    def locate(self, key: Key) -> Place:
        return Place(key.address or key.name)

    def fetch(self, keys: Sequence[Key], deadline: Deadline) -> Mapping[Key, Found | Failed]:
        named = {key: replace(key, name=self.locate(key).text.partition("#")[0]) for key in keys}
        held = super().fetch(list(named.values()), deadline)
        return {key: self._member(key, held[one]) for key, one in named.items() if one in held}

    def _member(self, key: Key, held: Found | Failed) -> Found | Failed:
        if isinstance(held, Failed):
            return held
        place = self.locate(key).text
        value = json.loads(str(held.value))[place.partition("#")[2]]
        return Found(value, replace(held.origin, place=place))


class ProbedStore(Store):
    """It can say versions without giving values."""

    def probe(self, keys: Sequence[Key], deadline: Deadline) -> Mapping[Key, Status | Failed]:
        self.probes += 1
        if self.down is not None:
            raise self.down
        with self.lock:
            return {
                key: self.failing.get(key.name) or Status(self.locate(key).text, self.current[key.name].name)
                for key in keys
                if key.name in self.current
            }


class TellingStore(ProbedStore):
    """It tells of changes."""

    def __init__(self, name: str = "store", **values: str) -> None:
        super().__init__(name, **values)
        self.news: queue.Queue[dict[str, str | None] | Exception | None] = queue.Queue()

    def changes(self, keys: Sequence[Key], deadline: Deadline) -> Mapping[Key, str | None] | None:
        try:
            news = self.news.get(timeout=max(deadline.remaining(), 0.001))
        except queue.Empty:
            return {}
        if isinstance(news, Exception):
            raise news
        return None if news is None else {key: news[key.name] for key in keys if key.name in news}


class LeasedStore(Store):
    """What it gives ends, and is renewed when it is asked to."""

    def __init__(self, name: str = "store", **values: str) -> None:
        super().__init__(name, **values)
        self.renewals: queue.Queue[Renewal | Exception] = queue.Queue()
        self.renewed = 0

    def renew(self, deadline: Deadline) -> Renewal:
        self.renewed += 1
        try:
            said = self.renewals.get_nowait()
        except queue.Empty:
            return Renewal(None)
        if isinstance(said, Exception):
            raise said
        return said


UNREACHABLE = ProviderError(Code.UNAVAILABLE, "cannot be reached", "look at the network")


def wait_until(is_so: Callable[[], object], seconds: float = 10) -> None:
    """Wait until something has come about in another thread. Raises `AssertionError` if it does not."""
    deadline = Deadline(seconds)
    while not is_so():
        assert deadline.remaining(), "it did not come to that in time"
        time.sleep(0.005)
