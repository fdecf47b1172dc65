"""A new version of the settings is a candidate: read, validated as a whole, and shown in one step; or not at all."""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from estate_config.chains import Chain, chain_of
from estate_config.contract import Leased
from estate_config.errors import Code, ConfigurationError, Problem
from estate_config.live.changes import call_back
from estate_config.live.keeping import keep_current
from estate_config.live.state import Call, State, lines_of, must_be_an_instance, state_of
from estate_config.loading import answers_of, provenance_of, validated
from estate_config.model import Origin
from estate_config.observing import Refused, Swapped, tell
from estate_config.provenance import Record
from estate_config.redaction import Hidden
from estate_config.resolve import Answer
from estate_config.schema import Setting, sibling
from estate_config.settings import Settings, concrete, hold, record_of, waiting_of
from estate_config.suggest import did_you_mean
from estate_config.swap import publish, swapped
from estate_config.templates import placeholders
from estate_config.validate import fill_templates

S = TypeVar("S", bound=Settings)

log = logging.getLogger("estate_config")

_BY_HAND = frozenset({"override"})

PASSING = frozenset({Code.UNAVAILABLE, Code.THROTTLED, Code.CREDENTIALS, Code.PLUGIN})
"""Failures that say nothing of the secret: the same question may be answered in a moment."""


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What came of looking again."""

    changed: tuple[str, ...] = ()
    """Fields whose value is another one now."""
    problems: tuple[Problem, ...] = ()
    """What could not be read, and keeps its old value; or what is wrong with a version that was refused."""
    refused: bool = False
    """Whether there was a new version that is not valid: the old one serves on."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """What a refresh may do that it does not do unasked."""

    older: bool = False
    """Go back to an older version of any field."""
    versions: Mapping[str, str | None] = field(default_factory=dict)
    """The version that was announced for a field: it is taken, older or not."""
    stages: Mapping[str, str] = field(default_factory=dict)
    """The stage to read a field at, instead of the current one."""


def refresh(instance: Settings, *fields: str, allow_older: bool = False) -> Refreshed:
    """Read the fields again, all if none is named, and show what is new once the whole is valid.

    Waits for the store no longer than a load does, after those that refresh it already: one follows the other. Returns
    what changed and what is wrong; raises nothing for a store that does not answer: what cannot be read keeps its
    value. An older version of a secret is refused unless `allow_older`. Raises `TypeError` for an instance that is not
    lazy, `ValueError` for a name that is no field, and `ConfigurationError` if it was not loaded yet and cannot be.
    """
    return renewed(instance, fields, Allowed(older=allow_older))


def snapshot(instance: S) -> S:
    """Return the version of now: a complete instance that no refresh changes. For fields that must agree.

    Raises `TypeError` for a class.
    """
    must_be_an_instance(instance)
    return concrete(instance)


def renewed(instance: Settings, fields: Collection[str], allowed: Allowed) -> Refreshed:
    """As `refresh`, and what else it may do."""
    done = taken(instance, fields, allowed)
    spread(instance, changed=bool(done.changed))
    return done


def taken(instance: Settings, fields: Collection[str], allowed: Allowed) -> Refreshed:
    """As `renewed`, and nobody is told yet: for who holds a lock, in which no callback may be made."""
    state = state_of(instance)
    for name in fields:
        _check_name(type(instance), name)
    concrete(instance)
    with waiting_of(instance).refreshing:
        asked = set(fields)
        done = _refreshed(instance, state, asked, allowed)
        while state.untaken and state.untaken != asked:  # by themselves, what kept them back is not in the way
            asked = set(state.untaken)
            alone = _refreshed(instance, state, asked, allowed)
            done = replace(done, changed=(*done.changed, *alone.changed))
    return done


def spread(instance: Settings, *, changed: bool) -> None:
    """Tell of what was taken, outside any lock, and keep it."""
    state = state_of(instance)
    call_back(state)
    keep_current(instance, state, changed=changed)
    if changed:
        state.wake()


def fields_of(cls: type[Settings], name: str) -> list[Setting]:
    """Return the settings that a name stands for: a field, or all fields of a nested one."""
    return [item for item in cls.__estate_settings__ if item.field == name or item.field.startswith(f"{name}.")]


def _check_name(cls: type[Settings], name: str) -> None:
    if not fields_of(cls, name):
        known = [item.field for item in cls.__estate_settings__]
        raise ValueError(f"{cls.__name__} has no field {name!r}" + did_you_mean(name, known))


def _refreshed(instance: Settings, state: State, fields: Collection[str], allowed: Allowed) -> Refreshed:
    values = concrete(instance)
    record = record_of(values)
    chain = None if record is None else _chain(type(instance), record)
    if record is None or chain is None:
        return Refreshed()  # made without a load: there is nobody to ask
    kept = record.answers.reveal()
    whole = _whole_secrets(type(instance), record, asked_of(type(instance), fields))
    asked = [item for item in whole if _is_live(item, kept[item.field])]
    allowed = replace(allowed, stages=_of_whole_secrets(type(instance), record, allowed.stages))
    answers, problems, waiting = _answered(asked, kept, chain, allowed)
    fill_templates(answers)
    state.untaken = {name for name, answer in waiting.items() if _is_leased(answer, chain)}
    changed = tuple(name for name in answers if _value(answers[name]) != _value(kept[name]))
    candidate = type(instance).__new__(type(instance))
    wrong = validated(candidate, answers, forbid_examples=chain.forbid_examples) if changed else []
    new_in_store = {name for name in changed if name not in _templates(type(instance))}
    _note(state, {item.field for item in asked} - (new_in_store if wrong else set()), problems)
    if wrong:
        vars(candidate).clear()
        state.untaken |= {name for name in new_in_store if _is_leased(answers[name], chain)}
        return _refuse(state, record, wrong, new_in_store)
    settings = {name: provenance_of(answer) for name, answer in answers.items()}
    new = replace(record, settings=settings, answers=Hidden(answers), chain=chain, process=os.getpid())
    if not changed:
        hold(values, new)
        return Refreshed(problems=tuple(problems))
    hold(candidate, new)
    if not _shown(instance, state, Call(changed, candidate), values):
        return _refreshed(instance, state, fields, allowed)
    log.info("new values of %s: %s", record.info.service, ", ".join(changed))
    tell(Swapped(record.info.service, record.info.environment, changed))
    return Refreshed(changed, tuple(problems))


def _chain(cls: type[Settings], record: Record) -> Chain | None:
    """Return whom to ask: who was asked before, or, in a child of that process, providers of its own."""
    if record.process == os.getpid():
        return record.chain
    try:
        return chain_of(cls, record.asked_environment, record.asked_config)
    except ConfigurationError as error:  # estate.toml was changed since
        log.warning("the chain of %s cannot be made anew: %d problems", record.info.service, len(error.problems))
        return None


def asked_of(cls: type[Settings], fields: Collection[str]) -> list[Setting]:
    """Return the settings to read again, those that a template is built from with it."""
    if not fields:
        return list(cls.__estate_settings__)
    by_name = {item.field: item for item in cls.__estate_settings__}
    wanted: dict[str, Setting] = {}

    def add(item: Setting) -> None:
        if item.field not in wanted:
            wanted[item.field] = item
            for name in placeholders(item.declaration.template or ""):
                add(by_name[sibling(item, name)])

    for name in fields:
        for item in fields_of(cls, name):
            add(item)
    return list(wanted.values())


def _whole_secrets(cls: type[Settings], record: Record, asked: Sequence[Setting]) -> list[Setting]:
    """Return the settings with all others that are members of the same secrets: a user goes with its password."""
    secrets = {_secret(record, item.field) for item in asked} - {None}
    return [item for item in cls.__estate_settings__ if item in asked or _secret(record, item.field) in secrets]


def _of_whole_secrets(cls: type[Settings], record: Record, stages: Mapping[str, str]) -> dict[str, str]:
    """Return the stages of fields, and of the other members of the same secrets."""
    by_secret = {_secret(record, name): stage for name, stage in stages.items()}
    by_secret.pop(None, None)
    names = (item.field for item in cls.__estate_settings__)
    found = {name: stages.get(name) or by_secret.get(_secret(record, name)) for name in names}
    return {name: stage for name, stage in found.items() if stage is not None}


def _secret(record: Record, name: str) -> tuple[str, str] | None:
    """Return the secret that a field is a member of, by provider and place; None: it is one by itself."""
    item = record.settings[name]
    secret, separator, _ = item.place.partition("#")
    return (item.provider, secret) if separator else None


def _is_live(item: Setting, kept: Answer) -> bool:
    by_hand = kept.found is not None and kept.found.origin.provider in _BY_HAND
    closed = any(step.provider in _BY_HAND for step in kept.asked)
    return item.declaration.live and not by_hand and not closed


def _answered(
    asked: Sequence[Setting], kept: Mapping[str, Answer], chain: Chain, allowed: Allowed
) -> tuple[dict[str, Answer], list[Problem], dict[str, Answer]]:
    """Ask again. Return the answers of the whole, the old ones where there is no better; why not; and who waits."""
    links = tuple(replace(link, stages={**link.stages, **allowed.stages}) for link in chain.links)
    fresh = answers_of(asked, replace(chain, links=links), Hidden({})).answers
    silent = {_failing_provider(new) for new in fresh.values() if new.failed is not None and new.failed.code in PASSING}
    answers: dict[str, Answer] = {}
    problems: list[Problem] = []
    waiting: dict[str, Answer] = {}
    for name, old in kept.items():
        new = fresh.get(name)
        why_not = None if new is None else _why_not(new, old, allowed)
        if why_not is not None:
            problems.append(why_not)
        if new is not None and why_not is None and new.found is not None and new.found.origin.provider in silent:
            waiting[name] = new
        answers[name] = _copy(old if new is None or why_not is not None or name in waiting else new)
    return answers, problems, waiting


def _failing_provider(answer: Answer) -> str:
    """Who could not say. What else came from it waits, too: of two secrets that belong together both are to be new."""
    return next(step.provider for step in answer.asked if answer.failed and step.outcome == answer.failed.code)


def _why_not(new: Answer, old: Answer, allowed: Allowed) -> Problem | None:
    """Return why an answer does not take the place of the one before."""
    name = new.setting.field
    if new.failed is not None:
        return Problem(name, new.failed.code, new.failed.hint, tuple(new.asked), new.failed.fix)
    if new.found is None or old.found is None or allowed.older or name in allowed.stages:
        return None
    now, before = new.found.origin, old.found.origin
    is_staged = before.stage in new.setting.declaration.accepts  # then an event of before says nothing against it
    announced = name in allowed.versions and allowed.versions[name] in (None, now.version)
    if (announced and not is_staged) or not _is_older(now, before, anywhere=is_staged):
        return None
    message = f"version {now.version} is older than {before.version}, which is in use: it is not taken"
    fix = "if it was put back on purpose: refresh(settings, allow_older=True), or start the service anew"
    return Problem(name, Code.STALE, message, tuple(new.asked), fix)


def _is_older(now: Origin, before: Origin, *, anywhere: bool) -> bool:
    """Whether one version of a place is older than another; `anywhere`: of a place that is spelled with a stage."""
    same_place = now.provider == before.provider and (anywhere or now.place == before.place)
    if not same_place or now.version == before.version or now.created_at is None or before.created_at is None:
        return False
    return now.created_at < before.created_at


def _copy(answer: Answer) -> Answer:
    """Return an answer that may be filled in; what a template gave is built anew."""
    asked = [step for step in answer.asked if step.provider != "template"]
    is_built = answer.found is not None and answer.found.origin.provider == "template"
    return replace(answer, asked=asked, places=list(answer.places), found=None if is_built else answer.found)


def _value(answer: Answer) -> object:
    return None if answer.found is None else answer.found.value


def _templates(cls: type[Settings]) -> set[str]:
    return {item.field for item in cls.__estate_settings__ if item.declaration.template is not None}


def _is_leased(answer: Answer, chain: Chain) -> bool:
    """Whether a provider has leased it anew, and renews what it leased before no longer."""
    leased = {link.name for link in chain.links if Leased in link.spec.offers}
    return answer.found is not None and answer.found.origin.provider in leased


def _note(state: State, answered: Collection[str], problems: Sequence[Problem]) -> None:
    """Remember what the store has confirmed, and what it could not say. Each new trouble is logged once."""
    failing = {problem.field: problem for problem in problems}
    state.confirm(name for name in answered if name not in failing)
    for line in lines_of(_news(state, failing)):
        log.warning("the old value serves on: %s", line)
    state.failing.update(failing)


def _news(state: State, failing: Mapping[str, Problem]) -> Iterator[Problem]:
    for name, problem in failing.items():
        before = state.failing.get(name)
        if before is None or (before.code, before.message) != (problem.code, problem.message):
            yield problem


def _refuse(state: State, record: Record, wrong: Sequence[Problem], fields: Collection[str]) -> Refreshed:
    if tuple(wrong) != state.refused:
        lines = "; ".join(lines_of(wrong))
        log.error("a new version of %s is refused, and the old one serves on: %s", record.info.service, lines)
        tell(Refused(record.info.service, record.info.environment, tuple(wrong)))
    state.refused, state.refused_for = tuple(wrong), frozenset(fields)
    return Refreshed(problems=tuple(wrong), refused=True)


def _shown(instance: Settings, state: State, call: Call, before: Settings) -> bool:
    """Show a version in the place of the one it was made beside; False if that is in use no longer."""
    with state.calling:  # nobody tells of it before it is shown
        state.calls.append(call)  # but it is in its turn: a handler of a signal may have news of its own told
        swap = swapped(type(instance))
        if swap is not None:
            swap.show(instance, call.version)
        elif not publish(instance, call.version, before):
            state.calls = deque(one for one in state.calls if one is not call)
            return False
    return True
