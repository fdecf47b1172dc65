"""`estate init`: a first schema, `estate.toml`, example and test."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from estate_config.cli.options import Format, Output
from estate_config.cli.output import PROBLEMS, say, say_json

if TYPE_CHECKING:
    from estate_config.scaffold.drafts import Draft

Source = Annotated[
    str | None,
    typer.Option(
        "--from", metavar="WHAT", help="A .env file, module:Class of pydantic-settings, or a settings file of dynaconf."
    ),
]
Service = Annotated[
    str | None, typer.Option("--service", metavar="NAME", help="The service's name; else that of the folder.")
]


def init(source: Source = None, service: Service = None, output: Output = Format.TEXT) -> None:
    """Write what a service begins with, over nothing that is there.

    That is settings.py, estate.toml, .env.example and test_settings.py.
    With --from, the fields are those that the project has already; their types are guessed, and no value is copied,
    but for defaults of a class that can be no secret: numbers, truth values, None, words of a Literal.
    """
    from estate_config.errors import ConfigurationError
    from estate_config.scaffold.reading import UnreadableError
    from estate_config.scaffold.writing import taken, texts, write

    folder = Path.cwd()
    try:
        drafts, dynaconf_file = _drafts(source)
        name = re.sub(r"[^a-z0-9-]+", "-", (service or folder.name).lower()).strip("-") or "service"
        files = texts(name, drafts, dynaconf_file)
        # the package would be imported, and not the schema beside it
        if there := taken(folder, [*files, ".env.example", "settings/__init__.py"]):
            words = (
                f"{', '.join(there)} is there already, and nothing is written over it: move it away, or begin elsewhere"
            )
            _refuse(words, output)
        write(folder, files, _example)
    except UnreadableError as error:
        broken = str(error)
    except ConfigurationError as error:
        said = "; ".join(problem.message for problem in error.problems)
        fix = "run estate init without --from, and write the fields yourself"
        broken = f"the schema that was drafted cannot be used, and is taken back: {said}\n  fix  {fix}"
    except OSError as error:
        broken = f"nothing could be written here: {error.strerror}"
    else:
        _say([*files, ".env.example"], drafts, source, output)
        return
    _refuse(broken, output)


def _refuse(words: str, output: Format) -> None:
    if output is Format.JSON:
        say_json({"ok": False, "message": words})
    else:
        sys.stderr.write(f"estate init: {words}\n")
    raise typer.Exit(PROBLEMS)


def _drafts(source: str | None) -> tuple[Sequence[Draft], str | None]:
    from estate_config.scaffold.reading import UnreadableError, from_class, from_dotenv, from_dynaconf
    from estate_config.scaffold.writing import BEGINNING

    if source is None:
        return BEGINNING, None
    if ":" in source:
        drafts, dynaconf_file = from_class(source), None
    elif ".env" in Path(source).name:
        drafts, dynaconf_file = from_dotenv(Path(source)), None
    else:
        drafts, dynaconf_file = from_dynaconf(Path(source)), source
    if not drafts:
        raise UnreadableError(f"{source} has no setting to begin with")
    return drafts, dynaconf_file


def _example() -> str:
    """Return the example of a `.env` file, made from what was just written."""
    from estate_config import environments
    from estate_config.generate.artefacts import ARTEFACTS
    from estate_config.generate.catalogue import catalogue_of, schemas_of
    from estate_config.generate.files import mark

    estate = environments.read(Path("estate.toml"))
    catalogue = catalogue_of(estate, schemas_of(estate, estate.table.services))
    command = ["estate", "generate", "dotenv"]
    return ARTEFACTS["dotenv"].make(catalogue, mark(command, Path(".env.example"), estate.folder))


def _say(files: Sequence[str], drafts: Sequence[Draft], source: str | None, output: Format) -> None:
    secrets = sum(draft.secret for draft in drafts)
    if output is Format.JSON:
        say_json({"ok": True, "files": list(files), "settings": len(drafts), "secrets": secrets})
        return
    from estate_config.report import counted

    origin = f" from {source}" if source else ""
    say("wrote settings.py, estate.toml, .env.example and test_settings.py")
    say(f"{counted(len(drafts), 'field')}{origin}, {secrets} of them secret")
    say("look at settings.py: types and what is secret are guessed")
    if os.path.lexists(".env"):
        say("your .env stays as it is\nthen")
    else:
        say("then\n  cp .env.example .env && chmod 600 .env")
    say("  estate check\n  python -m pytest test_settings.py")
