"""The report: what a person reads at 3 a.m., what a machine reads, and the one line of a good start."""

from __future__ import annotations

import io
import json
import logging
import pickle
from dataclasses import replace
from typing import Any

import pytest

from estate_config import Asked, Code, ConfigurationError, Problem, Settings, load, secret, setting, use
from estate_config.errors import LoadInfo, ProviderError
from estate_config.loading import attempted
from estate_config.model import Found, Origin
from estate_config.redaction import Hidden
from estate_config.report import fine_line, problems_text, text, wants_color, warnings_text
from tests.doubles import Shelf, estate, spec_of
from tests.unit.conftest import Offer

INFO = LoadInfo("ai", "production", ("env", "aws (on_unavailable = next)"), "estate.toml", 4)
WAY = (Asked("env", "DATABASE_URL", "absent"), Asked("aws", "estate/database/url", "DENIED"))
DENIED = Problem("database_url", Code.DENIED, "may not be read by role/ai", WAY, "allow it\nor ask someone who can")
UNKNOWN = Problem("", Code.UNKNOWN, "nothing reads it", (Asked("env", "APP_TYPO", "UNKNOWN"),), "unset APP_TYPO")


def down(field: str, place: str) -> Problem:
    steps = (Asked("aws", place, "UNAVAILABLE"),)
    return Problem(field, Code.UNAVAILABLE, "aws cannot be reached", steps, "look at the network")


def test_the_report_says_what_is_wrong_where_and_how_to_mend_it() -> None:
    assert str(ConfigurationError([DENIED], [UNKNOWN], INFO)) == (
        "ai cannot start in production: 1 problem. 1 warning.\n"
        "chain: env → aws (on_unavailable = next)   from estate.toml\n"
        "\n"
        "DENIED  database_url\n"
        "  may not be read by role/ai\n"
        "    env  DATABASE_URL         absent\n"
        "    aws  estate/database/url  DENIED\n"
        "  fix  allow it\n"
        "       or ask someone who can\n"
        "\n"
        "UNKNOWN\n"
        "  nothing reads it\n"
        "    env  APP_TYPO  UNKNOWN\n"
        "  fix  unset APP_TYPO"
    )


def test_one_cause_that_hits_many_fields_stands_once_with_all_of_them() -> None:
    report = str(ConfigurationError([down("a", "estate/a"), DENIED, down("b", "estate/b")], info=INFO))
    assert report.count("aws cannot be reached") == 1
    assert (
        "UNAVAILABLE  a, b\n"
        "  aws cannot be reached\n"
        "    aws  estate/a  UNAVAILABLE\n"
        "    aws  estate/b  UNAVAILABLE\n"
        "  fix  look at the network\n"
    ) in report
    assert report.startswith("ai cannot start in production: 3 problems.\n")


def test_of_many_fields_only_the_places_with_the_outcome_are_shown() -> None:
    absent = Asked("env", "A", "absent")
    problems = [down("a", "estate/a"), down("b", "estate/b")]
    problems = [replace(one, places=(absent, *one.places)) for one in problems]
    assert "absent" not in str(ConfigurationError(problems))


def test_fields_with_one_cause_and_one_place_show_no_table() -> None:
    report = str(ConfigurationError([down("a", "estate/x"), down("b", "estate/x")], info=INFO))
    assert "estate/x" not in report


def test_little_is_said_where_little_is_known() -> None:
    assert str(ConfigurationError([Problem("", Code.SCHEMA, "it is wrong")])) == (
        "the configuration cannot be used: 1 problem.\n\nSCHEMA\n  it is wrong"
    )
    info = LoadInfo("ai", "here", ("env",))
    assert "chain: env\n" in str(ConfigurationError([DENIED], info=info))


def test_colours_change_nothing_but_the_colour() -> None:
    error = ConfigurationError([DENIED], [UNKNOWN], INFO)
    colored = error.as_text(color=True)
    assert "\x1b[31mDENIED\x1b[0m" in colored
    assert "\x1b[33mUNKNOWN\x1b[0m" in colored
    plain = colored
    for code in ("\x1b[31m", "\x1b[33m", "\x1b[2m", "\x1b[1m", "\x1b[0m"):
        plain = plain.replace(code, "")
    assert plain == error.as_text() == text(error)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_colours_are_for_terminals_that_did_not_say_no(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    assert wants_color(Terminal())
    assert not wants_color(io.StringIO())
    monkeypatch.setenv("NO_COLOR", "1")
    assert not wants_color(Terminal())
    monkeypatch.setenv("NO_COLOR", "")  # no-color.org: an empty one says nothing
    assert wants_color(Terminal())
    monkeypatch.setenv("TERM", "dumb")
    assert not wants_color(Terminal())


def test_machines_read_the_same_as_json() -> None:
    error = ConfigurationError([DENIED], [UNKNOWN], INFO)
    assert json.loads(json.dumps(error.as_json())) == {
        "service": "ai",
        "environment": "production",
        "chain": ["env", "aws (on_unavailable = next)"],
        "config": "estate.toml",
        "problems": [
            {
                "field": "database_url",
                "code": "DENIED",
                "message": "may not be read by role/ai",
                "places": [
                    {"provider": "env", "place": "DATABASE_URL", "outcome": "absent"},
                    {"provider": "aws", "place": "estate/database/url", "outcome": "DENIED"},
                ],
                "fix": "allow it\nor ask someone who can",
            }
        ],
        "warnings": [
            {
                "field": "",
                "code": "UNKNOWN",
                "message": "nothing reads it",
                "places": [{"provider": "env", "place": "APP_TYPO", "outcome": "UNKNOWN"}],
                "fix": "unset APP_TYPO",
            }
        ],
    }


def test_an_error_is_frozen_data_that_can_be_sent_elsewhere() -> None:
    error = ConfigurationError([DENIED], [UNKNOWN], INFO)
    revived = pickle.loads(pickle.dumps(error))
    assert (revived.problems, revived.warnings, revived.info) == ((DENIED,), (UNKNOWN,), INFO)
    assert str(revived) == str(error)
    with pytest.raises(AttributeError):
        DENIED.message = "x"  # type: ignore[misc]  # it is frozen


def test_t10_the_outcomes_are_the_decided_ones() -> None:
    """T10: the taxonomy is decided on day one. A name that goes away breaks alerts and tests."""
    names = "MISSING EMPTY NO_VALUE DELETED DENIED KMS UNAVAILABLE THROTTLED CREDENTIALS MALFORMED INVALID PLACEHOLDER"
    assert {f"{code}" for code in Code} >= {*names.split(), "STALE", "UNKNOWN", "PLUGIN", "SCHEMA"}
    assert all(code.name == code.value for code in Code)


def test_a_provider_s_error_says_its_code_and_hint() -> None:
    error = ProviderError(Code.DENIED, "may not be read", "ask")
    assert str(error) == "DENIED: may not be read"
    assert pickle.loads(pickle.dumps(error)).fix == "ask"


def test_a_check_says_in_one_line_that_nothing_is_wrong(offer: Offer) -> None:
    class Service(Settings):
        token: str = secret()
        level: str = "info"

    offer(spec_of("aws", Shelf("aws", {"token": "x"})))
    attempt = attempted(Service.__new__(Service), Hidden({}), config=estate("aws"))
    assert fine_line(attempt.answers, attempt.info, 0.123) == (
        "Service can start in here: 1 secret, 2 settings in all; aws 1, default 1; 0.12 s"
    )
    assert fine_line({}, INFO, 0) == "ai can start in production: 0 secrets, 0 settings in all; 0.00 s"


def test_a_check_says_why_values_are_degraded(offer: Offer) -> None:
    class Service(Settings):
        token: str = secret()
        other: str = secret()
        level: str = "info"

    origin = Origin("aws", "aws:token", degraded="from us-east-1: eu-west-1 cannot be reached")
    offer(spec_of("aws", Shelf("aws", {"token": Found("x", origin), "other": Found("x", origin)})))
    attempt = attempted(Service.__new__(Service), Hidden({}), config=estate("aws"))
    assert fine_line(attempt.answers, attempt.info, 0.123).splitlines() == [
        "Service can start in here: 2 secrets, 3 settings in all; aws 2, default 1; 0.12 s",
        "  degraded: 2 settings from us-east-1: eu-west-1 cannot be reached",
    ]


def test_problems_and_warnings_are_shown_without_a_head_too() -> None:
    assert text(ConfigurationError([DENIED], [UNKNOWN], INFO), color=True).endswith(
        "\n\n" + problems_text([DENIED], color=True) + "\n\n" + warnings_text([UNKNOWN], color=True)
    )
    assert warnings_text([]) == ""


class TestTheGoodLine:
    @pytest.fixture
    def line(self, caplog: pytest.LogCaptureFixture) -> Any:
        caplog.set_level(logging.INFO)

        def said() -> str:
            (record,) = [one for one in caplog.records if one.levelno == logging.INFO]
            return record.getMessage()

        return said

    def test_it_names_those_that_answered_for_secrets_with_counts_and_seconds(self, offer: Offer, line: Any) -> None:
        class Service(Settings):
            one: str = secret()
            two: str = secret()
            level: str = setting()
            port: int = 80

        offer(
            spec_of("aws", Shelf("aws", {"one": "x", "two": "y"}), title="AWS Secrets Manager", secrets_only=True),
            spec_of("env", Shelf("env", {"level": "info"})),
        )
        load(Service, config=estate("aws", "env"))
        said = line()
        assert said.startswith("Secrets loaded successfully from AWS Secrets Manager (Service, here: 2 secrets, ")
        assert "4 settings in all; aws 2, env 1, default 1; 0." in said

    def test_two_that_answered_are_both_named(self, offer: Offer, line: Any) -> None:
        class Service(Settings):
            one: str = secret()
            two: str = secret()

        offer(spec_of("a", Shelf("a", {"one": "x"})), spec_of("b", Shelf("b", {"two": "y"})))
        load(Service, config=estate("a", "b"))
        assert line().startswith("Secrets loaded successfully from the a and the b (")

    def test_without_secrets_it_says_settings(self, line: Any) -> None:
        class Service(Settings):
            level: str

        with use(Service, {"level": "x"}):
            load(Service)
        assert line().startswith("Settings loaded successfully from values given by hand (Service, a swap by use(): 0 ")

    def test_with_nothing_found_it_says_where_the_values_are_from(self, line: Any) -> None:
        class Service(Settings):
            port: int = 80

        load(Service, config=estate("fixture"))
        assert line().startswith(
            "Settings loaded successfully from the schema's defaults (Service, here: 0 secrets, 1 s"
        )

    def test_one_that_was_given_as_an_object_is_named_as_its_origin_says(self, line: Any) -> None:
        class Service(Settings):
            token: str = secret()

        with use(Service, Shelf("mine", {"token": "x"})):
            load(Service)
        assert line().startswith("Secrets loaded successfully from mine (")
