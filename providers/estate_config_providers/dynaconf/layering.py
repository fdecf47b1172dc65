"""dynaconf at work: documents in, what it makes of them out. Importing this module imports dynaconf.

Its own `Settings` and `BaseLoader` layer the sections and merge. What they would do besides is not asked for: look for
files in the folders above, run a `dynaconf_hooks.py`, take orders from `…_FOR_DYNACONF` variables, call Vault or Redis.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from dynaconf.base import Settings
from dynaconf.loaders.base import BaseLoader, SourceMetadata

from estate_config_providers.dynaconf.finding import Layer, Layered
from estate_config_providers.dynaconf.reading import Document

_FILES = {"toml", "yaml", "json", "ini", "py"}
"""What dynaconf calls its loaders of files."""


def layer(documents: Mapping[str, Document], section: str, *, evaluate: bool) -> Layered:
    """Return the settings of an environment: `[default]`, its own section and `[global]` of each document, in order.

    The section "" says that the documents have none. Raises whatever dynaconf raises of a bad document.
    """
    settings = Settings(
        dynaconf_skip_loaders=True,
        dynaconf_skip_validators=True,
        AUTO_CAST_FOR_DYNACONF=evaluate,
        DOTTED_LOOKUP_FOR_DYNACONF=True,
        ENVIRONMENTS_FOR_DYNACONF=bool(section),
        ENVVAR_PREFIX_FOR_DYNACONF=None,
        FORCE_ENV_FOR_DYNACONF=section or "main",
        LOWERCASE_READ_FOR_DYNACONF=True,
        MAIN_ENV_FOR_DYNACONF="main",
        MERGE_ENABLED_FOR_DYNACONF=False,
        NESTED_SEPARATOR_FOR_DYNACONF="__",
    )
    for source, document in documents.items():
        _Parsed(settings, section or "main", source, document).load(filename=[source])
    sources = dict.fromkeys((source.identifier, source.env) for source in settings.loaded_by_loaders)
    layers = tuple(
        Layer(name, part, _section(documents[name], part)) if section else Layer(name, "", documents[name])
        for name, part in sources
        if name in documents
    )
    return Layered(settings, layers)


def add_variables(layered: Layered, prefix: str, variables: Mapping[str, str]) -> Layered:
    """Put variables on top, their names without the prefix. They are text: nothing is guessed of them."""
    layered.settings.update(dict(variables), loader_identifier=SourceMetadata("env", prefix, "global"))
    return Layered(layered.settings, (*layered.layers, Layer(prefix, "", variables, variables=True)))


def layers_of(settings: Any) -> Layered:
    """Return what a `Dynaconf` object has loaded, and where it says it got it. Raises whatever loading raises."""
    in_sections = settings.get("ENVIRONMENTS_FOR_DYNACONF") is not False  # the object loads now, if it has not yet
    layers = []
    for source, table in settings.loaded_by_loaders.items():
        if source.loader.startswith("env"):
            layers.append(Layer(source.identifier or "", "", table, variables=True))
        elif source.loader in _FILES:
            layers.append(Layer(source.identifier, source.env if in_sections else "", table))
        else:
            layers.append(Layer(f"({source.loader} {source.identifier})", "", table))
    return Layered(settings, tuple(layers), exact=False)


class _Parsed(BaseLoader):  # type: ignore[misc]  # the library has no types
    """Takes a document that was read already, so that it is read once, and what cannot be read is not passed over."""

    def __init__(self, settings: Any, environment: str, source: str, document: Document) -> None:
        super().__init__(settings, environment, "estate_config", (), None, None)
        # A copy: dynaconf merges into what it is given, and where a value stood could not be told afterwards.
        self._data = {source: copy.deepcopy(document)}

    def get_source_data(self, files: object) -> dict[str, Document]:  # noqa: ARG002 - as dynaconf calls it
        return self._data


def _section(document: Document, name: str) -> Mapping[str, Any]:
    return {section.lower(): table for section, table in document.items()}.get(name) or {}
