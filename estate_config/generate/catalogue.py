"""What the schemas and `estate.toml` say together: the one model that documents and generators are made from.

It is made offline. Providers are built and asked where they look, never for a value::

    estate = environments.read()
    catalogue = catalogue_of(estate, schemas_of(estate, ["ai", "etl"]))

    for service in catalogue.services:               # downwards: a service, its settings, where each is looked for
        for entry in service.settings:
            entry.field, entry.type, entry.default   # words for people; entry.setting is what the class declares
            for stop in entry.looked_for["production"].stops:
                stop.provider, stop.place            # in the order of asking: "aws", "estate/database/url"

    for secret in catalogue.secrets:                 # upwards, by logical name: who reads it, and where it lies
        secret.name, secret.services, secret.places
    for place in catalogue.places("production", "aws"):    # upwards, by place: what a policy is made of
        place.place, place.services

    catalogue.environment("production").link("aws").options    # the table [providers.aws], as it holds there

The order is that of `estate.toml` and of the classes, so that what is made of it is the same every time. Relative
folders stay relative to `estate.toml`, so that it is the same on every machine. There is no default of a secret in it
but behind `entry.setting`: take it from `entry.default`, in words.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from estate_config import discovery
from estate_config.addresses import unreadable
from estate_config.chains import chain_in, declared
from estate_config.describe import constraints, type_text
from estate_config.environments import ChainEntry, Environment, Estate
from estate_config.errors import Code, ConfigurationError, LoadInfo, Problem
from estate_config.generate.wording import default_text, default_words, one_line, value_text
from estate_config.model import Key
from estate_config.resolve import Link, place_of
from estate_config.schema import Setting, sibling
from estate_config.services import schema_of
from estate_config.settings import Settings
from estate_config.templates import placeholders


@dataclass(frozen=True, slots=True)
class ChainLink:
    """One provider of an environment's chain."""

    provider: str
    """As the chain names it."""
    title: str
    """As a person calls it: `AWS Secrets Manager`."""
    next_on: tuple[Code, ...]
    """The failures after which the next provider is asked all the same; without them, only absent falls through."""
    secrets_only: bool
    remote: bool
    options: Mapping[str, Any] = dataclasses.field(repr=False)
    """Its table in `estate.toml`, the shared one overlaid with the environment's own."""


@dataclass(frozen=True, slots=True)
class EnvironmentEntry:
    """One environment of `estate.toml`."""

    name: str
    is_default: bool
    """It holds where no variable names another one."""
    deadline: float
    """Seconds that a load may take."""
    chain: tuple[ChainLink, ...]
    forbid_examples: bool
    """Whether a secret may not have a value that stands in examples."""
    file_key: str
    """The key of the last known good, as `estate.toml` names it: `aws:alias/estate-cache`; "" where none is kept."""

    def link(self, provider: str) -> ChainLink | None:
        """Return the link of a provider; None where the chain has it not."""
        return next((link for link in self.chain if link.provider == provider), None)


@dataclass(frozen=True, slots=True)
class Stop:
    """One provider that is asked for a setting, and where it looks."""

    provider: str
    title: str
    place: str
    """In the provider's own spelling: `DATABASE_URL`, `estate/rds#password`."""
    fix: str
    """How to put a value there where none is."""
    change: str
    """How to replace one; "" where `fix` says that too."""
    key: Key = dataclasses.field(repr=False)
    """What it is asked for: `address` is the place given by hand, None where the provider derives it."""


@dataclass(frozen=True, slots=True)
class LookedFor:
    """One setting in one environment."""

    stops: tuple[Stop, ...]
    """Who is asked, in order; nobody, where the chain has only providers that do not serve it."""
    absent: Code | None
    """The outcome where nobody has it; None where the service starts without."""
    absent_words: str
    """The same in words: `default: info`."""


@dataclass(frozen=True, slots=True)
class SettingEntry:
    """One setting of a service, nested ones included."""

    service: str
    field: str
    """Dotted: `rds.password`."""
    name: str
    """The logical name: `database/url`."""
    secret: bool
    type: str
    constraints: tuple[str, ...]
    """`min_length=8`."""
    required: bool
    """The service does not start without it: no default, no template, no enclosing model with a default."""
    default: str | None
    """In words: `10s`, `none`, `made by uuid4()`; that of a secret is `not shown`. None where there is none."""
    default_text: str | None
    """As it would be written in a `.env` file; None where it is a secret's, made by code, or none."""
    description: str
    owner: str
    rotates: timedelta | None
    max_stale: timedelta | None
    allow_empty: bool
    examples: tuple[str, ...]
    """Never those of a secret."""
    template: str
    parts: tuple[str, ...]
    """The dotted fields that the template is built from, each once."""
    providers: tuple[str, ...] | None
    """The only ones that may be asked; None: the whole chain."""
    looked_for: Mapping[str, LookedFor]
    """By environment, each of `Catalogue.environments`."""
    setting: Setting = dataclasses.field(repr=False)
    """What the class declares; its type is `setting.info.annotation`."""


@dataclass(frozen=True, slots=True)
class ServiceEntry:
    """One service and its schema."""

    name: str
    target: str
    """Where its class is: `services.ai.settings:AiSettings`."""
    summary: str
    """The first paragraph of the class's docstring."""
    settings: tuple[SettingEntry, ...]
    cls: type[Settings] = dataclasses.field(repr=False)

    @property
    def secrets(self) -> tuple[SettingEntry, ...]:
        return tuple(entry for entry in self.settings if entry.secret)


@dataclass(frozen=True, slots=True)
class PlaceEntry:
    """One place of one provider in one environment, and all who look there."""

    environment: str
    provider: str
    place: str
    readers: tuple[SettingEntry, ...]

    @property
    def services(self) -> tuple[str, ...]:
        return _services(self.readers)


@dataclass(frozen=True, slots=True)
class SecretEntry:
    """One secret by its logical name, and all who read it."""

    name: str
    readers: tuple[SettingEntry, ...]
    """At least one; the same name in two services is the same secret."""
    places: tuple[PlaceEntry, ...]
    """Where it is looked for, environment after environment, in the order of asking."""

    @property
    def services(self) -> tuple[str, ...]:
        return _services(self.readers)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Services, environments, settings, and where each is looked for."""

    environment_variables: tuple[str, ...]
    """The first one that is set names the environment."""
    environments: tuple[EnvironmentEntry, ...]
    services: tuple[ServiceEntry, ...]

    @property
    def settings(self) -> tuple[SettingEntry, ...]:
        """All settings of all services."""
        return tuple(entry for service in self.services for entry in service.settings)

    def environment(self, name: str) -> EnvironmentEntry:
        return next(entry for entry in self.environments if entry.name == name)

    def service(self, name: str) -> ServiceEntry:
        return next(entry for entry in self.services if entry.name == name)

    def places(self, environment: str, provider: str | None = None) -> tuple[PlaceEntry, ...]:
        """Return every place that is looked at in an environment, by one provider or by all, in order of first use."""
        return _places(self.settings, environment, provider)

    @property
    def secrets(self) -> tuple[SecretEntry, ...]:
        """Every secret by its logical name, in order of first use."""
        readers: dict[str, list[SettingEntry]] = {}
        for entry in self.settings:
            if entry.secret:
                readers.setdefault(entry.name, []).append(entry)
        return tuple(
            SecretEntry(name, tuple(entries), self._places_of(tuple(entries))) for name, entries in readers.items()
        )

    def _places_of(self, entries: tuple[SettingEntry, ...]) -> tuple[PlaceEntry, ...]:
        found: list[PlaceEntry] = []
        for environment in self.environments:
            order = [link.provider for link in environment.chain]  # a class's own sources are in none, and come first
            places = _places(entries, environment.name)
            found += sorted(places, key=lambda place: order.index(place.provider) if place.provider in order else -1)
        return tuple(found)


def _services(readers: tuple[SettingEntry, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(entry.service for entry in readers))


def _places(entries: tuple[SettingEntry, ...], environment: str, provider: str | None = None) -> tuple[PlaceEntry, ...]:
    readers: dict[tuple[str, str], list[SettingEntry]] = {}
    for entry in entries:
        for stop in entry.looked_for[environment].stops:
            if provider in (None, stop.provider):
                readers.setdefault((stop.provider, stop.place), []).append(entry)
    return tuple(PlaceEntry(environment, *where, tuple(found)) for where, found in readers.items())


# --- making it -------------------------------------------------------------------------------------------------------


def schemas_of(estate: Estate, names: Iterable[str]) -> dict[str, type[Settings]]:
    """Return the schemas of services that `estate` lists, by name, importing their modules.

    Raises `ConfigurationError` with all that is wrong with them.
    """
    found: dict[str, type[Settings]] = {}
    problems: list[Problem] = []
    for name in names:
        try:
            found[name] = schema_of(estate, name)
        except ConfigurationError as error:
            problems += error.problems
    if problems:
        raise ConfigurationError(problems, info=LoadInfo(config=estate.source))
    return found


def catalogue_of(estate: Estate, services: Mapping[str, type[Settings]]) -> Catalogue:
    """Return what `estate` and the schemas of `services`, by name, say together. No provider is asked for a value.

    Raises `ConfigurationError` with all that is wrong: with a chain, a provider's options, a schema, an address.
    """
    portable = replace(estate, folder=Path())
    environments = [portable.choose(name) for name in estate.table.environments]
    chains: dict[str, dict[str, tuple[Link, ...]]] = {name: {} for name in services}
    problems: list[Problem] = []
    for service, cls in services.items():
        for environment in environments:
            try:
                declared(cls)
                links = chains[service][environment.name] = chain_in(cls, portable, environment).links
                problems += unreadable(cls.__estate_settings__, links)
            except ConfigurationError as error:
                problems += error.problems
    if problems:
        raise ConfigurationError(list(dict.fromkeys(problems)), info=LoadInfo(config=estate.source))
    return Catalogue(
        tuple(estate.table.environment_variables),
        tuple(_environment(portable, environment) for environment in environments),
        tuple(_service(name, cls, chains[name]) for name, cls in services.items()),
    )


def _environment(estate: Estate, environment: Environment) -> EnvironmentEntry:
    chain = tuple(_link(entry, environment) for entry in environment.chain)
    is_default = environment.name == estate.table.default_environment
    kept, forbid = environment.last_known_good, environment.forbid_examples
    return EnvironmentEntry(environment.name, is_default, environment.deadline, chain, forbid, kept.key if kept else "")


def _link(entry: ChainEntry, environment: Environment) -> ChainLink:
    spec = discovery.find(entry.provider)
    options = environment.providers.get(entry.provider, {})
    next_on = tuple(sorted(entry.next_on))
    return ChainLink(entry.provider, spec.title, next_on, spec.secrets_only, spec.remote, options)


def _service(name: str, cls: type[Settings], chains: Mapping[str, tuple[Link, ...]]) -> ServiceEntry:
    summary = inspect.cleandoc(cls.__doc__ or "").partition("\n\n")[0]
    settings = tuple(_setting(name, item, chains) for item in cls.__estate_settings__)
    return ServiceEntry(name, f"{cls.__module__}:{cls.__qualname__}", one_line(summary), settings, cls)


def _setting(service: str, item: Setting, chains: Mapping[str, tuple[Link, ...]]) -> SettingEntry:
    info, words = item.info, item.declaration
    parts = [sibling(item, name) for name in placeholders(words.template or "")]
    return SettingEntry(
        service=service,
        field=item.field,
        name=item.name,
        secret=item.secret,
        type=type_text(info.annotation),
        constraints=constraints(info),
        required=item.required and words.template is None and not item.optional_parents,
        default=default_words(item),
        default_text=default_text(item),
        description=one_line(info.description or ""),
        owner=one_line(words.owner or ""),
        rotates=words.rotates,
        max_stale=words.max_stale,
        allow_empty=words.allow_empty,
        examples=() if item.secret else tuple(map(value_text, info.examples or ())),
        template=words.template or "",
        parts=tuple(dict.fromkeys(parts)),
        providers=words.providers,
        looked_for={environment: _looked_for(item, links) for environment, links in chains.items()},
        setting=item,
    )


def _looked_for(item: Setting, links: tuple[Link, ...]) -> LookedFor:
    stops = tuple(_stops(item, links))
    return LookedFor(stops, *_absent(item, asked=bool(stops)))


def _stops(item: Setting, links: tuple[Link, ...]) -> Iterator[Stop]:
    for link in links:
        if link.serves(item):
            key = link.key(item)
            place = place_of(link, key)
            is_said = place.change.partition("   # ")[0] in place.fix  # the command, without the remark after it
            yield Stop(link.name, link.spec.title, place.text, place.fix, "" if is_said else place.change, key)


def _absent(item: Setting, *, asked: bool) -> tuple[Code | None, str]:
    """Return the outcome where nobody has the setting, and the same in words."""
    template = item.declaration.template
    default = default_words(item)
    if template is not None:
        parts = ", ".join(dict.fromkeys(sibling(item, name) for name in placeholders(template)))
        return None, f"built from {parts}" + (f"; else default: {default}" if default is not None else "")
    if default is not None:
        return None, f"default: {default}"
    if item.optional_parents:
        parent = ".".join(item.optional_parents[-1])
        return None, f"the default of {parent} stands; {Code.MISSING} once another setting of {parent} is found"
    return Code.MISSING, "the service does not start" + ("" if asked else ": nobody in this chain may be asked")
