"""`estate push`: fill one provider with what another one has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from estate_config.cli.asked import confirmed, environment_of, estate_and_services, must_be_known, reported
from estate_config.cli.options import EnvironmentName, Format, Output, Services, providers
from estate_config.cli.output import PROBLEMS, colored, progress, say, say_json, table

if TYPE_CHECKING:
    from estate_config.environments import Environment
    from estate_config.errors import Problem
    from estate_config.push import Route, Step

From = Annotated[
    str, typer.Option("--from", metavar="PROVIDER", help="Where the values are.", autocompletion=providers)
]
To = Annotated[str, typer.Option("--to", metavar="PROVIDER", help="Where they shall be.", autocompletion=providers)]
Yes = Annotated[bool, typer.Option("--yes", help="Write without asking.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]

_HEAD = ("action", "setting", "from", "to", "services", "note")
_DONE = {"create": "created", "change": "changed"}
_INTERRUPTED = 130
"""The exit code after Ctrl-C, as a shell has it."""
_COUNTED = {"create": "to create", "change": "to change", "same": "the same", "missing": "missing at the source"}


def push(
    *,
    source: From,
    target: To,
    services: Services = None,
    environment: EnvironmentName = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    output: Output = Format.TEXT,
) -> None:
    """Fill one provider with the secrets that another one has.

    Shows what it would create and change, never a value, and asks. What the target does not let it read is not
    overwritten. Done twice, the second time writes nothing.
    """
    from estate_config.push import plan, route

    if output is Format.JSON and not (yes or dry_run):
        raise typer.BadParameter("asks nothing: give --yes or --dry-run", param_hint="--format json")
    with reported(output):
        estate, names = estate_and_services(services)
        chosen = environment_of(estate, environment)
        _must_be_two(source, target)
        with route(estate, chosen, source, target) as way:
            _must_lead_to_a_writer(way)
            with progress(f"reading {source} and {target}"):
                steps, warnings = plan(estate, names, way)
            due = () if dry_run else tuple(step.target for step in steps if step.is_due)
            if output is Format.TEXT:
                _show(way, chosen, steps, warnings)
            if due:
                if not yes:
                    confirmed(f"Write {len(due)} to {way.target.spec.title}?", "Nothing was written.")
                done = _carried_out(steps, way)
                if done is None:
                    _say_broken_off(way, chosen, steps, warnings, output)
                    raise typer.Exit(_INTERRUPTED)
                steps = done
                if output is Format.TEXT:
                    _show(way, chosen, [step for step in steps if step.target in due], [])
    ok = not any(step.problem for step in steps)
    if output is Format.JSON:
        say_json(_document(way, chosen, steps, warnings, ok=ok))
    if not ok:
        raise typer.Exit(PROBLEMS)


def _must_be_two(source: str, target: str) -> None:
    from estate_config.discovery import installed

    must_be_known("--from", source, installed())
    must_be_known("--to", target, installed())
    if source == target:
        raise typer.BadParameter("is where the values come from", param_hint="--to")


def _must_lead_to_a_writer(way: Route) -> None:
    if not way.leads_to_a_writer:
        message = f"{way.target.name} cannot be written to; `estate providers` shows which can"
        raise typer.BadParameter(message, param_hint="--to")


def _carried_out(steps: Sequence[Step], way: Route) -> list[Step] | None:
    """Write what is due; None: that was interrupted, and nobody knows how far it went."""
    from estate_config.push import carry_out

    try:
        with progress(f"writing to {way.target.name}"):
            return carry_out(steps, way)
    except KeyboardInterrupt:
        return None


def _say_broken_off(
    way: Route, chosen: Environment, steps: Sequence[Step], warnings: Sequence[Problem], output: Format
) -> None:
    if output is Format.TEXT:
        count = sum(step.is_due for step in steps)
        say(f"Broken off: some of these {count} may be written. Run it again: it writes the rest.")
        return
    note = "broken off: it may be written"
    noted = [replace(step, note=note) if step.is_due else step for step in steps]
    say_json(_document(way, chosen, noted, warnings, ok=False))


def _show(way: Route, chosen: Environment, steps: Sequence[Step], warnings: Sequence[Problem]) -> None:
    from estate_config.report import problems_text, warnings_text

    several = len({service for step in steps for service in step.services}) > 1
    lines = table([_HEAD, *(_row(step, several=several) for step in steps)])
    blocks = [
        "\n  ".join([f"{way.source.name} → {way.target.name} in {chosen.name}", *lines]),
        problems_text([step.problem for step in steps if step.problem], color=colored()),
        warnings_text(warnings, color=colored()),
        _summary(steps),
    ]
    say("\n\n".join(filter(None, blocks)))


def _row(step: Step, *, several: bool) -> tuple[str, ...]:
    services = ", ".join(step.services) if several else ""
    return (_word(step), step.setting.field, step.source, step.target, services, step.note)


def _word(step: Step) -> str:
    return _DONE[step.action] if step.written else step.action.value


def _summary(steps: Sequence[Step]) -> str:
    counts = Counter(map(_word, steps))
    parts = ", ".join(f"{number} {_COUNTED.get(word, word)}" for word, number in counts.items())
    idle = not any(step.written or step.is_due for step in steps)
    return " ".join(filter(None, [f"{parts}." if parts else "", "Nothing to write." if idle else ""]))


def _document(
    way: Route, chosen: Environment, steps: Sequence[Step], warnings: Sequence[Problem], *, ok: bool
) -> dict[str, Any]:
    return {
        "ok": ok,
        "environment": chosen.name,
        "from": way.source.name,
        "to": way.target.name,
        "steps": [step.as_json() for step in steps],
        "warnings": [asdict(warning) for warning in warnings],
    }
