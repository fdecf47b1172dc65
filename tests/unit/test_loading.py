"""The way of a load from end to end: what goes before what, what is raised, what the process says and exits with."""

from __future__ import annotations

import asyncio
import io
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from pydantic import BaseModel, SecretStr

import estate_config
from estate_config import (
    Code,
    ConfigurationError,
    Settings,
    aload,
    explain,
    guard,
    lazy,
    load,
    load_or_exit,
    secret,
    setting,
    use,
)
from estate_config.contract import Inspector
from estate_config.errors import EXIT_CODE
from estate_config.model import Failed, Notice
from estate_config.resolve import Link
from tests.doubles import Shelf, estate, spec_of
from tests.unit.conftest import Offer
from tests.unit.test_resolve import Looking

if TYPE_CHECKING:
    from decimal import Decimal


class Rds(BaseModel):
    host: str = "h"
    password: SecretStr = secret()


class Service(Settings):
    token: str = secret("x/token")
    level: str = setting(default="info")
    rds: Rds | None = None


class TestOverrides:
    def test_they_go_before_the_chain_and_nobody_is_asked_for_them(self, offer: Offer) -> None:
        aws = Shelf("aws", {"x/token": "from aws"})
        offer(spec_of("aws", aws))
        settings = load(Service, config=estate("aws"), overrides={"token": "by hand"})
        assert settings.token == "by hand"
        assert aws.asked == [["level", "rds/host", "rds/password"]]

    def test_words_of_the_class_are_overrides(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("X_TOKEN", "v")
        settings = Service(level="debug")
        assert (settings.token, settings.level) == ("v", "debug")
        assert explain(settings)["level"].provider == "override"

    @pytest.mark.parametrize("rds", [{"password": "p"}, Rds(password=SecretStr("p"))])
    def test_nested_ones_may_be_mappings_or_models(self, rds: Any) -> None:
        settings = load(Service, config=estate("fixture"), overrides={"token": "t", "rds": rds})
        assert settings.rds is not None
        assert settings.rds.password.get_secret_value() == "p"

    def test_dotted_names_name_nested_fields(self) -> None:
        settings = load(Service, config=estate("fixture"), overrides={"token": "t", "rds.password": "p"})
        assert settings.rds is not None

    def test_none_for_a_nested_model_asks_nobody_for_its_fields(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("RDS_PASSWORD", "from env")
        settings = load(Service, config=estate("env"), overrides={"token": "t", "rds": None})
        assert settings.rds is None
        assert [step.outcome for step in explain(settings)["rds.password"].asked] == ["absent"]

    def test_a_name_that_is_no_field_is_a_problem_beside_all_others(self) -> None:
        with pytest.raises(ConfigurationError) as caught:
            load(Service, config=estate("fixture"), overrides={"tokn": "x", "rds.x": 1})
        assert [(p.field, p.code) for p in caught.value.problems] == [
            ("tokn", Code.UNKNOWN),
            ("rds.x", Code.UNKNOWN),
            ("token", Code.MISSING),
        ]

    def test_they_are_told_with_what_is_wrong_in_estate_toml(self) -> None:
        with pytest.raises(ConfigurationError) as caught:
            load(Service, config={"environments": {}}, overrides={"tokn": "x"})
        assert [p.code for p in caught.value.problems] == [Code.UNKNOWN, Code.SCHEMA]
        assert caught.value.info.service == "Service"

    def test_a_value_that_is_invalid_is_a_problem_of_its_field(self) -> None:
        with pytest.raises(ConfigurationError) as caught:
            load(Service, config=estate("fixture"), overrides={"token": 5})
        (problem,) = caught.value.problems
        assert (problem.field, problem.code, problem.places[0].provider) == ("token", Code.INVALID, "override")


class TestTheSchemaOnTheWay:
    def test_a_provider_that_no_one_has_is_told_with_a_did_you_mean(self) -> None:
        class Slips(Settings):
            one: str = secret(providers=("evn",))
            two: str = secret(fils="/run/x")
            three: str = secret(providers=("env",), env="THREE")

        with pytest.raises(ConfigurationError) as caught:
            load(Slips, config=estate("env"))
        assert [(p.field, p.code) for p in caught.value.problems] == [("one", Code.SCHEMA), ("two", Code.SCHEMA)]
        assert "names a provider 'evn' that is not installed; did you mean \"env\"?" in caught.value.problems[0].message
        assert 'did you mean "files"?' in caught.value.problems[1].message

    def test_annotations_that_had_to_wait_are_completed_by_the_load(self) -> None:
        assert not Waits.__pydantic_complete__
        with use(Waits, {"later": {"x": "5"}}):
            assert load(Waits).later.x == 5

    def test_a_mistake_that_had_to_wait_is_told_by_the_load(self) -> None:
        with pytest.raises(ConfigurationError) as caught:
            load(WaitsInVain)
        assert [problem.code for problem in caught.value.problems] == [Code.SCHEMA, Code.SCHEMA]

    def test_an_annotation_that_names_nothing_is_a_problem_of_the_schema(self) -> None:
        class Priced(Settings):
            price: Decimal

        for attempt in (lambda: load(Priced), lambda: use(Priced, {}).__enter__()):
            with pytest.raises(ConfigurationError) as caught:
                attempt()
            (problem,) = caught.value.problems
            assert problem.code is Code.SCHEMA
            assert problem.message == "an annotation of Priced names Decimal, which is not defined"
            assert "outside of `if TYPE_CHECKING`" in problem.fix

    def test_t21_the_schema_alone_is_checked_without_secrets(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Second list, 21: a build holds no secrets, and there is no flag that would skip production's checks."""
        from estate_config.chains import chain_of, declared

        config = estate("env", environments={"production": {"chain": ["env", "dotenv"]}})
        chain = chain_of(Service, "production", config)
        assert [link.name for link in chain.links] == ["env", "dotenv"]
        assert [item.field for item in declared(Service)] == ["token", "level", "rds.host", "rds.password"]
        monkeypatch.setenv("ESTATE_SKIP_VALIDATION", "1")
        with pytest.raises(ConfigurationError):
            load(Service, config=estate("env"))


class Waits(Settings):
    later: Later


class WaitsInVain(Settings):
    later: Later
    one: str = secret("a b")
    two: str = secret("later/x")


class Later(BaseModel):
    x: int


class TestT19:
    def test_t19_only_the_chosen_environment_s_providers_are_built_and_asked(self, offer: Offer) -> None:
        def build(options: object, context: object) -> Any:
            pytest.fail("a provider of another environment was built")

        here = Shelf("here", {"x/token": "v"})
        offer(spec_of("here", here), spec_of("elsewhere", build))
        config = {"environments": {"here": {"chain": ["here"]}, "there": {"chain": ["elsewhere"]}}}
        assert load(Service, environment="here", config=config).token == "v"

    def test_t17_nothing_is_written_into_the_environment_of_the_process(self) -> None:
        Path(".env").write_text("X_TOKEN=from dotenv\n")
        before = dict(os.environ)
        assert load(Service).token == "from dotenv"
        assert dict(os.environ) == before

    def test_t17_a_variable_goes_before_the_file_where_the_chain_says_so(self, monkeypatch: pytest.MonkeyPatch) -> None:
        Path(".env").write_text("X_TOKEN=from dotenv\n")
        monkeypatch.setenv("X_TOKEN", "from env")
        assert load(Service).token == "from env"
        assert load(Service, config=estate("dotenv", "env")).token == "from dotenv"


class TestWarnings:
    def test_they_are_logged_and_stop_nothing(self, offer: Offer, caplog: pytest.LogCaptureFixture) -> None:
        env = Looking("env", [Notice(Code.UNKNOWN, "APP_TYPO", "is set, and nothing reads it", "unset APP_TYPO")])
        env.values["x/token"] = "v"
        offer(spec_of("env", env, offers=(Inspector,)))
        load(Service, config=estate("env"))
        warnings = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
        assert warnings == ["UNKNOWN APP_TYPO: is set, and nothing reads it"]

    def test_they_stand_below_the_problems_of_a_start_that_failed(self, offer: Offer) -> None:
        env = Looking("env", [Notice(Code.UNKNOWN, "APP_TYPO", "is set, and nothing reads it")])
        offer(spec_of("env", env, offers=(Inspector,)))
        with pytest.raises(ConfigurationError) as caught:
            load(Service, config=estate("env"))
        assert [w.code for w in caught.value.warnings] == [Code.UNKNOWN]
        assert "1 problem. 1 warning." in str(caught.value)


class TestGuard:
    """What a test run changes about every load."""

    class Guard:
        environment: str | None = "here"

        def __init__(self, name: str) -> None:
            self.name = name

        def wrap(self, link: Link) -> Link:
            provider = Shelf(self.name, {"x/token": f"{link.name} by way of {self.name}"})
            return replace(link, provider=provider)

        def options(self, provider: str) -> dict[str, Any]:
            return {}

    @pytest.fixture(autouse=True)
    def _guarded(self) -> Iterator[None]:
        process = self.Guard("the process")
        guard.install(process)
        yield
        guard.uninstall(process)

    CONFIG: ClassVar[dict[str, Any]] = {"environments": {"here": {"chain": ["env"]}, "there": {"chain": ["dotenv"]}}}

    def test_it_chooses_the_environment_where_the_call_does_not_and_stands_before_every_provider(self) -> None:
        assert load(Service, config=self.CONFIG).token == "env by way of the process"
        assert load(Service, config=self.CONFIG, environment="there").token == "dotenv by way of the process"

    def test_one_of_the_context_goes_before_that_of_the_process(self) -> None:
        guard.set_here(self.Guard("the test"))
        assert guard.current_here() is guard.current()
        assert load(Service, config=self.CONFIG).token == "env by way of the test"
        guard.set_here(None)
        assert guard.current_here() is None
        assert load(Service, config=self.CONFIG).token == "env by way of the process"


class TestExit:
    def test_a_good_start_gives_the_instance(self) -> None:
        with use(Service, {"token": "t"}):
            assert load_or_exit(Service).token == "t"
            settings = lazy(Service)
            assert load_or_exit(settings) is settings

    def test_a_bad_start_is_one_report_on_stderr_and_exit_78(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as caught:
            load_or_exit(Service, config=estate("fixture"))
        assert caught.value.code == EXIT_CODE == 78
        assert caught.value.__context__ is None
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith("Service cannot start in here: 1 problem.\nchain: fixture   from the configuration given")
        assert err.endswith('fix  give the test a value: {"token": …}\n')

    def test_the_process_ends_with_it_and_prints_no_traceback(self, tmp_path: Path) -> None:
        code = (
            "from estate_config import Settings, load_or_exit, secret\n"
            "class Service(Settings):\n    token: str = secret('x/token')\n"
            "load_or_exit(Service)\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path
        )
        assert done.returncode == 78
        assert "MISSING  token" in done.stderr
        assert "Traceback" not in done.stderr
        assert done.stdout == ""

    @pytest.mark.parametrize(
        "to",
        ["2>/dev/full", "2>&-", "2>&1 >/dev/null | true; exit ${PIPESTATUS[0]}"],
        ids=["full", "closed", "unread"],
    )
    def test_a_stderr_that_takes_no_report_does_not_change_the_exit_code(self, tmp_path: Path, to: str) -> None:
        """A supervisor goes by it: `RestartPreventExitStatus=78` of systemd."""
        (tmp_path / "start.py").write_text(
            "from estate_config import Settings, load_or_exit, secret\n"
            "class Service(Settings):\n    token: str = secret('x/token')\n"
            "load_or_exit(Service)\n"
        )
        shell = ["bash", "-c", f"{sys.executable} start.py {to}"]
        assert subprocess.run(shell, capture_output=True, timeout=60, check=False, cwd=tmp_path).returncode == 78

    def test_a_stderr_that_cannot_write_all_characters_gets_the_report_all_the_same(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        raw = io.BytesIO()
        monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(raw, encoding="ascii"))
        with pytest.raises(SystemExit):
            load_or_exit(Service, config=estate("fixture"))
        assert raw.getvalue().endswith(b'fix  give the test a value: {"token": \\u2026}\n')

    @pytest.mark.parametrize("stream", [None, Path("/dev/full"), io.StringIO()], ids=["none", "full", "closed"])
    def test_the_report_is_lost_where_nobody_takes_it(self, monkeypatch: pytest.MonkeyPatch, stream: Any) -> None:
        with ExitStack() as opened:
            if isinstance(stream, Path):
                stream = opened.enter_context(stream.open("w"))
            elif stream is not None:
                stream.close()
            monkeypatch.setattr(sys, "stderr", stream)
            with pytest.raises(SystemExit) as caught:
                load_or_exit(Service, config=estate("fixture"))
            monkeypatch.undo()
        assert caught.value.code == 78


class TestAsync:
    def test_aload_is_load_off_the_event_loop(self, offer: Offer) -> None:
        ran_in: list[str] = []

        class Watched(Shelf):
            def close(self) -> None:
                ran_in.append(threading.current_thread().name)

        offer(spec_of("aws", Watched("aws", {"x/token": "v"})))

        async def work() -> Service:
            return await aload(Service, config=estate("aws"), overrides={"level": "debug"})

        settings = asyncio.run(work())
        assert (settings.token, settings.level) == ("v", "debug")
        assert threading.main_thread().name not in ran_in

    def test_aload_sees_the_swap_of_its_task(self) -> None:
        async def work() -> str:
            with use(Service, {"token": "double"}):
                return (await aload(lazy(Service))).token

        assert asyncio.run(work()) == "double"

    def test_aload_raises_what_load_raises(self) -> None:
        with pytest.raises(ConfigurationError):
            asyncio.run(aload(Service, config=estate("fixture")))


class TestThePackage:
    def test_it_offers_what_it_says(self) -> None:
        assert set(estate_config.__all__) <= set(dir(estate_config))
        for name in estate_config.__all__:
            assert getattr(estate_config, name) is not None

    def test_it_has_no_other_names(self) -> None:
        with pytest.raises(AttributeError, match="module 'estate_config' has no attribute 'lod'"):
            _ = estate_config.lod

    def test_a_failure_of_one_kind_may_be_passed_over_by_name_and_the_report_shows_it(self, offer: Offer) -> None:
        aws = Shelf("aws", {"x/token": Failed(Code.UNAVAILABLE, "cannot be reached")})
        offer(spec_of("aws", aws), spec_of("last", Shelf("last", {"x/token": "v"})))
        settings = load(Service, config=estate({"provider": "aws", "on_unavailable": "next"}, "last"))
        assert settings.token == "v"
        assert explain(settings).info.chain == ("aws (on_unavailable = next)", "last")
        assert [step.outcome for step in explain(settings)["token"].asked] == ["UNAVAILABLE", "found"]

    def test_the_working_folder_may_be_gone(self, offer: Offer, monkeypatch: pytest.MonkeyPatch) -> None:
        def broken(*_: object) -> Any:
            raise RuntimeError

        offer(spec_of("broken", broken))
        Path("gone").mkdir()
        monkeypatch.chdir("gone")
        Path.cwd().rmdir()
        with pytest.raises(ConfigurationError, match="cannot be built: RuntimeError in "):
            load(Service, config=estate("broken"))
        with pytest.raises(ConfigurationError, match=r"from no estate\.toml in \."):
            load(Service)
