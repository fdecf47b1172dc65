"""What can be wrong, and how it is said.

The exception tree, whole::

    Exception
    ├── ConfigurationError   all problems of one load, raised once, to the user
    └── ProviderError        one provider could not answer at all, raised by a provider, caught by the load

Nothing here ever holds a value: a `Problem` is built from names, places and words of our own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

EXIT_CODE = 78
"""The exit code of a start that failed on its configuration: `EX_CONFIG` of BSD's sysexits.h."""


class Code(StrEnum):
    """The outcomes. The names are stable: alerts and tests may rely on them. Each has a page under docs/outcomes."""

    MISSING = "MISSING"
    EMPTY = "EMPTY"
    NO_VALUE = "NO_VALUE"
    DELETED = "DELETED"
    DENIED = "DENIED"
    KMS = "KMS"
    UNAVAILABLE = "UNAVAILABLE"
    THROTTLED = "THROTTLED"
    CREDENTIALS = "CREDENTIALS"
    MALFORMED = "MALFORMED"
    INVALID = "INVALID"
    PLACEHOLDER = "PLACEHOLDER"
    STALE = "STALE"
    UNKNOWN = "UNKNOWN"
    INSECURE = "INSECURE"
    PLUGIN = "PLUGIN"
    SCHEMA = "SCHEMA"


@dataclass(frozen=True, slots=True)
class Asked:
    """One stop on the way of a key: which provider, which place in its own spelling, and what it said."""

    provider: str
    place: str
    outcome: str
    """`absent`, `empty`, `found`, `not asked`, or the name of a `Code`."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, as data, without a value in it."""

    field: str
    """The dotted name of the field, or "" where the problem is not one field's."""
    code: Code
    message: str
    places: tuple[Asked, ...] = ()
    """Where it was looked for, in the order of asking."""
    fix: str = ""
    """The command, statement or line that mends it; several alternatives stand on lines of their own."""


@dataclass(frozen=True, slots=True)
class LoadInfo:
    """What was being loaded, for the head of a report."""

    service: str = ""
    environment: str = ""
    chain: tuple[str, ...] = ()
    """Provider names in order, each with its exceptions from the rule: `aws (on_unavailable = next)`."""
    config: str = ""
    """The file that named the chain, or why there is none."""
    settings: int = 0
    """How many settings the schema declares."""


class ConfigurationError(Exception):
    """All that is wrong with one load.

    `problems` stopped it, `warnings` did not. `str()` of it is the report for people, `as_json()` the one for
    machines. It can be pickled, and holds no value, no cause and no context.
    """

    def __init__(
        self, problems: Sequence[Problem], warnings: Sequence[Problem] = (), info: LoadInfo | None = None
    ) -> None:
        self.problems = tuple(problems)
        self.warnings = tuple(warnings)
        self.info = info or LoadInfo()
        super().__init__(self.problems, self.warnings, self.info)

    exit_code = EXIT_CODE

    def __str__(self) -> str:
        return self.as_text()

    def as_text(self, *, color: bool = False) -> str:
        """Return the report for people; with `color`, in ANSI colours."""
        from estate_config.report import text  # the report is only needed once something is wrong

        return text(self, color=color)

    def as_json(self) -> dict[str, Any]:
        """Return the report as JSON-ready data: `service`, `environment`, `chain`, `config`, `problems`, `warnings`."""
        return {
            "service": self.info.service,
            "environment": self.info.environment,
            "chain": list(self.info.chain),
            "config": self.info.config,
            "problems": [asdict(problem) for problem in self.problems],
            "warnings": [asdict(warning) for warning in self.warnings],
        }


class ProviderError(Exception):
    """Raised by a provider that cannot answer for any key: no credentials, store unreachable, SDK not installed.

    Raise it `from None`, so that no SDK error (which may hold a value) travels along. `hint` says what is wrong in
    words of the provider's own, `fix` what to do.
    """

    def __init__(self, code: Code, hint: str, fix: str = "") -> None:
        self.code = code
        self.hint = hint
        self.fix = fix
        super().__init__(code, hint, fix)

    def __str__(self) -> str:
        return f"{self.code}: {self.hint}"
