"""`estate diff`: two environments side by side, without a value."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from estate_config.cli.asked import environment_of, estate_and_services, reported
from estate_config.cli.options import Format, Output, Services
from estate_config.cli.output import PROBLEMS, colored, progress, say_each, say_json, table

if TYPE_CHECKING:
    from estate_config.comparison import Comparison, Difference
    from estate_config.environments import Environment, Estate
    from estate_config.errors import ConfigurationError

First = Annotated[str, typer.Argument(metavar="A", help="An environment.")]
Second = Annotated[str, typer.Argument(metavar="B", help="Another one.")]


def diff(first: First, second: Second, services: Services = None, output: Output = Format.TEXT) -> None:
    """Say what two environments have alike, and what not.

    Missing, extra, same, different, of a different shape: values are compared by a hash with a key that is thrown away,
    and never shown. Exit code 1 if anything is missing in one of them, has another shape or cannot be told; two values
    are fine.
    """
    with reported(output):
        estate, names = estate_and_services(services)
        pair = (environment_of(estate, first, "A"), environment_of(estate, second, "B"))
    made = ((name, _compared(estate, name, pair)) for name in names)
    if output is Format.JSON:
        found = list(made)
        documents = [{"service": name, **_as_json(one)} for name, one in found]
        say_json({"ok": all(_is_fine(one) for _, one in found), "environments": [first, second], "services": documents})
    else:
        found = say_each(made, lambda item: _text(*item, pair))
    if not all(_is_fine(one) for _, one in found):
        raise typer.Exit(PROBLEMS)


def _compared(estate: Estate, service: str, pair: tuple[Environment, Environment]) -> Comparison | ConfigurationError:
    from estate_config.comparison import compared
    from estate_config.errors import ConfigurationError
    from estate_config.services import schema_of

    try:
        with progress(f"comparing {service}"):
            return compared(schema_of(estate, service), estate, *pair)
    except ConfigurationError as error:
        return error


def _is_fine(found: Comparison | ConfigurationError) -> bool:
    from estate_config.comparison import Verdict

    wrong = (Verdict.MISSING, Verdict.EXTRA, Verdict.SHAPE, Verdict.UNKNOWN)
    return not isinstance(found, Exception) and not any(item.verdict in wrong for item in found.differences)


def _as_json(found: Comparison | ConfigurationError) -> dict[str, object]:
    settings = [] if isinstance(found, Exception) else [item.as_json() for item in found.differences]
    return {"ok": _is_fine(found), "settings": settings, "problems": [asdict(problem) for problem in found.problems]}


def _text(service: str, found: Comparison | ConfigurationError, pair: tuple[Environment, Environment]) -> str:
    if isinstance(found, Exception):
        return found.as_text(color=colored())
    from estate_config.report import problems_text

    first, second = (environment.name for environment in pair)
    head = ("setting", "kind", "verdict", f"in {first}", f"in {second}")
    rows = [_row(item) for item in found.differences]
    lines = [f"{service}: {first} and {second}", *(f"  {line}" for line in table([head, *rows]))]
    return "\n\n".join(filter(None, ["\n".join(lines), problems_text(found.problems, color=colored())]))


def _row(item: Difference) -> tuple[str, ...]:
    return (item.field, "secret" if item.secret else "", item.verdict.value, *item.places)
