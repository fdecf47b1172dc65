"""`[generated]` of `estate.toml`: which names in it lead nowhere."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from estate_config.environments import Estate
from estate_config.errors import Code, Problem
from estate_config.generate.artefacts import ARTEFACTS, DOCUMENTS
from estate_config.suggest import did_you_mean


def mistakes(estate: Estate, file: str) -> Iterator[Problem]:
    """Yield a SCHEMA problem for each name in a file's entry that is no artefact, service or environment."""
    made = estate.table.generated[file]
    names: list[tuple[str, str, Collection[str]]] = [("artefact", made.artefact, {**DOCUMENTS, **ARTEFACTS})]
    names += [("service", service, estate.table.services) for service in made.services]
    if made.environment is not None:
        names.append(("environment", made.environment, estate.table.environments))
    for what, name, known in names:
        if name not in known:
            message = f'{estate.source}: generated.{file}: there is no {what} "{name}"{did_you_mean(name, known)}'
            yield Problem("", Code.SCHEMA, message, fix=f"correct generated.{file}")
