"""Faults that need a story of their own: what is said of them is seen by the test that is named."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Told:
    """A row whose two columns are stated by one test elsewhere."""

    what: str
    start_words: str
    running_words: str
    file: str
    test: str


FORK, WATCH, TOLD = "tests/live/test_fork.py", "tests/live/test_watch.py", "tests/live/test_watch_told.py"
LIVE = "tests/providers/vault/test_live.py"
ROWS = [
    Told(
        "`fork` while another thread loads",
        "the child loads by itself",
        "not loaded yet",
        FORK,
        "test_a_load_that_was_running_at_the_fork_is_done_anew_in_the_child",
    ),
    Told(
        "`fork` while other threads hold every lock",
        "starts",
        "the child refreshes, watches and loads",
        FORK,
        "test_locks_that_others_held_at_the_fork_are_free_in_the_child",
    ),
    Told(
        "`fork` out of a callback, in the watching thread",
        "starts",
        "parent and child watch on",
        FORK,
        "test_a_child_of_the_callback_s_own_thread_works",
    ),
    Told(
        "`fork` between the two halves of a swap",
        "starts",
        "the child has the new version, whole",
        FORK,
        "test_a_swap_that_was_half_done_at_the_fork_is_whole_in_the_child",
    ),
    Told(
        "SIGTERM during a swap",
        "ends as its handler says",
        "ends as its handler says, with one whole version",
        FORK,
        "test_a_signal_during_a_swap_ends_the_process_as_it_should",
    ),
    Told(
        "a provider hangs",
        "does not start, at the deadline: `UNAVAILABLE`",
        "values of other providers are renewed meanwhile",
        WATCH,
        "test_one_that_hangs_costs_its_own_time_and_not_that_of_others",
    ),
    Told(
        "a provider breaks its contract",
        "does not start: `PLUGIN`",
        "keeps the old value, and has the new one once it is over",
        WATCH,
        "test_a_provider_that_breaks_its_contract_ends_nothing",
    ),
    Told(
        "the announced version is not there yet",
        "starts with the one before",
        "reads again until it is there",
        TOLD,
        "test_trap_12_it_is_read_until_the_announced_version_is_there",
    ),
    Told(
        "a lease of Vault's cannot be renewed any longer",
        "starts with a lease of its own",
        "has a new user before the old one ends",
        LIVE,
        "test_trap_29_a_user_is_renewed_and_replaced_before_it_ends",
    ),
]
