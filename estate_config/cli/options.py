"""The words that verbs share, and what a shell may complete them to."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from estate_config.environments import Estate


class Format(StrEnum):
    """How data is printed."""

    TEXT = "text"
    JSON = "json"


def _estate() -> Estate | None:
    """The estate of the current folder; None where there is something wrong with it: completion says nothing of it."""
    from estate_config import environments
    from estate_config.errors import ConfigurationError

    try:
        return environments.read()
    except ConfigurationError:
        return None


def _services(incomplete: str) -> list[str]:
    estate = _estate()
    return [name for name in estate.table.services if name.startswith(incomplete)] if estate else []


def _environments(incomplete: str) -> list[str]:
    estate = _estate()
    return [name for name in estate.table.environments if name.startswith(incomplete)] if estate else []


def rotations(incomplete: str) -> list[str]:
    """Return the secrets of `[rotation]` whose names begin like that."""
    estate = _estate()
    return [name for name in estate.table.rotation if name.startswith(incomplete)] if estate else []


def providers(incomplete: str) -> list[str]:
    """Return the installed providers whose names begin like that."""
    from estate_config.discovery import installed

    return [name for name in installed() if name.startswith(incomplete)]


Services = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="SERVICE", help="Names from [services]; without any, all of them.", autocompletion=_services
    ),
]
EnvironmentName = Annotated[
    str | None,
    typer.Option(
        "--env",
        metavar="NAME",
        help="The environment, instead of what the variables say.",
        autocompletion=_environments,
    ),
]
Stages = Annotated[
    list[str] | None,
    typer.Option("--stage", metavar="FIELD=STAGE", help="Another version of a secret: database_url=AWSPENDING."),
]
Output = Annotated[Format, typer.Option("--format", help="For people, or for machines.")]
