"""`estate run`: a program with the settings of services in its variables. It takes the place of this process."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import typer
from typer.core import TyperCommand

from estate_config.cli.asked import ask_for_stages, environment_of, estate_and_services
from estate_config.cli.options import EnvironmentName, Services, Stages
from estate_config.cli.output import progress

if TYPE_CHECKING:
    from estate_config.errors import ConfigurationError
    from estate_config.redaction import Hidden

_NOT_RUNNABLE, _NOT_FOUND = 126, 127
"""As every shell says it."""

_COMMAND = "estate_config.command"


class RunCommand(TyperCommand):
    """Keeps what comes after `--` as it is: it belongs to the program."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        own = args.index("--") if "--" in args else len(args)
        ctx.meta[_COMMAND] = args[own + 1 :]
        return super().parse_args(ctx, args[:own])

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        return [*super().collect_usage_pieces(ctx), "-- COMMAND..."]


def run(
    context: typer.Context, services: Services = None, environment: EnvironmentName = None, stage: Stages = None
) -> None:
    """Run a program with the settings of services in its variables.

    It gets the declared names and what this process has in its environment. It replaces this process, so that signals
    and exit codes are its own. Where something is wrong, the report is on stderr, and the exit code 78.
    """
    command = context.meta[_COMMAND]
    if not command or not command[0]:  # as where the variable that names it is empty
        raise typer.BadParameter("write the program to run after --", param_hint="COMMAND")
    made = _made(services, environment, stage)
    if isinstance(made, list):
        from estate_config.errors import EXIT_CODE
        from estate_config.report import print_to_stderr

        print_to_stderr(made)
        raise typer.Exit(EXIT_CODE)
    _become(command, made)


def _made(
    services: Sequence[str] | None, name: str | None, stages: Sequence[str] | None
) -> Hidden[dict[bytes, bytes]] | list[ConfigurationError]:
    from estate_config.errors import ConfigurationError
    from estate_config.variables import environment_with

    try:
        estate, names = estate_and_services(services)
        chosen = environment_of(estate, name)
        ask_for_stages(estate, names, stages)
    except ConfigurationError as error:
        return [error]
    with progress(f"loading {', '.join(names)}"):
        return environment_with(estate, chosen, names)


def _become(command: list[str], environment: Hidden[dict[bytes, bytes]]) -> NoReturn:
    """Replace this process with the program; exit as a shell does where that is not possible."""
    # Python ignores these, and the program would inherit that
    ignored = {number: signal.signal(number, signal.SIG_DFL) for number in (signal.SIGPIPE, signal.SIGXFSZ)}
    try:
        os.execvpe(command[0], command, environment.reveal())  # noqa: S606 - it is what the user asked to run
    except FileNotFoundError:
        code, why = _NOT_FOUND, "not found"
    except OSError as error:
        code, why = _NOT_RUNNABLE, error.strerror or "cannot be run"
    for number, handler in ignored.items():
        signal.signal(number, handler)
    sys.stderr.write(f"estate: {command[0]}: {why}\n")
    raise typer.Exit(code)
