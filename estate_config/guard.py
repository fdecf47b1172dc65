"""What a test run changes about every load: the environment, and which providers may be asked.

The pytest plug-in is the only one who sets a guard. One of the whole process reaches threads that a test starts, too:
they must not get at a real store because a context variable did not follow them.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from estate_config.resolve import Link


class Guard(Protocol):
    """Stands between a load and its chain."""

    environment: str | None
    """The environment of every load that names none; None: as the environment variables say."""

    def wrap(self, link: Link) -> Link:
        """Return the link that is asked instead of `link`."""
        ...

    def options(self, provider: str) -> Mapping[str, Any]:
        """Return the options of a provider that go before those of `estate.toml`."""
        ...


_here: ContextVar[Guard | None] = ContextVar("estate_config_guard", default=None)
_everywhere: list[Guard] = []


def current() -> Guard | None:
    """Return the guard of this context, or else that of the process."""
    return _here.get() or (_everywhere[-1] if _everywhere else None)


def options(provider: str) -> Mapping[str, Any]:
    """Return the options of a provider that go before those of `estate.toml`: none where nothing is guarded."""
    watched = current()
    return {} if watched is None else watched.options(provider)


def current_here() -> Guard | None:
    """Return the guard that was set for this context, if any."""
    return _here.get()


def install(guard: Guard) -> None:
    """Guard the whole process; nests."""
    _everywhere.append(guard)


def uninstall(guard: Guard) -> None:
    """End the guard of the process."""
    _everywhere.remove(guard)


def set_here(guard: Guard | None) -> None:
    """Guard this context, its tasks included; None: as the process is guarded."""
    _here.set(guard)
