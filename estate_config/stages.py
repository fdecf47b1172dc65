"""Stages asked for by hand: a service is started on a version that is not the current one yet, and checked on it.

Who asks for a stage gets it or nothing: a provider without stages is not asked for that field.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence

from estate_config.errors import Code, ConfigurationError, Problem
from estate_config.resolve import Link
from estate_config.schema import Setting
from estate_config.suggest import closest

VARIABLE = "ESTATE_STAGES"
"""`database_url=AWSPENDING,jwt_secret=AWSPENDING`: stages by dotted field, instead of the current ones."""


def read(text: str) -> dict[str, str] | None:
    """Return the stages that a text asks for, by field; None where it cannot be read."""
    pairs = [part.strip().partition("=") for part in text.split(",") if part.strip()]
    stages = {field.strip(): stage.strip() for field, _, stage in pairs}
    return stages if all(field and stage for field, stage in stages.items()) and len(stages) == len(pairs) else None


def asked_for() -> Mapping[str, str]:
    """Return the stages that the environment variable asks for. Raises `ConfigurationError` if it cannot be read."""
    stages = read(os.environ.get(VARIABLE, ""))
    if stages is not None:
        return stages
    message = f"{VARIABLE} is not of the form FIELD=STAGE,FIELD=STAGE, with each field once"
    raise ConfigurationError([Problem("", Code.SCHEMA, message, fix=f"export {VARIABLE}=database_url=AWSPENDING")])


def unserved(settings: Sequence[Setting], links: Sequence[Link]) -> Iterator[Problem]:
    """Yield a problem for each field of which a stage is asked for, and that nobody who knows stages serves."""
    for item in settings:
        if any(item.field in link.stages for link in links) and not any(link.serves(item) for link in links):
            message = f"{VARIABLE} asks for a stage of it, and no provider of the chain that serves it has stages"
            fix = f"choose an environment whose chain has one, aws say; or take {item.field} out of {VARIABLE}"
            yield Problem(item.field, Code.SCHEMA, message, fix=fix)


def misspelt(settings: Sequence[Setting]) -> Iterator[Problem]:
    """Yield a warning for each name that is no field and nearly one; others may be fields of another service."""
    known = [item.field for item in settings]
    for name in read(os.environ.get(VARIABLE, "")) or ():
        if name not in known and (field := closest(name, known)):
            message = f'{VARIABLE} names {name}, which is no field; did you mean "{field}"?'
            yield Problem("", Code.UNKNOWN, message, fix=f"correct the name in {VARIABLE}")
