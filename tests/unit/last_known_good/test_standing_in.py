"""The last known good on disk is used for nothing but a store that cannot be reached."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretBytes, create_model, model_validator

from estate_config import (
    Code,
    Settings,
    explain,
    load,
    secret,
    setting,
)
from estate_config.errors import Asked
from estate_config.model import Failed
from tests.doubles import estate, spec_of
from tests.unit.conftest import Offer
from tests.unit.last_known_good.conftest import DOWN, FETCHED, FILE, Service, Store, asking, refusal


class TestStandingIn:
    def test_what_was_found_stands_in_with_its_version_and_age_and_is_called_degraded(
        self, here: Any, store: Store, now: Callable[[datetime], None]
    ) -> None:
        load(Service, config=here)
        store.down = DOWN
        now(FETCHED + timedelta(hours=3))
        settings = load(Service, config=here)
        one = explain(settings)["a"]
        assert settings.a == "of the store"
        assert (one.provider, one.place, one.version, one.stage) == ("aws", "aws:a (v1)", "v1", "AWSCURRENT")
        assert (one.fetched_at, one.created_at) == (FETCHED, FETCHED - timedelta(days=1))
        file = str(FILE.absolute())
        assert one.degraded == f"last known good of 2026-11-25 15:00 UTC, from {file}: aws said UNAVAILABLE"
        assert one.asked[1:] == (Asked("aws", "aws:a", "UNAVAILABLE"), Asked("disk", file, "last known good"))

    def test_trap_14_it_is_said_loudly_how_old_it_is_and_until_when_it_will_do(
        self, here: Any, store: Store, now: Callable[[datetime], None], caplog: pytest.LogCaptureFixture
    ) -> None:
        load(Service, config=here)
        store.down = DOWN
        now(FETCHED + timedelta(hours=3))
        with caplog.at_level(logging.INFO, "estate_config"):
            (warning,) = explain(load(Service, config=here)).warnings
        assert (warning.code, len(warning.places)) == (Code.STALE, 4)
        assert "4 settings have their last known good, of 2026-11-25 15:00 UTC, 3 h old" in warning.message
        assert warning.fix.splitlines() == [
            "bring the store back before 2026-11-26 15:00 UTC: a start after that is refused",
            "look at the network",
        ]
        said = [(record.levelno, record.message) for record in caplog.records]
        assert said[0][0] == logging.WARNING
        assert said[0][1].startswith("STALE aws:a, aws:optional, ")
        assert "loaded, 1 of them degraded, from" in said[1][1]

    def test_what_no_provider_had_is_kept_too_so_that_a_default_holds(self, here: Any, store: Store) -> None:
        load(Service, config=here)
        store.down = DOWN
        settings = load(Service, config=here)
        assert (settings.optional, settings.nested, settings.level) == (None, None, "info")
        assert explain(settings)["optional"].provider == "default"

    def test_bytes_and_texts_of_any_kind_come_back_as_they_were(self, here: Any, store: Store) -> None:
        class Kinds(Settings):
            text: str = secret("text")
            raw: SecretBytes = secret("raw")

        store.values = {"text": 'line\r\n"\ud800\0é', "raw": bytes(range(256))}
        before = load(Kinds, config=here)
        store.down = DOWN
        assert load(Kinds, config=here) == before

    def test_they_are_validated_like_any_other(self, here: Any, store: Store) -> None:
        load(Service, config=here)

        class Stricter(Service):
            @model_validator(mode="after")
            def _refuse(self) -> Stricter:
                raise ValueError("no")

        Stricter.__qualname__, Stricter.__name__, Stricter.__module__ = "Service", "Service", Service.__module__
        store.down = DOWN
        error = refusal(here, Stricter)
        assert [problem.code for problem in error.problems] == [Code.INVALID]
        assert [warning.code for warning in error.warnings] == [Code.STALE]

    def test_a_template_is_built_from_them(self, here: Any, store: Store) -> None:
        class Built(Settings):
            a: str = secret("a")
            url: str = secret("url", template="postgresql://app:{a}@h/db")

        before = load(Built, config=here)
        store.down = DOWN
        after = load(Built, config=here)
        assert after == before
        assert explain(after)["url"].provider == "template"

    def test_what_can_be_read_is_read_and_only_the_rest_stands_in(
        self, here: Any, store: Store, now: Callable[[datetime], None]
    ) -> None:
        store.values["optional"] = "old"
        load(Service, config=here)
        store.values = {"a": DOWN, "optional": "new"}
        now(FETCHED + timedelta(minutes=5))
        settings = load(Service, config=here)
        assert (settings.a, settings.optional) == ("of the store", "new")
        (warning,) = explain(settings).warnings
        assert "a setting has its last known good, of 2026-11-25 15:00 UTC, 5 min old" in warning.message
        assert [step.place for step in warning.places] == ["aws:a"]

    def test_a_chain_of_two_stores_stands_in_for_the_one_that_was_asked_first(
        self, here: Any, store: Store, offer: Offer
    ) -> None:
        offer(spec_of("aws", store, remote=True), spec_of("vault", Store("vault", {"a": "v"}), remote=True))
        config = asking("aws", "vault")
        store.values = {}
        load(Service, config=config)
        store.down = DOWN
        assert load(Service, config=config).a == "v"


class TestOnlyWhereTheStoreCannotBeReached:
    @pytest.mark.parametrize("code", [code for code in Code if code not in (Code.UNAVAILABLE, Code.THROTTLED)])
    def test_trap_15_whatever_else_a_store_says_is_believed(self, here: Any, store: Store, code: Code) -> None:
        load(Service, config=here)
        store.values["a"] = Failed(code, "says so")
        error = refusal(here)
        assert [(problem.field, problem.code) for problem in error.problems] == [("a", code)]
        assert all("is removed" in warning.message for warning in error.warnings)

    @pytest.mark.parametrize("code", [Code.DENIED, Code.KMS, Code.DELETED])
    def test_trap_15_what_a_store_has_taken_away_does_not_come_back_by_the_next_outage(
        self, here: Any, store: Store, code: Code
    ) -> None:
        load(Service, config=here)
        store.values["a"] = Failed(code, "says so")
        (warning,) = refusal(here).warnings
        assert "the last known good is removed: the store refuses a" in warning.message
        assert not FILE.exists()
        assert refusal(here).warnings == ()
        store.down = DOWN
        assert [warning.code for warning in refusal(here).warnings] == [Code.MISSING]

    def test_one_that_cannot_be_removed_is_said_with_the_command(self, here: Any, store: Store) -> None:
        FILE.mkdir()
        store.values["a"] = Failed(Code.DENIED, "says so")
        (warning,) = refusal(here).warnings
        assert ("cannot be removed" in warning.message, warning.fix) == (True, f"rm {FILE.absolute()}")

    def test_one_of_which_nobody_may_know_whether_it_is_there_ends_no_load(self, here: Any, store: Store) -> None:
        """A name too long for the disk is told by the same error as a folder that is closed: root may open any."""
        here["environments"]["here"]["last_known_good"]["file"] = f"{'x' * 300}.lkg"
        store.values["a"] = Failed(Code.DENIED, "says so")
        (warning,) = refusal(here).warnings
        assert "cannot be removed" in warning.message

    def test_a_file_in_no_folder_is_not_there_to_be_removed(self, here: Any, store: Store) -> None:
        here["environments"]["here"]["last_known_good"]["file"] = "key/{service}.lkg"
        store.values["a"] = Failed(Code.DENIED, "says so")
        assert refusal(here).warnings == ()

    @pytest.mark.parametrize("code", [Code.CREDENTIALS, Code.MALFORMED, Code.PLUGIN])
    def test_what_may_be_a_mistake_leaves_the_file_for_later(self, here: Any, store: Store, code: Code) -> None:
        load(Service, config=here)
        store.values["a"] = Failed(code, "says so")
        refusal(here)
        store.values["a"] = DOWN
        assert load(Service, config=here).a == "of the store"

    @pytest.mark.parametrize("code", [Code.UNAVAILABLE, Code.THROTTLED])
    def test_trap_6_throttled_is_unreachable_whatever_its_status_is(self, here: Any, store: Store, code: Code) -> None:
        load(Service, config=here)
        store.values["a"] = Failed(code, "says so")
        assert load(Service, config=here).a == "of the store"

    def test_what_was_removed_from_the_store_is_missing(self, here: Any, store: Store) -> None:
        load(Service, config=here)
        del store.values["a"]
        assert [problem.code for problem in refusal(here).problems] == [Code.MISSING]

    def test_trap_15_where_nobody_asked_for_it_nothing_is_kept_or_used(self, here: Any, store: Store) -> None:
        load(Service, config=estate("env", "aws"))
        assert not FILE.exists()
        load(Service, config=here)
        store.down = DOWN
        assert refusal(estate("env", "aws")).problems[0].code is Code.UNAVAILABLE

    def test_trap_15_one_that_cannot_tell_a_refusal_from_an_outage_has_no_stand_in(
        self, here: Any, store: Store, offer: Offer
    ) -> None:
        program = Store("program", {"optional": "p"})
        offer(spec_of("aws", store, remote=True), spec_of("program", program, remote=True, tells_refusals=False))
        config = asking("program", "aws")
        load(Service, config=config)
        program.down = DOWN
        assert {problem.code for problem in refusal(config).problems} == {Code.UNAVAILABLE}

    def test_a_provider_of_this_machine_that_fails_has_no_stand_in(self, here: Any, store: Store, offer: Offer) -> None:
        files = Store("files", {"optional": "f"})
        offer(spec_of("aws", store, remote=True), spec_of("files", files))
        config = asking("files", "aws")
        load(Service, config=config)
        files.down = DOWN
        error = refusal(config)
        assert {problem.code for problem in error.problems} == {Code.UNAVAILABLE}
        assert error.warnings == ()

    def test_a_good_start_does_not_even_look_at_the_file(self, here: Any, store: Store) -> None:
        FILE.write_text("nonsense")
        settings = load(Service, config=here)
        assert explain(settings).warnings == ()


class TestWhatIsNotUsed:
    """It is said why, and the start fails for the reason that it would fail for without a file."""

    def not_used(self, config: Any, cls: type[Settings] = Service) -> str:
        error = refusal(config, cls)
        assert {problem.code for problem in error.problems} == {Code.UNAVAILABLE}
        (warning,) = error.warnings
        assert warning.fix
        assert [step.provider for step in warning.places] == ["disk"]
        return warning.message

    def test_there_is_none_yet(self, here: Any, store: Store) -> None:
        store.down = DOWN
        assert self.not_used(here) == f"the last known good is not used: {FILE.absolute()} is not there"

    def test_trap_14_it_is_too_old(self, here: Any, store: Store, now: Callable[[datetime], None]) -> None:
        load(Service, config=here)
        store.down = DOWN
        now(FETCHED + timedelta(days=1))
        load(Service, config=here)
        now(FETCHED + timedelta(days=1, seconds=1))
        assert "is of 2026-11-25 15:00 UTC, which is longer ago than the 24 h" in self.not_used(here)
        assert load(Service, config=asking("env", "aws", max_age=100_000)).a == "of the store"

    def test_its_age_is_that_of_the_values_not_that_of_the_start_that_used_them(
        self, here: Any, store: Store, now: Callable[[datetime], None]
    ) -> None:
        load(Service, config=here)
        before = FILE.read_bytes()
        store.down = DOWN
        now(FETCHED + timedelta(hours=23))
        load(Service, config=here)
        assert FILE.read_bytes() == before

    def test_it_is_of_the_future(self, here: Any, store: Store, now: Callable[[datetime], None]) -> None:
        load(Service, config=here)
        store.down = DOWN
        now(FETCHED - timedelta(minutes=4))
        load(Service, config=here)
        now(FETCHED - timedelta(minutes=6))
        assert "is of the future" in self.not_used(here)

    @pytest.mark.parametrize(
        "other",
        [
            {"b": (str, secret("a"))},
            {"a": (int, secret("a"))},
            {"a": (str, secret("b"))},
            {"a": (str, setting("a"))},
            {"a": (str, secret("a", vault="x#y"))},
        ],
    )
    def test_it_is_of_another_schema(self, here: Any, store: Store, other: dict[str, Any]) -> None:
        class One(Settings):
            a: str = secret("a")

        load(One, config=here)
        store.down = DOWN
        changed: Any = create_model("One", __base__=Settings, **other)
        assert "is of another schema" in self.not_used(here, changed)

    def test_its_place_is_another_one_now(self, here: Any, store: Store) -> None:
        load(Service, config=here)
        store.down, store.name = DOWN, "elsewhere"
        assert "has nothing for 4 of the settings" in self.not_used(here)

    def test_a_setting_that_was_not_kept_fails_and_the_others_stand_in(
        self, here: Any, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("A", "by hand")
        load(Service, config=here)
        monkeypatch.delenv("A")
        store.down = DOWN
        error = refusal(here)
        assert [problem.field for problem in error.problems] == ["a"]
        assert [(one.code, one.message.partition(",")[0].partition(":")[0]) for one in error.warnings] == [
            (Code.STALE, "3 settings have their last known good"),
            (Code.MISSING, "the last known good has nothing for 1 of the settings"),
        ]

    def test_its_key_is_gone(self, here: Any, store: Store) -> None:
        load(Service, config=here)
        store.down = DOWN
        Path("key").unlink()
        assert "cannot be used without its key" in self.not_used(here)
