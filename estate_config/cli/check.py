"""`estate check`: what is wrong with services, all at once."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import TYPE_CHECKING, Annotated, Any

import typer

from estate_config.cli.asked import ask_for_stages, environment_of, estate_and_services, reported
from estate_config.cli.options import EnvironmentName, Format, Output, Services, Stages
from estate_config.cli.output import PROBLEMS, colored, progress, say_each, say_json

if TYPE_CHECKING:
    from estate_config.environments import Environment, Estate
    from estate_config.loading import Attempt

SchemaOnly = Annotated[bool, typer.Option("--schema-only", help="Read no value and ask nobody: for builds.")]


def check(
    *,
    services: Services = None,
    environment: EnvironmentName = None,
    schema_only: SchemaOnly = False,
    stage: Stages = None,
    output: Output = Format.TEXT,
) -> None:
    """Say what is wrong with services, all at once.

    Every service is loaded as at its start, and its report printed. With --schema-only, schemas and chains are
    checked, in every environment unless --env names one.
    """
    with reported(output):
        estate, names = estate_and_services(services)
        environments = _environments(estate, environment, schema_only=schema_only)
        ask_for_stages(estate, names, stage)
    made = _attempts(estate, names, environments, schema_only=schema_only)
    if output is Format.JSON:
        attempts = list(made)
        ok = not any(attempt.problems for attempt in attempts)
        reports = [_document(attempt) for attempt in attempts]
        say_json({"ok": ok, "services": reports})
    else:
        attempts = say_each(made, lambda attempt: _text(attempt, schema_only=schema_only))
    if any(attempt.problems for attempt in attempts):
        raise typer.Exit(PROBLEMS)


def _of_the_file(estate: Estate) -> list[Attempt]:
    """Return what is wrong with names in `estate.toml` that lead nowhere, be it in what no start looks at."""
    from estate_config.errors import LoadInfo
    from estate_config.generate.listed import mistakes
    from estate_config.loading import Attempt
    from estate_config.unknown_names import unknown_names

    problems = [*unknown_names(estate)]
    problems += [problem for file in estate.table.generated for problem in mistakes(estate, file)]
    return [Attempt(LoadInfo(config=estate.source), problems)] if problems else []


def _environments(estate: Estate, name: str | None, *, schema_only: bool) -> list[Environment]:
    if schema_only and name is None:
        return [estate.choose(known) for known in estate.environments]
    return [environment_of(estate, name)]


def _attempts(
    estate: Estate, services: list[str], environments: list[Environment], *, schema_only: bool
) -> Iterable[Attempt]:
    from estate_config.services import attempted_at_once, examined

    if schema_only:
        return chain(_of_the_file(estate), (examined(estate, service, environments) for service in services))
    with progress(f"checking {', '.join(services)}"):
        return attempted_at_once(estate, services, environments[0])


def _document(attempt: Attempt) -> dict[str, Any]:
    from estate_config.report import degraded

    why = list(dict.fromkeys(degraded(attempt.answers)))
    return {"ok": not attempt.problems, **attempt.error().as_json(), "degraded": why}


def _text(attempt: Attempt, *, schema_only: bool) -> str:
    from estate_config.report import fine_line, warnings_text

    if attempt.problems:
        return attempt.error().as_text(color=colored())
    if schema_only:
        return f"{attempt.info.service}: schema and chains are fine in {attempt.info.environment}"
    line = fine_line(attempt.answers, attempt.info, attempt.seconds)
    return f"{line}\n\n{warnings_text(attempt.warnings, color=colored())}" if attempt.warnings else line
