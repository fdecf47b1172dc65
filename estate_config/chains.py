"""The chain of a load: the providers that a class is resolved by, built but not asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pydantic.errors import PydanticUndefinedAnnotation

from estate_config import discovery, environments, guard, handmade, stages
from estate_config.contract import Context, KeyKeeper, Provider
from estate_config.environments import Environment, Estate
from estate_config.errors import Code, ConfigurationError, LoadInfo, Problem
from estate_config.file_key import KeyOf, key_from, key_in
from estate_config.last_known_good import LastKnownGood, schema_hash
from estate_config.redaction import Hidden
from estate_config.resolve import Link, is_served, key_of
from estate_config.schema import Setting, schema_error
from estate_config.sealed_file import Bond
from estate_config.settings import Settings
from estate_config.suggest import did_you_mean
from estate_config.swap import swapped

Config = str | Path | Mapping[str, Any] | Hidden[Mapping[str, Any]] | None
"""A file, or its content as a mapping; None: `ESTATE_CONFIG`, `./estate.toml`, `./pyproject.toml`."""


@dataclass(frozen=True, slots=True)
class Chain:
    """What a load asks, and how long it may take."""

    info: LoadInfo
    links: tuple[Link, ...]
    deadline: float
    forbid_examples: bool = False
    last_known_good: LastKnownGood | None = None
    """What stands in for a store that cannot be reached, where `estate.toml` asks for it."""


def declared(cls: type[Settings]) -> tuple[Setting, ...]:
    """Return the settings of a class, completing it first where its annotations had to wait."""
    if not cls.__pydantic_complete__:
        try:
            cls.model_rebuild()
        except PydanticUndefinedAnnotation as error:
            name = error.name
        else:
            return cls.__estate_settings__
        fix = f"define {name} in the module of {cls.__name__}, or import it there outside of `if TYPE_CHECKING`"
        raise schema_error(cls, "", f"an annotation of {cls.__name__} names {name}, which is not defined", fix)
    return cls.__estate_settings__


def chain_of(cls: type[Settings], environment: str | None = None, config: Config = None) -> Chain:
    """Return the providers that a class is resolved by, built but not asked.

    Raises `ConfigurationError` for everything that is wrong with `estate.toml` or with a provider it names.
    """
    watched = guard.current()
    if watched is None:
        return _chain_of(cls, environment, config)
    chain = _chain_of(cls, environment or watched.environment, config)
    links = tuple(watched.wrap(link) for link in chain.links)
    return replace(chain, links=links, last_known_good=None)  # a test run neither reads nor writes it


def _chain_of(cls: type[Settings], environment: str | None, config: Config) -> Chain:
    swap = swapped(cls)
    if swap is not None:
        link = _double(swap.source, cls.__estate_settings__)
        info = LoadInfo(cls.__name__, "a swap by use()", (link.name,), "", len(cls.__estate_settings__))
        return Chain(info, (link,), environments.DEADLINE)
    estate = environments.read(config)
    return chain_in(cls, estate, estate.choose(environment))


def chain_in(cls: type[Settings], estate: Estate, chosen: Environment) -> Chain:
    """Return the providers of the chosen environment, built for a class but not asked. Raises as `chain_of` does."""
    size = len(cls.__estate_settings__)
    chain = tuple(str(entry) for entry in chosen.chain)
    info = LoadInfo(estate.service_of(cls), chosen.name, chain, estate.source, size)
    links: list[Link] = []
    problems = _unknown_providers(cls)
    asked = stages.asked_for()
    if handmade.has_own_sources(cls):
        spec = handmade.double_spec("sources", f"{cls.__name__}'s own sources")
        links.append(Link("sources", spec, frozenset(), handmade.OwnSources(cls)))
    for entry in chosen.chain:
        try:
            link = link_to(entry.provider, estate, chosen, cls.__estate_settings__)
            links.append(replace(link, next_on=entry.next_on, stages=asked, limit=entry.limit))
        except ConfigurationError as error:
            problems += error.problems
    kept = None
    try:
        kept = None if asked else _last_known_good(cls, info, links, estate, chosen)  # of what is current, no candidate
    except ConfigurationError as error:
        problems += error.problems
    if problems := problems or list(stages.unserved(cls.__estate_settings__, links)):
        raise ConfigurationError(problems, info=info)
    return Chain(info, tuple(links), chosen.deadline, chosen.forbid_examples, kept)


def _last_known_good(
    cls: type[Settings], info: LoadInfo, links: Sequence[Link], estate: Estate, chosen: Environment
) -> LastKnownGood | None:
    """Return the file that the environment asks for. Raises `ConfigurationError` where it has no key or no use."""
    table = chosen.last_known_good
    if table is None:
        return None
    stores = frozenset(link.name for link in links if link.spec.remote and link.spec.tells_refusals)
    if not stores:
        message = f"environments.{chosen.name}.last_known_good: the chain has no store that it could stand in for"
        raise estate.error(message, "remove it, or put a store that is asked over the network into the chain")
    return LastKnownGood(
        path=estate.folder / table.file.replace("{service}", quote(info.service, safe="")),
        bond=Bond(info.service, info.environment, schema_hash(cls.__estate_settings__)),
        key_of=_file_key(table.key, info, estate, chosen),
        max_age=timedelta(seconds=table.max_age),
        stores=stores,
    )


def _file_key(key: str, info: LoadInfo, estate: Estate, chosen: Environment) -> KeyOf:
    kind, _, name = key.partition(":")
    if kind == "file":
        return key_in(estate.folder / name)
    link = link_to(kind, estate, chosen)
    if KeyKeeper not in link.spec.offers or not isinstance(link.provider, KeyKeeper):
        message = f'environments.{chosen.name}.last_known_good.key: the provider "{kind}" keeps no keys of files'
        raise estate.error(message, "write file:PATH, aws:alias/NAME or keyring:NAME")
    context = {"service": info.service, "environment": info.environment}
    return key_from(link.provider, kind, name, context)


def link_to(provider: str, estate: Estate, chosen: Environment, settings: Sequence[Setting] = ()) -> Link:
    """Return a provider with its options of the chosen environment, be it in the chain or not, for these settings.

    Raises `ConfigurationError` for what is wrong with it or its options.
    """
    spec = discovery.find(provider)
    keys = tuple(key_of(spec, item) for item in settings if is_served(spec, item))
    context = Context(chosen.name, estate.folder, keys)
    options = {**chosen.providers.get(provider, {}), **guard.options(provider)}
    built = discovery.build(spec, options, context, estate.source)
    return Link(provider, spec, frozenset(), built)


def _unknown_providers(cls: type[Settings]) -> list[Problem]:
    """The providers that fields name and that nobody has installed."""
    problems = []
    known = discovery.installed()
    for item in cls.__estate_settings__:
        named = {**dict.fromkeys(item.declaration.providers or (), "providers="), **dict.fromkeys(item.addresses, "")}
        problems += [
            Problem(
                item.field,
                Code.SCHEMA,
                f"names a provider {name!r} that is not installed" + did_you_mean(name, known),
                fix="correct the name in the schema, or install the provider",
            )
            for name in named
            if name not in known
        ]
    return problems


def _double(source: Hidden[Mapping[str, Any] | Provider], settings: Sequence[Setting]) -> Link:
    given = source.reveal()
    if not isinstance(given, Mapping):
        return Link("double", handmade.double_spec("double", "a double"), frozenset(), given)
    spec = discovery.find("fixture")
    values = handmade.by_field(given, settings)
    provider = discovery.build(spec, {"values": values}, Context("test", Path()), "use()")
    return Link("fixture", spec, frozenset(), provider)


def check_names(cls: type[Settings], source: Hidden[Mapping[str, Any] | Provider]) -> None:
    """Raise `ConfigurationError` if values given by hand name a field that the class has not."""
    given = source.reveal()
    problems = handmade.unknown_names(given, declared(cls), cls) if isinstance(given, Mapping) else []
    del given
    if problems:
        raise ConfigurationError(problems, info=LoadInfo(cls.__name__))
