"""The last known good on disk is kept by a good load, where estate.toml asks for it, and shows no value."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from estate_config import (
    Code,
    Settings,
    explain,
    guard,
    last_known_good,
    load,
    secret,
    use,
)
from estate_config.chains import chain_of
from estate_config.contract import KeyKeeper
from estate_config.file_key import KeyOf
from estate_config.model import DataKey, Deadline, Failed, Found, Origin
from estate_config.redaction import Hidden
from estate_config.resolve import Link
from estate_config.sealed_file import Bond
from estate_config.settings import record_of
from tests.doubles import Shelf, spec_of
from tests.leaks import CANARIES, PLAIN, assert_no_canary, assert_no_canary_in_error
from tests.unit.conftest import Offer
from tests.unit.last_known_good.conftest import DOWN, FETCHED, FILE, FOUND, Service, Store, asking, refusal


class TestKeeping:
    def test_trap_14_a_new_value_is_there_after_a_restart(self, here: Any, store: Store) -> None:
        load(Service, config=here)
        store.values["a"] = "new"
        load(Service, config=here)
        store.down = DOWN
        assert load(Service, config=here).a == "new"

    def test_trap_13_a_load_that_fails_keeps_the_file(self, here: Any, store: Store) -> None:
        load(Service, config=here)
        before = FILE.read_bytes()
        store.values = {}
        refusal(here)
        assert FILE.read_bytes() == before

    def test_values_from_this_machine_and_by_hand_are_not_kept(
        self, here: Any, store: Store, offer: Offer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        written: list[bytes] = []

        def seal(path: Path, bond: Bond, content: Hidden[bytes], key_of: KeyOf) -> None:
            written.append(content.reveal())

        monkeypatch.setattr(last_known_good, "seal", seal)
        monkeypatch.setenv("A", "of-the-env")
        load(Service, config=here, overrides={"level": "by-hand"})
        (document,) = written
        assert b"of-the-env" not in document
        assert b"by-hand" not in document
        assert b"optional" in document

    def test_what_is_found_further_down_on_this_machine_is_not_kept(
        self, here: Any, store: Store, offer: Offer
    ) -> None:
        files = Shelf("files", {"a": "of the machine"})
        offer(spec_of("aws", store, remote=True), spec_of("files", files))
        config = asking("aws", "files")
        store.values = {}
        load(Service, config=config)
        store.down = DOWN
        assert [problem.field for problem in refusal(config).problems] == ["a"]

    def test_what_is_neither_text_nor_bytes_is_not_kept(self, here: Any, store: Store) -> None:
        store.values["a"] = Found(Rich("v"), FOUND.origin)

        class Odd(Settings):
            a: Any = secret("a")

        load(Odd, config=here)
        assert not Path("Odd.lkg").exists()

    def test_a_store_that_says_no_version_and_no_age_is_kept_as_it_is(self, here: Any, store: Store) -> None:
        store.values["a"] = Found("plain", Origin("aws", "aws:a"))
        load(Service, config=here)
        store.down = DOWN
        one = explain(load(Service, config=here))["a"]
        assert (one.version, one.stage, one.created_at) == (None, None, None)

    def test_where_it_cannot_be_written_the_service_starts_and_says_so(
        self, store: Store, here: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        settings = load(Service, config=asking("aws", file="nowhere/{service}.lkg"))
        assert settings.a == "of the store"
        (line,) = [record.message for record in caplog.records if record.levelno == logging.WARNING]
        assert line.startswith("UNAVAILABLE ")
        assert "the last known good is not kept: " in line
        assert "its folder does not exist" in line

    def test_a_refresh_says_as_of_when_its_values_are_good(
        self, here: Any, store: Store, now: Callable[[datetime], None]
    ) -> None:
        load(Service, config=here)
        chain = chain_of(Service, config=here)
        assert chain.last_known_good is not None
        record = load(Service, config=here)
        answers = explained_answers(record)
        assert chain.last_known_good.keep(answers, FETCHED + timedelta(days=3)) == []
        store.down = DOWN
        now(FETCHED + timedelta(days=4))
        assert load(Service, config=here).a == "of the store"

    def test_the_names_of_services_make_files_of_one_folder(self, here: Any, store: Store) -> None:
        table = {**here, "services": {"../ai": f"{Service.__module__}:{Service.__qualname__}"}}
        load(Service, config=table)
        assert Path("..%2Fai.lkg").exists()


class Rich:
    """A value that is no text."""

    def __init__(self, value: str) -> None:
        self.value = value


def explained_answers(settings: Settings) -> Any:
    record = record_of(settings)
    assert record is not None
    return record.answers.reveal()


class TestWhoUsesIt:
    def test_a_swap_and_a_test_run_neither_read_nor_write_it(
        self, here: Any, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Watching:
            environment = None

            def wrap(self, link: Link) -> Link:
                return link

            def options(self, provider: str) -> dict[str, Any]:
                return {}

        with use(Service, {"a": "double"}):
            assert load(Service).a == "double"
        monkeypatch.setattr(guard, "_everywhere", [Watching()])
        load(Service, config=here)
        assert not FILE.exists()

    def test_a_candidate_is_neither_kept_nor_replaced(
        self, here: Any, store: Store, offer: Offer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        offer(spec_of("aws", store, remote=True, stages=True))
        monkeypatch.setenv("ESTATE_STAGES", "a=AWSPENDING")
        load(Service, config=here)
        assert not FILE.exists()


@pytest.mark.usefixtures("store")
class TestTheTable:
    def wrong(self, *chain: str, **words: Any) -> str:
        (problem,) = refusal(asking(*chain or ("aws",), **words)).problems
        return f"{problem.code} {problem.message} ({problem.fix})"

    def test_words_are_checked(self) -> None:
        assert 'last_known_good.maxage is not known; did you mean "max_age"?' in self.wrong(maxage=5)
        assert "last_known_good.max_age: input should be less than or equal to 2592000" in self.wrong(max_age=2_592_001)
        assert "last_known_good.key: " in self.wrong(key="alias/x")
        assert "last_known_good.file: " in self.wrong(file="")

    def test_a_provider_that_keeps_no_keys_is_a_mistake_that_is_seen_at_once(self) -> None:
        assert 'the provider "env" keeps no keys of files (write file:PATH' in self.wrong(key="env:KEY")

    def test_a_chain_that_has_nothing_to_stand_in_for_is_a_mistake(self, store: Store, offer: Offer) -> None:
        assert "the chain has no store that it could stand in for" in self.wrong("env", "dotenv")
        offer(spec_of("aws", store, remote=True, tells_refusals=False))
        assert "the chain has no store that it could stand in for" in self.wrong("env", "aws")

    def test_a_program_has_one_exit_code_for_an_outage_and_a_refusal_so_it_is_no_such_store(self) -> None:
        table = {**asking("command"), "providers": {"command": {"command": ["op", "read", "{address}"]}}}
        assert [problem.code for problem in refusal(table).problems] == [Code.SCHEMA]

    def test_a_provider_that_is_not_there_is_named(self) -> None:
        assert 'no provider called "kms" is installed' in self.wrong(key="kms:alias/x")

    def test_a_provider_may_keep_the_key(self, offer: Offer, store: Store, now: object) -> None:
        class Keeping(Shelf):
            asked_for: list[Any]

            def data_key(self, name: str, context: Any, wrapped: bytes | None, deadline: Deadline) -> DataKey:
                assert (name, dict(context)) == ("alias/x", {"service": "Service", "environment": "here"})
                return DataKey(b"k" * 32, wrapped or b"w")

        offer(spec_of("aws", store, remote=True), spec_of("keys", Keeping("keys"), offers=(KeyKeeper,)))
        config = asking("aws", key="keys:alias/x")
        load(Service, config=config)
        store.down = DOWN
        assert load(Service, config=config).a == "of the store"


class TestNoValueIsShown:
    @pytest.mark.parametrize("canary", CANARIES)
    def test_in_the_file_the_log_and_the_warnings(
        self, here: Any, store: Store, caplog: pytest.LogCaptureFixture, canary: str
    ) -> None:
        store.values["a"] = canary
        with caplog.at_level(logging.DEBUG):
            load(Service, config=here)
            store.down = DOWN
            settings = load(Service, config=here)
        assert settings.a == canary
        chain = chain_of(Service, config=here)
        for text in (FILE.read_bytes().decode("latin-1"), caplog.text, repr(explain(settings)), repr(chain)):
            assert_no_canary(text, canary)

    def test_in_the_error_of_a_start_that_they_do_not_save(self, here: Any, store: Store) -> None:
        store.values.update({"a": PLAIN, "optional": PLAIN})
        load(Service, config=here)
        store.values.update({"a": DOWN, "optional": Failed(Code.MALFORMED, "is no text")})
        error = refusal(here)
        assert [(problem.field, problem.code) for problem in error.problems] == [("optional", Code.MALFORMED)]
        assert_no_canary_in_error(error, PLAIN)

    def test_in_no_frame_of_a_start_that_is_stopped_while_it_writes(
        self, here: Any, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def stopped(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        store.values["a"] = PLAIN
        monkeypatch.setattr("tempfile.mkstemp", stopped)
        with pytest.raises(KeyboardInterrupt) as caught:
            load(Service, config=here)
        assert_no_canary_in_error(caught.value, PLAIN)
