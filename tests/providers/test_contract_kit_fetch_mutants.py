"""Providers that are broken on purpose: each is caught by the kit, by exactly the tests that are meant for its fault.

The provider `files` is what they are made of: it passes the kit, and its store can be spoilt, ruined and made to hang.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import pytest

from estate_config.contract import Context, ProviderSpec
from estate_config.errors import Code, ProviderError
from estate_config.model import Deadline, Failed, Found, Key, Origin
from estate_config_providers.files import spec
from estate_config_providers.files.mounted_files import FilesOptions, MountedFiles

Keys = Sequence[Key]
Answers = Mapping[Key, Found | Failed]
Mutation = Callable[["Mutant", Keys, Deadline], Answers]

CANARY = "canary-7c1e5a90"
RELEASED = threading.Event()

# Made-up values may or may not hit a fault; what they have to hit has a mutant of its own.
ROUND_TRIPS = {"any_text_comes_back", "any_bytes_come_back"}
SEVERAL_KEYS = {
    "all_keys_are_found_in_one_call",
    "what_is_not_there_is_left_out",
    "the_same_key_twice_is_one_key",
    "the_order_of_keys_does_not_matter",
    "threads_do_not_disturb_each_other",
    "a_key_that_cannot_be_answered_fails_alone",
}
HUNG = {"a_store_that_hangs_is_left_at_the_deadline"}
SPOILT = {"a_key_that_cannot_be_answered_fails_alone", *HUNG}
RUINED = {"a_store_that_cannot_answer_at_all_raises_a_provider_error"}
CLOSED = {"a_fetch_after_close_works_or_says_so"}

FETCHES: list[tuple[Mutation, set[str]]] = []


class Mutant(MountedFiles):
    def __init__(self, options: FilesOptions, context: Context, mutation: Mutation | None = None) -> None:
        super().__init__(options, context)
        self.mutation = mutation
        self.memory: dict[Key, Found | Failed] = {}
        self.closed = False

    def fetch(self, keys: Keys, deadline: Deadline) -> Answers:
        return self.mutation(self, keys, deadline) if self.mutation else super().fetch(keys, deadline)

    def good(self, keys: Keys, deadline: Deadline) -> dict[Key, Found | Failed]:
        return dict(super().fetch(keys, deadline))

    def values(self, keys: Keys, deadline: Deadline, change: Callable[[Any], object]) -> Answers:
        """The good answers, each value changed."""
        return {
            key: Found(change(answer.value), answer.origin) if isinstance(answer, Found) else answer
            for key, answer in self.good(keys, deadline).items()
        }

    def close(self) -> None:
        self.closed = True


class SdkError(Exception):
    """As an SDK would raise it."""


def caught_by(*tests: str) -> Callable[[Mutation], Mutation]:
    def register(mutation: Mutation) -> Mutation:
        FETCHES.append((mutation, set(tests)))
        return mutation

    return register


@caught_by(*SEVERAL_KEYS)
def drops_a_key(mutant: Mutant, keys: Keys, deadline: Deadline) -> Answers:
    return dict(list(mutant.good(keys, deadline).items())[:4])


@caught_by(*SEVERAL_KEYS)
def swaps_two_values(mutant: Mutant, keys: Keys, deadline: Deadline) -> Answers:
    answers = mutant.good(keys, deadline)
    found = [key for key, answer in answers.items() if isinstance(answer, Found)]
    return answers | dict(zip(found, [answers[key] for key in reversed(found)], strict=True))


@caught_by(*SEVERAL_KEYS)
def answers_by_position(mutant: Mutant, keys: Keys, deadline: Deadline) -> Answers:
    answers = mutant.good(sorted(set(keys), key=lambda key: key.name), deadline)
    return dict(zip(dict.fromkeys(keys), answers.values(), strict=False))


@caught_by(
    "only_keys_that_were_asked_for_are_answered",
    "what_is_not_there_is_left_out",
    "threads_do_not_disturb_each_other",
)
def answers_keys_that_nobody_asked_for(mutant: Mutant, keys: Keys, deadline: Deadline) -> Answers:
    mutant.memory |= mutant.good(keys, deadline)
    return dict(mutant.memory)


@caught_by("what_is_not_there_is_left_out")
def answers_absent_keys_with_an_empty_text(mutant: Mutant, keys: Keys, deadline: Deadline) -> Answers:
    answers = mutant.good(keys, deadline)
    return {key: answers.get(key) or Found("", Origin("files", "nowhere")) for key in keys}


@caught_by("the_same_key_twice_is_one_key")
def refuses_the_same_key_twice(mutant: Mutant, keys: Keys, deadline: Deadline) -> Answers:
    if len(set(keys)) < len(keys):
        raise ProviderError(Code.MALFORMED, "was asked twice for the same key")
    return mutant.good(keys, deadline)


@caught_by("a_new_value_is_found_by_the_next_fetch", "text_that_looks_like_something_else_stays_text", *RUINED, *HUNG)
def keeps_old_values(mutant: Mutant, keys: Keys, deadline: Deadline) -> Answers:
    mutant.memory |= mutant.good([key for key in keys if key not in mutant.memory], deadline)
    return {key: mutant.memory[key] for key in keys if key in mutant.memory}


@caught_by("no_keys_no_call")
def asks_the_store_for_no_keys(mutant: Mutant, keys: Keys, deadline: Deadline) -> Answers:
    mutant._folder.exists()
    return mutant.good(keys, deadline)


@caught_by("text_that_looks_like_something_else_stays_text", "newlines_come_back", "binary_comes_back")
def strips_values(mutant: Mutant, keys: Keys, deadline: Deadline) -> Answers:
    return mutant.values(keys, deadline, lambda value: value.strip())


@caught_by("text_that_looks_like_something_else_stays_text")
def guesses_types(mutant: Mutant, keys: Keys, deadline: Deadline) -> Answers:
    return mutant.values(keys, deadline, lambda value: 123 if value == "0123" else value)


@caught_by("binary_comes_back", "any_bytes_come_back")
def decodes_binary(mutant: Mutant, keys: Keys, deadline: Deadline) -> Answers:
    return mutant.values(keys, deadline, lambda value: value.decode("latin-1") if isinstance(value, bytes) else value)


@caught_by(*ROUND_TRIPS)
def loses_values_of_one_character(mutant: Mutant, keys: Keys, deadline: Deadline) -> Answers:
    return mutant.values(keys, deadline, lambda value: value[1:] if len(value) == 1 else value)


@caught_by("the_largest_value_comes_back")
def cuts_at_4_kib(mutant: Mutant, keys: Keys, deadline: Deadline) -> Answers:
    return mutant.values(keys, deadline, lambda value: value[:4096])


@caught_by("an_empty_value_is_found", *ROUND_TRIPS)
def takes_empty_for_absent(mutant: Mutant, keys: Keys, deadline: Deadline) -> Answers:
    return {k: a for k, a in mutant.good(keys, deadline).items() if not isinstance(a, Found) or a.value}


@caught_by(*SPOILT, "a_key_that_locate_calls_wrong_fails")
def takes_denied_for_absent(mutant: Mutant, keys: Keys, deadline: Deadline) -> Answers:
    return {key: answer for key, answer in mutant.good(keys, deadline).items() if isinstance(answer, Found)}


@caught_by(*RUINED)
def takes_unreachable_for_absent(mutant: Mutant, keys: Keys, deadline: Deadline) -> Answers:
    try:
        return mutant.good(keys, deadline)
    except ProviderError:
        return {}


@caught_by("a_key_that_cannot_be_answered_fails_alone")
def lets_one_bad_key_spoil_all(mutant: Mutant, keys: Keys, deadline: Deadline) -> Answers:
    failed = any(isinstance(answer, Failed) for answer in mutant.good(keys, deadline).values())
    if failed:
        raise ProviderError(Code.DENIED, "is denied")
    return mutant.good(keys, deadline)


@caught_by(*SPOILT)
def fails_without_a_word(mutant: Mutant, keys: Keys, deadline: Deadline) -> Answers:
    answers = mutant.good(keys, deadline)
    return {key: Failed(answer.code, "") if isinstance(answer, Failed) else answer for key, answer in answers.items()}


@caught_by(*SPOILT)
def fails_with_a_value(mutant: Mutant, keys: Keys, deadline: Deadline) -> Answers:
    answers = mutant.good(keys, deadline)
    return {k: Failed(a.code, f"was {CANARY}") if isinstance(a, Failed) else a for k, a in answers.items()}


@caught_by(*RUINED)
def lets_an_error_of_the_system_out(mutant: Mutant, keys: Keys, deadline: Deadline) -> Answers:
    if keys:
        list(mutant._folder.iterdir())
    return mutant.good(keys, deadline)


@caught_by(*RUINED)
def raises_with_a_cause(mutant: Mutant, keys: Keys, deadline: Deadline) -> Answers:
    try:
        return mutant.good(keys, deadline)
    except ProviderError as error:
        raise ProviderError(error.code, error.hint) from error


def refuse(error: Exception) -> NoReturn:
    raise error


@caught_by(*RUINED)
def raises_with_an_error_of_an_sdk_in_the_context(mutant: Mutant, keys: Keys, deadline: Deadline) -> Answers:
    try:
        return mutant.good(keys, deadline) if not keys or mutant._folder.exists() else refuse(SdkError("refused"))
    except SdkError:
        raise ProviderError(Code.UNAVAILABLE, "cannot be reached") from None


@caught_by(*RUINED)
def raises_with_a_value_in_the_context(mutant: Mutant, keys: Keys, deadline: Deadline) -> Answers:
    try:
        return mutant.good(keys, deadline) if not keys or mutant._folder.exists() else refuse(ValueError(CANARY))
    except ValueError:
        raise ProviderError(Code.UNAVAILABLE, "cannot be reached") from None


@caught_by(*RUINED)
def raises_with_a_value_in_a_local(mutant: Mutant, keys: Keys, deadline: Deadline) -> Answers:
    last = f"{CANARY}"
    answers = mutant.good(keys, deadline)
    return answers if last else {}


@caught_by(*RUINED)
def raises_without_a_word(mutant: Mutant, keys: Keys, deadline: Deadline) -> Answers:
    if keys and not mutant._folder.exists():
        raise ProviderError(Code.UNAVAILABLE, " ")
    return mutant.good(keys, deadline)


@caught_by("no_repr_holds_a_value")
def leaks_in_its_place(mutant: Mutant, keys: Keys, deadline: Deadline) -> Answers:
    answers = mutant.good(keys, deadline)
    return {
        k: Found(a.value, Origin("files", f"x{a.value!r}")) if isinstance(a, Found) else a for k, a in answers.items()
    }


@caught_by("no_log_line_and_no_output_holds_a_value")
def logs_values(mutant: Mutant, keys: Keys, deadline: Deadline) -> Answers:
    answers = mutant.good(keys, deadline)
    logging.getLogger("files").debug("got %s", [getattr(answer, "value", None) for answer in answers.values()])
    return answers


@caught_by("no_log_line_and_no_output_holds_a_value", "no_keys_no_call")
def prints_values(mutant: Mutant, keys: Keys, deadline: Deadline) -> Answers:
    answers = mutant.good(keys, deadline)
    os.write(2, repr([getattr(answer, "value", None) for answer in answers.values()]).encode())
    return answers


@caught_by(*HUNG)
def blocks_past_the_deadline(mutant: Mutant, keys: Keys, deadline: Deadline) -> Answers:
    if any(Path(mutant.locate(key).text).is_fifo() for key in keys):
        RELEASED.wait(30)
    return mutant.good(keys, deadline)


@caught_by(*CLOSED)
def breaks_after_close(mutant: Mutant, keys: Keys, deadline: Deadline) -> Answers:
    if mutant.closed:
        raise AttributeError("'NoneType' object has no attribute 'get'")
    return mutant.good(keys, deadline)


@caught_by(*CLOSED)
def knows_nothing_after_close(mutant: Mutant, keys: Keys, deadline: Deadline) -> Answers:
    return {} if mutant.closed else mutant.good(keys, deadline)


@caught_by("threads_do_not_disturb_each_other")
def shares_its_state_between_threads(mutant: Mutant, keys: Keys, deadline: Deadline) -> Answers:
    mutant.memory = {}
    for key, answer in mutant.good(keys, deadline).items():
        mutant.memory[key] = answer
        time.sleep(0.0005)  # gives the others their turn, as a call over the network would
    return dict(mutant.memory)


@caught_by("all_keys_are_found_in_one_call")
def empties_the_list_of_keys(mutant: Mutant, keys: Keys, deadline: Deadline) -> Answers:
    answers = mutant.good(keys, deadline)
    if isinstance(keys, list):
        keys.clear()
    return answers


@caught_by("names_agree")
def answers_as_another_provider(mutant: Mutant, keys: Keys, deadline: Deadline) -> Answers:
    answers = mutant.good(keys, deadline)
    return {k: Found(a.value, Origin("file", "x")) if isinstance(a, Found) else a for k, a in answers.items()}


@caught_by("names_agree")
def says_when_without_a_time_zone(mutant: Mutant, keys: Keys, deadline: Deadline) -> Answers:
    answers = mutant.good(keys, deadline)
    made = datetime.now(UTC).replace(tzinfo=None)
    return {
        k: Found(a.value, replace(a.origin, created_at=made)) if isinstance(a, Found) else a for k, a in answers.items()
    }


@pytest.fixture(autouse=True)
def _release() -> Iterator[None]:
    RELEASED.clear()
    yield
    RELEASED.set()


def test_the_provider_that_the_mutants_are_made_of_passes(
    failed_tests: Callable[[ProviderSpec], set[str]],
) -> None:
    assert failed_tests(replace(spec, build=Mutant)) == set()


@pytest.mark.parametrize(("mutation", "expected"), FETCHES, ids=[mutation.__name__ for mutation, _ in FETCHES])
def test_a_fetch_that_is_broken_is_caught(
    failed_tests: Callable[[ProviderSpec], set[str]], mutation: Mutation, expected: set[str]
) -> None:
    failed = failed_tests(replace(spec, build=lambda options, context: Mutant(options, context, mutation)))
    assert failed | ROUND_TRIPS == expected | ROUND_TRIPS
    assert expected <= failed
