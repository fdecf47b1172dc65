"""The last known good on disk: kept by a good load, and used for nothing but a store that cannot be reached."""

from __future__ import annotations

import base64
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, SecretBytes, SecretStr, create_model, model_validator

from estate_config import (
    Code,
    ConfigurationError,
    Settings,
    explain,
    guard,
    last_known_good,
    load,
    secret,
    setting,
    use,
)
from estate_config.chains import chain_of
from estate_config.contract import KeyKeeper
from estate_config.errors import Asked
from estate_config.file_key import KeyOf
from estate_config.model import DataKey, Deadline, Failed, Found, Key, Origin
from estate_config.redaction import Hidden
from estate_config.resolve import Link
from estate_config.sealed_file import Bond
from estate_config.settings import record_of
from tests.doubles import Shelf, estate, spec_of
from tests.leaks import CANARIES, PLAIN, assert_no_canary, assert_no_canary_in_error
from tests.unit.conftest import Offer

DOWN = Failed(Code.UNAVAILABLE, "cannot be reached", "look at the network")
FETCHED = datetime(2026, 11, 25, 15, tzinfo=UTC)
FOUND = Found("of the store", Origin("aws", "aws:a (v1)", "v1", "AWSCURRENT", FETCHED, FETCHED - timedelta(days=1)))


class Nested(BaseModel):
    password: SecretStr = secret()


class Service(Settings):
    a: str = secret("a")
    optional: str | None = secret("optional", default=None)
    nested: Nested | None = None
    level: str = setting(default="info")


class Store(Shelf):
    """A shelf that can be taken away. It is fetched from at the hour of `FETCHED`."""

    down: Failed | None = None

    def fetch(self, keys: Any, deadline: Deadline) -> Mapping[Any, Found | Failed]:
        return super().fetch(keys, deadline) if self.down is None else dict.fromkeys(keys, self.down)

    def _answer(self, key: Key) -> Found | Failed:
        answer = super()._answer(key)
        if isinstance(answer, Failed):
            return answer
        return replace(answer, origin=replace(answer.origin, fetched_at=FETCHED))


@pytest.fixture
def store(offer: Offer) -> Store:
    """Give the store `aws`, with a value in it; `env` and `dotenv` are there besides."""
    aws = Store("aws", {"a": FOUND})
    offer(spec_of("aws", aws, remote=True))
    return aws


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """Set the clock of the module."""

    class Clock(datetime):
        at = FETCHED

        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]  # it gives the base class, as ours do
            return cls.at

    monkeypatch.setattr(last_known_good, "datetime", Clock)

    def set_to(at: datetime) -> None:
        Clock.at = at

    return set_to


@pytest.fixture
def here(now: Callable[[datetime], None], tmp_path: Path) -> dict[str, Any]:
    """Return an estate.toml that keeps the last known good in the test's folder."""
    (tmp_path / "key").write_bytes(base64.b64encode(b"k" * 32))
    return asking("env", "aws")


def asking(*chain: object, **words: Any) -> dict[str, Any]:
    table = estate(*chain)
    table["environments"]["here"]["last_known_good"] = {"file": "{service}.lkg", "key": "file:key", **words}
    return table


FILE = Path("Service.lkg")


def refusal(config: Any, cls: type[Settings] = Service) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as caught:
        load(cls, config=config)
    return caught.value


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
