"""Specs and providers that are broken outside of fetch: each is caught by the tests that are meant for its fault."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import BaseModel

from estate_config.contract import Context, Leased, ProviderSpec, Watcher, Writer
from estate_config.errors import Code, ProviderError
from estate_config.model import Deadline, Failed, Found, Key, Place, Renewal, Status
from estate_config_providers.files import spec
from estate_config_providers.files.mounted_files import FilesOptions, MountedFiles

RUINED = "a_store_that_cannot_answer_at_all_raises_a_provider_error"
WRONG = "a_key_that_locate_calls_wrong_fails"
PROBED = "a_probe_finds_what_is_there_without_its_value"
PROBED_SPOILT = "a_probe_of_a_key_that_cannot_be_answered_says_so"
PROBED_VERSION = "a_probe_names_the_version_that_a_fetch_gives"
UNLEASED = "without_a_lease_nothing_is_renewed"
QUIET = "waiting_for_changes_ends_at_the_deadline"


class Looks(MountedFiles):
    def locate(self, key: Key) -> Place:
        self._folder.exists()
        return super().locate(key)


class Opens(MountedFiles):
    def __init__(self, options: FilesOptions, context: Context) -> None:
        super().__init__(options, context)
        list(self._folder.iterdir())


class StartsAThread(MountedFiles):
    def __init__(self, options: FilesOptions, context: Context) -> None:
        super().__init__(options, context)
        threading.Thread(target=len, args=("",)).start()


class OnePlaceForAll(MountedFiles):
    def locate(self, key: Key) -> Place:
        return Place("files")


class Restless(MountedFiles):
    def locate(self, key: Key) -> Place:
        return Place(f"{super().locate(key).text} {time.monotonic_ns()}")


class CallsWrongWhatItReads(MountedFiles):
    def locate(self, key: Key) -> Place:
        return replace(super().locate(key), wrong="is no address")


class ReadsWhatItCallsWrong(MountedFiles):
    def locate(self, key: Key) -> Place:
        return replace(super().locate(key), wrong="" if key.address is None else "is no address")


class ClosesOnce(MountedFiles):
    closed = False

    def close(self) -> None:
        if self.closed:
            raise ValueError("closed already")
        self.closed = True


class Forgets(MountedFiles):
    def put(self, values: Mapping[Key, str | bytes], deadline: Deadline) -> Mapping[Key, Failed]:
        return {}


class Refuses(MountedFiles):
    def put(self, values: Mapping[Key, str | bytes], deadline: Deadline) -> Mapping[Key, Failed]:
        return dict.fromkeys(values, Failed(Code.DENIED, "is denied"))


class Leaks(MountedFiles):
    shown: tuple[object, ...] = ()

    def fetch(self, keys: Sequence[Key], deadline: Deadline) -> Mapping[Key, Found | Failed]:
        answers = super().fetch(keys, deadline)
        self.shown = tuple(answer.value for answer in answers.values() if isinstance(answer, Found))
        return answers

    def __repr__(self) -> str:
        return f"Leaks({self.shown})"


class ProbesNothing(MountedFiles):
    def probe(self, keys: Sequence[Key], deadline: Deadline) -> Mapping[Key, Status | Failed]:
        return {}


class ProbesWhatIsNotThere(MountedFiles):
    def probe(self, keys: Sequence[Key], deadline: Deadline) -> Mapping[Key, Status | Failed]:
        return {key: Status(self.locate(key).text) for key in keys}


class ProbesWithFailures(MountedFiles):
    def probe(self, keys: Sequence[Key], deadline: Deadline) -> Mapping[Key, Status | Failed]:
        seen = super().probe(keys, deadline)
        return dict.fromkeys(seen, Failed(Code.DENIED, "is denied"))


class TellsTheValueInAProbe(MountedFiles):
    def probe(self, keys: Sequence[Key], deadline: Deadline) -> Mapping[Key, Status | Failed]:
        found = self.fetch(keys, deadline)
        return {
            key: Status(f"{answer.value!r}") if isinstance(answer, Found) else answer for key, answer in found.items()
        }


class ProbesADeniedKeyAsReadable(MountedFiles):
    def probe(self, keys: Sequence[Key], deadline: Deadline) -> Mapping[Key, Status | Failed]:
        seen = super().probe(keys, deadline)
        return {key: Status(self.locate(key).text, may_read=True) for key in seen}


class ProbesAReadableKeyAsDenied(MountedFiles):
    def probe(self, keys: Sequence[Key], deadline: Deadline) -> Mapping[Key, Status | Failed]:
        seen = super().probe(keys, deadline)
        return {key: replace(s, may_read=False) if isinstance(s, Status) else s for key, s in seen.items()}


class ProbesADeniedKeyAsAbsent(MountedFiles):
    def probe(self, keys: Sequence[Key], deadline: Deadline) -> Mapping[Key, Status | Failed]:
        return {key: s for key, s in super().probe(keys, deadline).items() if isinstance(s, Status)}


class ProbesAVersionOfItsOwn(MountedFiles):
    def probe(self, keys: Sequence[Key], deadline: Deadline) -> Mapping[Key, Status | Failed]:
        seen = super().probe(keys, deadline)
        return {key: replace(s, version="7") if isinstance(s, Status) else s for key, s in seen.items()}


class StaysAtItsVersion(ProbesAVersionOfItsOwn):
    def fetch(self, keys: Sequence[Key], deadline: Deadline) -> Mapping[Key, Found | Failed]:
        answers = super().fetch(keys, deadline)
        return {
            key: replace(a, origin=replace(a.origin, version="7")) if isinstance(a, Found) else a
            for key, a in answers.items()
        }


class RenewsNothingInAMinute(MountedFiles):
    def renew(self, deadline: Deadline) -> Renewal:
        return Renewal(60.0)


class LooksForLeases(MountedFiles):
    def renew(self, deadline: Deadline) -> Renewal:
        self._folder.exists()
        return Renewal(None)


class TellsOfWhatHasNotChanged(MountedFiles):
    def changes(self, keys: Sequence[Key], deadline: Deadline) -> Mapping[Key, str | None]:
        return dict.fromkeys(keys)


class CannotListen(MountedFiles):
    def changes(self, keys: Sequence[Key], deadline: Deadline) -> Mapping[Key, str | None]:
        raise ProviderError(Code.DENIED, "may not listen")


class ListensTooLong(MountedFiles):
    def changes(self, keys: Sequence[Key], deadline: Deadline) -> Mapping[Key, str | None]:
        threading.Event().wait(10)
        return {}


class LooseOptions(BaseModel):
    folder: Path


CHANGES: list[tuple[str, ProviderSpec, set[str]]] = [
    ("leaks_in_its_repr", replace(spec, build=Leaks), {"no_repr_holds_a_value", RUINED}),
    ("looks_to_locate", replace(spec, build=Looks), {"building_and_locating_touch_nothing"}),
    ("opens_the_store_at_build", replace(spec, build=Opens), {"building_and_locating_touch_nothing"}),
    ("starts_a_thread_at_build", replace(spec, build=StartsAThread), {"building_and_locating_touch_nothing"}),
    ("one_place_for_all", replace(spec, build=OnePlaceForAll), {"each_key_has_a_place_of_its_own"}),
    ("restless_places", replace(spec, build=Restless), {"each_key_has_a_place_of_its_own"}),
    ("calls_wrong_what_it_reads", replace(spec, build=CallsWrongWhatItReads), {WRONG}),
    ("reads_what_it_calls_wrong", replace(spec, build=ReadsWhatItCallsWrong), {WRONG}),
    ("closes_only_once", replace(spec, build=ClosesOnce), {"closing_twice_is_fine"}),
    ("forgets", replace(spec, build=Forgets, offers=(Writer,)), {"what_a_writer_puts_is_found"}),
    ("refuses", replace(spec, build=Refuses, offers=(Writer,)), {"what_a_writer_puts_is_found"}),
    ("probes_nothing", replace(spec, build=ProbesNothing), {PROBED, PROBED_SPOILT}),
    ("probes_what_is_not_there", replace(spec, build=ProbesWhatIsNotThere), {PROBED}),
    ("probes_with_failures", replace(spec, build=ProbesWithFailures), {PROBED}),
    ("tells_the_value_in_a_probe", replace(spec, build=TellsTheValueInAProbe), {PROBED}),
    ("probes_a_denied_key_as_readable", replace(spec, build=ProbesADeniedKeyAsReadable), {PROBED_SPOILT}),
    ("probes_a_readable_key_as_denied", replace(spec, build=ProbesAReadableKeyAsDenied), {PROBED}),
    ("probes_a_denied_key_as_absent", replace(spec, build=ProbesADeniedKeyAsAbsent), {PROBED_SPOILT}),
    ("probes_a_version_of_its_own", replace(spec, build=ProbesAVersionOfItsOwn), {PROBED_VERSION}),
    ("stays_at_its_version", replace(spec, build=StaysAtItsVersion), {PROBED_VERSION}),
    ("renews_nothing_in_a_minute", replace(spec, build=RenewsNothingInAMinute, offers=(Leased,)), {UNLEASED}),
    ("looks_for_leases", replace(spec, build=LooksForLeases, offers=(Leased,)), {UNLEASED}),
    ("tells_of_what_has_not_changed", replace(spec, build=TellsOfWhatHasNotChanged, offers=(Watcher,)), {QUIET}),
    ("cannot_listen", replace(spec, build=CannotListen, offers=(Watcher,)), {QUIET}),
    ("listens_too_long", replace(spec, build=ListensTooLong, offers=(Watcher,)), {QUIET}),
    ("offers_what_it_has_not", replace(spec, offers=(Writer,)), {"the_spec_is_complete"}),
    ("takes_any_option", replace(spec, options=LooseOptions), {"a_misspelt_option_is_an_error"}),
    ("has_no_title", replace(spec, title=" "), {"the_spec_is_complete"}),
    ("has_a_summary_of_two_lines", replace(spec, summary="one\ntwo"), {"the_spec_is_complete"}),
    ("has_a_name_for_nobody", replace(spec, name="The Files"), {"the_spec_is_complete", "names_agree"}),
]


@pytest.mark.parametrize(("mutant", "expected"), [change[1:] for change in CHANGES], ids=[name for name, *_ in CHANGES])
def test_a_provider_or_spec_that_is_broken_is_caught(
    failed_tests: Callable[[ProviderSpec], set[str]], mutant: ProviderSpec, expected: set[str]
) -> None:
    assert failed_tests(mutant) == expected
