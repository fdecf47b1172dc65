"""The files of the artefact `typescript`: one made of the schema, and those that are the same for every service."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.resources import files

from estate_config.errors import Code, ConfigurationError, LoadInfo, Problem
from estate_config.generate.catalogue import Catalogue, ServiceEntry
from estate_config.generate.choosing import only_service
from estate_config.generate.typescript.levels import Level, levels_of
from estate_config.generate.typescript.places import NOT_IN_TYPESCRIPT, environments, settings
from estate_config.generate.typescript.types import literal
from estate_config.generate.typescript.written import written
from estate_config.known_examples import KNOWN

_RUNTIME = "estate-config"
"""The folder beside it."""

_OPTIONS: Mapping[str, frozenset[str]] = {
    "env": frozenset({"prefix"}),
    "dotenv": frozenset({"folder"}),
    "aws": frozenset({"region", "prefix", "profile", "endpoint_url", *NOT_IN_TYPESCRIPT}),
    "fixture": frozenset(),
}
"""The providers that there are in TypeScript, with the options that they know."""


def typescript(catalogue: Catalogue, mark: str) -> str:
    """Return the schema of the one service in `catalogue`.

    Raises `RefusedError` for several services, and `ConfigurationError` with a SCHEMA problem for each thing in the
    schema or in `estate.toml` that has no like in TypeScript.
    """
    service = only_service(catalogue)
    problems = list(_unknown_here(catalogue))
    level = levels_of(service, problems)
    if problems:
        raise ConfigurationError(problems, info=LoadInfo(service=service.name))
    return f"// {mark}\n{_main(catalogue, service, level)}"


def runtime(mark: str) -> Mapping[str, str]:
    """Return the files that load any schema, by path from the schema's folder."""
    found = sorted(files("estate_config.generate.typescript").joinpath("runtime").iterdir(), key=lambda file: file.name)
    return {f"{_RUNTIME}/{file.name}": f"// {mark}\n{file.read_text('utf-8')}" for file in found}


def _unknown_here(catalogue: Catalogue) -> Iterator[Problem]:
    """What chains ask for that TypeScript cannot do."""
    for environment in catalogue.environments:
        for link in environment.chain:
            where = f"[environments.{environment.name}] asks {link.provider}"
            known = _OPTIONS.get(link.provider)
            if known is None:
                message = f"{where}, and in TypeScript there are only {', '.join(_OPTIONS)}"
                fix = "let it ask one of those, or leave the service to Python"
                yield Problem("", Code.SCHEMA, message, fix=fix)
            for option in sorted(link.options.keys() - known) if known is not None else ():
                message = f"{where} with {option} =, which TypeScript does not know"
                yield Problem("", Code.SCHEMA, message, fix=_INSTEAD.get(option, f"remove {option} from its table"))


_INSTEAD = {"role_arn": "give the pod the role, or name a profile of ~/.aws/config that assumes it: profile = …"}


def _known_examples(catalogue: Catalogue) -> str:
    if not any(environment.forbid_examples for environment in catalogue.environments):
        return ""
    escaped = KNOWN.pattern.replace("/", "\\/")
    return f"\n  knownExamples: /^(?:{escaped})$/iu,"


def _main(catalogue: Catalogue, service: ServiceEntry, level: Level) -> str:
    variables = ", ".join(map(literal, catalogue.environment_variables))
    default = next((f"\n  defaultEnvironment: {literal(e.name)}," for e in catalogue.environments if e.is_default), "")
    return f"""\
// `await loadSecrets()` at start-up, `getSecrets()` after it; see docs/how-to/typescript.md of estate-config.

import {{ z }} from 'zod';

import {{ secretsOf }} from './{_RUNTIME}/load.js';
import type {{ Schema }} from './{_RUNTIME}/model.js';
import * as t from './{_RUNTIME}/types.js';

export {{ ConfigurationError, exitWithReport }} from './{_RUNTIME}/problems.js';

{level.interface("Secrets", service.summary)}

const type: z.ZodType<Secrets> = {level.reader("")};

const schema: Schema<Secrets> = {{
  service: {literal(service.name)},
  config: 'estate.toml',
  environmentVariables: [{variables}],{default}
  environments: {written(environments(catalogue))},{_known_examples(catalogue)}
  type,
  settings: {written(settings(service))},
}};

export const {{ loadSecrets, getSecrets, explainSecrets }} = secretsOf(schema);
"""
