"""Standard tests of fetch: which keys are answered, and which are not."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from estate_config.contract import Prober, Provider, Writer
from estate_config.model import Deadline, Status
from estate_config.testing.kit import (
    CANARY,
    SECONDS,
    Kit,
    fail,
    fetch,
    names,
    require,
    require_value,
    require_values,
)
from estate_config.testing.shelf import Shelf
from estate_config.testing.watching import touches

_THREADS = 8


class Finding(Kit):
    """All keys in one call, absent ones left out, in whatever order and from whichever thread."""

    def test_all_keys_are_found_in_one_call(self, shelf: Shelf, provider: Provider) -> None:
        """And the list of keys is left as it was."""
        values = self.put_some(shelf)
        keys = list(values)
        require_values(fetch(provider, keys), values)
        require(keys == list(values), "fetch changed the list of keys that it was given")

    def test_what_is_not_there_is_left_out(self, shelf: Shelf, provider: Provider) -> None:
        """Absent is neither a failure nor an empty value."""
        values = self.put_some(shelf)
        absent = [self.key("absent"), self.key("gone", binary=True)]
        require_values(fetch(provider, [absent[0], *values, absent[1]]), values)
        require_values(fetch(provider, absent), {})

    def test_no_keys_no_call(self, provider: Provider) -> None:
        """A load that needs nothing of a provider costs nothing."""
        with touches() as touched:
            answers = fetch(provider, [])
        require(len(answers) == 0, f"no key was asked for, and these were answered: {names(answers)}")
        require(not touched, f"no key was asked for, and fetch touched: {', '.join(dict.fromkeys(touched))}")

    def test_the_same_key_twice_is_one_key(self, shelf: Shelf, provider: Provider) -> None:
        """Also where it is an equal key and not the same object."""
        values = self.put_some(shelf)
        again = [self.key(key.name.removeprefix("kit/")) for key in values]
        require_values(fetch(provider, [*values, *values, *again]), values)

    def test_the_order_of_keys_does_not_matter(self, shelf: Shelf, provider: Provider) -> None:
        """Each key gets its own value."""
        values = self.put_some(shelf)
        require_values(fetch(provider, list(reversed(values))), values)
        require_values(fetch(provider, tuple(sorted(values, key=lambda key: key.name))), values)

    def test_only_keys_that_were_asked_for_are_answered(self, shelf: Shelf, provider: Provider) -> None:
        """What else the store holds is nobody's business."""
        values = self.put_some(shelf)
        for key, value in values.items():
            require_values(fetch(provider, [key]), {key: value})

    def test_a_new_value_is_found_by_the_next_fetch(self, shelf: Shelf, provider: Provider) -> None:
        """A provider keeps no values: whoever asks again wants to know what is there now."""
        key = self.key("one")
        for value in ("first", "second"):
            shelf.put(key, value)
            require_value(fetch(provider, [key]), key, value)

    def test_threads_do_not_disturb_each_other(self, shelf: Shelf, provider: Provider) -> None:
        """One provider serves any thread, also the first call of all."""
        values = self.put_some(shelf)
        start = Barrier(_THREADS)

        def ask(first: int) -> None:
            keys = list(values)
            start.wait(SECONDS)
            for turn in range(5):
                mine = {key: values[key] for key in keys[: 1 + (first + turn) % len(keys)]}
                require_values(fetch(provider, list(mine)), mine)

        with ThreadPoolExecutor(_THREADS) as threads:
            for done in [threads.submit(ask, number) for number in range(_THREADS)]:
                done.result()

    def test_what_a_writer_puts_is_found(self, shelf: Shelf, provider: Provider) -> None:
        """And putting it a second time changes nothing."""
        if Writer not in shelf.spec.offers or not isinstance(provider, Writer):
            pytest.skip("this provider does not offer Writer")
        values = {self.key(name): f"put {name}" for name in ("one", "two")}
        for _ in range(2):
            failed = provider.put(values, Deadline(SECONDS))
            require(not failed, f"put failed for: {names(failed)}")
            require_values(fetch(provider, list(values)), values)

    def test_a_probe_finds_what_is_there_without_its_value(self, shelf: Shelf, provider: Provider) -> None:
        """By the rules of fetch: what is not there is left out."""
        prober = _prober(shelf, provider)
        values = self.put_some(shelf)
        statuses = prober.probe([self.key("absent"), *values, *values], Deadline(SECONDS))
        lacking, extra = values.keys() - statuses.keys(), statuses.keys() - values.keys()
        require(not lacking, f"probe left out, though the store holds them: {names(lacking)}")
        require(not extra, f"probe answered, though nothing holds them: {names(extra)}")
        for key, status in statuses.items():
            if not isinstance(status, Status):
                fail(f"probe failed for {key.name}, though the store holds it: {status!r}")
            require(status.place.strip(), f"the status of {key.name} names no place")
            require(status.may_read is not False, f"probe says that {key.name} may not be read, and fetch reads it")
            require(values[key] not in repr(status), f"the status of {key.name} holds its value")
        require(len(prober.probe([], Deadline(SECONDS))) == 0, "probe answered, though no key was asked for")

    def test_a_probe_of_a_key_that_cannot_be_answered_says_so(self, shelf: Shelf, provider: Provider) -> None:
        """`Failed`, or a status that does not claim that the value may be read; never absent."""
        prober = _prober(shelf, provider)
        if shelf.spoil is None:
            pytest.skip("this shelf has no way to spoil one key")
        spoilt = self.key("spoilt")
        shelf.put(spoilt, CANARY)
        shelf.spoil(spoilt)
        status = prober.probe([spoilt], Deadline(SECONDS)).get(spoilt)
        require(status is not None, "probe left out a key that cannot be answered: absent is another thing")
        require(CANARY not in repr(status), "the status of a key that cannot be answered holds its value")
        claims = isinstance(status, Status) and status.may_read
        require(not claims, "probe says of a key that cannot be answered that it may be read")


def _prober(shelf: Shelf, provider: Provider) -> Prober:
    if Prober not in shelf.spec.offers or not isinstance(provider, Prober):
        pytest.skip("this provider does not offer Prober")
    return provider
