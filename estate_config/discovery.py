"""From a provider's name to its spec: through entry points, importing only what is named."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from pydantic import ValidationError

from estate_config.contract import GROUP, Context, Provider, ProviderSpec
from estate_config.errors import Code, ConfigurationError, Problem
from estate_config.redaction import where
from estate_config.suggest import did_you_mean
from estate_config.table_problems import table_problem


@cache
def installed() -> Mapping[str, tuple[EntryPoint, ...]]:
    """Return what is installed, by name, importing nothing. Read once: installing needs a new process."""
    found: dict[str, tuple[EntryPoint, ...]] = {}
    for point in entry_points(group=GROUP):
        known = found.get(point.name, ())
        if point not in known:  # the same distribution may be on the path twice
            found[point.name] = (*known, point)
    return found


def find(name: str) -> ProviderSpec:
    """Return the spec of the provider called `name`, importing its package.

    Raises `ConfigurationError` with one PLUGIN problem: not installed, installed twice, broken.
    """
    if name not in installed():
        raise _plugin_error(
            f'no provider called "{name}" is installed' + did_you_mean(name, installed()),
            "correct the name, or install the package that has it; `estate providers` lists what is there",
        )
    point, *others = points = installed()[name]
    if others:
        owners = " and ".join(sorted({distribution(point) for point in points}))
        raise _plugin_error(f'two packages offer a provider called "{name}": {owners}', "uninstall one of them")
    try:
        spec = point.load()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a stranger's package may raise anything when imported
        broken = f"{type(error).__name__} in {where(error)}"
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
    else:
        return _checked(spec, point)
    fix = f"pip install {missing}" if missing else f"upgrade or reinstall {distribution(point)}"
    raise _plugin_error(f'the provider "{name}" of {distribution(point)} cannot be imported: {broken}', fix)


def distribution(point: EntryPoint) -> str:
    """Return the name and version of the distribution an entry point comes from."""
    return f"{point.dist.name} {point.dist.version}" if point.dist else point.value


def _checked(spec: object, point: EntryPoint) -> ProviderSpec:
    fix = f"report it to the makers of {distribution(point)}"
    if not isinstance(spec, ProviderSpec):
        raise _plugin_error(f'the provider "{point.name}" of {distribution(point)} is no ProviderSpec', fix)
    if spec.name != point.name:
        raise _plugin_error(f'the provider "{point.name}" of {distribution(point)} calls itself "{spec.name}"', fix)
    return spec


def build(spec: ProviderSpec, options: Mapping[str, Any], context: Context, source: str) -> Provider:
    """Return the provider built from its table in `source`.

    Raises `ConfigurationError` with a SCHEMA problem for each wrong option, or PLUGIN where building fails.
    """
    try:
        return spec.build(spec.options.model_validate(dict(options)), context)
    except ValidationError as error:
        problems = [
            table_problem(f"{source} [providers.{spec.name}]", item["loc"], item["type"], item["msg"], spec.options)
            for item in error.errors(include_input=False, include_context=False, include_url=False)
        ]
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a stranger's provider may raise anything
        broken = f'the provider "{spec.name}" cannot be built: {type(error).__name__} in {where(error)}'
        problems = [Problem("", Code.PLUGIN, broken, fix=f"look at its options in {source}")]
    del options  # a double's values are in them
    raise ConfigurationError(problems)


def _plugin_error(message: str, fix: str) -> ConfigurationError:
    return ConfigurationError([Problem("", Code.PLUGIN, message, fix=fix)])
