"""`use()`: nests, undoes itself, and is seen by its own thread and task alone."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr

from estate_config import Code, ConfigurationError, Settings, explain, lazy, load, secret, setting, use
from estate_config.model import Failed
from tests.doubles import Shelf
from tests.leaks import PLAIN, assert_no_canary_in_error


class Rds(BaseModel):
    host: str = "h"
    password: SecretStr = secret()


class Service(Settings):
    token: str = secret(providers=("aws",))
    level: str = setting(default="info")
    rds: Rds | None = None

    @cached_property
    def header(self) -> str:
        return f"Bearer {self.token}"


class Special(Service):
    extra: str = "x"


settings = lazy(Service)


@pytest.fixture
def real(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A lazy instance with real values in it."""

    class Real(Settings):
        token: str = secret()
        level: str = "info"

    monkeypatch.setenv("TOKEN", "real")
    return load(lazy(Real))


class TestWhereValuesComeFrom:
    def test_values_by_field_name_whoever_the_field_says_may_be_asked(self) -> None:
        with use(Service, {"token": "double"}):
            assert (settings.token, load(Service).token, Service().token) == ("double",) * 3
            assert settings.level == "info"

    def test_a_provider_of_the_test_s_own(self) -> None:
        shelf = Shelf("mine", {"token": "from the shelf"})
        with use(Service, shelf):
            assert settings.token == "from the shelf"
        assert shelf.asked == [["token", "level", "rds/host", "rds/password"]]

    @pytest.mark.parametrize(
        "values",
        [{"rds.password": "p"}, {"rds": {"password": "p"}}, {"rds": Rds(password=SecretStr("p"))}],
        ids=["dotted", "nested", "a model"],
    )
    def test_nested_values_dotted_nested_or_as_a_model(self, values: dict[str, Any]) -> None:
        with use(Service, {"token": "t", **values}):
            assert settings.rds is not None
            assert settings.rds.password.get_secret_value() == "p"

    @pytest.mark.parametrize("value", ["text", 5, [], Failed(Code.DENIED, "no")])
    def test_anything_else_for_a_nested_model_is_told_on_entering(self, value: object) -> None:
        with pytest.raises(ConfigurationError, match="rds is a nested model: give its fields"):
            use(Service, {"token": "t", "rds": value}).__enter__()

    def test_none_for_a_nested_model_is_none(self) -> None:
        with use(Service, {"token": "t", "rds": None}):
            assert settings.rds is None

    def test_the_checks_are_the_same(self) -> None:
        with use(Service, {"token": "", "level": Failed(Code.DENIED, "may not be read")}):
            with pytest.raises(ConfigurationError) as caught:
                load(Service)
            assert [(p.field, p.code) for p in caught.value.problems] == [("token", Code.EMPTY), ("level", Code.DENIED)]
            assert caught.value.info.environment == "a swap by use()"

    def test_a_name_that_is_no_field_is_told_on_entering_with_a_did_you_mean(self) -> None:
        with pytest.raises(ConfigurationError) as caught, use(Service, {"tokn": PLAIN, "rds": {"pasword": PLAIN}}):
            pytest.fail("it was entered")
        assert [(p.field, p.code) for p in caught.value.problems] == [
            ("tokn", Code.UNKNOWN),
            ("rds.pasword", Code.UNKNOWN),
        ]
        assert 'did you mean "token"?' in caught.value.problems[0].message
        assert_no_canary_in_error(caught.value, PLAIN)

    def test_an_instance_is_no_class(self) -> None:
        cls: Any = settings
        with pytest.raises(TypeError, match="give Service, not an instance of it"):
            use(cls, {"token": "t"})

    def test_load_with_words_of_its_own_stays_within_the_swap(self, real: Any) -> None:
        with use(type(real), {"token": "double"}):
            load(real, environment="development", overrides={"level": "debug"})
            assert (real.token, real.level) == ("double", "debug")
        assert (real.token, real.level) == ("real", "info")


class TestUndoing:
    def test_it_nests_and_the_innermost_one_answers(self) -> None:
        with use(Service, {"token": "outer"}):
            assert settings.token == "outer"
            with use(Service, {"token": "inner"}):
                assert settings.token == "inner"
            assert settings.token == "outer"

    def test_real_values_return_at_full_speed_with_the_last_one_s_end(self, real: Any) -> None:
        with use(type(real), {"token": "a"}):
            assert vars(real) == {}
            with use(type(real), {"token": "b"}):
                assert real.token == "b"
            assert vars(real) == {}
            assert real.token == "a"
        assert vars(real) == {"token": "real", "level": "info"}

    def test_one_that_never_loaded_is_as_it_was(self) -> None:
        fresh = lazy(Service)
        with use(Service, {"token": "t"}):
            assert fresh.token == "t"
        assert repr(fresh) == "Service('not loaded')"

    def test_it_is_undone_after_an_exception(self, real: Any) -> None:
        with pytest.raises(RuntimeError), use(type(real), {"token": "double"}):
            raise RuntimeError
        assert real.token == "real"

    def test_one_that_could_not_be_entered_leaves_nothing_behind(self, real: Any) -> None:
        with pytest.raises(ConfigurationError), use(type(real), {"nope": 1}):
            pytest.fail("it was entered")
        assert vars(real) == {"token": "real", "level": "info"}

    def test_it_may_be_used_again_but_not_twice_at_once(self) -> None:
        swap = use(Service, {"token": "t"})
        for _ in range(2):
            with swap:
                assert settings.token == "t"
                with pytest.raises(RuntimeError, match="active already"), swap:
                    pytest.fail("it was entered twice")

    def test_what_a_cached_property_made_in_it_does_not_outlive_it(self) -> None:
        with use(Service, {"token": "outer"}):
            with use(Service, {"token": "inner"}):
                assert settings.header == "Bearer inner"
            assert settings.header == "Bearer outer"

    def test_a_change_of_the_mapping_is_seen_by_the_next_load(self) -> None:
        values = {"token": "one"}
        with use(Service, values):
            assert load(Service).token == "one"
            values["token"] = "two"
            assert load(Service).token == "two"

    def test_a_context_that_was_copied_in_it_does_not_see_it_any_more(self, real: Any) -> None:
        with use(type(real), {"token": "outer"}):
            with use(type(real), {"token": "inner"}):
                context = contextvars.copy_context()
            assert context.run(lambda: real.token) == "outer"
        assert context.run(lambda: load(type(real)).token) == "real"

    def test_ended_in_another_context_it_is_undone_and_says_so(self, real: Any) -> None:
        swap = use(type(real), {"token": "double"})
        contextvars.copy_context().run(swap.__enter__)
        with pytest.raises(ValueError, match="different Context"):
            swap.__exit__(None, None, None)
        assert real.token == "real"


class TestWhoSeesIt:
    def test_a_swap_of_a_class_is_one_of_those_that_inherit_from_it(self) -> None:
        special = lazy(Special)
        with use(Service, {"token": "t"}):
            assert (special.token, special.extra) == ("t", "x")

    def test_a_swap_of_a_subclass_leaves_its_parent_alone(self, real: Any) -> None:
        cls: Any = type("Sub", (type(real),), {})
        with use(cls, {"token": "double"}):
            assert (real.token, load(cls).token) == ("real", "double")

    def test_other_threads_see_the_real_values(self, real: Any) -> None:
        with use(type(real), {"token": "double"}), ThreadPoolExecutor(1) as pool:
            assert pool.submit(lambda: real.token).result(10) == "real"
            assert real.token == "double"

    def test_a_thread_that_copies_the_context_sees_it(self) -> None:
        with use(Service, {"token": "t"}), ThreadPoolExecutor(1) as pool:
            context = contextvars.copy_context()
            assert pool.submit(context.run, lambda: settings.token).result(10) == "t"

    def test_threads_with_swaps_of_their_own_do_not_meet(self) -> None:
        together = threading.Barrier(8)

        def work(number: int) -> str:
            with use(Service, {"token": str(number)}):
                together.wait(10)
                seen = settings.token
                together.wait(10)
            return seen

        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(work, range(8))) == [str(n) for n in range(8)]

    def test_tasks_with_swaps_of_their_own_do_not_meet(self) -> None:
        async def work(number: int, together: asyncio.Barrier) -> str:
            with use(Service, {"token": str(number)}):
                await together.wait()
                seen = settings.token
                await together.wait()
                assert settings.token == seen
            return seen

        async def all_of_them() -> list[str]:
            together = asyncio.Barrier(8)
            return await asyncio.gather(*(work(number, together) for number in range(8)))

        assert asyncio.run(all_of_them()) == [str(n) for n in range(8)]

    def test_first_load_elsewhere_while_a_swap_is_active_is_seen_when_it_ends(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Real(Settings):
            token: str = secret()

        monkeypatch.setenv("TOKEN", "real")
        instance = lazy(Real)
        with use(Real, {"token": "double"}), ThreadPoolExecutor(1) as pool:
            assert pool.submit(lambda: instance.token).result(10) == "real"
            assert instance.token == "double"
        assert vars(instance) == {"token": "real"}

    def test_explain_tells_of_the_swap(self) -> None:
        with use(Service, {"token": "t"}):
            assert explain(settings)["token"].place == "fixture: token"
