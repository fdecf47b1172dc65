"""A lazy instance: no I/O until it is asked, one load for all who ask, and full speed from then on."""

from __future__ import annotations

import copy
import gc
import pickle
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any

import pytest
from pydantic import PrivateAttr, SecretStr

from estate_config import ConfigurationError, Settings, explain, lazy, load, secret, use
from estate_config.model import Deadline, Found, Key, Origin
from estate_config.settings import is_lazy, lazies_of, loaded
from tests.doubles import Hooked, Shelf, estate, spec_of
from tests.leaks import PLAIN, assert_no_canary
from tests.unit.conftest import Offer


class Service(Settings):
    token: SecretStr = secret()
    level: str = "info"
    _calls: int = PrivateAttr(default=7)

    @cached_property
    def header(self) -> str:
        return f"Bearer {self.token.get_secret_value()}"

    def described(self) -> str:
        return f"{self.level} {self._calls}"


@pytest.fixture
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", PLAIN)


def counting(name: str = "aws") -> tuple[Shelf, Hooked]:
    shelf = Shelf(name, {"token": "v"})
    return shelf, Hooked(name, shelf.fetch)


class TestBeforeItIsAsked:
    def test_t5_making_one_asks_nobody_and_raises_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("estate_config.loading.attempted", lambda *_: pytest.fail("it loads"))
        monkeypatch.setenv("ESTATE_CONFIG", "missing.toml")
        settings = lazy(Service)
        assert loaded(settings) is None
        assert repr(settings) == "Service('not loaded')"
        assert str(settings) == "'not loaded'"
        assert pickle.loads(pickle.dumps(settings)) is not settings

    def test_it_is_of_its_class(self) -> None:
        assert isinstance(lazy(Service), Service)

    def test_a_field_by_the_name_of_a_method_is_the_field(self) -> None:
        with pytest.warns(UserWarning, match="shadows an attribute"):
            cls: Any = type("Shadow", (Settings,), {"__annotations__": {"copy": str, "json": str, "schema": str}})
        settings = lazy(cls)
        with use(cls, {"copy": "c", "json": "j", "schema": "s"}):
            assert (settings.copy, settings.json, settings.schema) == ("c", "j", "s")
        with pytest.raises(AttributeError):
            _ = cls.copy

    def test_what_is_wrong_is_raised_where_it_is_first_used(self) -> None:
        settings = lazy(Service)
        with pytest.raises(ConfigurationError, match="MISSING  token"):
            _ = settings.level

    def test_t16_a_load_that_failed_is_not_remembered(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Second list, 16: a cache of failures would poison the process."""
        settings = lazy(Service)
        with pytest.raises(ConfigurationError):
            load(settings)
        monkeypatch.setenv("TOKEN", "v")
        assert settings.token.get_secret_value() == "v"

    def test_a_name_that_is_not_declared_is_an_attribute_error_and_no_load(self) -> None:
        settings: Any = lazy(Service)
        with pytest.raises(AttributeError, match="tokn"):
            _ = settings.tokn
        assert loaded(settings) is None

    def test_one_that_nobody_holds_is_forgotten(self) -> None:
        class Short(Settings):
            pass

        settings = lazy(Short)
        assert lazies_of(Short) == [settings]
        del settings
        gc.collect()
        assert lazies_of(Short) == []
        lazy(Service)


@pytest.mark.usefixtures("token")
class TestOnceItIsAsked:
    def test_a_read_loads_it_whole(self) -> None:
        settings = lazy(Service)
        assert settings.level == "info"
        assert set(vars(settings)) == {"token", "level"}

    def test_load_gives_the_lazy_instance_itself_back_with_its_values_in(self) -> None:
        settings = lazy(Service)
        assert load(settings) is settings
        assert load(settings) is settings
        assert settings.token.get_secret_value() == PLAIN

    def test_load_leaves_an_instance_that_is_loaded_alone(self) -> None:
        settings = load(Service)
        assert load(settings) is settings
        assert loaded(settings) is settings
        assert not is_lazy(settings)

    def test_once_loaded_a_read_is_an_entry_of_a_dict(self, monkeypatch: pytest.MonkeyPatch) -> None:
        settings = load(lazy(Service))
        monkeypatch.setattr(Service, "__getattr__", lambda *_: pytest.fail("the slow way"))
        assert settings.level == "info"

    def test_private_attributes_methods_and_cached_properties_are_those_of_the_values(self) -> None:
        settings = lazy(Service)
        assert settings._calls == 7
        settings._calls = 8
        assert settings.described() == "info 8"
        assert settings.header == f"Bearer {PLAIN}"
        assert settings.header is settings.header

    def test_its_views_are_those_of_the_values(self) -> None:
        settings, plain = lazy(Service), load(Service)
        assert settings == plain
        assert repr(load(settings)) == repr(plain) == "Service(token='**********', level='info')"
        for view in (dict, Service.model_dump, Service.model_dump_json, copy.copy, copy.deepcopy, Service.model_copy):
            assert view(lazy(Service)) == view(plain)

    def test_it_compares_by_value_and_with_its_own_kind(self) -> None:
        assert lazy(Service) == lazy(Service)
        assert lazy(Service) != "Service"
        with use(Service, {"token": "other"}):
            other = load(Service)
        assert load(Service) != other
        with pytest.raises(TypeError, match="unhashable"):
            hash(lazy(Service))

    def test_what_a_cached_property_made_is_no_part_of_a_view(self) -> None:
        settings = load(lazy(Service))
        assert settings.header
        assert_no_canary(f"{settings!r} {settings} {dict(settings)}", PLAIN)
        assert settings == load(Service)

    def test_t26_what_was_captured_at_import_sees_later_versions(self, monkeypatch: pytest.MonkeyPatch) -> None:
        settings = load(lazy(Service))
        monkeypatch.setenv("TOKEN", "new")
        assert settings.token.get_secret_value() == PLAIN
        load(settings, environment="development")
        assert settings.token.get_secret_value() == "new"

    def test_t7_another_environment_is_another_answer(self, offer: Offer) -> None:
        """T7: what is kept is never given for another question."""
        offer(spec_of("a", Shelf("a", {"token": "of a"})), spec_of("b", Shelf("b", {"token": "of b"})))
        config = {"environments": {"a": {"chain": ["a"]}, "b": {"chain": ["b"]}}}
        settings = lazy(Service)
        assert load(settings, environment="a", config=config).token.get_secret_value() == "of a"
        assert load(settings, environment="b", config=config).token.get_secret_value() == "of b"

    def test_t13_a_reload_that_fails_keeps_what_there_is(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Second list, 13; T12: never half of a state, never none."""
        settings = load(lazy(Service))
        monkeypatch.delenv("TOKEN")
        with pytest.raises(ConfigurationError):
            load(settings, environment="development")
        assert settings.token.get_secret_value() == PLAIN

    def test_overrides_of_a_lazy_instance_are_shown_by_it(self) -> None:
        settings = load(lazy(Service), overrides={"level": "debug"})
        assert settings.level == "debug"
        assert explain(settings)["level"].provider == "override"

    def test_it_is_read_only(self) -> None:
        settings: Any = lazy(Service)
        with pytest.raises(
            AttributeError, match=r"Service\.level is read-only; in a test, swap values: `with use\(Ser"
        ):
            settings.level = "x"
        with pytest.raises(AttributeError, match=r"Service\.level is read-only"):
            del settings.level
        with pytest.raises(AttributeError, match="Service has no field 'levl', and is read-only"):
            settings.levl = "x"
        load(settings).header = "set by hand"
        assert settings.header == "set by hand"


class TestThreads:
    def test_32_threads_that_read_it_first_make_one_load(self, offer: Offer) -> None:
        shelf, provider = counting()
        offer(spec_of("aws", provider))
        settings = lazy(Service)
        settings.__estate__.config = estate("aws")  # type: ignore[attr-defined]  # as load(settings, config=…) keeps it
        together = threading.Barrier(32)

        def read() -> str:
            together.wait(timeout=20)
            return settings.token.get_secret_value()

        with ThreadPoolExecutor(32) as pool:
            tokens = [future.result(timeout=20) for future in [pool.submit(read) for _ in range(32)]]
        assert tokens == ["v"] * 32
        assert len(shelf.asked) == 1

    def test_t11_who_has_values_is_not_held_up_by_a_load(self, offer: Offer) -> None:
        """T11: no lock over I/O for those who read, and what a failure leaves is usable."""
        asked, release = threading.Event(), threading.Event()
        shelf = Shelf("aws", {"token": "old"})

        def slow(keys: Sequence[Key], deadline: Deadline) -> Mapping[Key, Any]:
            answers = shelf.fetch(keys, deadline)
            if shelf.values["token"] == "new":
                asked.set()
                release.wait(20)
            return answers

        offer(spec_of("aws", Hooked("aws", slow)))
        config = estate("aws")
        settings = load(lazy(Service), config=config)
        shelf.values["token"] = "new"
        reload = threading.Thread(target=load, args=(settings,), kwargs={"config": config})
        reload.start()
        assert asked.wait(20)
        assert settings.token.get_secret_value() == "old"
        release.set()
        reload.join(20)
        assert settings.token.get_secret_value() == "new"

    def test_t12_a_reader_sees_the_old_values_or_the_new_ones_never_half_of_each(self, offer: Offer) -> None:
        class Pair(Settings):
            one: str
            two: str

        numbers = iter(range(10_000))

        def same(keys: Sequence[Key], deadline: Deadline) -> Mapping[Key, Found]:
            number = str(next(numbers))
            return {key: Found(number, Origin("aws", "x")) for key in keys}

        offer(spec_of("aws", Hooked("aws", same)))
        config = estate("aws")
        settings = load(lazy(Pair), config=config)
        done = threading.Event()

        def watch() -> list[tuple[str, str]]:
            seen = []
            while not done.is_set():
                values = vars(settings)
                seen.append((values["one"], values["two"]))
            return seen

        with ThreadPoolExecutor(1) as pool:
            watching = pool.submit(watch)
            try:
                for _ in range(50):
                    held, before = vars(settings), dict(vars(settings))
                    load(settings, config=config)
                    assert held == before  # who reads in it goes on with the old values
            finally:
                done.set()
            seen = watching.result(timeout=20)
        assert all(one == two for one, two in seen)
        assert len(set(seen)) > 1


class TestPickles:
    def test_a_pickle_holds_no_value_and_resolves_in_its_own_process(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TOKEN", PLAIN)
        for settings in (load(Service), load(lazy(Service)), lazy(Service)):
            pickled = pickle.dumps(settings, 0)
            assert_no_canary(pickled.decode("latin-1"), PLAIN)
            monkeypatch.setenv("TOKEN", "there")
            revived = pickle.loads(pickled)
            assert is_lazy(revived)
            assert revived.token.get_secret_value() == "there"
            monkeypatch.setenv("TOKEN", PLAIN)

    def test_it_resolves_in_the_environment_it_was_loaded_in(self, tmp_path: Any) -> None:
        (tmp_path / "mine.toml").write_text('[environments.there]\nchain = ["fixture"]\n')
        with pytest.raises(ConfigurationError) as caught:
            load(pickle.loads(pickle.dumps(load_made("there", "mine.toml"))))
        assert (caught.value.info.environment, caught.value.info.config) == ("there", "mine.toml")

    def test_one_that_was_never_loaded_comes_back_as_one(self) -> None:
        assert is_lazy(pickle.loads(pickle.dumps(Service.model_construct(token=SecretStr("x")))))

    def test_a_configuration_given_in_code_is_not_pickled_it_may_hold_values(self) -> None:
        config = estate("fixture", providers={"fixture": {"values": {"token": PLAIN}}})
        with pytest.raises(TypeError, match="not pickled") as caught:
            pickle.dumps(load(Service, config=config))
        assert_no_canary(str(caught.value), PLAIN)


def load_made(environment: str, config: str) -> Service:
    return load(Service, environment=environment, config=config, overrides={"token": "v"})


@pytest.fixture(autouse=True)
def _no_lazy_instance_left() -> Iterator[None]:
    yield
    gc.collect()
