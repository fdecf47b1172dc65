"""Names in `estate.toml` that lead nowhere, and that no start need stumble over."""

from __future__ import annotations

from collections.abc import Iterator

from estate_config import discovery
from estate_config.environments import Estate
from estate_config.errors import Code, Problem
from estate_config.suggest import did_you_mean


def unknown_names(estate: Estate) -> Iterator[Problem]:
    """Yield a SCHEMA problem for a default environment that is not there, and for options of a provider that is not."""
    default = estate.table.default_environment
    if default is not None and default not in estate.environments:
        message = f'{estate.source}: default_environment: there is no environment "{default}"'
        fix = f"correct default_environment, or add [environments.{default}]"
        yield Problem("", Code.SCHEMA, message + did_you_mean(default, estate.environments), fix=fix)
    yield from _unknown_providers(estate)


def _unknown_providers(estate: Estate) -> Iterator[Problem]:
    """Each table whose provider is neither installed nor in any chain. It imports no provider.

    One that is in a chain need not be installed here: another image may have it.
    """
    table = estate.table
    asked = {entry.provider for environment in estate.environments.values() for entry in environment.chain}
    known = {*discovery.installed(), *asked}
    places = {f"providers.{name}": name for name in table.providers}
    for environment, own in table.environments.items():
        places |= {f"environments.{environment}.providers.{name}": name for name in own.providers}
    for place, name in places.items():
        if name not in known:
            message = f'{estate.source}: {place}: no provider called "{name}" is installed, and no chain has it'
            fix = f"correct {place}, or install the provider"
            yield Problem("", Code.SCHEMA, message + did_you_mean(name, known), fix=fix)
