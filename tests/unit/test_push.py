"""A push: the plan says what would be done and touches nothing; the writing does that, and says how it went."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import pytest
from pydantic import SecretBytes, SecretStr

from estate_config import Code, ConfigurationError, Settings, secret, setting
from estate_config.contract import Inspector, Writer
from estate_config.environments import Environment, Estate, read
from estate_config.errors import Problem, ProviderError
from estate_config.model import Deadline, Failed, Found, Key, Notice, Origin
from estate_config.push import Step, carry_out, plan, route
from tests.doubles import Shelf, estate, spec_of
from tests.leaks import PLAIN, assert_no_canary
from tests.unit.conftest import Offer


class Ai(Settings):
    url: SecretStr = secret("database/url")
    key: SecretStr = secret("openai/key")
    level: str = setting(default="info")


class Etl(Settings):
    database_url: SecretStr = secret("database/url")
    only_there: SecretStr = secret("only/there", providers=("there",))
    never_there: SecretStr = secret("never/there", providers=("here",))
    host: str = setting("db/host", there="rds#host")
    built: str = secret("built", template="{host}")
    maybe: str = secret("maybe", default="")
    allowed: str = secret("allowed", allow_empty=True)


class There(Shelf):
    """A shelf that can be written to, and remembers the names of each writing."""

    def __init__(self, values: Mapping[str, object] | None = None) -> None:
        super().__init__("there", values)
        self.written: list[list[str]] = []
        self.refused: dict[str, Failed] = {}

    def put(self, values: Mapping[Key, str | bytes], deadline: Deadline) -> Mapping[Key, Failed]:
        self.written.append([key.name for key in values])
        self.values |= {key.name: value for key, value in values.items() if key.name not in self.refused}
        return {key: self.refused[key.name] for key in values if key.name in self.refused}


@dataclass
class Push:
    """An estate whose providers are `here` and `there`."""

    here: Shelf
    there: Shelf
    estate: Estate
    warnings: list[Problem] = field(default_factory=list)

    @property
    def chosen(self) -> Environment:
        return self.estate.choose()

    def plan(self, *services: str) -> list[Step]:
        with route(self.estate, self.chosen, "here", "there") as way:
            steps, self.warnings = plan(self.estate, services, way)
        return steps

    def push(self, *services: str, meanwhile: Callable[[], object] = bool) -> list[Step]:
        with route(self.estate, self.chosen, "here", "there") as way:
            steps, _ = plan(self.estate, services, way)
            meanwhile()
            return carry_out(steps, way)


MakePush = Callable[..., Push]


@pytest.fixture
def make_push(offer: Offer, monkeypatch: pytest.MonkeyPatch) -> MakePush:
    def make(
        here: Mapping[str, object] | Shelf, there: Mapping[str, object] | Shelf, *classes: type, deadline: float = 15
    ) -> Push:
        source = here if isinstance(here, Shelf) else Shelf("here", here)
        target = there if isinstance(there, Shelf) else There(there)
        offer(spec_of("here", source, offers=(Inspector,)), spec_of("there", target, offers=(Writer,)))
        module = ModuleType("schemas")
        vars(module).update({cls.__name__: cls for cls in classes})
        monkeypatch.setitem(sys.modules, "schemas", module)
        services = {cls.__name__.lower(): f"schemas:{cls.__name__}" for cls in classes}
        return Push(source, target, read(estate("here", deadline=deadline, services=services)))

    return make


def actions(steps: Sequence[Step]) -> dict[str, str]:
    return {step.setting.field: step.action for step in steps}


def problem_of(steps: Sequence[Step]) -> Problem:
    (problem,) = [step.problem for step in steps if step.problem]
    return problem


# --- the plan --------------------------------------------------------------------------------------------------------


def test_the_plan_says_what_would_be_created_changed_and_left_and_writes_nothing(make_push: MakePush) -> None:
    push = make_push({"database/url": "new", "openai/key": "k"}, {"database/url": "old", "openai/key": "k"}, Ai)
    there = dict(push.there.values)
    assert actions(push.plan("ai")) == {"url": "change", "key": "same"}
    push.there.values.clear()
    assert actions(push.plan("ai")) == {"url": "create", "key": "create"}
    assert isinstance(push.there, There)
    assert push.there.written == []
    assert there == {"database/url": "old", "openai/key": "k"}


def test_places_are_in_the_spelling_of_both(make_push: MakePush) -> None:
    push = make_push({"database/url": "x"}, {}, Ai)
    assert [(step.source, step.target) for step in push.plan("ai")] == [
        ("here:database/url", "there:database/url"),
        ("here:openai/key", "there:openai/key"),
    ]


def test_secrets_are_pushed_and_settings_only_with_an_address_there(make_push: MakePush) -> None:
    values = {"database/url": "x", "db/host": "h", "only/there": "o", "never/there": "n", "allowed": "", "maybe": "m"}
    push = make_push(values, {}, Etl)
    assert actions(push.plan("etl")) == {
        "database_url": "create",
        "only_there": "create",  # who may be asked in a load does not limit where a person fills a store from
        "host": "create",
        "built": "missing",
        "maybe": "create",
        "allowed": "create",
    }


def test_what_the_source_has_not_is_missing_and_the_target_is_not_asked_for_it(make_push: MakePush) -> None:
    push = make_push({"database/url": "", "maybe": ""}, {"database/url": "x"}, Etl)
    steps = {step.setting.field: step for step in push.plan("etl")}
    assert set(actions(list(steps.values())).values()) == {"missing"}
    assert steps["database_url"].note == "it is empty"
    assert steps["built"].note == "built from others"
    assert steps["only_there"].note == ""
    assert push.there.asked == []


def test_a_place_without_a_value_is_filled(make_push: MakePush) -> None:
    shell = Failed(Code.NO_VALUE, "exists and has no version")
    push = make_push({"database/url": "x", "openai/key": "k"}, {"database/url": shell}, Ai)
    assert actions(push.plan("ai")) == {"url": "create", "key": "create"}


@pytest.mark.parametrize("code", sorted(set(Code) - {Code.NO_VALUE}))
def test_what_cannot_be_read_there_is_not_overwritten(make_push: MakePush, code: Code) -> None:
    push = make_push({"database/url": "x", "openai/key": "k"}, {"database/url": Failed(code, "no", "do this")}, Ai)
    steps = push.push("ai")
    assert actions(steps) == {"url": "failed", "key": "create"}
    problem = problem_of(steps)
    assert (problem.field, problem.code, problem.message, problem.fix) == ("url", code, "no", "do this")
    assert [(step.provider, step.place) for step in problem.places] == [("there", "there:database/url")]
    assert isinstance(push.there, There)
    assert push.there.written == [["openai/key"]]


def test_what_cannot_be_read_here_has_failed(make_push: MakePush) -> None:
    push = make_push({"database/url": Failed(Code.MALFORMED, "is no text"), "openai/key": "k"}, {}, Ai)
    steps = push.plan("ai")
    assert actions(steps) == {"url": "failed", "key": "create"}
    assert problem_of(steps).places[0].provider == "here"


def test_what_the_source_sees_besides_is_a_warning_once(make_push: MakePush) -> None:
    class Watchful(Shelf):
        def inspect(self, keys: Sequence[Key]) -> Sequence[Notice]:
            return [Notice(Code.INSECURE, "a file", "is open to all")]

    push = make_push(Watchful("here", {"database/url": "x"}), {}, Ai, Etl)
    push.plan("ai", "etl")
    assert [warning.code for warning in push.warnings] == ["INSECURE"]


def test_a_schema_that_cannot_be_used_stops_it_before_anything_is_asked(make_push: MakePush) -> None:
    push = make_push({"database/url": "x"}, {}, Ai)
    push.estate.table.services["bad"] = "schemas:Nothing"
    with pytest.raises(ConfigurationError, match="has no Nothing"):
        push.plan("ai", "bad")
    assert push.here.asked == []


# --- services that share ---------------------------------------------------------------------------------------------


def test_a_secret_that_services_share_is_one_step(make_push: MakePush) -> None:
    push = make_push({"database/url": "x", "openai/key": "k"}, {}, Ai, Etl)
    shared = push.push("ai", "etl")[0]
    assert (shared.services, shared.target, shared.written) == (("ai", "etl"), "there:database/url", True)
    assert isinstance(push.there, There)
    assert sorted(name for names in push.there.written for name in names) == ["database/url", "openai/key"]


class Apart(Settings):
    mine: SecretStr = secret("mine", there="database/url")


def test_what_one_service_lacks_the_other_gives(make_push: MakePush) -> None:
    push = make_push({"database/url": "x"}, {}, Apart, Ai)
    first = push.plan("apart", "ai")[0]
    assert (first.services, first.action, first.source) == (("apart", "ai"), "create", "here:database/url")
    first = push.plan("ai", "apart")[0]
    assert (first.services, first.action, first.source) == (("ai", "apart"), "create", "here:database/url")


def test_services_that_agree_on_a_value_may_take_it_from_two_places(make_push: MakePush) -> None:
    push = make_push({"database/url": "x", "mine": "x"}, {}, Ai, Apart)
    assert actions(push.plan("ai", "apart"))["url"] == "create"


def test_two_values_for_one_place_are_not_written(make_push: MakePush) -> None:
    push = make_push({"database/url": PLAIN, "mine": "another"}, {}, Ai, Apart)
    steps = push.push("ai", "apart")
    assert actions(steps) == {"url": "failed", "key": "missing"}
    problem = problem_of(steps)
    assert problem.code is Code.SCHEMA
    assert problem.message == "url of ai and mine of apart would put different values into there:database/url"
    assert push.there.values == {}
    assert_no_canary(repr(steps), PLAIN)


# --- the writing -----------------------------------------------------------------------------------------------------


def test_it_writes_what_is_due_together_and_a_second_time_nothing(make_push: MakePush) -> None:
    push = make_push({"database/url": "new", "openai/key": "k"}, {"database/url": "old"}, Ai)
    steps = push.push("ai")
    assert [(step.action, step.written) for step in steps] == [("change", True), ("create", True)]
    assert push.there.values == push.here.values
    assert isinstance(push.there, There)
    assert push.there.written == [["database/url", "openai/key"]]
    again = push.push("ai")
    assert [(step.action, step.written) for step in again] == [("same", False), ("same", False)]
    assert push.there.written == [["database/url", "openai/key"]]


def test_one_that_is_refused_has_failed_and_the_others_are_written(make_push: MakePush) -> None:
    there = There()
    there.refused["database/url"] = Failed(Code.DENIED, "may not be written", "allow it")
    push = make_push({"database/url": "x", "openai/key": "k"}, there, Ai)
    steps = push.push("ai")
    assert [(step.action, step.written) for step in steps] == [("failed", False), ("create", True)]
    assert (problem_of(steps).code, problem_of(steps).fix) == (Code.DENIED, "allow it")
    assert there.values == {"openai/key": "k"}


@pytest.mark.parametrize(
    ("before", "since", "action"),
    [
        ({}, {"database/url": "theirs"}, "failed"),
        ({"database/url": "old"}, {"database/url": "theirs"}, "failed"),
        ({"database/url": "old"}, {}, "failed"),
        ({"database/url": "old"}, {"database/url": Failed(Code.DENIED, "says no")}, "failed"),
        ({}, {"database/url": Failed(Code.NO_VALUE, "has no version")}, "create"),
        ({}, {"database/url": "new"}, "same"),
    ],
)
def test_what_came_there_after_the_plan_is_left_and_the_others_are_written(
    make_push: MakePush, before: Mapping[str, object], since: dict[str, object], action: str
) -> None:
    push = make_push({"database/url": "new", "openai/key": "k"}, before, Ai)
    done = push.push("ai", meanwhile=lambda: setattr(push.there, "values", dict(since)))
    assert [(step.action, step.written) for step in done] == [(action, action == "create"), ("create", True)]
    assert push.there.values == since | {"openai/key": "k"} | ({"database/url": "new"} if action == "create" else {})


def test_what_came_there_after_the_plan_is_said(make_push: MakePush) -> None:
    push = make_push({"database/url": PLAIN}, {}, Ai)
    done = push.push("ai", meanwhile=lambda: push.there.values.update({"database/url": f"{PLAIN}+"}))
    problem = problem_of(done)
    assert (problem.code, problem.fix) == (Code.UNAVAILABLE, "push again")
    assert problem.message == "was changed meanwhile, by somebody else"
    assert_no_canary(repr(done) + str([step.as_json() for step in done]), PLAIN)


class Broken(There):
    def __init__(self, error: Callable[[object], BaseException]) -> None:
        super().__init__()
        self.error = error

    def put(self, values: Mapping[Key, str | bytes], deadline: Deadline) -> Mapping[Key, Failed]:
        raise self.error(dict(values))


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (lambda values: ProviderError(Code.CREDENTIALS, "has none", "log in"), Code.CREDENTIALS),
        (lambda values: ValueError(f"bad: {values}"), Code.PLUGIN),
        (lambda values: SystemExit(f"bad: {values}"), Code.PLUGIN),
    ],
)
def test_a_writer_that_raises_has_failed_for_all_and_shows_no_value(
    make_push: MakePush, error: Callable[[object], BaseException], code: Code
) -> None:
    push = make_push({"database/url": PLAIN, "openai/key": PLAIN}, Broken(error), Ai)
    steps = push.push("ai")
    assert [step.problem.code for step in steps if step.problem] == [code, code]
    assert not any(step.written for step in steps)
    assert_no_canary(repr(steps) + repr([step.as_json() for step in steps]), PLAIN)


@pytest.mark.parametrize("reply", [None, 5, "text"])
def test_a_writer_that_answers_nonsense_has_failed(make_push: MakePush, reply: Any) -> None:
    class Nonsense(There):
        def put(self, values: Mapping[Key, str | bytes], deadline: Deadline) -> Mapping[Key, Failed]:
            return reply  # type: ignore[no-any-return]  # that is what is wrong with it

    push = make_push({"database/url": "x"}, Nonsense(), Ai)
    assert problem_of(push.push("ai")).code is Code.PLUGIN


def test_a_writer_that_hangs_is_given_up(make_push: MakePush) -> None:
    released = threading.Event()

    class Hanging(There):
        def put(self, values: Mapping[Key, str | bytes], deadline: Deadline) -> Mapping[Key, Failed]:
            released.wait(30)
            return {}

    push = make_push({"database/url": "x"}, Hanging(), Ai, deadline=0.2)
    try:
        assert problem_of(push.push("ai")).code is Code.UNAVAILABLE
    finally:
        released.set()


class Kinds(Settings):
    raw: SecretBytes = secret("raw")
    names: list[str] = secret("names")
    pin: int = secret("pin")


def test_values_are_put_as_the_text_or_bytes_that_a_load_reads_back(make_push: MakePush) -> None:
    push = make_push({"raw": b"\0\xff", "names": ["a", "b"], "pin": 7}, {}, Kinds)
    push.push("kinds")
    assert push.there.values == {"raw": b"\0\xff", "names": '["a", "b"]', "pin": "7"}
    assert set(actions(push.plan("kinds")).values()) == {"same"}


def test_a_value_that_is_none_is_missing(make_push: MakePush) -> None:
    push = make_push({"pin": Found(None, Origin("here", "x"))}, {}, Kinds)
    assert actions(push.plan("kinds"))["pin"] == "missing"


# --- the way ---------------------------------------------------------------------------------------------------------


def test_both_providers_are_closed_in_the_end(make_push: MakePush) -> None:
    push = make_push({"database/url": "x"}, {}, Ai)
    with pytest.raises(RuntimeError), route(push.estate, push.chosen, "here", "there"):
        raise RuntimeError
    assert (push.here.closed, push.there.closed) == (1, 1)


def test_a_writer_says_so_and_can(make_push: MakePush, offer: Offer) -> None:
    push = make_push({}, {}, Ai)
    offer(spec_of("silent", There()), spec_of("unable", Shelf("unable"), offers=(Writer,)))

    def leads(target: str) -> bool:
        with route(push.estate, push.chosen, "here", target) as way:
            return way.leads_to_a_writer

    assert [leads(name) for name in ("there", "here", "silent", "unable")] == [True, False, False, False]


def test_neither_plan_nor_outcome_shows_a_value(make_push: MakePush) -> None:
    push = make_push({"database/url": PLAIN, "openai/key": PLAIN}, {"openai/key": f"{PLAIN}+"}, Ai)
    for steps in (push.plan("ai"), push.push("ai")):
        assert_no_canary(repr(steps) + str([step.as_json() for step in steps]), PLAIN)


def test_a_step_for_machines(make_push: MakePush) -> None:
    push = make_push({"database/url": "x"}, {}, Ai)
    assert push.push("ai")[0].as_json() == {
        "services": ["ai"],
        "field": "url",
        "from": "here:database/url",
        "to": "there:database/url",
        "action": "create",
        "note": "",
        "written": True,
        "problem": None,
    }
