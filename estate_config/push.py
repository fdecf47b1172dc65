"""Fill one provider with what another one has: the plan first, so that a person can look at it, then the writing.

Values stay in `Hidden` from the reading to the writing. Nothing here raises with a value in its frame, and what cannot
be read at the target is not overwritten.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any, cast

from estate_config.chains import declared, link_to
from estate_config.contract import Writer
from estate_config.environments import Environment, Estate
from estate_config.errors import Code, Problem
from estate_config.loading import close_all
from estate_config.model import Deadline, Failed, Found, Key, Origin, Place
from estate_config.redaction import Hidden
from estate_config.resolve import Answer, Link, place_of, resolve
from estate_config.schema import Setting
from estate_config.services import schema_of
from estate_config.spelling import spelled


class Action(StrEnum):
    """What a push does with one place."""

    CREATE = "create"
    CHANGE = "change"
    SAME = "same"
    MISSING = "missing"
    """The source has nothing to put there."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Step:
    """One place of the target, and what is done about it."""

    services: tuple[str, ...]
    setting: Setting = field(repr=False)
    source: str
    """The place that the value comes from, in the source's spelling."""
    target: str
    """The place that it goes to, in the target's spelling."""
    action: Action
    value: Hidden[str | bytes] | None = None
    before: Hidden[bytes | None] = field(default_factory=lambda: Hidden(None))
    """What is there already."""
    note: str = ""
    written: bool = False
    problem: Problem | None = None

    @property
    def is_due(self) -> bool:
        """Whether there is something to write."""
        return self.action in (Action.CREATE, Action.CHANGE)

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON-ready data, without the value."""
        return {
            "services": list(self.services),
            "field": self.setting.field,
            "from": self.source,
            "to": self.target,
            "action": self.action.value,
            "note": self.note,
            "written": self.written,
            "problem": asdict(self.problem) if self.problem else None,
        }


@dataclass(frozen=True, slots=True)
class Route:
    """From which provider to which."""

    source: Link
    target: Link
    deadline: float
    """Seconds that one round of questions, or the writing, may take."""

    @property
    def leads_to_a_writer(self) -> bool:
        return Writer in self.target.spec.offers and isinstance(self.target.provider, Writer)


@contextmanager
def route(estate: Estate, chosen: Environment, source: str, target: str) -> Iterator[Route]:
    """Yield the way between two providers, with their options of the chosen environment, and close both in the end.

    Raises `ConfigurationError` for what is wrong with one of them or its options.
    """
    links = link_to(source, estate, chosen), link_to(target, estate, chosen)
    try:
        yield Route(*links, chosen.deadline)
    finally:
        close_all(links)


def plan(estate: Estate, services: Sequence[str], way: Route) -> tuple[list[Step], list[Problem]]:
    """Return what is to be done, a step for each place of the target, and what the source warns of. Writes nothing.

    Raises `ConfigurationError` where the schema of a service cannot be used.
    """
    steps: list[Step] = []
    warnings: list[Problem] = []
    for service, cls in [(service, schema_of(estate, service)) for service in services]:
        settings = [item for item in declared(cls) if _belongs(item, way.target)]
        have = resolve(map(_from_anywhere, settings), [way.source], Deadline(way.deadline))
        known = [item for item in settings if have.answers[item.field].found is not None]
        there = resolve(known, [way.target], Deadline(way.deadline))
        steps += [_step(service, item, way, have.answers, there.answers) for item in settings]
        warnings += have.warnings
    return _each_place_once(steps), list(dict.fromkeys(warnings))


def carry_out(steps: Sequence[Step], way: Route) -> list[Step]:
    """Write what is due, and return all steps as they are now: written, or failed with its problem."""
    due: dict[str, list[Step]] = {}
    for step in steps:
        if step.is_due:
            due.setdefault(step.services[0], []).append(step)
    done = {step.target: step for group in due.values() for step in _written(group, way)}
    return [done.get(step.target, step) for step in steps]


def _belongs(item: Setting, target: Link) -> bool:
    """Secrets go into a store, and of other settings those that the schema gives a place there."""
    only = item.declaration.providers
    return (only is None or target.name in only) and (item.secret or target.key(item).address is not None)


def _from_anywhere(item: Setting) -> Setting:
    """Whom a load may ask says nothing about where a person fills a store from."""
    return replace(item, declaration=replace(item.declaration, providers=None))


def _step(service: str, item: Setting, way: Route, have: Mapping[str, Answer], there: Mapping[str, Answer]) -> Step:
    answer = have[item.field]
    source, target = (place_of(link, link.key(item)).text for link in (way.source, way.target))
    step = Step((service,), item, source, target, Action.MISSING)
    if answer.failed is not None:
        return _failed(step, answer, answer.failed)
    value = spelled(answer.found.value) if answer.found is not None else None
    if answer.found is None or value is None:
        return replace(step, note=_why_missing(answer))
    return _compared(replace(step, source=answer.found.origin.place, value=Hidden(value)), there[item.field])


def _compared(step: Step, current: Answer) -> Step:
    """Return the step with what is to be done, given what is there now."""
    if current.failed is not None and current.failed.code is not Code.NO_VALUE:
        return _failed(step, current, current.failed)
    if current.found is None:
        return replace(step, action=Action.CREATE)
    before = Hidden(_raw(spelled(current.found.value)))
    is_same = step.value is not None and before.reveal() == _raw(step.value.reveal())
    return replace(step, action=Action.SAME if is_same else Action.CHANGE, before=before)


def _why_missing(answer: Answer) -> str:
    if answer.was_empty:
        return "it is empty"
    return "built from others" if answer.setting.declaration.template is not None else ""


def _raw(value: str | bytes | None) -> bytes | None:
    return value.encode(errors="surrogatepass") if isinstance(value, str) else value


def _failed(step: Step, answer: Answer, failed: Failed) -> Step:
    problem = Problem(step.setting.field, failed.code, failed.hint, tuple(answer.asked), failed.fix)
    return replace(step, action=Action.FAILED, problem=problem)


def _each_place_once(steps: Iterable[Step]) -> list[Step]:
    """Services that share a secret have one step for it. What they disagree about is not written."""
    by_place: dict[str, Step] = {}
    for step in steps:
        first = by_place.get(step.target, step)
        kept = step if first.action is Action.MISSING else first
        if not _agree(first.value, step.value):
            kept = _disagreement(first, step)
        by_place[step.target] = replace(kept, services=tuple(dict.fromkeys(first.services + step.services)))
    return list(by_place.values())


def _agree(one: Hidden[str | bytes] | None, other: Hidden[str | bytes] | None) -> bool:
    return one is None or other is None or one.reveal() == other.reveal()


def _disagreement(first: Step, other: Step) -> Step:
    names = [f"{step.setting.field} of {step.services[0]}" for step in (first, other)]
    message = f"{' and '.join(names)} would put different values into {first.target}"
    fix = "give one of them another name or address in the schema"
    return replace(first, action=Action.FAILED, problem=Problem(first.setting.field, Code.SCHEMA, message, fix=fix))


def _unless_changed(step: Step, current: Answer) -> Step:
    """Return the step if the place is as the plan has it: nobody said yes to the loss of what came there since."""
    now = _compared(step, current)
    if now.is_due and (now.action, now.before.reveal()) != (step.action, step.before.reveal()):
        return _failed(step, current, Failed(Code.UNAVAILABLE, "was changed meanwhile, by somebody else", "push again"))
    return now


def _written(steps: Sequence[Step], way: Route) -> Iterator[Step]:
    """Put the values of one service as its load would ask for them: in time, and with what can go wrong as data."""
    there = resolve([step.setting for step in steps], [way.target], Deadline(way.deadline)).answers
    looked = [_unless_changed(step, there[step.setting.field]) for step in steps]
    yield from (step for step in looked if not step.is_due)
    due = [step for step in looked if step.is_due]
    values = {step.setting.field: step.value for step in due if step.value is not None}
    link = replace(way.target, provider=_Putting(way.target, values))
    answers = resolve([step.setting for step in due], [link], Deadline(way.deadline)).answers
    for step in due:
        answer = answers[step.setting.field]
        yield _failed(step, answer, answer.failed) if answer.failed is not None else replace(step, written=True)


@dataclass
class _Putting:
    """A provider that stores where others look; it answers with True for what is in, and with what failed."""

    link: Link
    values: Mapping[str, Hidden[str | bytes]]
    """By field."""

    def locate(self, key: Key) -> Place:
        return self.link.provider.locate(key)

    def fetch(self, keys: Sequence[Key], deadline: Deadline) -> Mapping[Key, Found | Failed]:
        writer = cast("Writer", self.link.provider)
        failed = writer.put({key: self.values[key.field].reveal() for key in keys}, deadline)
        stored = Found(True, Origin(self.link.name, ""))
        return {key: failed.get(key, stored) for key in keys}

    def close(self) -> None:
        """The provider itself is closed with its route."""
