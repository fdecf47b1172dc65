"""`estate diff`: two environments side by side, without a value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from estate_config.cli.asked import environment_of, estate_and_services, reported
from estate_config.cli.options import Format, Output, Services
from estate_config.cli.output import PROBLEMS, colored, progress, say_each, say_json, table

if TYPE_CHECKING:
    from estate_config.comparison import Difference
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
        pair = (environment_of(estate, first), environment_of(estate, second))
    made = ((name, _compared(estate, name, pair)) for name in names)
    if output is Format.JSON:
        found = list(made)
        documents = [{"service": name, **_as_json(one)} for name, one in found]
        say_json({"ok": all(_is_fine(one) for _, one in found), "environments": [first, second], "services": documents})
    else:
        found = say_each(made, lambda item: _text(*item, pair))
    if not all(_is_fine(one) for _, one in found):
        raise typer.Exit(PROBLEMS)


def _compared(
    estate: Estate, service: str, pair: tuple[Environment, Environment]
) -> list[Difference] | ConfigurationError:
    from estate_config.comparison import compared
    from estate_config.errors import ConfigurationError
    from estate_config.services import schema_of

    try:
        with progress(f"comparing {service}"):
            return compared(schema_of(estate, service), estate, *pair)
    except ConfigurationError as error:
        return error


def _is_fine(found: list[Difference] | ConfigurationError) -> bool:
    from estate_config.comparison import Verdict

    wrong = (Verdict.MISSING, Verdict.EXTRA, Verdict.SHAPE, Verdict.UNKNOWN)
    return isinstance(found, list) and not any(item.verdict in wrong for item in found)


def _as_json(found: list[Difference] | ConfigurationError) -> dict[str, object]:
    if isinstance(found, list):
        return {"ok": _is_fine(found), "settings": [item.as_json() for item in found], "problems": []}
    return {"ok": False, "settings": [], "problems": found.as_json()["problems"]}


def _text(service: str, found: list[Difference] | ConfigurationError, pair: tuple[Environment, Environment]) -> str:
    if not isinstance(found, list):
        return found.as_text(color=colored())
    first, second = (environment.name for environment in pair)
    head = ("setting", "kind", "verdict", f"in {first}", f"in {second}")
    rows = [(item.field, "secret" if item.secret else "", item.verdict.value, *item.places) for item in found]
    return "\n".join([f"{service}: {first} and {second}", *(f"  {line}" for line in table([head, *rows]))])
