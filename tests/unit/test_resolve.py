"""The chain: only absent falls through, each provider is asked once, those that can be asked together are."""

from __future__ import annotations

import contextvars
import logging
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretBytes, SecretStr

from estate_config import Asked, Code, Settings, secret, setting
from estate_config.contract import Inspector
from estate_config.errors import Problem, ProviderError
from estate_config.model import Deadline, Failed, Found, Key, Notice, Origin, Place
from estate_config.resolve import Answer, Link, resolve
from estate_config.schema import settings_of
from tests.doubles import Hooked, Shelf, link

FAILURES = sorted(set(Code) - {Code.MISSING, Code.EMPTY})


class One(Settings):
    token: str = secret("x/token")


class Three(Settings):
    a: str = secret("a")
    b: str = secret("b")
    c: str = secret("c", allow_empty=True)


def answer_of(*chain: Link, cls: type[Settings] = One, seconds: float = 10) -> Answer:
    (answer,) = resolve(settings_of(cls), chain, Deadline(seconds)).answers.values()
    return answer


def steps(answer: Answer) -> list[tuple[str, str]]:
    return [(step.provider, step.outcome) for step in answer.asked]


class TestTheRule:
    def test_absent_falls_through(self) -> None:
        answer = answer_of(link(Shelf("env")), link(Shelf("aws", {"x/token": "v"})))
        assert steps(answer) == [("env", "absent"), ("aws", "found")]
        assert answer.found is not None
        assert answer.found.value == "v"

    def test_what_is_found_first_wins_and_nobody_is_asked_after_it(self) -> None:
        aws = Shelf("aws", {"x/token": "second"})
        answer = answer_of(link(Shelf("env", {"x/token": "first"})), link(aws))
        assert steps(answer) == [("env", "found")]
        assert aws.asked == []

    @pytest.mark.parametrize("code", FAILURES)
    def test_t9_a_failure_is_never_taken_for_absent(self, code: Code) -> None:
        """T9, T10: denied, unreachable or malformed; a value further down the chain does not replace it."""
        weaker = Shelf("dotenv", {"x/token": "stale"})
        answer = answer_of(link(Shelf("aws", {"x/token": Failed(code, "is wrong")})), link(weaker))
        assert answer.found is None
        assert answer.failed == Failed(code, "is wrong")
        assert weaker.asked == []
        assert answer.asked == [
            Asked("aws", "aws:x/token", code.value),
            Asked("dotenv", "dotenv:x/token", "not asked"),
        ]

    @pytest.mark.parametrize("code", FAILURES)
    def test_a_failure_falls_through_only_where_the_chain_names_it(self, code: Code) -> None:
        failing = Shelf("aws", {"x/token": Failed(code, "is wrong")})
        last = Shelf("dotenv", {"x/token": "v"})
        answer = answer_of(link(failing, next_on={code}), link(last))
        assert steps(answer) == [("aws", code.value), ("dotenv", "found")]
        assert answer.failed is None
        others = set(FAILURES) - {code}
        assert answer_of(link(failing, next_on=others), link(last)).found is None

    def test_a_provider_that_fails_as_a_whole_fails_for_every_key_and_says_it_in_its_own_name(self) -> None:
        def fail(keys: Sequence[Key], deadline: Deadline) -> Any:
            raise ProviderError(Code.CREDENTIALS, "has no credentials", "aws sso login")

        found = resolve(settings_of(Three), [link(Hooked("aws", fail)), link(Shelf("env"))], Deadline(5)).answers
        assert {a.failed for a in found.values()} == {
            Failed(Code.CREDENTIALS, "aws has no credentials", "aws sso login")
        }

    def test_t22_an_empty_text_is_no_value(self) -> None:
        """Second list, 22: empty is missing unless the field allows it."""
        answer = answer_of(link(Shelf("env", {"x/token": ""})), link(Shelf("aws", {"x/token": "v"})))
        assert steps(answer) == [("env", "empty"), ("aws", "found")]
        assert not answer_of(link(Shelf("env", {"x/token": b""}))).found
        assert answer_of(link(Shelf("env", {"x/token": ""}))).was_empty

    def test_t22_an_empty_text_is_a_value_where_the_field_allows_it(self) -> None:
        class Allows(Settings):
            token: str = secret(allow_empty=True)

        answer = answer_of(link(Shelf("env", {"token": ""})), cls=Allows)
        assert answer.found is not None
        assert answer.found.value == ""

    @pytest.mark.parametrize("value", [0, False, [], {}])
    def test_only_text_and_bytes_can_be_empty(self, value: object) -> None:
        answer = answer_of(link(Shelf("structured", {"x/token": value})))
        assert answer.found is not None
        assert answer.found.value == value


VALUES = st.sampled_from([None, "", "a value", *(Failed(code, "is wrong") for code in FAILURES)])


@st.composite
def chains(draw: st.DrawFn) -> list[Link]:
    """Return up to four providers, each with something, nothing or a failure for each of three keys."""
    chain = []
    for number in range(draw(st.integers(1, 4))):
        values = draw(st.fixed_dictionaries(dict.fromkeys("abc", VALUES)))
        shelf = Shelf(f"p{number}", {name: value for name, value in values.items() if value is not None})
        chain.append(link(shelf, next_on=draw(st.sets(st.sampled_from(FAILURES)))))
    return chain


def way_of(name: str, chain: list[Link]) -> list[tuple[str, str]]:
    """The rule, one key at a time, as a person would follow it."""
    way: list[tuple[str, str]] = []
    for one in chain:
        assert isinstance(one.provider, Shelf)
        value = one.provider.values.get(name)
        if isinstance(value, Failed):
            way.append((one.name, value.code.value))
            if value.code not in one.next_on:
                return way + [(later.name, "not asked") for later in chain[chain.index(one) + 1 :]]
        elif value is None:
            way.append((one.name, "absent"))
        elif value == "" and name != "c":  # c allows an empty text
            way.append((one.name, "empty"))
        else:
            return [*way, (one.name, "found")]
    return way


@given(chains())
def test_t6_the_rule_holds_whatever_is_said_and_each_is_asked_once_for_what_is_open(chain: list[Link]) -> None:
    """T6: never "be a dict": the keys that are still open, all at once, and no other."""
    answers = resolve(settings_of(Three), chain, Deadline(10)).answers
    ways = {name: way_of(name, chain) for name in "abc"}
    assert {name: steps(answer) for name, answer in answers.items()} == ways
    for one in chain:
        assert isinstance(one.provider, Shelf)
        still_open = [name for name in "abc" if dict(ways[name]).get(one.name, "not asked") != "not asked"]
        assert one.provider.asked == ([still_open] if still_open else [])


class TestWhoIsAsked:
    def test_a_field_may_say_who(self) -> None:
        class Service(Settings):
            token: str = secret(providers=("aws",))

        env, aws = Shelf("env", {"token": "wrong"}), Shelf("aws", {"token": "v"})
        assert steps(answer_of(link(env), link(aws), cls=Service)) == [("aws", "found")]
        assert env.asked == []

    def test_a_provider_for_secrets_is_asked_for_settings_only_where_a_field_says_so(self) -> None:
        class Service(Settings):
            plain: str = setting(default="")
            addressed: str = setting(default="", aws="place")
            named: str = setting(default="", providers=("aws",))
            token: str = secret()

        aws = Shelf("aws")
        resolve(settings_of(Service), [link(aws, secrets_only=True)], Deadline(5))
        assert aws.asked == [["addressed", "named", "token"]]

    def test_a_double_is_asked_for_everything(self) -> None:
        class Service(Settings):
            plain: str = setting(default="")
            token: str = secret(providers=("aws",))

        double = Shelf("double")
        resolve(settings_of(Service), [link(double, secrets_only=True, double=True)], Deadline(5))
        assert double.asked == [["plain", "token"]]

    def test_keys_carry_what_a_provider_has_to_know(self) -> None:
        class Service(Settings):
            token: SecretStr = secret("x/token", aws="whole#member")
            blob: SecretBytes
            plain: int = 1

        seen: list[Key] = []

        def look(keys: Sequence[Key], deadline: Deadline) -> Mapping[Key, Found]:
            seen.extend(keys)
            return {}

        resolve(settings_of(Service), [link(Hooked("aws", look))], Deadline(5))
        assert seen == [
            Key("x/token", "token", "whole#member", secret=True, binary=False),
            Key("blob", "blob", None, secret=True, binary=True),
            Key("plain", "plain", None, secret=False, binary=False),
        ]

    def test_a_provider_may_understand_the_addresses_of_another(self) -> None:
        class Service(Settings):
            token: str = secret(env="TOKEN")

        answer = answer_of(link(Shelf("dotenv"), address_names=("env",)), cls=Service)
        assert answer.asked == [Asked("dotenv", "dotenv:TOKEN", "absent")]

    def test_t24_members_of_one_json_secret_are_asked_for_in_one_go(self) -> None:
        class Service(Settings):
            host: str = secret(aws="rds#host")
            user: str = secret(aws="rds#user")
            password: str = secret(aws="rds#password")

        aws = Shelf("aws")
        resolve(settings_of(Service), [link(aws)], Deadline(5))
        assert aws.asked == [["host", "user", "password"]]

    def test_nothing_to_ask_is_no_call(self) -> None:
        aws = Shelf("aws")
        assert resolve([], [link(aws)], Deadline(5)).answers == {}
        assert aws.asked == []

    def test_bytes_become_text_where_the_field_takes_text(self) -> None:
        answer = answer_of(link(Shelf("files", {"x/token": "ключ".encode()})))
        assert answer.found is not None
        assert answer.found.value == "ключ"

    def test_bytes_that_are_no_text_are_malformed_and_do_not_fall_through(self) -> None:
        answer = answer_of(link(Shelf("files", {"x/token": b"\xff\xfe"})), link(Shelf("env", {"x/token": "v"})))
        assert answer.failed is not None
        assert answer.failed.code is Code.MALFORMED
        assert "declare the field as SecretBytes" in answer.failed.hint

    def test_bytes_stay_bytes_where_the_field_takes_them(self) -> None:
        class Service(Settings):
            blob: SecretBytes

        answer = answer_of(link(Shelf("files", {"blob": b"\xff"})), cls=Service)
        assert answer.found is not None
        assert answer.found.value == b"\xff"


class TestAtTheSameTime:
    def test_providers_that_do_not_depend_on_each_other_are_asked_together(self) -> None:
        class Service(Settings):
            one: str = secret(providers=("left",))
            two: str = secret(providers=("right",))

        together = threading.Barrier(2)

        def meet(keys: Sequence[Key], deadline: Deadline) -> Mapping[Key, Found]:
            together.wait(timeout=10)  # raises where the other one is not asked at the same time
            return {key: Found(key.name, Origin("x", key.name)) for key in keys}

        chain = [link(Hooked("left", meet)), link(Hooked("right", meet))]
        answers = resolve(settings_of(Service), chain, Deadline(20)).answers
        assert [steps(answer)[-1][1] for answer in answers.values()] == ["found", "found"]

    def test_a_provider_waits_for_the_one_before_it_where_they_share_a_key(self) -> None:
        order: list[str] = []
        begun = {name: threading.Event() for name in "abc"}

        def note(name: str, following: str) -> Link:
            def hook(keys: Sequence[Key], deadline: Deadline) -> Mapping[Key, Found]:
                order.append(f"{name} begins")
                begun[name].set()
                begun[following].wait(0.2)  # the time to begin, for one that does not wait
                order.append(f"{name} ends")
                return {}

            return link(Hooked(name, hook))

        resolve(settings_of(One), [note("a", "b"), note("b", "c"), note("c", "c")], Deadline(5))
        assert order == ["a begins", "a ends", "b begins", "b ends", "c begins", "c ends"]

    def test_a_provider_sees_the_context_of_who_asked(self) -> None:
        mark: contextvars.ContextVar[str] = contextvars.ContextVar("mark")
        mark.set("here")
        seen: list[str] = []

        def look(keys: Sequence[Key], deadline: Deadline) -> Mapping[Key, Found]:
            seen.append(mark.get())
            return {}

        resolve(settings_of(One), [link(Hooked("a", look))], Deadline(5))
        assert seen == ["here"]


class Looking(Shelf):
    """A shelf that has noticed something."""

    def __init__(self, name: str, notices: Any) -> None:
        super().__init__(name)
        self.notices = notices
        self.looked_at: list[str] = []

    def inspect(self, keys: Sequence[Key]) -> Sequence[Notice]:
        self.looked_at = [key.name for key in keys]
        found: Sequence[Notice] = self.notices
        return found


class TestNotices:
    NOTICE = Notice(Code.UNKNOWN, "APP_TYPO", "nothing reads it", "unset APP_TYPO")

    def test_what_a_provider_noticed_is_a_warning_that_stops_nothing(self) -> None:
        found = resolve(settings_of(One), [link(Looking("env", [self.NOTICE]), offers=(Inspector,))], Deadline(5))
        place = Asked("env", "APP_TYPO", "UNKNOWN")
        assert found.warnings == [Problem("", Code.UNKNOWN, "nothing reads it", (place,), "unset APP_TYPO")]

    def test_it_looks_with_all_keys_in_mind_those_answered_before_it_too(self) -> None:
        env = Looking("env", [])
        chain = [link(Shelf("first", {"a": "v"})), link(env, offers=(Inspector,))]
        resolve(settings_of(Three), chain, Deadline(5))
        assert env.looked_at == ["a", "b", "c"]

    def test_a_provider_that_does_not_offer_it_is_not_asked(self) -> None:
        env = Looking("env", [self.NOTICE])
        assert resolve(settings_of(One), [link(env)], Deadline(5)).warnings == []
        assert env.looked_at == []

    @pytest.mark.parametrize("odd", ["x", None, Notice("X", "p", "m"), Notice(Code.UNKNOWN, 5, "m")])  # type: ignore[arg-type]
    def test_what_is_no_notice_is_passed_over(self, odd: object) -> None:
        env = Looking("env", [odd, self.NOTICE])
        assert len(resolve(settings_of(One), [link(env, offers=(Inspector,))], Deadline(5)).warnings) == 1


def test_t3_the_debug_log_shows_the_whole_way_and_no_value(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    answer_of(link(Shelf("env")), link(Shelf("aws", {"x/token": "kq7ZvXw2"})))
    assert [record.getMessage() for record in caplog.records] == [
        "asking env for 1 keys: token",
        "token: env env:x/token: absent",
        "asking aws for 1 keys: token",
        "token: aws aws:x/token: found",
    ]


def test_an_answer_s_place_is_the_one_its_origin_names() -> None:
    found = Found("v", Origin("dotenv", ".env:3"))
    answer = answer_of(link(Shelf("dotenv", {"x/token": found})))
    assert answer.asked == [Asked("dotenv", ".env:3", "found")]
    assert answer.places == [Place("dotenv:x/token", "put x/token on dotenv")]
