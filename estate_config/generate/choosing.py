"""What one policy, one account or one manifest is made for: an environment, a service, and its name there."""

from __future__ import annotations

import re

from estate_config.generate.catalogue import Catalogue, EnvironmentEntry, ServiceEntry
from estate_config.generate.files import RefusedError


def environment_with(catalogue: Catalogue, provider: str) -> EnvironmentEntry:
    """Return the one environment whose chain has a provider. Raises `RefusedError` where there is none, or several."""
    found = [environment for environment in catalogue.environments if environment.link(provider) is not None]
    return _only(catalogue, found, f"the provider {provider}", f'"{provider}"')


def deployed_environment(catalogue: Catalogue) -> EnvironmentEntry:
    """Return the one environment that asks a remote provider. Raises `RefusedError` where there is none, or several."""
    found = [one for one in catalogue.environments if any(link.remote for link in one.chain)]
    return _only(catalogue, found, "a remote provider", "one")


def _only(catalogue: Catalogue, found: list[EnvironmentEntry], what: str, adding: str) -> EnvironmentEntry:
    if not found:
        names = ", ".join(environment.name for environment in catalogue.environments)
        raise RefusedError(
            f"no chain has {what} (environments: {names})",
            f"add {adding} to the chain of an environment in estate.toml",
        )
    if len(found) > 1:
        names = " and ".join(environment.name for environment in found)
        raise RefusedError(f"the chains of {names} have {what}", f"name one of them: --env {found[0].name}")
    return found[0]


def only_service(catalogue: Catalogue) -> ServiceEntry:
    """Return the service that was named. Raises `RefusedError` where there are several."""
    if len(catalogue.services) != 1:
        names = ", ".join(service.name for service in catalogue.services)
        raise RefusedError("it is for one service", f"name one of them: {names}")
    return catalogue.services[0]


def object_name(service: str) -> str:
    """Return the name of a service's objects in Kubernetes, its account included: a label of DNS."""
    return f"estate-{re.sub(r'[^a-z0-9]+', '-', service.lower()).strip('-')}"
