"""What `docs` and `generate` have in common: from their arguments to a text, on stdout or in a file."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from estate_config.cli.asked import estate_and_services, must_be_known
from estate_config.cli.output import PROBLEMS, say

if TYPE_CHECKING:
    from estate_config.environments import GeneratedFile
    from estate_config.generate.artefacts import Artefact
    from estate_config.generate.catalogue import Catalogue
    from estate_config.generate.files import Change

Out = Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write it there instead of to stdout.")]
Check = Annotated[bool, typer.Option("--check", help="Write nothing; exit with 1 where FILE is not as it should be.")]
Yes = Annotated[bool, typer.Option("--yes", help="Write over FILE even if estate did not make it.")]


@dataclass(frozen=True, slots=True)
class Target:
    """What to do with the text."""

    out: Path | None
    check: bool
    yes: bool


def hand_over(
    artefact: Artefact,
    command: Sequence[str],
    services: list[str] | None,
    target: Target,
    environment: str | None = None,
) -> bool:
    """Make the artefact for the services, and print it, write it, or compare it; `command` is how that is asked for.

    With an `environment`, the others are left out. Returns False for a file that is not as it should be.
    """
    from estate_config.generate.catalogue import catalogue_of, schemas_of
    from estate_config.generate.files import change, mark

    if target.check and target.out is None:
        raise typer.BadParameter("says which file to look at: --out FILE", param_hint="--check")
    with _reported():
        estate, names = estate_and_services(services)
        catalogue = catalogue_of(estate, schemas_of(estate, names))
        if environment is not None:
            must_be_known("--env", environment, [entry.name for entry in catalogue.environments])
            catalogue = replace(catalogue, environments=(catalogue.environment(environment),))
        said = mark(command, target.out, estate.folder)
        text = artefact.make(catalogue, said)
        if target.out is None:
            sys.stdout.write(text)
            return True
        out, yes = target.out, target.yes
        changes = [change(out, text, overwrite=yes)]
        for name, other in artefact.beside(said).items():
            changes.append(change(out.parent / name, other, overwrite=yes, made_as=out))
        if target.check:
            return _compare(changes, artefact, shlex.join([*command, "--out", str(out)]))
        _write(changes, artefact, catalogue)
    return True


def hand_over_all(target: Target) -> bool:
    """Do the same with every file that `[generated]` lists; a file that cannot be made does not hide the others."""
    from estate_config import environments
    from estate_config.generate.artefacts import ARTEFACTS, DOCUMENTS

    with _reported():
        estate = environments.read()
        if not estate.table.generated:
            raise estate.error(
                "no file is listed", 'add [generated] to estate.toml, as "docs/settings.md" = "markdown"'
            )
    fine = True
    for file, made in estate.table.generated.items():
        must_be_known(f"[generated] {file}", made.artefact, {**DOCUMENTS, **ARTEFACTS})
        document = made.artefact in DOCUMENTS
        artefact = (DOCUMENTS if document else ARTEFACTS)[made.artefact]
        try:
            out = replace(target, out=Path(os.path.relpath(estate.folder / file)))
            fine &= hand_over(artefact, _command(made, document=document), made.services, out, made.environment)
        except typer.Exit:  # it has said why
            fine = False
    return fine


def _command(made: GeneratedFile, *, document: bool) -> list[str]:
    """Return the words that make this one file by hand, which is what stands in it."""
    if not document:
        environment = ["--env", made.environment] if made.environment else []
        return ["estate", "generate", made.artefact, *made.services, *environment]
    form = [] if made.artefact == "markdown" else ["--format", made.artefact]
    return ["estate", "docs", *made.services, *form]


def _compare(changes: Sequence[Change], artefact: Artefact, command: str) -> bool:
    stale = [changed for changed in changes if changed.is_stale]
    if not stale:
        say(f"{changes[0].path} is as it should be")
        return True
    for changed in stale:
        if changed.old is None:
            say(f"{changed.path} is not there")
        else:
            say(f"{changed.diff(masked=artefact.holds_values)}\n\n{changed.path} is not as it should be")
    say(f"  fix  {command}")
    return False


def _write(changes: Sequence[Change], artefact: Artefact, catalogue: Catalogue) -> None:
    stale = [changed for changed in changes if changed.is_stale]
    if not stale:
        say(f"{changes[0].path} is as it should be: nothing is written")
        return
    from estate_config.report import counted

    for changed in stale:
        with suppress(OSError):  # said by write
            changed.path.parent.mkdir(exist_ok=True)
        changed.write()
    sizes = ((catalogue.services, "service"), (catalogue.settings, "setting"), (catalogue.secrets, "secret"))
    counts = ", ".join(counted(len(entries), word) for entries, word in sizes)
    files = str(stale[0].path) if len(stale) == 1 else f"{stale[0].path} and {len(stale) - 1} beside it"
    say(f"wrote {files}: {counts}\n{artefact.advice}")


@contextmanager
def _reported() -> Iterator[None]:
    """Print what is wrong to stderr, since stdout may be on its way into a file, and exit."""
    from estate_config.errors import ConfigurationError
    from estate_config.generate.files import RefusedError
    from estate_config.report import wants_color

    try:
        yield
    except ConfigurationError as error:
        report = error.as_text(color=wants_color(sys.stderr))
    except RefusedError as error:
        report = str(error)
    else:
        return
    sys.stderr.write(f"{report}\n")
    raise typer.Exit(PROBLEMS)
