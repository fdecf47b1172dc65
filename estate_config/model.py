"""The data that passes between the core and a provider. All frozen; a value is never in a `repr`."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from estate_config.errors import Code


@dataclass(frozen=True, slots=True)
class Key:
    """What a provider is asked for."""

    name: str
    """The logical name: `database/url`. A provider derives its own spelling from it."""
    field: str
    """The dotted name of the field: `database_url`, `rds.password`. Values given by hand are keyed by it."""
    address: str | None = None
    """The place given by hand for this provider, in its own spelling. It is whole: no prefix goes before it."""
    secret: bool = True
    binary: bool = False
    """The field takes bytes: do not decode, do not strip."""
    stage: str | None = None
    """The stage asked for instead of the current one, `AWSPENDING`, or one version: `version=ID`. Only a provider with
    `stages` is given it."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a provider looks for a key, in the spelling of that provider's own tools."""

    text: str
    """`DATABASE_URL`, `estate/rds#password`, `/run/secrets/database_url`."""
    fix: str = ""
    """The command or line that puts a value there where none is, ready to paste, with no value in it."""
    change: str = ""
    """The same where one is there that has to be replaced; "" where nothing else is needed for that than `fix`."""
    wrong: str = ""
    """Why nothing can be there: the address is none that this provider can read. `fix` then says how to correct it, and
    `fetch` answers `Failed` without asking anybody. "" where it can be read."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value came from. Attached when the value is found, and travels with it."""

    provider: str
    place: str
    """As `Place.text`, or more exact: `.env:3`."""
    version: str | None = None
    stage: str | None = None
    fetched_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    created_at: datetime | None = None
    """When this version was made, where the store says so: an older one never replaces a newer one unasked."""
    degraded: str = ""
    """Why this is not the first place that should have answered: `from us-east-1: eu-west-1 cannot be reached`."""
    change: str = ""
    """How to put another value there, where only who found it knows: `correct TOKEN in line 3 of .env.local`. Goes
    before what `Place` says."""


@dataclass(frozen=True, slots=True)
class Found:
    """A value and its origin."""

    value: object = field(repr=False)
    """Text as `str`, binary as `bytes`; a provider of structured data may answer with lists, mappings, numbers."""
    origin: Origin


@dataclass(frozen=True, slots=True)
class Failed:
    """The provider knows the key's place, and could not give its value. Not the same as absent: it never falls
    through to the next provider unless the chain says so."""

    code: Code
    hint: str
    """What is wrong, in words of the provider's own: never an SDK's message, never a value."""
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something a provider saw that does not stop a load: a variable that nothing reads, a file others can read."""

    code: Code
    place: str
    message: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Status:
    """How things stand with one secret, as far as the store tells without giving its value."""

    place: str
    version: str | None = None
    """The one that a fetch would give now; None where the store does not say."""
    changed_at: datetime | None = None
    may_read: bool | None = None
    """Whether the caller may read the value; None where the store only tells by giving it."""
    rotated: bool | None = None
    """Whether the store has it rotated on a schedule; None where it does not say."""
    notices: tuple[Notice, ...] = ()
    """What is not as it should be though the value is there: a rotation that is late, a replica out of step."""
    created_at: datetime | None = None
    """When that version was made, of a store whose numbers begin again where a secret is made anew."""
    is_made_anew: bool = False
    """Each fetch makes another value, with a lease: there is nothing that a value in use could be compared with."""


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy that a store has: who may read what. It holds no value."""

    place: str
    """Where it is, in the spelling of the store's own tools: an ARN."""
    document: Mapping[str, Any]
    bearers: int | None = None
    """How many identities have it; None where the store does not say."""


@dataclass(frozen=True, slots=True)
class Renewal:
    """What came of renewing what a provider has leased."""

    seconds: float | None
    """Until the next renewal is due; None: nothing is leased."""
    ending: tuple[Key, ...] = ()
    """What no renewal lengthens any more: these values end soon, and are to be fetched again."""
    notices: tuple[Notice, ...] = ()
    """What went wrong, in words for a log."""


@dataclass(frozen=True, slots=True)
class DataKey:
    """A key that a file is encrypted with, and what the file holds so that the same key can be had again."""

    key: bytes = field(repr=False)
    """32 bytes."""
    wrapped: bytes = b""
    """The key as a key store has encrypted it: no secret. Empty where the keeper keeps the key itself."""


class Deadline:
    """A point in time after which nobody waits any more. Monotonic: a clock that is set does not move it."""

    __slots__ = ("_at", "seconds")

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._at = time.monotonic() + seconds

    def remaining(self) -> float:
        """Return the seconds left, never less than 0."""
        return max(0.0, self._at - time.monotonic())
