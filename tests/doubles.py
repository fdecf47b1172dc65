"""Providers, chains and configurations for the tests of the core. They are givers of values, not mocks of the core."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from estate_config.contract import Context, Provider, ProviderSpec
from estate_config.errors import Code
from estate_config.model import Deadline, Failed, Found, Key, Origin, Place
from estate_config.resolve import Link


class NoOptions(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Shelf:
    """Answers by logical name, and remembers what it was asked. A `Failed` or a `Found` is answered as it is."""

    def __init__(self, name: str, values: Mapping[str, object] | None = None) -> None:
        self.name = name
        self.values = dict(values or {})
        self.asked: list[list[str]] = []
        self.closed = 0

    def locate(self, key: Key) -> Place:
        place = key.address or key.name
        return Place(f"{self.name}:{place}", f"put {place} on {self.name}")

    def fetch(self, keys: Sequence[Key], deadline: Deadline) -> Mapping[Key, Found | Failed]:
        self.asked.append([key.name for key in keys])
        return {key: self._answer(key) for key in keys if key.name in self.values}

    def close(self) -> None:
        self.closed += 1

    def _answer(self, key: Key) -> Found | Failed:
        value = self.values[key.name]
        return value if isinstance(value, Found | Failed) else Found(value, Origin(self.name, self.locate(key).text))


class Hooked(Shelf):
    """A shelf whose fetch is a function of the test's own."""

    def __init__(self, name: str, hook: Callable[[Sequence[Key], Deadline], Any]) -> None:
        super().__init__(name)
        self._hook = hook

    def fetch(self, keys: Sequence[Key], deadline: Deadline) -> Mapping[Key, Found | Failed]:
        answers: Mapping[Key, Found | Failed] = self._hook(keys, deadline)
        return answers


def spec_of(name: str, provider: Provider | Callable[[Any, Context], Provider], **words: Any) -> ProviderSpec:
    """Return a spec that builds this very provider, or calls the function that is given."""

    def build(options: Any, context: Context) -> Provider:
        return provider(options, context) if callable(provider) else provider

    words = {"options": NoOptions, "title": f"the {name}", "summary": f"The {name}.", **words}
    return ProviderSpec(name=name, build=build, **words)


def link(provider: Shelf, *, next_on: Iterable[Code] = (), **words: Any) -> Link:
    return Link(provider.name, spec_of(provider.name, provider, **words), frozenset(next_on), provider)


def estate(*chain: object, deadline: float = 15, **tables: Any) -> dict[str, Any]:
    """Return an `estate.toml`, as a mapping, whose one environment is `here`."""
    here = {"chain": list(chain), "deadline": deadline}
    return {"default_environment": "here", "environments": {"here": here}, **tables}
