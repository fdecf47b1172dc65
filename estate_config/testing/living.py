"""Standard tests of what a running service asks: is there a new version, does a lease end, has anything changed.

A provider that does not offer to say has nothing to be tested for here, and passes.
"""

from __future__ import annotations

from estate_config.contract import Leased, Prober, Provider, Watcher
from estate_config.model import Deadline, Renewal, Status
from estate_config.testing.kit import SECONDS, Kit, fail, fetch, require, require_found, within
from estate_config.testing.shelf import Shelf
from estate_config.testing.watching import touches

_QUIET = 0.5
"""Seconds in which nothing happens."""


class Living(Kit):
    """Versions that can be compared, leases that cost nothing where there are none, and waiting that ends."""

    def test_a_probe_names_the_version_that_a_fetch_gives(self, shelf: Shelf, provider: Provider) -> None:
        """The same for the same value and another for a new one, or none: then the value is read again to compare."""
        if Prober not in shelf.spec.offers or not isinstance(provider, Prober):
            return
        key = self.key("one")
        versions = []
        for value in ("first", "second"):
            shelf.put(key, value)
            status = provider.probe([key], Deadline(SECONDS)).get(key)
            fetched = require_found(fetch(provider, [key]), key).origin.version
            version = status.version if isinstance(status, Status) else None
            require(version in (None, fetched), f"probe says version {version!r}, and fetch gives version {fetched!r}")
            versions.append(version)
        require(versions[0] is None or versions[0] != versions[1], "probe says the same version of a new value")

    def test_without_a_lease_nothing_is_renewed(self, shelf: Shelf, provider: Provider) -> None:
        """And nobody is asked."""
        if Leased not in shelf.spec.offers or not isinstance(provider, Leased):
            return
        with touches() as touched:
            renewal = provider.renew(Deadline(SECONDS))
        require(renewal == Renewal(None), f"nothing was fetched, and renew says: {renewal!r}")
        require(not touched, f"nothing is leased, and renew touched: {', '.join(dict.fromkeys(touched))}")

    def test_waiting_for_changes_ends_at_the_deadline(self, shelf: Shelf, provider: Provider) -> None:
        """With nothing, where nothing has changed; or at once with None, where nobody tells this provider anything."""
        if Watcher not in shelf.spec.offers or not isinstance(provider, Watcher):
            return
        told = within(_QUIET, lambda deadline: provider.changes([self.key("quiet")], deadline))
        if isinstance(told, BaseException):
            fail(f"{type(told).__name__} left changes, though the store can be reached")
        require(not told, f"nothing has changed, and changes says: {told!r}")
