"""What `docs` and `generate` have in common: from their arguments to a text, on stdout or in a file."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from estate_config.cli.asked import estate_and_services, must_be_known
from estate_config.cli.output import say

if TYPE_CHECKING:
    from estate_config.environments import Estate, GeneratedFile
    from estate_config.errors import Problem
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


@dataclass(frozen=True, slots=True)
class Handed:
    """What became of one text, and of the files that go with it."""

    file: str
    """Where it belongs; "" for stdout."""
    state: str
    """`printed`, `written`, `same`, `stale`, or `refused`."""
    message: str
    """The text itself where it is to be printed; else what became of it, in words for people."""

    @property
    def is_fine(self) -> bool:
        return self.state not in ("stale", "refused")

    def show(self) -> bool:
        """Print it for people, and return whether all is well."""
        if self.state == "printed":
            say(self.message, end="")  # it is a file's, newline and all
        elif self.state == "refused":
            sys.stderr.write(f"{self.message}\n")  # stdout may be on its way into a file
        else:
            say(self.message)
        return self.is_fine


def hand_over(
    artefact: Artefact,
    command: Sequence[str],
    services: list[str] | None,
    target: Target,
    environment: str | None = None,
) -> Handed:
    """Do as `handed_over`; what is wrong with the estate is a refusal too."""
    from estate_config.errors import ConfigurationError
    from estate_config.generate.files import RefusedError

    try:
        return handed_over(artefact, command, services, target, environment)
    except ConfigurationError as error:
        return _refused(target, str(target.out or artefact.name), error.problems)
    except RefusedError as error:
        return Handed(str(target.out or ""), "refused", str(error))


def hand_over_all(target: Target) -> Iterator[Handed]:
    """Do the same with every file that `[generated]` lists; a file that cannot be made does not hide the others.

    What is wrong with a service, or with the chains that serve it, is said once, before the files.
    """
    from estate_config.errors import ConfigurationError

    try:
        estate, services = estate_and_services(None)
        if not estate.table.generated:
            raise estate.error(
                "no file is listed", 'add [generated] to estate.toml, as "docs/settings.md" = "markdown"'
            )
    except ConfigurationError as error:
        yield Handed("", "refused", str(error))
        return
    broken = _broken(estate)
    if broken:
        problems = dict.fromkeys(problem for found in broken.values() for problem in found)
        yield Handed("", "refused", str(ConfigurationError(list(problems))))
    for file, made in estate.table.generated.items():
        out = replace(target, out=Path(os.path.relpath(estate.folder / file)))
        if without := [name for name in made.services or services if name in broken]:
            message = f"{out.out} cannot be made: see above what is wrong with {', '.join(without)}"
            yield Handed(str(out.out), "refused", message)
        else:
            yield _named(_listed(estate, file, out))


def _broken(estate: Estate) -> dict[str, Sequence[Problem]]:
    """Return what is wrong with services that files of `[generated]` are made of, by their names."""
    from estate_config.errors import ConfigurationError
    from estate_config.generate.catalogue import catalogue_of, schemas_of

    broken: dict[str, Sequence[Problem]] = {}
    listed = estate.table.generated.values()
    wanted = {name for made in listed for name in made.services or estate.table.services}
    for name in (name for name in estate.table.services if name in wanted):
        try:
            catalogue_of(estate, schemas_of(estate, [name]))
        except ConfigurationError as error:
            broken[name] = error.problems
    return broken


def _listed(estate: Estate, file: str, target: Target) -> Handed:
    from estate_config.generate.artefacts import ARTEFACTS, DOCUMENTS
    from estate_config.generate.listed import mistakes

    if problems := list(mistakes(estate, file)):
        return _refused(target, str(target.out), problems)
    made = estate.table.generated[file]
    document = made.artefact in DOCUMENTS
    artefact = (DOCUMENTS if document else ARTEFACTS)[made.artefact]
    return hand_over(artefact, _command(made, document=document), made.services, target, made.environment)


def _named(handed: Handed) -> Handed:
    """Let a refusal begin with its file: it is one among many."""
    if handed.state != "refused" or handed.message.startswith(handed.file):
        return handed
    return replace(handed, message=f"{handed.file}: {handed.message}")


def _refused(target: Target, what: str, problems: Sequence[Problem]) -> Handed:
    from estate_config.report import counted, problems_text

    head = f"{what} cannot be made: {counted(len(problems), 'problem')}."
    return Handed(str(target.out or ""), "refused", f"{head}\n\n{problems_text(problems)}")


def _command(made: GeneratedFile, *, document: bool) -> list[str]:
    """Return the words that make this one file by hand, which is what stands in it."""
    if not document:
        environment = ["--env", made.environment] if made.environment else []
        return ["estate", "generate", made.artefact, *made.services, *environment]
    form = [] if made.artefact == "markdown" else ["--format", made.artefact]
    return ["estate", "docs", *made.services, *form]


def handed_over(
    artefact: Artefact,
    command: Sequence[str],
    services: list[str] | None,
    target: Target,
    environment: str | None = None,
) -> Handed:
    """Make the artefact for the services, and write it or compare it; `command` is how that is asked for.

    With an `environment`, the others are left out. Raises `ConfigurationError` where the estate or a schema cannot be
    used, `RefusedError` where the file cannot be read or written.
    """
    from estate_config.generate.catalogue import catalogue_of, schemas_of
    from estate_config.generate.files import change, mark

    if target.check and target.out is None:
        raise typer.BadParameter("says which file to look at: --out FILE", param_hint="--check")
    estate, names = estate_and_services(services)
    catalogue = catalogue_of(estate, schemas_of(estate, names))
    if environment is not None:
        must_be_known("--env", environment, [entry.name for entry in catalogue.environments])
        catalogue = replace(catalogue, environments=(catalogue.environment(environment),))
    said = mark(command, target.out, estate.folder)
    text = artefact.make(catalogue, said)
    if target.out is None:
        return Handed("", "printed", text)
    out, yes = target.out, target.yes
    changes = [change(out, text, overwrite=yes)]
    for name, other in artefact.beside(said).items():
        changes.append(change(out.parent / name, other, overwrite=yes, made_as=out))
    if target.check:
        return _compared(changes, artefact, shlex.join([*command, "--out", str(out)]))
    return _written(changes, artefact, catalogue)


def _compared(changes: Sequence[Change], artefact: Artefact, command: str) -> Handed:
    file = str(changes[0].path)
    stale = [changed for changed in changes if changed.is_stale]
    if not stale:
        return Handed(file, "same", f"{file} is as it should be")
    lines = [
        f"{changed.path} is not there"
        if changed.old is None
        else f"{changed.diff(masked=artefact.holds_values)}\n\n{changed.path} is not as it should be"
        for changed in stale
    ]
    return Handed(file, "stale", "\n".join([*lines, f"  fix  {command}"]))


def _written(changes: Sequence[Change], artefact: Artefact, catalogue: Catalogue) -> Handed:
    file = str(changes[0].path)
    stale = [changed for changed in changes if changed.is_stale]
    if not stale:
        return Handed(file, "same", f"{file} is as it should be: nothing is written")
    from estate_config.report import counted

    for changed in stale:
        with suppress(OSError):  # said by write
            changed.path.parent.mkdir(exist_ok=True)
        changed.write()
    sizes = ((catalogue.services, "service"), (catalogue.settings, "setting"), (catalogue.secrets, "secret"))
    counts = ", ".join(counted(len(entries), word) for entries, word in sizes)
    files = str(stale[0].path) if len(stale) == 1 else f"{stale[0].path} and {len(stale) - 1} beside it"
    return Handed(file, "written", f"wrote {files}: {counts}\n{artefact.advice}")
