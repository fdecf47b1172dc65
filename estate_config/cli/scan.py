"""`estate scan`: credentials that stand in the tree or in git's index."""

from __future__ import annotations

import sys
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from estate_config.cli.asked import environment_of, estate_and_services, reported
from estate_config.cli.options import EnvironmentName, Format
from estate_config.cli.output import PROBLEMS, progress, say, say_json

if TYPE_CHECKING:
    from estate_config.errors import Problem
    from estate_config.scanning.scan import Scan
    from estate_config.scanning.values import Marks


class ScanFormat(StrEnum):
    """How findings are printed."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"


_REPORTS = {ScanFormat.TEXT: Format.TEXT, ScanFormat.JSON: Format.JSON}
"""How a report is printed on stdout; in SARIF there is none of an estate."""

Folder = Annotated[Path, typer.Argument(metavar="FOLDER", help="Where to look.", exists=True, file_okay=False)]
Staged = Annotated[bool, typer.Option("--staged", help="Look at what the next commit adds: for a pre-commit hook.")]
NoValues = Annotated[bool, typer.Option("--no-values", help="Do not look for the current values: reads no secret.")]
Output = Annotated[ScanFormat, typer.Option("--format", help="For people, for machines, for a code host.")]


def scan(
    folder: Folder = Path(),
    environment: EnvironmentName = None,
    staged: Staged = False,  # noqa: FBT002 - so typer makes an option of it
    no_values: NoValues = False,  # noqa: FBT002 - as above
    output: Output = ScanFormat.TEXT,
) -> None:
    """Find credentials that stand in the files of a folder.

    What looks like one, known examples, and the current values of secrets.
    Exit code 1 if there is any, or if a file, or a current value to look for, could not be read.
    """
    from estate_config.scanning.scan import scanned
    from estate_config.scanning.texts import in_folder, in_index
    from estate_config.scanning.values import marks_of

    marks, problems = (marks_of([]), []) if no_values else _current_values(environment, output)
    try:
        with progress("scanning"):
            found = scanned(in_index(folder) if staged else in_folder(folder), marks)
    except ImportError:
        broken = "needs the extra scan: pip install 'estate-config[scan]'"
    except OSError as error:
        broken = f"{folder} cannot be looked through: {error.strerror or error}"
    else:
        _say(found, problems, output)
        raise typer.Exit(PROBLEMS if found.findings or found.unreadable or problems else 0)
    sys.stderr.write(f"estate scan: {broken}\n")
    raise typer.Exit(2)


def _current_values(environment: str | None, output: ScanFormat) -> tuple[Marks, list[Problem]]:
    from estate_config.scanning.scan import current_values

    with reported(_REPORTS.get(output)):
        estate, services = estate_and_services(None)
        with progress("reading what to look for"):
            return current_values(estate, services, environment_of(estate, environment))


def _say(found: Scan, problems: list[Problem], output: ScanFormat) -> None:
    from estate_config.report import counted
    from estate_config.scanning.finding import sarif

    for problem in problems:
        sys.stderr.write(f"not looked for: {problem.field}: {problem.code} {problem.message}\n")
    for name in found.left_out:
        sys.stderr.write(f"not looked through: {name} is larger than 1 MiB\n")
    for name, reason in found.unreadable.items():
        sys.stderr.write(f"not looked through: {name}: {reason}\n")
    if output is ScanFormat.SARIF:
        say_json(sarif(found.findings))
    elif output is ScanFormat.JSON:
        findings = [finding.as_json() for finding in found.findings]
        ok = not findings and not problems and not found.unreadable
        left = {"unreadable": found.unreadable, "left_out": found.left_out, "problems": list(map(asdict, problems))}
        say_json({"ok": ok, "files": found.looked_at, "findings": findings, **left})
    else:
        for finding in found.findings:
            say(str(finding))
        say(f"{counted(found.looked_at, 'file')}, {counted(len(found.findings), 'finding')}")
