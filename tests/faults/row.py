"""A row of the fault matrix: what breaks, what a service does that starts then, and one that is running."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from estate_config import Code, Settings, secret

CANARY = "kq7ZvXw2Lr9TbN4mHc"


class Service(Settings):
    token: str = secret("token")
    other: str = secret("other")


class World(Protocol):
    """A store that a service has its settings from, and how it changes."""

    def load(self) -> Any:
        """Return a lazy instance of the service, loaded. Raises `ConfigurationError`."""
        ...

    def rotate(self, value: str) -> None:
        """Put a new version of `token` there."""
        ...


@dataclass(frozen=True)
class Row:
    """One fault. `breaks` and `mends` are done to the world; None at the start: the service starts all the same."""

    what: str
    world: Callable[[], AbstractContextManager[Any]] = field(repr=False)
    breaks: Callable[[Any], object] = field(repr=False)
    mends: Callable[[Any], object] = field(repr=False)
    at_start: Code | None
    running: Code | None
    """What a running service says; None: it has the new value."""
    degraded: bool = True
    """Whether health says that something is wrong."""
    note: str = ""
    logged: str = ""
    """What the log says of it, at the start and while it is running."""

    @property
    def start_words(self) -> str:
        return "starts" if self.at_start is None else f"does not start: `{self.at_start}`"

    @property
    def running_words(self) -> str:
        if self.running is None:
            words = "has the new value" + (", degraded" if self.degraded else "")
        else:
            words = f"keeps the old value, degraded: `{self.running}`; has the new one once it is over"
        return f"{words}; {self.note}" if self.note else words


Rows = Iterator[Row]
