"""The way of a load: schema, environment, chain, resolution, validation; an instance, or one `ConfigurationError`.

Functions that hold values return; only functions without a value in their locals raise.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal, TypeVar

from estate_config import discovery, environments, handmade, stages, validate
from estate_config.chains import Chain, Config, chain_of, declared
from estate_config.contract import Provider
from estate_config.errors import EXIT_CODE, Asked, ConfigurationError, LoadInfo, Problem
from estate_config.model import Deadline, Found, Origin
from estate_config.observing import Fetched, Read, is_observed, tell
from estate_config.parallel import at_once
from estate_config.provenance import Provenance, Record
from estate_config.redaction import Hidden
from estate_config.report import success_line
from estate_config.resolve import Answer, Link, Resolution, resolve
from estate_config.schema import Setting
from estate_config.settings import Settings, concrete, hold, is_lazy, loaded, record_of, waiting_of
from estate_config.swap import publish, swapped

S = TypeVar("S", bound=Settings)

_CLOSING = 1.0
"""Seconds that are waited for providers to close."""

log = logging.getLogger("estate_config")


@dataclass(slots=True)
class Attempt:
    """One try at a load: what it was, what came back, and what is wrong."""

    info: LoadInfo
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    answers: dict[str, Answer] = field(default_factory=dict, repr=False)
    seconds: float = 0.0

    def error(self) -> ConfigurationError:
        return ConfigurationError(self.problems, self.warnings, self.info)


def load(
    target: type[S] | S,
    *,
    environment: str | None = None,
    config: Config = None,
    overrides: Mapping[str, Any] | None = None,
) -> S:
    """Return a complete and valid instance of a `Settings` class, or the lazy instance itself with its values in.

    `environment` and `config` choose as `estate.toml` and the environment variables would; `overrides` are values by
    field name that go before the chain. Raises `ConfigurationError` with all that is wrong.
    """
    given, config = Hidden(overrides), environments.unshown(config)
    del overrides
    hidden = _mapping(given)
    if isinstance(target, type):
        return _made(target, environment, config, hidden)
    if not is_lazy(target):
        return target
    asked_again = environment is not None or config is not None or bool(hidden.reveal())
    if not asked_again:
        concrete(target)
        return target
    swap = swapped(type(target))
    if swap is not None:
        swap.show(target, _made(type(target), environment, config, hidden))
        return target
    waiting = waiting_of(target)
    with waiting.lock:
        made = _made(type(target), environment, config, hidden)
        with waiting.refreshing:  # a refresh that is under way shows its own first
            publish(target, made)
            waiting.environment, waiting.config = environment, config
            if waiting.live is not None:
                waiting.live.loaded_anew()
    return target


def _mapping(given: Hidden[Mapping[str, Any] | None]) -> Hidden[dict[str, Any]]:
    """Return overrides as they are used. Called once nobody's frame has them bare: it raises for what is no mapping."""
    if not isinstance(given.reveal(), Mapping | None):
        raise TypeError(f"overrides are a mapping by field name, and not a {type(given.reveal()).__name__}")
    return Hidden(dict(given.reveal() or {}))


async def aload(
    target: type[S] | S,
    *,
    environment: str | None = None,
    config: Config = None,
    overrides: Mapping[str, Any] | None = None,
) -> S:
    """As `load`, off the event loop."""
    given, config = Hidden(overrides), environments.unshown(config)
    del overrides
    hidden = _mapping(given)

    def work() -> S:
        return load(target, environment=environment, config=config, overrides=hidden.reveal())

    return await asyncio.to_thread(work)


def load_or_exit(
    target: type[S] | S,
    *,
    environment: str | None = None,
    config: Config = None,
    overrides: Mapping[str, Any] | None = None,
) -> S:
    """As `load`; what is wrong is printed to stderr as one report, and the process exits with 78 (`EX_CONFIG`)."""
    given, config = Hidden(overrides), environments.unshown(config)
    del overrides
    hidden = _mapping(given)
    try:
        return load(target, environment=environment, config=config, overrides=hidden.reveal())
    except ConfigurationError as error:
        from estate_config.report import print_to_stderr

        print_to_stderr([error])
    raise SystemExit(EXIT_CODE)


def ensure(instance: S) -> S:
    """Return the instance that holds a lazy one's values in this context, loading it if there is none yet."""
    values = loaded(instance)
    if values is not None:
        return values
    cls = type(instance)
    swap = swapped(cls)
    if swap is not None:
        return swap.keep(instance, _made(cls, None, None, Hidden({})))
    waiting = waiting_of(instance)
    with waiting.lock:  # one load for all threads that come while it runs
        if waiting.current is None:
            publish(instance, _made(cls, waiting.environment, waiting.config, Hidden({})))
    return waiting.current  # type: ignore[return-value]  # set by publish, of this class


def _made(cls: type[S], environment: str | None, config: Config, overrides: Hidden[dict[str, Any]]) -> S:
    instance = cls.__new__(cls)
    fill(instance, overrides, environment, config)
    return instance


def fill(
    instance: Settings, overrides: Hidden[dict[str, Any]], environment: str | None = None, config: Config = None
) -> None:
    """Load a new instance's values into it. Raises `ConfigurationError` with all that is wrong."""
    attempt = attempted(instance, overrides, environment, config)
    if attempt.problems:
        error = attempt.error()
        del attempt  # with the values that were found
        raise error
    attempt.warnings += keep(instance)
    log_warnings(attempt)
    log.info("%s", success_line(attempt.answers, attempt.info, attempt.seconds, discovery_titles()))


def log_warnings(attempt: Attempt) -> None:
    """Say what did not stop a load, a line for each."""
    for warning in attempt.warnings:
        log.warning("%s %s: %s", warning.code, ", ".join(a.place for a in warning.places), warning.message)


def keep(instance: Settings, as_of: datetime | None = None) -> list[Problem]:
    """Keep the values of a loaded instance on disk, where `estate.toml` asks for it; return why that was not possible.

    `as_of` is when all of them were known to be good; without it, when the oldest of them was fetched.
    """
    record = record_of(instance)
    kept = record.chain.last_known_good if record is not None and record.chain is not None else None
    return [] if record is None or kept is None else kept.keep(record.answers.reveal(), as_of)


Uses = Literal["use", "look", "leave"]
"""What a load does with the last known good: what a service does; the same, but the file stays as it is; nothing."""


def attempted(
    instance: Settings,
    overrides: Hidden[dict[str, Any]],
    environment: str | None = None,
    config: Config = None,
    *,
    last_known_good: Uses = "use",
) -> Attempt:
    """Try to load the values into the instance, and return what came of it. Raises nothing for bad configuration."""
    started = time.monotonic()
    cls = type(instance)
    attempt = Attempt(LoadInfo(service=cls.__name__))
    try:
        settings = declared(cls)
        attempt.problems += handmade.unknown_names(overrides.reveal(), settings, cls)
        chain = chain_of(cls, environment, config)
    except ConfigurationError as error:
        info = replace(error.info, service=error.info.service or attempt.info.service)
        return Attempt(info, [*attempt.problems, *error.problems], list(error.warnings))
    if last_known_good == "leave":
        chain = replace(chain, last_known_good=None)
    attempt.info = chain.info
    log.debug(
        "loading %s in %s: chain %s, from %s",
        chain.info.service,
        chain.info.environment,
        " → ".join(chain.info.chain),
        chain.info.config or "code",
    )
    resolution = answers_of(settings, chain, overrides)
    attempt.answers = resolution.answers
    attempt.warnings = [*handmade.unused_options(cls), *stages.misspelt(settings), *resolution.warnings]
    if chain.last_known_good is not None:
        attempt.warnings += chain.last_known_good.stand_in(attempt.answers, removes=last_known_good == "use")
    attempt.problems += validated(instance, attempt.answers, forbid_examples=chain.forbid_examples)
    attempt.seconds = time.monotonic() - started
    if attempt.problems:
        vars(instance).clear()  # a validator of the whole may refuse it when its values are in
    else:
        hold(instance, _record(attempt, chain, environment, config))
    return attempt


def answers_of(settings: Sequence[Setting], chain: Chain, overrides: Hidden[dict[str, Any]]) -> Resolution:
    """Ask the chain for what is not given by hand, close its providers, and return all answers. Raises nothing."""
    given: dict[str, Answer] = {}
    for item in settings:
        value = handmade.at(overrides.reveal(), item.path)
        if value is handmade.CLOSED:
            given[item.field] = Answer(item, [Asked("override", item.field, "absent")])
        elif value is not handmade.NOWHERE:
            found = Found(value, Origin("override", item.field))
            given[item.field] = Answer(item, [Asked("override", item.field, "found")], found=found)
    open_settings = [item for item in settings if item.field not in given]
    try:
        resolution = resolve(open_settings, chain.links, Deadline(chain.deadline))
    finally:
        close_all(chain.links)
    if is_observed():
        _tell(chain.info, resolution)
    merged = {item.field: given.get(item.field) or resolution.answers[item.field] for item in settings}
    return Resolution(merged, resolution.warnings, resolution.fetches)


def _tell(info: LoadInfo, resolution: Resolution) -> None:
    """Tell those who observe what was asked of whom, and how it went."""
    where = (info.service, info.environment)
    for fetch in resolution.fetches:
        tell(Fetched(*where, fetch.provider, fetch.keys, fetch.seconds, fetch.outcome, fetch.at))
    when = {fetch.provider: fetch.at for fetch in resolution.fetches}
    for name, answer in resolution.answers.items():
        for step in answer.asked:
            if step.outcome == "not asked":
                continue
            secret, at = answer.setting.secret, when[step.provider]
            read = Read(*where, name, secret, step.provider, step.place, step.outcome, at=at)
            if step.outcome == "found" and answer.found is not None:
                read = read.of(answer.found.origin)
            tell(read)


def close_all(links: Sequence[Link]) -> None:
    """Close every provider. The values are in: one that cannot close, or that hangs in it, does not undo that."""
    providers = {link.name: link.provider for link in links}
    said = at_once(lambda name: _complaint(providers[name]), providers, Deadline(_CLOSING))
    for name in providers:
        if complaint := said.get(name, f"takes longer than {_CLOSING:g} seconds"):
            log.warning("the provider %s cannot be closed: %s", name, complaint)


def _complaint(provider: Provider) -> str:
    try:
        provider.close()
    except BaseException as error:  # noqa: BLE001 - a stranger's provider may raise anything, in a thread of ours
        return type(error).__name__
    return ""


def validated(instance: Settings, answers: Mapping[str, Answer], *, forbid_examples: bool) -> list[Problem]:
    """Put the values of answers into an instance, and return all that is wrong with them as a whole."""
    try:
        validate.fill_templates(answers)
        problems = validate.missing(answers)
        if forbid_examples:
            problems += validate.known_examples(answers)
        values, malformed = validate.inputs(answers)
        problems += malformed
        reported = {problem.field for problem in problems}
        return problems + validate.validate(instance, values, answers, reported)
    except BaseException as error:  # noqa: BLE001 - an interruption, an exit: the frames that it came through hold values
        stopped = error.with_traceback(None)
    values = {}
    raise stopped


def _record(attempt: Attempt, chain: Chain, environment: str | None, config: Config) -> Record:
    return Record(
        attempt.info,
        {name: provenance_of(answer) for name, answer in attempt.answers.items()},
        tuple(attempt.warnings),
        attempt.seconds,
        environment,
        config,
        chain,
        Hidden(attempt.answers),
    )


def provenance_of(answer: Answer) -> Provenance:
    """Return how a setting got its value."""
    asked, item = tuple(answer.asked), answer.setting
    if answer.found is None:
        return Provenance(item.field, item.secret, "default", "the schema", asked=asked)
    origin = answer.found.origin
    return Provenance(
        field=item.field,
        secret=item.secret,
        provider=origin.provider,
        place=origin.place,
        version=origin.version,
        stage=origin.stage,
        fetched_at=origin.fetched_at,
        asked=asked,
        created_at=origin.created_at,
        degraded=origin.degraded,
    )


def discovery_titles() -> Callable[[str], str]:
    """Return how to find the title of a provider that has answered."""

    def title(name: str) -> str:
        try:
            return discovery.find(name).title
        except ConfigurationError:
            return name

    return title
