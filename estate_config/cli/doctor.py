"""`estate doctor`: how things stand with secrets in an environment, without reading a value of a remote store."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from estate_config.cli.asked import environment_of, estate_and_services, reported
from estate_config.cli.options import EnvironmentName, Format, Output, Services
from estate_config.cli.output import PROBLEMS, colored, progress, say_each, say_json, table

if TYPE_CHECKING:
    from estate_config.doctor import Diagnosis, Finding
    from estate_config.environments import Environment, Estate
    from estate_config.errors import ConfigurationError

_HEAD = ("secret", "state", "in", "place", "version", "changed", "notices")


def doctor(services: Services = None, environment: EnvironmentName = None, output: Output = Format.TEXT) -> None:
    """Say how things stand with each secret: is it there, may it be read, is it to be deleted, is its rotation late.

    No value of a remote store is read: it needs no right to.
    """
    with reported(output):
        estate, names = estate_and_services(services)
        chosen = environment_of(estate, environment)
    made = ((name, _diagnosed(estate, name, chosen)) for name in names)
    if output is Format.JSON:
        diagnoses = list(made)
        documents = [{"service": name, "ok": _is_fine(one), **_as_json(one)} for name, one in diagnoses]
        say_json({"ok": all(_is_fine(one) for _, one in diagnoses), "services": documents})
    else:
        diagnoses = say_each(made, lambda item: _text(*item, chosen))
    if not all(_is_fine(one) for _, one in diagnoses):
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


def _is_fine(diagnosis: Diagnosis | ConfigurationError) -> bool:
    return not diagnosis.problems


def _as_json(diagnosis: Diagnosis | ConfigurationError) -> dict[str, object]:
    findings = [] if isinstance(diagnosis, Exception) else [one.as_json() for one in diagnosis.findings]
    return {
        "secrets": findings,
        "problems": [asdict(one) for one in diagnosis.problems],
        "warnings": [asdict(one) for one in diagnosis.warnings],
    }


def _text(service: str, diagnosis: Diagnosis | ConfigurationError, environment: Environment) -> str:
    from estate_config.errors import ConfigurationError, LoadInfo

    if isinstance(diagnosis, ConfigurationError):
        return diagnosis.as_text(color=colored())
    lines = [
        f"{service} in {environment.name}",
        *(f"  {line}" for line in table([_HEAD, *map(_row, diagnosis.findings)])),
    ]
    if diagnosis.problems or diagnosis.warnings:
        info = LoadInfo(service, environment.name)
        report = ConfigurationError(diagnosis.problems, diagnosis.warnings, info)
        lines += ["", report.as_text(color=colored())]
    return "\n".join(lines)


def _row(item: Finding) -> tuple[str, ...]:
    changed = item.changed_at.strftime("%Y-%m-%d") if item.changed_at else ""
    version = (item.version or "")[:12]
    return (item.field, item.outcome, item.provider, item.place, version, changed, "; ".join(item.notices))
