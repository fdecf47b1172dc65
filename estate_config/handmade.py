"""Values given by hand, in code: overrides, doubles, and the sources that a user's own class brings along."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource
from pydantic_settings.sources import (
    DotEnvSettingsSource,
    EnvSettingsSource,
    InitSettingsSource,
    SecretsSettingsSource,
)

from estate_config.contract import ProviderSpec
from estate_config.errors import Code, Problem
from estate_config.model import Deadline, Failed, Found, Key, Origin, Place
from estate_config.schema import Setting
from estate_config.suggest import did_you_mean

NOWHERE: Any = object()
CLOSED: Any = object()
"""None was given for the nested model that the field is in: it has no value, and nobody is to be asked."""


def at(values: Any, path: Sequence[str]) -> Any:
    """Return what `values` has for a field, by nesting or by its dotted name; else `NOWHERE`, or `CLOSED`."""
    if not path:
        return values
    if values is None:
        return CLOSED
    if isinstance(values, BaseModel):
        return at(getattr(values, path[0]), path[1:]) if path[0] in type(values).model_fields else NOWHERE
    if isinstance(values, Mapping):
        for length in range(len(path), 0, -1):
            name = ".".join(path[:length])
            if name in values and (found := at(values[name], path[length:])) is not NOWHERE:
                return found
    return NOWHERE


def by_field(values: Mapping[str, Any], settings: Sequence[Setting]) -> dict[str, Any]:
    """Return what `values` has, by dotted field name."""
    found = {item.field: at(values, item.path) for item in settings}
    return {name: value for name, value in found.items() if value is not NOWHERE and value is not CLOSED}


def unknown_names(values: Mapping[str, Any], settings: Sequence[Setting], cls: type) -> list[Problem]:
    """Return a problem for each name that is no field of the class."""
    known = {item.field for item in settings}
    parents = {path[:n] for item in settings for path in [item.path] for n in range(1, len(path))}
    return [
        Problem(
            name,
            Code.UNKNOWN,
            f"{name} is a nested model: give its fields"
            if tuple(name.split(".")) in parents
            else f"{cls.__name__} has no field {name!r}" + did_you_mean(name, known),
            fix="values given by hand are keyed by field name, dotted for nested fields",
        )
        for name in _names(values, parents)
        if name not in known
    ]


def _names(values: Mapping[str, Any], parents: set[tuple[str, ...]], path: tuple[str, ...] = ()) -> Iterator[str]:
    for name, value in values.items():
        here = (*path, *str(name).split("."))
        if here in parents and isinstance(value, Mapping):
            yield from _names(value, parents, here)
        elif here not in parents or not (value is None or isinstance(value, BaseModel)):
            yield ".".join(here)


_UNUSED = ("env_file", "secrets_dir", "cli_parse_args", "json_file", "toml_file", "yaml_file")


def unused_options(cls: type[BaseSettings]) -> list[Problem]:
    """Return a warning for each option of pydantic-settings that names a place which the chain does not read."""
    config: Mapping[str, Any] = dict(cls.model_config)
    named = [name for name in _UNUSED if config.get(name) and not (name == "env_file" and config[name] == ".env")]
    if has_own_sources(cls):
        return []  # they may well read it
    return [
        Problem(
            "",
            Code.UNKNOWN,
            f"model_config of {cls.__name__} sets {name}, which nothing reads",
            fix=f"remove {name}: where values come from is said by the chain in estate.toml",
        )
        for name in named
    ]


class OwnSources:
    """The sources that a class adds in `settings_customise_sources`, as the first provider of the chain."""

    def __init__(self, cls: type[BaseSettings]) -> None:
        self._cls = cls

    def locate(self, key: Key) -> Place:
        return Place(f"{self._cls.__name__}.settings_customise_sources: {key.field}")

    def fetch(self, keys: Sequence[Key], deadline: Deadline) -> Mapping[Key, Found | Failed]:
        del deadline  # a source of pydantic-settings knows none; the load stops waiting on its own
        said: list[tuple[str, Any]] = []
        state: dict[str, Any] = {}
        for source in own_sources(self._cls):
            source._set_current_state(state)  # noqa: SLF001 - what BaseSettings itself does before it calls a source
            values = source()
            state = {**values, **state}
            said.append((type(source).__name__, values))
        answers: dict[Key, Found | Failed] = {}
        for key in keys:
            for name, values in said:
                value = at(values, key.field.split("."))
                if value is not NOWHERE and value is not None:
                    answers[key] = Found(value, Origin("sources", f"{name}: {key.field}"))
                    break
        return answers

    def close(self) -> None: ...


def own_sources(cls: type[BaseSettings]) -> list[PydanticBaseSettingsSource]:
    """Return the sources a class adds to pydantic-settings' own four, which the chain replaces."""
    usual: list[PydanticBaseSettingsSource] = [
        InitSettingsSource(cls, {}),
        EnvSettingsSource(cls),
        DotEnvSettingsSource(cls),
        SecretsSettingsSource(cls),
    ]
    init, env, dotenv, files = usual
    chosen = cls.settings_customise_sources(
        cls, init_settings=init, env_settings=env, dotenv_settings=dotenv, file_secret_settings=files
    )
    return [source for source in chosen if not any(source is one for one in usual)]


def has_own_sources(cls: type[BaseSettings]) -> bool:
    own = cls.settings_customise_sources.__func__  # type: ignore[attr-defined]  # a classmethod has one
    return own is not BaseSettings.settings_customise_sources.__func__  # type: ignore[attr-defined]


class _NoOptions(BaseModel):
    pass


def double_spec(name: str, title: str) -> ProviderSpec:
    """Return a spec for a provider that was given as an object: it is asked for every key."""
    return ProviderSpec(name=name, title=title, summary=title, options=_NoOptions, build=_never_built, double=True)


def _never_built(options: Any, context: Any) -> Any:
    raise NotImplementedError("this provider was given as an object")  # pragma: no cover - nothing builds it
