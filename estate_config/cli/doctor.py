"""`estate doctor`: how things stand with secrets in an environment, without reading a value of a remote store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from estate_config.cli.asked import environment_of, estate_and_services, reported
from estate_config.cli.options import EnvironmentName, Format, Output, Services
from estate_config.cli.output import PROBLEMS, colored, progress, say, say_each, say_json, table

if TYPE_CHECKING:
    from estate_config.doctor import Diagnosis, Finding
    from estate_config.environments import Environment, Estate
    from estate_config.errors import ConfigurationError
    from estate_config.policies import Review

_HEAD = ("secret", "state", "in", "place", "version", "changed", "notices")


def doctor(services: Services = None, environment: EnvironmentName = None, output: Output = Format.TEXT) -> None:
    """Say how secrets and policies stand, without reading a secret.

    Of each secret: is it there, may it be read, is it to be deleted, is its rotation late. Of the policies of AWS: are
    those that are deployed the ones that `estate generate` makes. No value of a remote store is read: it needs no right
    to.
    """
    with reported(output):
        estate, names = estate_and_services(services)
        chosen = environment_of(estate, environment)
    made = ((name, _diagnosed(estate, name, chosen)) for name in names)
    if output is Format.JSON:
        diagnoses = list(made)
        review = _reviewed(estate, names, chosen)
        documents = [{"service": name, "ok": _is_fine(one), **_as_json(one)} for name, one in diagnoses]
        fine = all(_is_fine(one) for _, one in diagnoses) and not review.problems
        say_json({"ok": fine, "services": documents, "policies": asdict(review)})
    else:
        diagnoses = say_each(made, lambda item: _text(*item, chosen))
        review = _reviewed(estate, names, chosen)
        if text := _review_text(review, chosen):
            say(f"\n{text}")
    if review.problems or not all(_is_fine(one) for _, one in diagnoses):
        raise typer.Exit(PROBLEMS)


def _diagnosed(estate: Estate, service: str, environment: Environment) -> Diagnosis | ConfigurationError:
    from estate_config.doctor import diagnosed
    from estate_config.errors import ConfigurationError
    from estate_config.services import schema_of

    try:
        with progress(f"looking at {service}"):
            return diagnosed(schema_of(estate, service), estate, environment)
    except ConfigurationError as error:
        return error


def _reviewed(estate: Estate, names: Sequence[str], environment: Environment) -> Review:
    from estate_config.policies import reviewed

    with progress("looking at the policies"):
        return reviewed(estate, environment, names)


def _is_fine(diagnosis: Diagnosis | ConfigurationError) -> bool:
    return not diagnosis.problems


def _as_json(diagnosis: Diagnosis | ConfigurationError) -> dict[str, object]:
    findings = [] if isinstance(diagnosis, Exception) else [one.as_json() for one in diagnosis.findings]
    info = diagnosis.info
    return {
        "environment": info.environment,
        "chain": list(info.chain),
        "config": info.config,
        "secrets": findings,
        "problems": [asdict(one) for one in diagnosis.problems],
        "warnings": [asdict(one) for one in diagnosis.warnings],
    }


def _text(service: str, diagnosis: Diagnosis | ConfigurationError, environment: Environment) -> str:
    from estate_config.errors import ConfigurationError
    from estate_config.report import chain_line, counted, problems_text, warnings_text

    if isinstance(diagnosis, ConfigurationError):
        return diagnosis.as_text(color=colored())
    named = environment.said_by == "the call"  # by --env
    lines = [
        f"{service} in {environment.name}" + ("" if named else f", as {environment.said_by} says"),
        f"  {chain_line(diagnosis.info)}",
        *(f"  {line}" for line in table([_HEAD, *map(_row, diagnosis.findings)])),
    ]
    head = f"{service} has {counted(len(diagnosis.problems), 'problem')} in {environment.name}."
    blocks = [
        head if diagnosis.problems else "",  # not that it cannot start: who looks may be another identity
        problems_text(diagnosis.problems, color=colored()),
        warnings_text(diagnosis.warnings, color=colored()),
    ]
    return "\n\n".join(filter(None, ["\n".join(lines), *blocks]))


def _review_text(review: Review, environment: Environment) -> str:
    from estate_config.report import problems_text, warnings_text

    rows = [(one.name, one.state, "" if one.bearers is None else str(one.bearers)) for one in review.findings]
    lines = [f"  {line}" for line in table([("policy", "state", "roles and users"), *rows])]
    blocks = [
        "\n".join([f"policies in {environment.name}", *lines]) if lines else "",
        problems_text(review.problems, color=colored()),
        warnings_text(review.warnings, color=colored()),
    ]
    return "\n\n".join(filter(None, blocks))


def _row(item: Finding) -> tuple[str, ...]:
    changed = item.changed_at.strftime("%Y-%m-%d") if item.changed_at else ""
    version = (item.version or "")[:12]
    return (item.field, item.outcome, item.provider, item.place, version, changed, "; ".join(item.notices))
