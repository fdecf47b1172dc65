"""The real thing behind a provider, as the conformance kit sees it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from estate_config.contract import Context, Provider, ProviderSpec
from estate_config.model import Key


@dataclass(frozen=True)
class Shelf:
    """How to build the provider under test, and how to put things where it looks.

    The three last ones are for what not every store lets a test do: without one of them its tests are skipped, and
    say so. Each stays in force until the fixture that made the shelf tears it down.
    """

    spec: ProviderSpec
    put: Callable[[Key, str | bytes], None]
    """Store a value, over an older one, without the help of the provider. Text for a text key, bytes for a binary."""
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """The provider's table, as `estate.toml` would have it."""
    context: Context = field(default_factory=lambda: Context(environment="test", folder=Path.cwd()))
    spoil: Callable[[Key], object] | None = None
    """Make this one key impossible to answer: denied, malformed, not a file."""
    ruin: Callable[[], object] | None = None
    """Make the whole store impossible to reach or read."""
    hang: Callable[[Key], object] | None = None
    """Make the store one that takes the question for this key, and never answers."""

    def build(self) -> Provider:
        """Return a new provider on this shelf."""
        return self.spec.build(self.spec.options.model_validate(dict(self.options)), self.context)
