"""The services that `estate.toml` lists: from a name to its schema, and one try at loading it."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeGuard

from estate_config import addresses, chains, loading
from estate_config.environments import Environment, Estate
from estate_config.errors import Code, ConfigurationError, LoadInfo, Problem
from estate_config.loading import Attempt, Uses
from estate_config.model import Deadline
from estate_config.parallel import at_once
from estate_config.redaction import Hidden, where
from estate_config.settings import Settings, hold, lazy, record_of
from estate_config.suggest import did_you_mean
from estate_config.swap import publish
from estate_config.validate import wrong_defaults


def schema_of(estate: Estate, service: str) -> type[Settings]:
    """Return the class of a service that `estate` lists, importing its module.

    Raises `ConfigurationError`: what is wrong with the schema itself, or one SCHEMA problem that says where its module
    cannot be imported.
    """
    try:
        return _class_at(estate.table.services[service], f"{estate.source} [services] {service}")
    except ConfigurationError as error:
        problems = error.problems
    raise ConfigurationError(problems, info=LoadInfo(service=service, config=estate.source))


def attempted(
    estate: Estate, service: str, environment: Environment, last_known_good: Uses = "use"
) -> tuple[Attempt, Settings | None]:
    """Try to load a service; return what came of it, and the instance if nothing is wrong. As `loading.attempted`."""
    cls = _schema(estate, service, environment)
    return (cls, None) if isinstance(cls, Attempt) else _tried(cls, service, environment, last_known_good)


def live(estate: Estate, service: str, environment: Environment) -> Settings:
    """Return a lazy instance of a service with its values in, to be watched from outside.

    What happens to it is told under this name, be it of a class that others have, too. The file of its last known good
    is left alone: it is the service's. Raises `ConfigurationError` with all that is wrong.
    """
    attempt, values = attempted(estate, service, environment, "leave")
    if values is None:
        error = attempt.error()
        del attempt  # with the values that were found
        raise error
    loading.log_warnings(attempt)
    record = record_of(values)
    assert record is not None  # noqa: S101 - it is loaded
    hold(values, replace(record, info=attempt.info))
    instance = lazy(type(values))
    publish(instance, values)
    return instance


def attempted_at_once(estate: Estate, services: Sequence[str], environment: Environment) -> list[Attempt]:
    """Try to load services at the same time, and return what came of each, in order.

    A store that cannot be reached costs one deadline for all of them, and no old value stands in for one that cannot be
    read: it would hide what is wrong. Modules are imported before, one after the other: what they print is kept from
    stdout, which all threads share.
    """
    schemas = {service: _schema(estate, service, environment) for service in services}
    classes = {service: cls for service, cls in schemas.items() if not isinstance(cls, Attempt)}

    def tried(service: str) -> Attempt:
        return _tried(classes[service], service, environment, "leave")[0]

    until = Deadline(environment.deadline + _VALIDATING)
    done = at_once(tried, classes, until, limit=max(len(classes), 1))
    return [cls if isinstance(cls, Attempt) else done.get(name) or _late(name, until) for name, cls in schemas.items()]


_VALIDATING = 60.0
"""Seconds that validators, and providers that close, may take on top of the deadline."""


def _late(service: str, until: Deadline) -> Attempt:
    message = f"did not end within {until.seconds:g} seconds: a validator hangs"
    return Attempt(LoadInfo(service), [Problem("", Code.INVALID, message, fix="look what its validators wait for")])


def _schema(estate: Estate, service: str, environment: Environment) -> type[Settings] | Attempt:
    try:
        return schema_of(estate, service)
    except ConfigurationError as error:
        return Attempt(replace(error.info, environment=environment.name), list(error.problems))


def _tried(
    cls: type[Settings], service: str, environment: Environment, last_known_good: Uses
) -> tuple[Attempt, Settings | None]:
    instance = cls.__new__(cls)
    attempt = loading.attempted(instance, Hidden({}), environment.name, last_known_good=last_known_good)
    attempt.info = replace(attempt.info, service=service)
    return attempt, None if attempt.problems else instance


def examined(estate: Estate, service: str, environments: Sequence[Environment]) -> Attempt:
    """Look at a service's schema and at the chains that serve it, offline: no provider is asked for a value.

    Each provider says which addresses it cannot read. Of the environments, `info` of the result names those in which
    something is wrong, or all.
    """
    wrong: list[str] = []
    problems: list[Problem] = []
    for environment in environments:
        try:
            cls = schema_of(estate, service)
            chains.declared(cls)
            links = chains.chain_in(cls, estate, environment).links
        except ConfigurationError as error:
            found = error.problems
        else:
            settings = cls.__estate_settings__
            found = (*addresses.unreadable(settings, links), *wrong_defaults(cls, settings))
        wrong += [environment.name] if found else []
        problems += found
    names = wrong or [environment.name for environment in environments]
    return Attempt(LoadInfo(service, ", ".join(names), config=estate.source), list(dict.fromkeys(problems)))


def _class_at(target: str, listed: str) -> type[Settings]:
    module_name, _, class_name = target.partition(":")
    if not module_name or not class_name:
        raise _problem(f"{listed}: {target!r} is not of the form module:Class", "write it as module:Class")
    module = imported(module_name, listed)
    known = [name for name, value in vars(module).items() if _is_schema(value)]
    found = getattr(module, class_name, None)
    if isinstance(found, Settings):
        raise _problem(f"{listed}: {target} is an instance", f"name its class: {module_name}:{type(found).__name__}")
    if not _is_schema(found):
        what = f"has no {class_name}" if found is None else f"has {class_name}, which is no Settings class"
        raise _problem(f"{listed}: {module_name} {what}{did_you_mean(class_name, known)}", f"correct {listed}")
    return found


def _is_schema(value: object) -> TypeGuard[type[Settings]]:
    return isinstance(value, type) and issubclass(value, Settings) and value is not Settings


def imported(name: str, listed: str) -> object:
    """Return the module that `listed` names. Raises `ConfigurationError`, which says where it breaks off."""
    try:
        with contextlib.redirect_stdout(sys.stderr):  # what a module prints is no part of what a verb prints
            return importlib.import_module(name)
    except ConfigurationError:
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a module of the user's may raise anything
        broken = f"{type(error).__name__} in {_line(error)}"
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
    if missing is not None and f"{name}.".startswith(f"{missing}."):
        raise _problem(
            f"{listed}: there is no module {missing}", "run estate in the folder that it is in, or correct its name"
        )
    fix = f"pip install what has the module {missing}" if missing else "correct the module"
    raise _problem(f"{listed}: {name} cannot be imported: {broken}", fix)


def _line(error: BaseException) -> str:
    """Return the line of the module that could not be imported, in short: `settings.py:12`; no word of the error."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{_shown(error.filename)}:{error.lineno}"
    lines = [(frame.f_code, line) for frame, line in traceback.walk_tb(error.__traceback__)]
    modules = [code.co_filename for code, _ in lines if code.co_name == "<module>"]
    if not modules:
        return where(error)
    return next(
        f"{_shown(code.co_filename)}:{line}" for code, line in reversed(lines) if code.co_filename == modules[-1]
    )


def _shown(file: str) -> str:
    with contextlib.suppress(OSError):  # the working folder may be gone
        return os.path.relpath(file)
    return file


def _problem(message: str, fix: str) -> ConfigurationError:
    return ConfigurationError([Problem("", Code.SCHEMA, message, fix=fix)])
