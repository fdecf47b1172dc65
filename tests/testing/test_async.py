"""The fixture `estate` in async tests: their body runs in another context than the end of the fixture."""

from __future__ import annotations

import pytest

SCHEMA = """
from estate_config import Settings, lazy, secret

class AiSettings(Settings):
    token: str = secret()

settings = lazy(AiSettings)
"""


def test_an_async_test_swaps_and_the_next_one_sees_nothing_of_it(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        ai=SCHEMA,
        test_it="""
import pytest
from ai import AiSettings, settings
from estate_config import ConfigurationError, load

pytestmark = pytest.mark.anyio

@pytest.fixture(scope="module")
def anyio_backend():
    return "asyncio"

async def test_swapped(estate):
    estate.fake(AiSettings, token="outer")
    estate.use(AiSettings, {"token": "inner"})
    assert (settings.token, load(AiSettings).token) == ("inner", "inner")

async def test_in_the_same_loop():
    with pytest.raises(ConfigurationError):
        load(AiSettings)
    with pytest.raises(ConfigurationError):
        settings.token

@pytest.fixture
async def swapped(estate):
    estate.use(AiSettings, {"token": "of the fixture"})

async def test_with_an_async_fixture(swapped):
    assert settings.token == "of the fixture"

def test_without_a_loop():
    with pytest.raises(ConfigurationError):
        settings.token
""",
    )
    pytester.runpytest_subprocess("-p", "estate_config", "-p", "anyio", "-W", "error").assert_outcomes(passed=4)
