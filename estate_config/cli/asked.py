"""What a verb was asked for. A name that is not there is wrong usage; an `estate.toml` that is wrong is a problem."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from estate_config.cli.options import Format
from estate_config.cli.output import PROBLEMS, fail, say

if TYPE_CHECKING:
    from estate_config.environments import Environment, Estate


@contextmanager
def reported(output: Format | None) -> Iterator[None]:
    """Print what is wrong with the estate itself, and exit, if the block raises `ConfigurationError`.

    None: on stderr, since stdout has a form of its own.
    """
    from estate_config.errors import ConfigurationError

    try:
        yield
    except ConfigurationError as error:
        problem = error
    else:
        return
    fail(problem, output)


def estate_and_services(services: Sequence[str] | None) -> tuple[Estate, list[str]]:
    """Return the estate, and the services that were named, each once, or all that it lists.

    Raises `ConfigurationError` where `estate.toml` cannot be used or lists no service.
    """
    from estate_config import environments

    estate = environments.read()
    known = estate.table.services
    if not known:
        raise estate.error("no service is listed", 'add [services] to estate.toml, with a line as ai = "module:Class"')
    for name in services or ():
        must_be_known("SERVICE", name, known)
    return estate, list(dict.fromkeys(services or known))


def environment_of(estate: Estate, name: str | None, where: str = "--env") -> Environment:
    """Return the environment that was named, or that holds. Raises `ConfigurationError` where nothing says which."""
    if name is not None:
        must_be_known(where, name, estate.environments)
    return estate.choose(name)


def ask_for_stages(estate: Estate, services: Sequence[str], asked: Sequence[str] | None) -> None:
    """Let this process, and the program that takes its place, ask for these stages, each `FIELD=STAGE`.

    Raises `ConfigurationError` where the schema of a service cannot be used.
    """
    if not asked:
        return
    import os

    from estate_config import stages
    from estate_config.chains import declared
    from estate_config.services import schema_of

    text = ",".join(asked)
    read = stages.read(text)
    if read is None:
        raise typer.BadParameter("write it as FIELD=STAGE, for each field once", param_hint="--stage")
    known = {item.field for service in services for item in declared(schema_of(estate, service))}
    for name in read:
        must_be_known("--stage", name, known)
    os.environ[stages.VARIABLE] = text


def must_be_known(what: str, name: str, known: Collection[str]) -> None:
    """Raise `typer.BadParameter`, with a did-you-mean, for a name that is not there."""
    from estate_config.suggest import did_you_mean

    if name not in known:
        raise typer.BadParameter(f'there is no "{name}"{did_you_mean(name, known)}', param_hint=what)


def confirmed(question: str, otherwise: str) -> None:
    """Go on only after a yes; else say `otherwise`, and exit."""
    if not sys.stdin.isatty():
        raise typer.BadParameter("there is no terminal to ask on; --yes goes on without asking", param_hint="--yes")
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        say(otherwise)
        raise typer.Exit(PROBLEMS)
