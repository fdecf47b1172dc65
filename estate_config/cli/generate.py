"""`estate generate`: files that follow from the schemas."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from estate_config.cli.asked import must_be_known
from estate_config.cli.making import Check, Out, Target, Yes, hand_over, hand_over_all
from estate_config.cli.options import EnvironmentName, Format, Output, Services
from estate_config.cli.output import PROBLEMS, say, say_json, table

ALL = "all"
"""Not an artefact, but every file that `[generated]` lists."""


def _names(incomplete: str) -> list[str]:
    from estate_config.generate.artefacts import ARTEFACTS

    return [name for name in (*ARTEFACTS, ALL) if name.startswith(incomplete)]


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
    output: Output = Format.TEXT,
) -> None:
    """Make a file that follows from the schemas, or check one.

    From an example of a .env file to policies and manifests: without a name, the list. `all` makes every file that
    [generated] in estate.toml lists, documents too. No provider is contacted and no secret is needed.
    """
    from estate_config.generate.artefacts import ARTEFACTS

    if artefact is None:
        if environment or out or check or yes:
            raise typer.BadParameter("name what to make: without it, there is only the list", param_hint="ARTEFACT")
        _list(output)
        return
    if artefact == ALL:
        if services or environment or out:
            raise typer.BadParameter("[generated] in estate.toml says which files, and of what", param_hint=ALL)
        handed = hand_over_all(Target(None, check, yes))
    else:
        must_be_known("ARTEFACT", artefact, {*ARTEFACTS, ALL})
        if output is Format.JSON and out is None:
            raise typer.BadParameter("an artefact has a form of its own: name --out FILE", param_hint="--format")
        command = ["estate", "generate", artefact, *(services or ()), *(("--env", environment) if environment else ())]
        handed = iter([hand_over(ARTEFACTS[artefact], command, services, Target(out, check, yes), environment)])
    if output is Format.JSON:
        files = list(handed)
        fine = all(one.is_fine for one in files)
        say_json({"ok": fine, "files": [asdict(one) for one in files]})
    else:
        shown = [one.show() for one in handed]  # all of them, whatever one says
        fine = all(shown)
    if not fine:
        raise typer.Exit(PROBLEMS)


def _list(output: Format) -> None:
    from estate_config.generate.artefacts import ARTEFACTS

    if output is Format.JSON:
        words = ("name", "file", "summary", "advice")
        say_json({"artefacts": [{word: getattr(one, word) for word in words} for one in ARTEFACTS.values()]})
        return
    rows = [("artefact", "usual file", "what it is"), *((a.name, a.file, a.summary) for a in ARTEFACTS.values())]
    say("\n".join(table(rows)))
