"""The provider contract: all that a new provider has to know.

A provider package offers one `ProviderSpec` through an entry point of the group `estate_config.providers`::

    [project.entry-points."estate_config.providers"]
    shelf = "my_package.shelf:spec"

and the spec builds one `Provider`. That is all. A whole provider, in a few lines::

    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from pydantic import BaseModel, ConfigDict

    from estate_config.contract import ProviderSpec
    from estate_config.model import Deadline, Failed, Found, Key, Origin, Place
    from estate_config.payload import part_of

    class ShelfOptions(BaseModel):
        model_config = ConfigDict(extra="forbid")
        folder: Path

    class Shelf:
        def __init__(self, folder: Path) -> None:
            self._folder = folder

        def locate(self, key: Key) -> Place:
            return Place(str(self._folder / (key.address or key.name.replace("/", "_"))))

        def fetch(self, keys: Sequence[Key], deadline: Deadline) -> Mapping[Key, Found | Failed]:
            answers = {}
            for key in keys:
                path = Path(self.locate(key).text)
                if path.exists():
                    value = part_of(path.read_bytes(), None, binary=key.binary)
                    answers[key] = value if isinstance(value, Failed) else Found(value, Origin("shelf", str(path)))
            return answers

        def close(self) -> None: ...

    spec = ProviderSpec(name="shelf", title="the shelf", summary="One file per key.", options=ShelfOptions,
                        build=lambda options, context: Shelf(context.folder / options.folder))
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from pydantic import BaseModel

from estate_config.model import DataKey, Deadline, Failed, Found, Key, Notice, Place, Policy, Renewal, Status

GROUP = "estate_config.providers"
"""The entry-point group."""


class Provider(Protocol):
    """Where values live. Made by `ProviderSpec.build`, used from any thread, closed once or more."""

    def locate(self, key: Key) -> Place:
        """Return where this provider looks for `key`, in its own spelling, and how to put a value there.

        Offline and pure: documentation, policies and reports are made from it on machines that can reach nothing. The
        place of an address that cannot be read says so in `wrong`: nobody is asked, and no policy is made of it.
        """
        ...

    def fetch(self, keys: Sequence[Key], deadline: Deadline) -> Mapping[Key, Found | Failed]:
        """Answer all `keys` at once: group, deduplicate and chunk them here.

        - `Found` has the value and its origin.
        - **A key that is left out is absent.** Only absent falls through to the next provider.
        - `Failed` says that this key is denied, malformed, scheduled for deletion … and never falls through.
        - Raise `ProviderError`, `from None`, when no key at all can be answered.

        No keys, no call. The same key twice is one key. Wait for nothing longer than `deadline.remaining()`: the
        load does not, and reports a provider that does as UNAVAILABLE. The first fetch is where the SDK is imported.
        """
        ...

    def close(self) -> None:
        """Give back connections. Safe to call twice; a `fetch` after it works again or raises `ProviderError`."""


@runtime_checkable
class Writer(Protocol):
    """A provider that can also store. `estate push` is its only caller."""

    def put(self, values: Mapping[Key, str | bytes], deadline: Deadline) -> Mapping[Key, Failed]:
        """Store each value at the key's place, creating what does not exist; return those that failed.

        Values that share a place (members of one JSON secret) are written together and keep their siblings. Nothing
        is ever passed on a command line, and writing what is already there changes nothing.
        """
        ...


@runtime_checkable
class Prober(Protocol):
    """A provider that can say of a secret that it is there and may be read, without reading its value."""

    def probe(self, keys: Sequence[Key], deadline: Deadline) -> Mapping[Key, Status | Failed]:
        """Return how things stand with each key, by the rules of `fetch`: a key that is left out is absent.

        No value is read, not even to be thrown away: a person without the right to read may probe. `Failed` has the
        codes that `fetch` would have: `NO_VALUE`, `DELETED`, `DENIED` …
        """
        ...


@runtime_checkable
class Rotator(Protocol):
    """A provider in which a new version of a secret can wait, and be tried, before it is the current one.

    It has `stages`, and is a `Prober`: who rotates reads by `Key.stage`, and asks `probe` how the stages stand.
    """

    current: str
    """The name of the stage that is read where none is asked for."""
    pending: str
    """The stage of the version that waits."""
    previous: str
    """The stage of the version that was the current one before."""

    def put_pending(self, key: Key, value: str, version: str, deadline: Deadline) -> Failed | None:
        """Store a value as the version with this id, and let it wait. The same one again changes nothing.

        A version of this id that has no value yet is filled. `Failed` where another version waits by now that is
        not and was not the current one: two rotations at once would lose a password that is set already. Return what
        went wrong; there is a value in this frame.
        """
        ...

    def make_current(self, key: Key, version: str, before: str, deadline: Deadline) -> Failed | None:
        """Let a version be the current one instead of `before`, which is then the previous one. Done twice, it is done.

        It waits no more: a label that is left on it makes it look begun again once somebody puts another value there.
        `Failed` where neither `before` nor `version` is the current one: somebody else has been here.
        """
        ...


@runtime_checkable
class Policed(Protocol):
    """A provider that can show the policies by which its store lets somebody read, without reading a secret."""

    def policies(self, names: Sequence[str], deadline: Deadline) -> Mapping[str, Policy | Failed]:
        """Return the policies with these names: a name that is left out is not deployed.

        `Failed` says why one could not be looked at. Raise `ProviderError`, `from None`, where none could.
        """
        ...


@runtime_checkable
class Inspector(Protocol):
    """A provider that can see more than it was asked for: unread variables, files that others can read."""

    def inspect(self, keys: Sequence[Key]) -> Sequence[Notice]:
        """Return what a person should know, given all `keys` that this provider may be asked for. Local and quick."""
        ...


@runtime_checkable
class Watcher(Protocol):
    """A provider that is told of changes, so that a rotation is seen before the next poll."""

    def changes(self, keys: Sequence[Key], deadline: Deadline) -> Mapping[Key, str | None] | None:
        """Wait until the store says that any of `keys` has changed; return those, each with the version to expect.

        Returns as soon as there is something, and an empty mapping when `deadline` is over. None: nobody tells this
        provider anything (no queue is configured), and it is not asked again. What several processes share is not
        taken away from the others. The same change may be told twice. Raise `ProviderError` where it cannot listen.
        """
        ...


@runtime_checkable
class Leased(Protocol):
    """A provider whose values or whose login end by themselves, unless they are renewed."""

    def renew(self, deadline: Deadline) -> Renewal:
        """Renew what is past two thirds of its life, and say when to come again. Without a lease: no call.

        Called by one thread, on the provider that fetched the values. Raises nothing: what went wrong is a notice.
        """
        ...


@runtime_checkable
class KeyKeeper(Protocol):
    """A provider that keeps the key of a file on this machine: what is in the file is of no use without it."""

    def data_key(self, name: str, context: Mapping[str, str], wrapped: bytes | None, deadline: Deadline) -> DataKey:
        """Return a key for a new file where `wrapped` is None, else the one that was wrapped so.

        `name` is what `estate.toml` has after the provider's name: `alias/estate-cache`. `context` says what the key
        is for, `service` and `environment`; one made for another context is not given out. Raise `ProviderError`,
        `from None`, where there is none.
        """
        ...


@dataclass(frozen=True, slots=True)
class Context:
    """What a provider may know of where it is built."""

    environment: str
    folder: Path
    """The folder that relative paths in options start from: that of `estate.toml`."""
    keys: tuple[Key, ...] = ()
    """All that the service's schema may ask it for, however few are asked at once; nothing where no schema is known."""


@dataclass(frozen=True, slots=True)
class ProviderSpec:
    """The recipe of a provider: importing it imports no SDK, building from it does no I/O."""

    name: str
    """As the chain names it: lower-case letters, digits, underscores."""
    title: str
    """As a person calls it, in "Secrets loaded successfully from …": `AWS Secrets Manager`."""
    summary: str
    """One line for `estate providers`."""
    options: type[BaseModel]
    """The table `[providers.NAME]`; with `extra="forbid"`, so that a misspelt option is an error."""
    build: Callable[[Any, Context], Provider]
    """Validated options in, provider out. No I/O, no SDK import."""
    offers: tuple[type, ...] = ()
    """Extra protocols that the built provider has: `Writer`, `Prober`, `Rotator`, `Policed`, `Inspector`,
    `Watcher`, `Leased`, `KeyKeeper`."""
    secrets_only: bool = False
    """Asked for secrets, and for settings only where a field gives it an address or names it in `providers=`."""
    address_names: tuple[str, ...] = ()
    """Other providers whose addresses it understands: `.env` files use the names given for `env=`."""
    double: bool = False
    """A test double: asked for every key, whatever a field's `providers=` says."""
    remote: bool = False
    """It leaves the machine, so that tests deny it."""
    tells_refusals: bool = True
    """It tells a store that refuses from one that cannot be reached. Without that, no last known good stands in."""
    stages: bool = False
    """It understands `Key.stage`: a secret has versions with names like `AWSPENDING`."""
