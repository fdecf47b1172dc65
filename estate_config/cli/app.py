"""All verbs, and what holds for each of them: the path of imports, streams, interruptions, mistakes of our own."""

from __future__ import annotations

import logging
import os
import sys
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated

import typer

from estate_config import __version__
from estate_config.cli import (
    check,
    diff,
    docs,
    doctor,
    explain,
    generate,
    init,
    plan,
    providers,
    push,
    rotate,
    run,
    scan,
    watch,
)
from estate_config.cli.output import say

_BUG = 70
"""The exit code of a mistake of our own: `EX_SOFTWARE` of BSD's sysexits.h."""

app = typer.Typer(
    help="Typed settings and secrets of a team's services.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,  # they would show the locals of a frame
    pretty_exceptions_show_locals=False,
    no_args_is_help=True,
)

# A verb is a function in a module of its own. One line here makes it known:
app.command()(check.check)
app.command()(explain.explain)
app.command(cls=run.RunCommand)(run.run)
app.command()(watch.watch)
app.command()(push.push)
app.command()(rotate.rotate)
app.command()(providers.providers)
app.command()(docs.docs)
app.command()(generate.generate)
app.command()(doctor.doctor)
app.command()(diff.diff)
app.command()(scan.scan)
app.command()(plan.plan)
app.command()(init.init)


def _show_version(asked: bool) -> None:  # noqa: FBT001 - so typer calls it
    if asked:
        say(f"estate {__version__}")
        raise typer.Exit


Version = Annotated[
    bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
]


@app.callback()
def _every_verb(*, version: Version = False) -> None:
    """What comes before the verb."""


def run_app() -> None:
    """Run the verb that the arguments name, and exit with its code."""
    sys.path.insert(0, "")  # the current folder, as in `python -m`: `services.ai.settings` is found from here
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # it was closed when the process began: nobody wants to read it
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - until the process ends
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a report is shown on any terminal
    logging.getLogger().addHandler(logging.NullHandler())  # what an SDK logs is not for this screen
    logging.getLogger("estate_config").addHandler(logging.StreamHandler())
    try:
        app(prog_name="estate")
    except Exception as error:  # noqa: BLE001 - its words and its traceback may hold a value
        from estate_config.redaction import where

        broken = f"{type(error).__name__} in {where(error)}"
    else:
        return
    sys.stderr.write(f"estate: this is a mistake of estate's own, please report it: {broken}\n")
    raise SystemExit(_BUG)
