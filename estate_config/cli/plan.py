"""`estate plan`: what a roll-out asks of AWS Secrets Manager, and what it costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from estate_config.cli.asked import environment_of, estate_and_services, reported
from estate_config.cli.options import EnvironmentName, Format, Output, Services
from estate_config.cli.output import say, say_json, table

if TYPE_CHECKING:
    from estate_config.generate.rollout import Rollout

Pods = Annotated[int, typer.Option("--pods", min=1, metavar="N", help="Pods of each service that start at once.")]


def plan(
    pods: Pods, services: Services = None, environment: EnvironmentName = None, output: Output = Format.TEXT
) -> None:
    """Say what a roll-out asks of AWS Secrets Manager, and its price.

    Calls a second against the quotas, what a month costs, and what to change.
    Made from the schemas and estate.toml: nothing is contacted.
    """
    from estate_config.generate.catalogue import catalogue_of, schemas_of
    from estate_config.generate.rollout import rollout

    with reported(output):
        estate, names = estate_and_services(services)
        chosen = environment_of(estate, environment)
        found = rollout(catalogue_of(estate, schemas_of(estate, names)), chosen.name, pods)
    if output is Format.JSON:
        say_json(found.as_json())
    else:
        say(_text(found))


def _text(found: Rollout) -> str:
    from estate_config.generate.rollout import BATCHES_PER_SECOND, GETS_PER_SECOND

    rows = [(s.service, str(s.secrets), str(s.batches), str(s.gets)) for s in found.starts]
    lines = [f"{found.pods} pods of each service starting within one second in {found.environment}"]
    lines += [f"  {line}" for line in table([("a start of", "secrets", "batches", "gets"), *rows])]
    lines.append(f"  batches  {found.batches:>7,} of {BATCHES_PER_SECOND:,} a second")
    lines.append(f"  gets     {found.gets:>7,} of {GETS_PER_SECOND:,} a second")
    lines.append(f"  a month  ${found.cost:.2f} for {found.secrets} secrets and a roll-out a day")
    lines.append(f"           ${found.cost_as_documents:.2f} with one JSON secret for each service")
    return "\n".join([*lines, *(f"  → {words}" for words in found.advice())])
