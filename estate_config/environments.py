"""`estate.toml`: which providers serve which environment. Reviewed like code; it holds no secret."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from estate_config.errors import Code, ConfigurationError, LoadInfo, Problem
from estate_config.redaction import Hidden
from estate_config.rotation_table import RotationTable
from estate_config.suggest import did_you_mean
from estate_config.table_problems import table_problem

DEADLINE = 15.0
"""Seconds that a load may take, unless the environment says otherwise."""

Rule = Literal["next", "stop"]


class ChainEntry(BaseModel):
    """One provider of a chain, with its exceptions from the rule that only absent falls through."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    provider: str = Field(min_length=1)
    on_no_value: Rule = "stop"
    on_deleted: Rule = "stop"
    on_denied: Rule = "stop"
    on_kms: Rule = "stop"
    on_unavailable: Rule = "stop"
    on_throttled: Rule = "stop"
    on_credentials: Rule = "stop"
    on_malformed: Rule = "stop"
    limit: float | None = Field(default=None, gt=0, le=600)
    """Seconds of the environment's deadline that this provider may take; None: all of them."""

    @property
    def next_on(self) -> frozenset[Code]:
        """The failures after which the next provider is asked all the same."""
        return frozenset(code for code in Code if getattr(self, f"on_{code.lower()}", "stop") == "next")

    def __str__(self) -> str:
        exceptions = ", ".join(f"on_{code.lower()} = next" for code in sorted(self.next_on))
        return f"{self.provider} ({exceptions})" if exceptions else self.provider


class LastKnownGoodTable(BaseModel):
    """`[environments.NAME.last_known_good]`: what stands in for a store that cannot be reached."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: str = Field(min_length=1)
    """`{service}` in it stands for the service; the folder has to be there."""
    key: str = Field(pattern=r"^[a-z][a-z0-9_]*:.+$")
    """`file:PATH`, or the provider that keeps it and its name there: `aws:alias/estate-cache`."""
    max_age: float = Field(default=86_400, gt=0, le=2_592_000)
    """Seconds; at most 30 days, by when a secret that rotates is another one."""


class EnvironmentTable(BaseModel):
    """`[environments.NAME]`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    chain: list[ChainEntry] = Field(min_length=1)
    deadline: float = Field(default=DEADLINE, gt=0, le=600)
    forbid_examples: bool = False
    providers: dict[str, dict[str, Any]] = {}
    last_known_good: LastKnownGoodTable | None = None

    @field_validator("chain", mode="before")
    @classmethod
    def _names_are_entries(cls, chain: Any) -> Any:
        if not isinstance(chain, list):
            return chain
        return [{"provider": entry} if isinstance(entry, str) else entry for entry in chain]

    @field_validator("chain")
    @classmethod
    def _each_once(cls, chain: list[ChainEntry]) -> list[ChainEntry]:
        names = [entry.provider for entry in chain]
        if len(set(names)) < len(names):
            raise ValueError("a provider is named twice")
        return chain


class GeneratedFile(BaseModel):
    """`[generated]` FILE: what `estate generate all` makes it of."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    artefact: str
    services: list[str] = []
    environment: str | None = None


class EstateTable(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    environment_variables: list[str] = ["ESTATE_ENV"]
    default_environment: str | None = None
    services: dict[str, str] = {}
    environments: dict[str, EnvironmentTable]
    providers: dict[str, dict[str, Any]] = {}
    generated: dict[str, GeneratedFile] = {}
    rotation: dict[str, RotationTable] = {}

    @field_validator("generated", mode="before")
    @classmethod
    def _names_are_artefacts(cls, generated: Any) -> Any:
        if not isinstance(generated, dict):
            return generated
        return {file: {"artefact": made} if isinstance(made, str) else made for file, made in generated.items()}


_TEST = EnvironmentTable(chain=[ChainEntry(provider="fixture")])
"""The environment `test` is there unless the file has its own: values come from the tests, and from nowhere else."""

_WITHOUT_FILE = EstateTable(
    default_environment="development",
    environments={"development": EnvironmentTable(chain=[ChainEntry(provider="env"), ChainEntry(provider="dotenv")])},
)


@dataclass(frozen=True, slots=True)
class Environment:
    """The environment that was chosen."""

    name: str
    chain: tuple[ChainEntry, ...]
    deadline: float
    """Seconds."""
    providers: Mapping[str, Mapping[str, Any]] = field(repr=False)
    """Options by provider, the shared table overlaid with the environment's own."""
    forbid_examples: bool = False
    """Whether a secret may not have a value that stands in examples."""
    last_known_good: LastKnownGoodTable | None = None
    said_by: str = "the call"
    """Who named it: a variable, or `default_environment`."""


@dataclass(frozen=True, slots=True)
class Estate:
    """What `estate.toml` says, and where it was read."""

    table: EstateTable = field(repr=False)
    source: str
    """The file's path, or why there is none."""
    folder: Path

    @property
    def environments(self) -> Mapping[str, EnvironmentTable]:
        """Every environment by its name; `test` is always there."""
        return {"test": _TEST, **self.table.environments}

    def choose(self, name: str | None = None) -> Environment:
        """Return the named environment; without a name, what the environment variables say, or the default.

        Raises `ConfigurationError` where there is no such environment, or nothing says which.
        """
        said_by = "the call"
        if name is None:
            name, said_by = self._from_variables()
        if name not in self.environments:
            raise self.error(
                f'there is no environment "{name}", asked for by {said_by}' + did_you_mean(name, self.environments),
                f"add [environments.{name}] to {self.source}, or name one that is there",
            )
        table = self.environments[name]
        names = {*self.table.providers, *table.providers}
        options = {n: {**self.table.providers.get(n, {}), **table.providers.get(n, {})} for n in names}
        return Environment(
            name, tuple(table.chain), table.deadline, options, table.forbid_examples, table.last_known_good, said_by
        )

    def _from_variables(self) -> tuple[str, str]:
        for variable in self.table.environment_variables:
            if value := os.environ.get(variable):
                return value, variable
        if self.table.default_environment is None:
            variables = ", ".join(self.table.environment_variables) or "none are listed"
            raise self.error(
                f"nothing says which environment this is: no variable is set ({variables}), and there is no default",
                f"set one of them, or default_environment in {self.source}",
            )
        return self.table.default_environment, "default_environment"

    def service_of(self, cls: type) -> str:
        """Return the name under which `[services]` lists the class, or the class's own name."""
        path = f"{cls.__module__}:{cls.__qualname__}"
        return next((name for name, target in self.table.services.items() if target == path), cls.__name__)

    def error(self, message: str, fix: str) -> ConfigurationError:
        """Return a `ConfigurationError` with one SCHEMA problem of this file; of none, the fix is to find it."""
        if self.table is _WITHOUT_FILE:
            fix = "run it in the folder of estate.toml, or name the file in ESTATE_CONFIG; `estate init` writes one"
        return _error([Problem("", Code.SCHEMA, f"{self.source}: {message}", fix=fix)], self.source)


Given = str | Path | Mapping[str, Any] | Hidden[Mapping[str, Any]] | None


def unshown(config: Given) -> str | Path | Hidden[Mapping[str, Any]] | None:
    """Return a configuration given in code so that no traceback with locals shows it: a double's values are in it."""
    return Hidden(config) if isinstance(config, Mapping) else config


def read(config: Given = None) -> Estate:
    """Return the estate that `config` holds or names; None: `ESTATE_CONFIG`, `./estate.toml`, `./pyproject.toml`.

    There is no walking up the tree. Without any file, the one environment is `development`, with env and dotenv.
    Raises `ConfigurationError` with a SCHEMA problem for each thing that is wrong with it.
    """
    config = unshown(config)
    if isinstance(config, Hidden):
        return _checked(Hidden(dict(config.reveal())), "the configuration given in code", _here())
    named = config or os.environ.get("ESTATE_CONFIG")
    if named:
        return _from_file(Path(named))
    if os.path.lexists("estate.toml"):  # a link that leads nowhere is a mistake, not a file that is not there
        return _from_file(Path("estate.toml"))
    if os.path.lexists("pyproject.toml") and (found := _from_pyproject(Path("pyproject.toml"))):
        return found
    return Estate(_WITHOUT_FILE, f"no estate.toml in {_here()}", _here())


def _here() -> Path:
    try:
        return Path.cwd()
    except OSError:  # the working folder is gone, and with it all that is relative to it
        return Path()


def _from_file(path: Path) -> Estate:
    if path.name == "pyproject.toml":
        found = _from_pyproject(path)
        if found is None:
            raise _error(
                [
                    Problem(
                        "",
                        Code.SCHEMA,
                        f"{path} has no table [tool.estate]",
                        fix="add the table, or name another file in ESTATE_CONFIG",
                    )
                ],
                str(path),
            )
        return found
    return _checked(Hidden(_toml(path)), str(path), path.absolute().parent)


def _from_pyproject(path: Path) -> Estate | None:
    tool = _toml(path).get("tool", {})
    if not isinstance(tool, dict) or "estate" not in tool:
        return None
    return _checked(Hidden(tool["estate"]), f"{path} [tool.estate]", path.absolute().parent)


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        message = f"{path} is not TOML: {error}"
        fix = f"correct it there; a table looks like this:\n{_LINES}"
    except UnicodeDecodeError:
        message = f"{path} is not text in UTF-8"
        fix = "save it in UTF-8"
    except (ValueError, RecursionError):
        message = f"{path} is not TOML that can be read: a number is too long, or the nesting too deep"
        fix = "take it out: nothing in this file needs it"
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}"
        fix = "write the file, or name another one in ESTATE_CONFIG"
    raise _error([Problem("", Code.SCHEMA, message, fix=fix)], str(path))


def _checked(table: Hidden[Any], source: str, folder: Path) -> Estate:
    try:
        return Estate(EstateTable.model_validate(table.reveal()), source, folder)
    except ValidationError as error:
        details = error.errors(include_input=False, include_context=False, include_url=False)
    raise _error([_problem(source, item["loc"], item["type"], item["msg"]) for item in details], source)


_LINES = '[environments.development]\nchain = ["env", "dotenv"]'
_FIXES = {
    ("environments", "missing"): f"add two lines as these:\n{_LINES}",
    ("chain", "missing"): 'add the line chain = ["env", "dotenv"] to that table',
    ("chain", "too_short"): 'name a provider in it: chain = ["env", "dotenv"]',
}
"""What to write, by the word of the table and pydantic's name of what is wrong, where `correct` would not say it."""


def _problem(source: str, loc: tuple[int | str, ...], kind: str, message: str) -> Problem:
    problem = table_problem(source, loc, kind, message, EstateTable)
    return replace(problem, fix=_FIXES.get((str(loc[-1]), kind), problem.fix)) if loc else problem


def _error(problems: list[Problem], source: str) -> ConfigurationError:
    return ConfigurationError(problems, info=LoadInfo(config=source))
