"""Standard tests of how a provider stands there: found by its name, built without touching anything."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from importlib.metadata import EntryPoint, entry_points

import pytest
from pydantic import ValidationError

from estate_config.contract import GROUP, Provider
from estate_config.errors import ProviderError
from estate_config.model import Failed
from estate_config.testing.kit import CANARY, Kit, fail, fetch, require, require_found
from estate_config.testing.shelf import Shelf
from estate_config.testing.watching import touches


class Standing(Kit):
    """Names agree, and nothing happens before the first fetch."""

    def test_the_spec_is_found_through_its_entry_point(self, shelf: Shelf) -> None:
        """The entry point has the name of the spec, and leads to it."""
        require(
            _entry_point(shelf.spec.name).load() is shelf.spec,
            f"the entry point {shelf.spec.name!r} leads to another object than the shelf's spec",
        )

    def test_the_spec_is_complete(self, shelf: Shelf, provider: Provider) -> None:
        """A person can read it, a chain can name it, and what it offers is there."""
        spec = shelf.spec
        require(re.fullmatch(r"[a-z][a-z0-9_]*", spec.name), f"{spec.name!r} is no name that a chain can have")
        for what, text in (("title", spec.title), ("summary", spec.summary)):
            require(text.strip() and "\n" not in text, f"the {what} has to be one line of text")
        for ability in spec.offers:
            require(isinstance(provider, ability), f"the spec offers {ability.__name__}, and the provider is none")

    def test_a_misspelt_option_is_an_error(self, shelf: Shelf) -> None:
        """`extra="forbid"`: nobody looks for an hour why `regoin` has no effect."""
        try:
            shelf.spec.options.model_validate({**shelf.options, "no_such_option": 1})
        except ValidationError:
            return
        fail('the options take a name that they do not know: set ConfigDict(extra="forbid")')

    def test_importing_the_spec_imports_no_sdk(self, shelf: Shelf) -> None:
        """A provider that is installed and not named costs nothing."""
        if not self.sdk:
            pytest.skip("this provider names no `sdk`")
        module = _entry_point(shelf.spec.name).module
        program = f"import sys, {module}; print(*({set(self.sdk)!r} & set(sys.modules)))"
        ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)  # noqa: S603 - our own words
        require(ran.returncode == 0, f"{module} cannot be imported:\n{ran.stderr}")
        require(not ran.stdout.strip(), f"importing {module} imports {ran.stdout.strip()}: import it in fetch")

    def test_building_and_locating_touch_nothing(self, shelf: Shelf) -> None:
        """Documents and policies are made on machines that can reach nothing."""
        key = self.key("one")
        shelf.build().locate(key)  # a late import of the provider's own modules is not what is looked for
        with touches() as touched:
            shelf.build().locate(key)
        require(not touched, f"build or locate touched the world: {', '.join(dict.fromkeys(touched))}")

    def test_names_agree(self, shelf: Shelf, provider: Provider) -> None:
        """The origin names the provider as the chain does, and a place in its own spelling."""
        key = self.key("one")
        shelf.put(key, CANARY)
        origin = require_found(fetch(provider, [key]), key).origin
        require(origin.provider == shelf.spec.name, f"Origin.provider is {origin.provider!r}, not {shelf.spec.name!r}")
        require(origin.place.strip(), "Origin.place is empty")
        require(origin.fetched_at.tzinfo, "Origin.fetched_at has no time zone")
        require(origin.created_at is None or origin.created_at.tzinfo, "Origin.created_at has no time zone")

    def test_each_key_has_a_place_of_its_own(self, provider: Provider) -> None:
        """A report says where a key was looked for, and the same every time."""
        one, other = self.key("one"), self.key("two")
        require(provider.locate(one).text.strip(), "Place.text is empty")
        require(provider.locate(one) == provider.locate(one), "locate gives the same key two places")
        require(provider.locate(one) != provider.locate(other), "locate gives two keys the same place")

    def test_a_key_that_locate_calls_wrong_fails(self, provider: Provider) -> None:
        """What is refused before the start is refused at the start, and the keys of the kit are not."""
        for name in ("one", "two"):
            wrong = provider.locate(self.key(name)).wrong
            require(not wrong, f"locate says that the address of a key of the kit cannot be read: {wrong}")
        odd = [replace(self.key("one"), address=address) for address in _ODD]
        refused = [key for key in odd if provider.locate(key).wrong]
        try:
            answers = fetch(provider, refused)
        except ProviderError:
            return  # none of them can be answered
        for key in refused:
            failed = isinstance(answers.get(key), Failed)
            require(failed, f"locate says that nothing can be at {key.address!r}, and fetch does not answer Failed")


_ODD = ("*", "a b", "a:b", "a?b", "a#", "../a", "-a", "=", "\0")
"""Addresses that one provider or another cannot read."""


def _entry_point(name: str) -> EntryPoint:
    found = tuple(entry_points(group=GROUP, name=name))
    if len(found) != 1:
        fail(f"{len(found)} entry points of the group {GROUP!r} have the name {name!r}: one installed is needed")
    return found[0]
