"""`estate rotate`: a secret gets its next value, in four steps; broken off, it goes on where it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any
from uuid import uuid4

import typer

from estate_config.cli.asked import confirmed, environment_of, must_be_known, reported
from estate_config.cli.options import EnvironmentName, Format, Output, rotations
from estate_config.cli.output import PROBLEMS, colored, progress, say, say_json

if TYPE_CHECKING:
    from estate_config.environments import Environment, Estate
    from estate_config.errors import Problem
    from estate_config.model import Failed
    from estate_config.rotation.steps import Rotation, Standing

Name = Annotated[
    str, typer.Argument(metavar="NAME", help="The secret, as [rotation] names it.", autocompletion=rotations)
]
Yes = Annotated[bool, typer.Option("--yes", help="Rotate without asking.")]
Now = Annotated[bool, typer.Option("--now", help="End the time in which the value before the last one is accepted.")]
Prepare = Annotated[
    bool, typer.Option("--prepare", help="Stop before the last step, so that the next version can be tried.")
]

_SAID = {
    "create": "version {version} waits as {pending}",
    "set": "it is accepted",
    "test": "it works",
    "finish": "it is the current one; the one before is {previous}",
}


def rotate(
    *,
    name: Name,
    environment: EnvironmentName = None,
    yes: Yes = False,
    now: Now = False,
    prepare: Prepare = False,
    output: Output = Format.TEXT,
) -> None:
    """Give a secret its next value, in four steps.

    Asks, and says each step as it is done, never a value. Broken off anywhere, the same command goes on from there.
    """
    if output is Format.JSON and not yes:
        raise typer.BadParameter("asks nothing: give --yes", param_hint="--format json")
    with reported(output):
        estate, chosen = _estate(name, environment)
        if prepare and estate.table.rotation[name].kind == "postgresql-single":
            raise typer.BadParameter("would lock out who has the current version", param_hint="--prepare")
        with _rotation(estate, chosen, name) as rotation:
            document = _rotated(rotation, chosen, output, yes=yes, now=now, prepare=prepare)
    if output is Format.JSON:
        say_json(document)
    if not document["ok"]:
        raise typer.Exit(PROBLEMS)


def _estate(name: str, environment: str | None) -> tuple[Estate, Environment]:
    from estate_config import environments

    estate = environments.read()
    if not estate.table.rotation:
        raise estate.error("no secret is listed for rotation", f'add [rotation."{name}"] with its kind to estate.toml')
    must_be_known("NAME", name, estate.table.rotation)
    return estate, environment_of(estate, environment)


@contextmanager
def _rotation(estate: Estate, chosen: Environment, name: str) -> Iterator[Rotation]:
    from estate_config.loading import close_all
    from estate_config.rotation.choosing import refuse_unfit, rotation_of

    refuse_unfit(estate, name)
    rotation = rotation_of(estate, chosen, name)
    try:
        yield rotation
    finally:
        close_all([rotation.link])


def _rotated(
    rotation: Rotation, chosen: Environment, output: Format, *, yes: bool, now: bool, prepare: bool
) -> dict[str, Any]:
    from estate_config.model import Failed
    from estate_config.rotation.steps import standing, too_early

    document: dict[str, Any] = {"environment": chosen.name, "name": rotation.name, "steps": []}
    with progress(f"looking at {rotation.name}"):
        stands = standing(rotation)
    if isinstance(stands, Failed):
        return _ended(document, rotation, stands, output)
    document |= {"place": stands.place, "version": stands.pending or str(uuid4()), "resumed": bool(stands.pending)}
    if not now and (early := too_early(rotation, stands)):
        return _ended(document, rotation, early, output)
    if output is Format.TEXT:
        say(_head(rotation, chosen, stands))
    if not yes:
        confirmed(f"Rotate {rotation.name}?", "Nothing was changed.")
    failed = _stepped(document, rotation, output, seen=stands.current, prepare=prepare)
    return _ended(document, rotation, failed, output)


def _stepped(
    document: dict[str, Any], rotation: Rotation, output: Format, *, seen: str, prepare: bool
) -> Failed | None:
    """Do the steps in order; return what is wrong with the first one that cannot be done."""
    from estate_config.rotation.steps import Step, perform

    words = {"version": document["version"], "pending": rotation.rotator.pending, "previous": rotation.rotator.previous}
    for step in list(Step)[: -1 if prepare else None]:
        with progress(f"{step} {rotation.name}"):
            failed = perform(rotation, step, document["version"], seen=seen)
        document["steps"].append({"step": step.value, "done": failed is None})
        if output is Format.TEXT:
            say(f"  {step.value:6}  {'failed' if failed else _SAID[step].format(**words)}")
        if failed is not None:
            return failed
    return None


def _head(rotation: Rotation, chosen: Environment, stands: Standing) -> str:
    head = f"{rotation.name} in {chosen.name}: {stands.place} of {rotation.link.spec.title}"
    changed = f", changed {stands.changed_at:%Y-%m-%d %H:%M} UTC" if stands.changed_at else ""
    lines = [head, f"  current version {stands.current}{changed}"]
    if stands.pending:
        lines.append(f"  a rotation to version {stands.pending} has begun, and goes on")
    return "\n".join(lines)


def _ended(document: dict[str, Any], rotation: Rotation, failed: Failed | None, output: Format) -> dict[str, Any]:
    """Return the document as it ends, and say what is wrong."""
    from estate_config.report import problems_text

    problem = _problem(rotation, failed) if failed is not None else None
    if problem is not None and output is Format.TEXT:
        say(problems_text([problem], color=colored()))
    return {"ok": problem is None, **document, "problem": asdict(problem) if problem else None}


def _problem(rotation: Rotation, failed: Failed) -> Problem:
    from estate_config.errors import Asked, Problem
    from estate_config.resolve import place_of

    asked = Asked(rotation.link.name, place_of(rotation.link, rotation.key).text, failed.code)
    return Problem(rotation.name, failed.code, failed.hint, (asked,), failed.fix)
