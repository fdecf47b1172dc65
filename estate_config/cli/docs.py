"""`estate docs`: the document of services, from their schemas."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from estate_config.cli.asked import reported
from estate_config.cli.making import Check, Out, Target, Yes, hand_over, handed_over
from estate_config.cli.options import Format, Services
from estate_config.cli.output import PROBLEMS


class Document(StrEnum):
    """The forms of the document."""

    MARKDOWN = "markdown"
    HTML = "html"
    JSON = "json"


Form = Annotated[Document, typer.Option("--format", help="What to write it in.")]


def docs(
    services: Services = None,
    output: Form = Document.MARKDOWN,
    out: Out = None,
    check: Check = False,  # noqa: FBT002 - so typer makes an option of it
    yes: Yes = False,  # noqa: FBT002 - as above
) -> None:
    """Write down every setting, and where environments look for it.

    No provider is contacted and no secret is needed. Markdown goes between the lines <!-- estate:begin --> and
    <!-- estate:end --> of a page that has them, and all around them is kept.
    """
    from estate_config.generate.artefacts import DOCUMENTS

    form = [] if output is Document.MARKDOWN else ["--format", output.value]
    command = ["estate", "docs", *(services or ()), *form]
    target = Target(out, check, yes)
    if output is Document.JSON and out is None:  # stdout is read as JSON, whatever there is to say
        with reported(Format.JSON):
            handed = handed_over(DOCUMENTS[output], command, services, target)
    else:
        handed = hand_over(DOCUMENTS[output], command, services, target)
    if not handed.show():
        raise typer.Exit(PROBLEMS)
