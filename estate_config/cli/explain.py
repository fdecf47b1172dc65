"""`estate explain`: where each value comes from."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import typer

from estate_config.cli.asked import environment_of, estate_and_services, reported
from estate_config.cli.options import EnvironmentName, Format, Output, Services
from estate_config.cli.output import PROBLEMS, age_text, colored, progress, say_each, say_json, table, version_text

if TYPE_CHECKING:
    from estate_config.environments import Environment, Estate
    from estate_config.errors import ConfigurationError
    from estate_config.provenance import Explanation, Provenance

_HEAD = ("setting", "kind", "from", "place", "version", "age", "asked before", "degraded")


def explain(services: Services = None, environment: EnvironmentName = None, output: Output = Format.TEXT) -> None:
    """Say where each value comes from, and who was asked before."""
    with reported(output):
        estate, names = estate_and_services(services)
        chosen = environment_of(estate, environment)
    made = (_explained(estate, name, chosen) for name in names)
    if output is Format.JSON:
        explained = list(made)
        documents = [{"ok": _is_fine(one), **one.as_json()} for one in explained]
        say_json({"ok": all(map(_is_fine, explained)), "services": documents})
    else:
        explained = say_each(made, _text)
    if not all(map(_is_fine, explained)):
        raise typer.Exit(PROBLEMS)


def _explained(estate: Estate, service: str, environment: Environment) -> Explanation | ConfigurationError:
    from estate_config import provenance
    from estate_config.services import attempted

    with progress(f"loading {service}"):
        attempt, instance = attempted(estate, service, environment, "look")
    return attempt.error() if instance is None else replace(provenance.explain(instance), info=attempt.info)


def _is_fine(explained: Explanation | ConfigurationError) -> bool:
    return not isinstance(explained, Exception)


def _text(explained: Explanation | ConfigurationError) -> str:
    from estate_config.report import chain_line, warnings_text

    if isinstance(explained, Exception):
        return explained.as_text(color=colored())
    info = explained.info
    head = f"{info.service} in {info.environment}\n{chain_line(info)}"
    blocks = [
        "\n  ".join([head, *table([_HEAD, *map(_row, explained)])]),
        warnings_text(explained.warnings, color=colored()),
    ]
    return "\n\n".join(filter(None, blocks))


def _row(item: Provenance) -> tuple[str, ...]:
    before = [step for step in item.asked if step.outcome != "found"]
    return (
        item.field,
        "secret" if item.secret else "",
        item.provider,
        item.place,
        version_text(item.stage, item.version),
        "" if item.age is None else age_text(item.age),
        ", ".join(f"{step.provider} {step.outcome}" for step in before),
        item.degraded,
    )
