"""`estate providers`: what is installed, where from, what is broken and how to mend it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from estate_config.cli.asked import reported
from estate_config.cli.options import Format, Output
from estate_config.cli.output import PROBLEMS, colored, say, say_json, table

if TYPE_CHECKING:
    from estate_config.inventory import Entry

_HEAD = ("provider", "can", "state", "used in", "from", "what it reads")


def providers(output: Output = Format.TEXT) -> None:
    """Show what is installed, where from, and what is broken."""
    from estate_config import environments
    from estate_config.inventory import inventory

    with reported(output):
        estate = environments.read()
    entries = inventory(estate)
    ok = not any(entry.broken for entry in entries)
    if output is Format.JSON:
        say_json({"ok": ok, "providers": [entry.as_json() for entry in entries]})
    else:
        _show(entries)
    if not ok:
        raise typer.Exit(PROBLEMS)


def _show(entries: list[Entry]) -> None:
    from estate_config.report import problems_text, warnings_text

    blocks = [
        "\n".join(table([_HEAD, *map(_row, entries)])),
        problems_text([entry.broken for entry in entries if entry.broken], color=colored()),
        warnings_text([entry.lacks for entry in entries if entry.lacks], color=colored()),
    ]
    say("\n\n".join(filter(None, blocks)))


def _row(entry: Entry) -> tuple[str, ...]:
    can = "" if entry.broken else "read, write" if "Writer" in entry.offers else "read"
    state = "broken" if entry.broken else "needs a package" if entry.lacks else "fine"
    return (entry.name, can, state, ", ".join(entry.environments), entry.distribution, entry.summary)
