"""The pytest plug-in, as a project that installed the wheel uses it: a pytest run of its own, from an empty folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCHEMA = """
from typing import Annotated, Literal
from pydantic import Field, PostgresDsn, SecretStr
from estate_config import Settings, lazy, secret, setting

class AiSettings(Settings):
    database_url: PostgresDsn = secret("database/url")
    openai_api_key: SecretStr = secret("openai/api_key")
    pin: Annotated[str, Field(pattern=r"^[0-9]{4}$")] = secret("card/pin")
    kreb_token: SecretStr | None = secret("kreb/api_key", default=None, providers=("aws",))
    log_level: Literal["debug", "info"] = setting(default="info")

settings = lazy(AiSettings)

def key():
    return settings.openai_api_key.get_secret_value()
"""

ESTATE = """
default_environment = "development"
[environments.development]
chain = ["env", "dotenv"]
[environments.production]
chain = ["env", "aws"]
[providers.aws]
region = "ap-northeast-2"
prefix = "estate/"
"""


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makepyfile(ai=SCHEMA)
    Path(pytester.path, "estate.toml").write_text(ESTATE)
    pytester.makeini("[pytest]\npythonpath = .\nfilterwarnings = error\n")
    return pytester


def passes(project: pytest.Pytester, tests: str, count: int) -> None:
    project.makepyfile(test_it="from ai import AiSettings, key, settings\nimport pytest\n" + tests)
    project.runpytest_subprocess("-q").assert_outcomes(passed=count)


def test_a_swap_is_seen_by_the_module_level_settings_and_lost_after_the_test(project: pytest.Pytester) -> None:
    passes(
        project,
        """
def test_inside(estate):
    estate.use(AiSettings, {"database_url": "postgresql://a:b@c/d", "openai_api_key": "swapped", "pin": "1234"})
    assert key() == "swapped"

def test_after():
    from estate_config import ConfigurationError
    with pytest.raises(ConfigurationError):
        key()
""",
        2,
    )


def test_load_gives_an_instance_and_a_missing_secret_gives_the_report_of_production(project: pytest.Pytester) -> None:
    passes(
        project,
        """
from estate_config import Code, ConfigurationError

def test_loads(estate):
    loaded = estate.load(AiSettings, database_url="postgresql://a:b@c/d", openai_api_key="k", pin="0123")
    assert loaded.pin == "0123" and settings.pin == "0123"

def test_misses(estate):
    with pytest.raises(ConfigurationError) as caught:
        estate.load(AiSettings, openai_api_key="k", pin="0123")
    assert [(p.field, p.code) for p in caught.value.problems] == [("database_url", Code.MISSING)]

def test_unknown(estate):
    with pytest.raises(ConfigurationError, match="did you mean"):
        estate.load(AiSettings, openai_apikey="k")
""",
        3,
    )


def test_a_fake_is_complete_valid_the_same_every_time_and_says_that_it_is_one(project: pytest.Pytester) -> None:
    passes(
        project,
        """
from estate_config.testing import fake_values

def test_fake(estate):
    first = estate.fake(AiSettings)
    assert "fake" in first.openai_api_key.get_secret_value()
    assert "fake" in str(first.database_url)
    assert len(first.pin) == 4
    assert first.log_level == "info"
    assert fake_values(AiSettings) == fake_values(AiSettings)
    assert key() == first.openai_api_key.get_secret_value()

def test_one_value_by_hand(estate):
    assert estate.fake(AiSettings, openai_api_key="mine").openai_api_key.get_secret_value() == "mine"
""",
        2,
    )


def test_touching_aws_from_a_test_names_the_test_the_field_and_the_way_out(project: pytest.Pytester) -> None:
    passes(
        project,
        """
from estate_config import ConfigurationError, load

def test_it_is_denied(estate):
    estate.environment("production")
    with pytest.raises(ConfigurationError) as caught:
        load(AiSettings)
    report = str(caught.value)
    assert "test_it.py::test_it_is_denied may not ask it" in report
    assert "openai_api_key" in report
    assert "@pytest.mark.estate(remote=True)" in report
    import sys
    assert "boto3" not in sys.modules
""",
        1,
    )


def test_a_thread_that_lost_the_context_is_still_kept_from_aws(project: pytest.Pytester) -> None:
    passes(
        project,
        """
import threading
from estate_config import ConfigurationError, load

def test_thread():
    caught = []
    def work():
        try:
            load(AiSettings, environment="production")
        except ConfigurationError as error:
            caught.append(error)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert "test_thread may not ask it" in str(caught[0])
""",
        1,
    )


def test_the_marker_opens_the_way_for_one_test(project: pytest.Pytester) -> None:
    passes(
        project,
        """
from estate_config import Code, ConfigurationError, load

@pytest.mark.estate(environment="production", remote=True)
def test_open(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")  # nobody listens on the discard port
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    with pytest.raises(ConfigurationError) as caught:
        load(AiSettings)
    assert {p.code for p in caught.value.problems} == {Code.UNAVAILABLE}

def test_closed_again(estate):
    estate.environment("production")
    with pytest.raises(ConfigurationError, match="may not ask it"):
        load(AiSettings)
""",
        2,
    )


def test_markers_of_module_class_and_test_add_up_the_innermost_last(project: pytest.Pytester) -> None:
    passes(
        project,
        """
pytestmark = pytest.mark.estate(AiSettings, fake=True)

def test_module():
    assert "fake" in key()

@pytest.mark.estate(AiSettings, {"openai_api_key": "class"}, fake=True)
class TestClass:
    def test_class(self):
        assert key() == "class"

    @pytest.mark.estate(AiSettings, {"openai_api_key": "test"}, fake=True)
    def test_test(self):
        assert key() == "test"
""",
        3,
    )


def test_faults_are_as_easy_as_values(project: pytest.Pytester) -> None:
    passes(
        project,
        """
from estate_config import Code, ConfigurationError, load

def codes(error):
    return {(p.field, p.code) for p in error.problems}

def test_one_key(estate):
    estate.deny("openai/api_key")
    with pytest.raises(ConfigurationError) as caught:
        estate.fake(AiSettings)
    assert codes(caught.value) == {("openai_api_key", Code.DENIED)}

def test_a_provider(estate, monkeypatch):
    estate.environment("production")
    estate.fail("aws", "UNAVAILABLE")
    monkeypatch.setenv("DATABASE_URL", "postgresql://a:b@c/d")
    monkeypatch.setenv("CARD_PIN", "1234")
    with pytest.raises(ConfigurationError) as caught:
        load(AiSettings)
    assert codes(caught.value) == {("openai_api_key", Code.UNAVAILABLE), ("kreb_token", Code.UNAVAILABLE)}

def test_neither_is_left(estate):
    estate.fake(AiSettings)
""",
        3,
    )


def test_asyncio_tasks_and_threads_see_their_own_swaps(project: pytest.Pytester) -> None:
    passes(
        project,
        """
import asyncio, threading
from estate_config import use
from estate_config.testing import fake_values

def double(name):
    return {**fake_values(AiSettings), "openai_api_key": name}

def test_tasks():
    async def one(name, ready):
        with use(AiSettings, double(name)):
            await ready.wait()
            return key()
    async def both():
        ready = asyncio.Event()
        tasks = [asyncio.create_task(one(name, ready)) for name in ("a", "b")]
        await asyncio.sleep(0)
        ready.set()
        return await asyncio.gather(*tasks)
    assert asyncio.run(both()) == ["a", "b"]

def test_threads():
    seen, barrier = {}, threading.Barrier(2)
    def one(name):
        with use(AiSettings, double(name)):
            barrier.wait(5)
            seen[name] = key()
            barrier.wait(5)
    threads = [threading.Thread(target=one, args=(name,)) for name in "ab"]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert seen == {"a": "a", "b": "b"}
""",
        2,
    )


def test_the_environment_of_tests_can_be_another_by_the_projects_word(project: pytest.Pytester) -> None:
    project.makeini("[pytest]\npythonpath = .\nestate_environment = development\n")
    passes(
        project,
        """
from estate_config import explain, load

def test_development(monkeypatch):
    for name, value in {"DATABASE_URL": "postgresql://a:b@c/d", "OPENAI_API_KEY": "x", "CARD_PIN": "0123"}.items():
        monkeypatch.setenv(name, value)
    assert explain(load(AiSettings)).info.environment == "development"
""",
        1,
    )


def test_the_plugin_brings_in_neither_pydantic_nor_an_sdk() -> None:
    heavy = ("pydantic", "boto3", "hvac")
    code = f"import sys, estate_config.testing.plugin; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_strategy_gives_valid_instances(project: pytest.Pytester) -> None:
    passes(
        project,
        """
from hypothesis import given, settings as limits
from estate_config.testing import from_schema

@limits(max_examples=30, deadline=None)
@given(from_schema(AiSettings, log_level="debug"))
def test_any(instance):
    assert isinstance(instance, AiSettings)
    assert len(instance.pin) == 4
    assert instance.log_level == "debug"
""",
        1,
    )


def test_assert_no_leak_sees_what_leaks_and_passes_what_does_not(project: pytest.Pytester) -> None:
    passes(
        project,
        """
import base64, logging
from estate_config import load
from estate_config.testing import assert_no_leak

CANARY = "s3cr3t-canary-0123456789"

def raising():
    password = CANARY
    raise ValueError("no")

@pytest.mark.parametrize("call", [
    lambda: print(CANARY),
    lambda: print(CANARY[3:14]),
    lambda: logging.getLogger("x").debug("is %s", base64.b64encode(("user:" + CANARY).encode())),
    lambda: CANARY,
    raising,
])
def test_leaks(call):
    with pytest.raises(AssertionError, match="canary 0 shows in"):
        assert_no_leak(call, [CANARY])

def test_the_library_does_not(estate):
    estate.fake(AiSettings, openai_api_key=CANARY)
    assert_no_leak(lambda: load(settings), [CANARY])
""",
        6,
    )
