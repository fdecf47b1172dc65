"""The variables of a program that is run with the settings of services."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from pydantic import BaseModel, SecretBytes, SecretStr

from estate_config import Code, ConfigurationError, Problem, Settings, load, secret, setting
from estate_config.environments import read
from estate_config.redaction import Hidden
from estate_config.variables import environment_with
from tests.doubles import Shelf, estate, spec_of
from tests.leaks import CANARIES, PLAIN, assert_no_canary
from tests.unit.conftest import Offer


class Rds(BaseModel):
    host: str = setting(default="localhost")
    password: SecretStr = secret()


class Ai(Settings):
    key: SecretStr = secret("openai/key")
    url: str = secret("database/url", env="DB_URL")
    rds: Rds
    maybe: SecretStr | None = secret("maybe", default=None)
    ports: list[int] = setting(default=[80, 81])
    debug: bool = setting(default=False)
    raw: SecretBytes = secret(default=SecretBytes(b"\xff"))


class Etl(Settings):
    key: SecretStr = secret("openai/key")
    size: int = setting(default=50)


class Other(Settings):
    size: int = setting(default=99)
    key: SecretStr | None = secret("openai/key", default=None, providers=("env",))


VALUES = {"openai/key": "k", "database/url": "postgresql://u:p%40@h/d", "rds/password": "007"}

Made = Callable[..., "Hidden[dict[bytes, bytes]] | list[ConfigurationError]"]


@pytest.fixture
def made(offer: Offer, monkeypatch: pytest.MonkeyPatch) -> Made:
    def make(
        values: Mapping[str, object], *services: str, options: Mapping[str, Any] | None = None
    ) -> Hidden[dict[bytes, bytes]] | list[ConfigurationError]:
        offer(spec_of("here", Shelf("here", values)))
        module = ModuleType("schemas")
        classes = [Ai, Etl, Other, Files, Nameless]
        vars(module).update({cls.__name__: cls for cls in classes})
        monkeypatch.setitem(sys.modules, "schemas", module)
        table = estate(
            "here",
            services={**{cls.__name__.lower(): f"schemas:{cls.__name__}" for cls in classes}, "gone": "schemas:Gone"},
            providers={"env": options or {}},
        )
        Path("estate.toml").write_text('[environments.here]\nchain = ["here"]\n', "utf-8")
        found = read(table)
        return environment_with(found, found.choose("here"), services)

    return make


def variables(made: object) -> dict[bytes, bytes]:
    assert isinstance(made, Hidden), made
    return dict(made.reveal())


def problem_of(made: object) -> Problem:
    assert isinstance(made, list)
    (error,) = made
    (problem,) = error.problems
    assert isinstance(problem, Problem)
    return problem


def test_declared_names_are_set_as_the_env_provider_reads_them(made: Made) -> None:
    before = dict(os.environb)
    after = variables(made(VALUES, "ai"))
    assert {name: after[name] for name in after.keys() - before.keys()} == {
        b"OPENAI_KEY": b"k",
        b"DB_URL": b"postgresql://u:p%40@h/d",
        b"RDS_HOST": b"localhost",
        b"RDS_PASSWORD": b"007",
        b"PORTS": b"[80, 81]",
        b"DEBUG": b"false",
        b"RAW": b"\xff",
    }
    assert {name: after[name] for name in before} == before


def test_the_prefix_of_the_env_provider_goes_before_derived_names(made: Made) -> None:
    after = variables(made(VALUES, "ai", options={"prefix": "ESTATE_"}))
    assert after[b"ESTATE_OPENAI_KEY"] == b"k"
    assert b"OPENAI_KEY" not in after
    assert b"DB_URL" in after


def test_a_text_goes_on_as_it_was_found_and_a_list_as_json(made: Made) -> None:
    after = variables(made({**VALUES, "debug": "yes", "ports": "1, 2"}, "ai"))
    assert (after[b"DEBUG"], after[b"PORTS"]) == (b"yes", b'["1", "2"]')
    assert variables(made({**VALUES, "ports": "[1,2]"}, "ai"))[b"PORTS"] == b"[1, 2]"
    assert variables(made({**VALUES, "ports": [1, 2]}, "ai"))[b"PORTS"] == b"[1, 2]"


@pytest.mark.parametrize("value", [*CANARIES, "ünï 漢字", "a b\tc\n", " "])
def test_a_program_that_loads_reads_the_very_value(made: Made, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    for name, raw in variables(made({**VALUES, "database/url": value}, "ai")).items():
        monkeypatch.setitem(os.environb, name, raw)
    config = {"environments": {"here": {"chain": ["env"]}}}
    assert load(Ai, environment="here", config=config).url == value


def test_a_setting_without_a_value_takes_an_old_variable_away(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAYBE", "old")
    monkeypatch.setenv("OPENAI_KEY", "old")
    after = variables(made(VALUES, "ai"))
    assert b"MAYBE" not in after
    assert after[b"OPENAI_KEY"] == b"k"


def test_a_variable_that_names_a_file_does_not_stand_against_the_value(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_KEY_FILE", "/run/secrets/key")
    monkeypatch.setenv("MAYBE_FILE", "/run/secrets/maybe")
    assert {b"OPENAI_KEY_FILE", b"MAYBE_FILE"}.isdisjoint(variables(made(VALUES, "ai")))


class Files(Settings):
    key: str = secret("tls/key")
    key_file: str = setting("tls/key_file")


def test_a_declared_name_that_ends_in_file_stays(made: Made) -> None:
    after = variables(made({"tls/key": "k", "tls/key_file": "a.pem"}, "files"))
    assert (after[b"TLS_KEY"], after[b"TLS_KEY_FILE"]) == (b"k", b"a.pem")


def test_a_zero_byte_fits_into_no_variable(made: Made) -> None:
    problem = problem_of(made({**VALUES, "raw": b"\0" + PLAIN.encode()}, "ai"))
    assert (problem.field, problem.code) == ("raw", Code.MALFORMED)
    assert "which the variable RAW cannot hold" in problem.message
    assert problem.places[-1].provider == "here"
    assert problem_of(made({**VALUES, "database/url": "a\0b"}, "ai")).field == "url"


class Nameless(Settings):
    dash: str = secret("-")
    equals: str = secret(env="A=B")


def test_a_setting_that_no_variable_can_be_named_after_is_said(made: Made) -> None:
    errors = made({"-": "x", "equals": "y"}, "nameless")
    assert isinstance(errors, list)
    assert [(problem.field, problem.code) for problem in errors[0].problems] == [
        ("dash", Code.SCHEMA),
        ("equals", Code.SCHEMA),
    ]


def test_a_text_that_is_half_a_character_goes_on(made: Made) -> None:
    assert variables(made({**VALUES, "database/url": "\ud800"}, "ai"))[b"DB_URL"] == b"\xed\xa0\x80"


def test_several_services_are_put_together(made: Made) -> None:
    after = variables(made(VALUES, "ai", "etl"))
    assert (after[b"OPENAI_KEY"], after[b"SIZE"], after[b"RDS_HOST"]) == (b"k", b"50", b"localhost")


def test_services_that_disagree_about_a_variable_are_not_run_together(made: Made) -> None:
    problem = problem_of(made(VALUES, "etl", "other"))
    assert (problem.code, problem.message) == (
        Code.SCHEMA,
        "etl and other have different values for the variable SIZE",
    )


@pytest.mark.parametrize("services", [("ai", "other"), ("other", "ai")])
def test_a_service_without_a_value_does_not_take_that_of_another_away(made: Made, services: tuple[str, str]) -> None:
    assert variables(made(VALUES, *services))[b"OPENAI_KEY"] == b"k"


def test_all_that_is_wrong_with_all_services_is_returned(made: Made) -> None:
    errors = made({}, "ai", "etl", "gone")
    assert isinstance(errors, list)
    assert [(error.info.service, len(error.problems)) for error in errors] == [("ai", 3), ("etl", 1), ("gone", 1)]


def test_an_env_provider_with_wrong_options_is_said(made: Made) -> None:
    assert "prefx is not known" in problem_of(made(VALUES, "ai", options={"prefx": "A"})).message


def test_what_did_not_stop_a_load_is_logged(
    made: Made, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("estate_config.variables.attempted", _with_a_warning)
    variables(made(VALUES, "etl"))
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING] == [
        "INSECURE : is open"
    ]


def _with_a_warning(*words: Any) -> Any:
    from estate_config.services import attempted

    attempt, instance = attempted(*words)
    attempt.warnings.append(Problem("", Code.INSECURE, "is open"))
    return attempt, instance


def test_no_view_of_the_variables_shows_a_value(made: Made) -> None:
    assert_no_canary(repr(made({**VALUES, "openai/key": PLAIN}, "ai")), PLAIN)
