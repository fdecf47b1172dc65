"""What providers there are: installed or named by a chain, where from, what they lack, who uses them."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from importlib.metadata import EntryPoint, PackageNotFoundError
from importlib.metadata import distribution as distribution_called
from typing import Any

from estate_config import discovery
from estate_config.contract import ProviderSpec
from estate_config.environments import Estate
from estate_config.errors import Code, ConfigurationError, Problem


@dataclass(frozen=True, slots=True)
class Entry:
    """One provider."""

    name: str
    environments: tuple[str, ...]
    """Those whose chain names it."""
    distribution: str = ""
    """The name and version of the package that it comes from; "" where it is not installed."""
    title: str = ""
    summary: str = ""
    offers: tuple[str, ...] = ()
    """Extra protocols: `Writer`, `Prober`, `Inspector`."""
    lacks: Problem | None = None
    """The SDK that it needs and that is not installed: no matter until it is asked."""
    broken: Problem | None = None

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        return asdict(self)


def inventory(estate: Estate) -> list[Entry]:
    """Return every provider that is installed, or that a chain names, by name. Imports their packages, and no SDK."""
    users: dict[str, list[str]] = {name: [] for name in discovery.installed()}
    for environment, table in estate.environments.items():
        for link in table.chain:
            users.setdefault(link.provider, []).append(environment)
    return [_entry(name, tuple(users[name])) for name in sorted(users)]


def _entry(name: str, environments: tuple[str, ...]) -> Entry:
    points = discovery.installed().get(name, ())
    origin = ", ".join(dict.fromkeys(map(discovery.distribution, points)))
    try:
        spec = discovery.find(name)
    except ConfigurationError as error:
        return Entry(name, environments, origin, broken=error.problems[0])
    return _described(spec, environments, points[0])


def _described(spec: ProviderSpec, environments: tuple[str, ...], point: EntryPoint) -> Entry:
    return Entry(
        spec.name,
        environments,
        discovery.distribution(point),
        spec.title,
        spec.summary,
        tuple(protocol.__name__ for protocol in spec.offers),
        _lacks(point),
    )


def _lacks(point: EntryPoint) -> Problem | None:
    """What is not installed of the extra that the entry point names, or that bears the provider's name."""
    extra = (*point.extras, point.name)[0]
    wanted = [one for one in (point.dist.requires or ()) if _extra_of(one) == _normal(extra)] if point.dist else []
    missing = [name for one in wanted if not _is_installed(name := re.split(r"[^\w.-]", one)[0])]
    if not missing or point.dist is None:
        return None
    message = f'the provider "{point.name}" needs {", ".join(missing)}, which is not installed'
    return Problem("", Code.PLUGIN, message, fix=f"pip install '{point.dist.name}[{extra}]'")


def _extra_of(requirement: str) -> str:
    marker = re.search(r"""\bextra\s*==\s*["']([^"']+)["']""", requirement)
    return _normal(marker[1]) if marker else ""


def _normal(extra: str) -> str:
    """The spelling of an extra that metadata has (packaging.python.org/en/latest/specifications/name-normalization)."""
    return re.sub(r"[-_.]+", "-", extra).lower()


def _is_installed(name: str) -> bool:
    try:
        distribution_called(name)
    except PackageNotFoundError:
        return False
    return True
