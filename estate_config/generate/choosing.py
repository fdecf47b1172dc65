"""What one policy, or one account, is made for: the environment whose chain has the provider, and the one service."""

from __future__ import annotations

from estate_config.generate.catalogue import Catalogue, EnvironmentEntry, ServiceEntry
from estate_config.generate.files import RefusedError


def environment_with(catalogue: Catalogue, provider: str) -> EnvironmentEntry:
    """Return the one environment whose chain has a provider. Raises `RefusedError` where there is none, or several."""
    found = [environment for environment in catalogue.environments if environment.link(provider) is not None]
    if not found:
        names = ", ".join(environment.name for environment in catalogue.environments)
        raise RefusedError(
            f"no chain has the provider {provider} (environments: {names})",
            f'add "{provider}" to the chain of an environment in estate.toml',
        )
    if len(found) > 1:
        names = " and ".join(environment.name for environment in found)
        raise RefusedError(f"the chains of {names} have the provider {provider}", f"--env {found[0].name}")
    return found[0]


def only_service(catalogue: Catalogue) -> ServiceEntry:
    """Return the service that was named. Raises `RefusedError` where there are several."""
    if len(catalogue.services) != 1:
        names = ", ".join(service.name for service in catalogue.services)
        raise RefusedError(f"it is for one service, and there are several: {names}", "name one of them")
    return catalogue.services[0]
