"""`estate generate`: files that follow from the schemas."""

from __future__ import annotations

from typing import Annotated

import typer

from estate_config.cli.asked import must_be_known
from estate_config.cli.making import Check, Out, Target, Yes, hand_over
from estate_config.cli.options import EnvironmentName, Services
from estate_config.cli.output import say, table


def _names(incomplete: str) -> list[str]:
    from estate_config.generate.artefacts import ARTEFACTS

    return [name for name in ARTEFACTS if name.startswith(incomplete)]


ArtefactName = Annotated[
    str | None,
    typer.Argument(metavar="ARTEFACT", help="What to make; without it, the list.", autocompletion=_names),
]


def generate(  # noqa: PLR0917 - typer calls it by name
    artefact: ArtefactName = None,
    services: Services = None,
    environment: EnvironmentName = None,
    out: Out = None,
    check: Check = False,  # noqa: FBT002 - so typer makes an option of it
    yes: Yes = False,  # noqa: FBT002 - as above
) -> None:
    """Make a file that follows from the schemas: an example of a .env file, policies, infrastructure.

    No provider is contacted and no secret is needed.
    """
    from estate_config.generate.artefacts import ARTEFACTS

    if artefact is None:
        rows = [("artefact", "usual file", "what it is"), *((a.name, a.file, a.summary) for a in ARTEFACTS.values())]
        say("\n".join(table(rows)))
        return
    must_be_known("ARTEFACT", artefact, ARTEFACTS)
    command = ["estate", "generate", artefact, *(services or ()), *(("--env", environment) if environment else ())]
    hand_over(ARTEFACTS[artefact], command, services, Target(out, check, yes), environment)
