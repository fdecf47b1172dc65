"""What the fixture `estate` offers a test."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from estate_config import discovery, guard
from estate_config.errors import Code
from estate_config.loading import load
from estate_config.settings import Settings
from estate_config.suggest import did_you_mean
from estate_config.swap import use
from estate_config.testing.fakes import completed
from estate_config.testing.guarding import TestGuard

if TYPE_CHECKING:
    from estate_config.contract import Provider

S = TypeVar("S", bound=Settings)

_OBJECTS = ("double", "sources")
"""What the chain calls a provider that was given as an object, and the sources that a class brings along."""


class Estate:
    """Swaps, doubles and faults for one test. Everything is undone after it.

    What it does is seen by the test, its tasks, and the threads that copy its context; never by another test.
    """

    def __init__(self, test: str, environment: str) -> None:
        self._guard = TestGuard(test=test, environment=environment)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        before = guard.current_here()
        guard.set_here(self._guard)
        self._stack.callback(guard.set_here, before)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()
        for key in sorted(self._guard.denied - self._guard.asked):
            meant = did_you_mean(key, self._guard.asked)
            warnings.warn(f'estate.deny("{key}"): nobody asked for it in {self._guard.test}{meant}', stacklevel=2)

    def use(self, cls: type[S], values: Mapping[str, Any] | Provider) -> None:
        """Swap where the values of a class come from, until the test ends.

        Lazy `settings` imported at module level see it. Raises `ConfigurationError` for a name that is no field.
        """
        self._stack.callback(_end, use(cls, values).__enter__())

    def load(self, cls: type[S], **values: Any) -> S:
        """Swap the class for these values until the test ends, and return the loaded instance.

        A required secret that is not given raises the `ConfigurationError` that production would print.
        """
        self.use(cls, values)
        return load(cls)

    def fake(self, cls: type[S], **values: Any) -> S:
        """Swap the class for a complete valid double made from its schema, the same every run, and return it.

        `values` replace what the schema would make up.
        """
        return self.load(cls, **completed(cls, values))

    def environment(self, name: str) -> None:
        """Load everything in this environment, until the test ends. Remote providers stay denied."""
        self._guard.environment = name

    def deny(self, *keys: str) -> None:
        """Let every provider deny these keys, by logical name (`openai/api_key`) or field.

        One that nobody asks for until the test ends is a warning.
        """
        self._guard.denied.update(keys)

    def fail(self, provider: str, code: Code | str) -> None:
        """Let a provider fail as a whole, with the outcome `code`: `estate.fail("aws", "UNAVAILABLE")`.

        Raises `ConfigurationError` for a provider that is not installed.
        """
        if provider not in _OBJECTS:
            discovery.find(provider)
        self._guard.failing[provider] = Code(code)

    def allow(self, *providers: str) -> None:
        """Let these remote providers be asked, until the test ends; without a name, all of them."""
        self._guard.allowed.update(providers)
        self._guard.all_allowed = self._guard.all_allowed or not providers

    def lead(self, options: Mapping[str, Mapping[str, Any]]) -> None:
        """Let these remote providers be asked, with options that go before those of `estate.toml`."""
        self._guard.leading.update(options)
        self.allow(*options)

    def mark(
        self,
        cls: type[Settings] | None = None,
        values: Mapping[str, Any] | None = None,
        *,
        fake: bool = False,
        environment: str | None = None,
        remote: bool = False,
    ) -> None:
        """Do what a marker `@pytest.mark.estate(…)` says."""
        if cls is None and (fake or values is not None):
            raise TypeError("values and fake=True are those of a class: @pytest.mark.estate(AiSettings, …)")
        if environment is not None:
            self.environment(environment)
        if remote:
            self.allow()
        if cls is not None:
            given = values or {}
            self.use(cls, completed(cls, given) if fake else given)


def _end(swap: use[Any]) -> None:
    with suppress(ValueError):  # the body of an async test has a context of its own, which is gone
        swap.__exit__(None, None, None)
