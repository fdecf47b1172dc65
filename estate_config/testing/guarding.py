"""Providers that a test denies or lets fail, in front of the real ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from estate_config.contract import Provider
from estate_config.errors import Code, ProviderError
from estate_config.model import Deadline, Failed, Found, Key, Place
from estate_config.resolve import Link


@dataclass
class TestGuard:
    """What one test says about the chain of every load in it."""

    __test__ = False  # it is no test class, whatever its name begins with

    test: str
    environment: str | None = "test"
    allowed: set[str] = field(default_factory=set)
    """Remote providers that may be asked."""
    all_allowed: bool = False
    denied: set[str] = field(default_factory=set)
    """Keys, by logical name or field, that every provider denies."""
    asked: set[str] = field(default_factory=set)
    """Keys that anybody asked for, by logical name and by field."""
    failing: dict[str, Code] = field(default_factory=dict)
    """Providers that cannot answer at all, and how."""
    leading: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    """By provider, the options that lead it to an embedded server."""

    def wrap(self, link: Link) -> Link:
        return replace(link, provider=_Guarded(link, self))

    def options(self, provider: str) -> Mapping[str, Any]:
        return self.leading.get(provider, {})


class _Guarded:
    """Answers as the guard says, and passes on what it lets through."""

    def __init__(self, link: Link, guard: TestGuard) -> None:
        self._link = link
        self.inner: Provider = link.provider
        self._guard = guard

    def locate(self, key: Key) -> Place:
        return self.inner.locate(key)

    def fetch(self, keys: Sequence[Key], deadline: Deadline) -> Mapping[Key, Found | Failed]:
        guard, name = self._guard, self._link.name
        guard.asked.update(word for key in keys for word in (key.name, key.field))
        if name in guard.failing:
            raise ProviderError(
                guard.failing[name], "fails because the test says so", f'remove estate.fail("{name}", …)'
            )
        if self._link.spec.remote and not guard.all_allowed and name not in guard.allowed:
            raise ProviderError(
                Code.DENIED,
                f"is remote, and {guard.test} may not ask it",
                "give the test a double: estate.use(…), estate.fake(…)\n"
                "or let it through: @pytest.mark.estate(remote=True)",
            )
        refused = {key for key in keys if key.name in guard.denied or key.field in guard.denied}
        answers = dict(self.inner.fetch([key for key in keys if key not in refused], deadline))
        for key in refused:
            answers[key] = Failed(
                Code.DENIED, "is denied because the test says so", f'remove estate.deny("{key.name}")'
            )
        return answers

    def close(self) -> None:
        self.inner.close()
