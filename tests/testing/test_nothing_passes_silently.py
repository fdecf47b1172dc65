"""Helpers for tests say so where they would test nothing: names that nobody has, calls that have not run."""

from __future__ import annotations

import asyncio
import logging
import sys
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from pydantic import BaseModel

from estate_config import Code, ConfigurationError, Settings, lazy, load, secret, setting
from estate_config.testing import EmbeddedAws, Estate, assert_no_leak, from_schema

CANARY = "s3cr3t-canary-0123456789"


class Rds(BaseModel):
    password: str = secret("rds/password")


class AiSettings(Settings):
    openai_api_key: str = secret("openai/api_key")
    workers: int = setting(default=2)
    rds: Rds | None = None


settings = lazy(AiSettings)


@pytest.fixture
def estate() -> Iterator[Estate]:
    with Estate("a test", "test") as estate:
        yield estate


class TestNames:
    @pytest.mark.parametrize("given", [{"wokers": 3}, {"rds": {"pasword": "x"}}, {"rds": "x"}])
    def test_a_strategy_for_a_field_that_is_none_is_refused(self, given: dict[str, Any]) -> None:
        with pytest.raises(ConfigurationError) as caught:
            from_schema(AiSettings, **given)
        assert [problem.code for problem in caught.value.problems] == [Code.UNKNOWN]

    def test_a_seed_for_a_field_that_is_none_is_refused(self) -> None:
        with pytest.raises(ConfigurationError, match='did you mean "openai_api_key"'):
            EmbeddedAws().seed(AiSettings, openai_apikey="x")

    def test_a_provider_that_nobody_has_cannot_be_let_fail(self, estate: Estate) -> None:
        with pytest.raises(ConfigurationError, match='"awss" is installed; did you mean "aws"'):
            estate.fail("awss", "UNAVAILABLE")

    @pytest.mark.parametrize("provider", ["aws", "fixture", "double", "sources"])
    def test_every_provider_that_there_is_can_be_let_fail(self, estate: Estate, provider: str) -> None:
        estate.fail(provider, "UNAVAILABLE")

    def test_a_denied_key_that_nobody_asked_for_is_told_at_the_end(self) -> None:
        estate = Estate("a test", "test").__enter__()
        estate.deny("opnai/api_key")
        estate.fake(AiSettings)
        with pytest.warns(UserWarning, match=r'deny\("opnai/api_key"\).*did you mean "openai/api_key"'):
            estate.__exit__(None, None, None)

    @pytest.mark.parametrize("key", ["openai/api_key", "openai_api_key"])
    def test_one_that_was_asked_for_is_not(self, estate: Estate, key: str) -> None:
        estate.deny(key)
        with pytest.raises(ConfigurationError):
            estate.fake(AiSettings)


class TestClasses:
    @pytest.mark.parametrize("words", [{"values": {"workers": 3}}, {"fake": True}])
    def test_a_marker_with_values_or_a_fake_needs_a_class(self, estate: Estate, words: dict[str, Any]) -> None:
        with pytest.raises(TypeError, match="are those of a class"):
            estate.mark(**words)

    @pytest.mark.parametrize("call", [lambda e, i: e.use(i, {}), lambda e, i: e.fake(i), lambda e, i: e.mark(i)])
    def test_an_instance_is_no_class(self, estate: Estate, call: Callable[[Estate, Any], Any]) -> None:
        with pytest.raises(TypeError, match="give AiSettings, not an instance of it"):
            call(estate, settings)


async def coroutine() -> None:
    sys.stdout.write(CANARY)


async def async_generator() -> AsyncIterator[str]:
    yield CANARY


def generator() -> Iterator[str]:
    yield CANARY


class TestLeaks:
    @pytest.mark.parametrize("call", [coroutine, async_generator, generator])
    def test_what_has_not_run_is_refused(self, call: Callable[[], Any]) -> None:
        with pytest.raises(TypeError, match="has not run"):
            assert_no_leak(call, [CANARY])

    def test_a_coroutine_that_is_run_is_looked_at(self) -> None:
        with pytest.raises(AssertionError, match="canary 0 shows in stdout"):
            assert_no_leak(lambda: asyncio.run(coroutine()), [CANARY])

    @pytest.mark.parametrize("canaries", [CANARY, CANARY.encode()])
    def test_one_text_is_no_list_of_canaries(self, canaries: Any) -> None:
        with pytest.raises(TypeError, match="a list"):
            assert_no_leak(generator, canaries)

    @pytest.mark.parametrize("canaries", [[], ["", CANARY], [" "]])
    def test_nothing_to_look_for_is_refused(self, canaries: list[str]) -> None:
        with pytest.raises(ValueError, match="no canary"):
            assert_no_leak(lambda: None, canaries)

    def test_a_logger_that_does_not_propagate_is_heard(self) -> None:
        logger = logging.getLogger("tests.apart")
        logger.propagate = False
        with pytest.raises(AssertionError, match="canary 0 shows in the log"):
            assert_no_leak(lambda: logger.info("is %s", CANARY), [CANARY])

    def test_what_a_loggers_own_level_holds_back_is_no_leak(self) -> None:
        logger = logging.getLogger("tests.quiet")
        logger.setLevel(logging.ERROR)
        assert_no_leak(lambda: logger.info("is %s", CANARY), [CANARY])

    def test_a_warning_is_heard_and_shown_all_the_same(self) -> None:
        with pytest.warns(UserWarning, match=CANARY), pytest.raises(AssertionError, match="shows in a warning"):
            assert_no_leak(lambda: warnings.warn(CANARY, stacklevel=1), [CANARY])

    @pytest.mark.filterwarnings("ignore")
    def test_a_warning_that_is_ignored_is_no_leak(self) -> None:
        assert_no_leak(lambda: warnings.warn(CANARY, stacklevel=1), [CANARY])

    def test_a_library_that_is_loaded_leaks_nothing(self, estate: Estate) -> None:
        estate.fake(AiSettings, openai_api_key=CANARY)
        assert_no_leak(lambda: load(settings), [CANARY])
