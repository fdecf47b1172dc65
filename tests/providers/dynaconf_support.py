"""How the tests of the provider `dynaconf` write files and ask for what is in them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from estate_config.contract import Context
from estate_config.errors import ProviderError
from estate_config.model import Deadline, Failed, Found, Key
from estate_config_providers.dynaconf import spec
from estate_config_providers.dynaconf.layered_settings import LayeredSettings

URL = Key("database/url", "database_url")
CANARY = "canary-3f9a1d77c2"
ESTATE = """
[environments.production]
chain = ["dynaconf", "env"]

[providers.dynaconf]
files = ["settings.toml"]
"""


def build(base: Path, /, **options: Any) -> LayeredSettings:
    table = options if "settings" in options else {"files": ["settings.toml"], **options}
    built = spec.build(spec.options.model_validate(table), Context(environment="production", folder=base))
    assert isinstance(built, LayeredSettings)
    return built


def fetch(base: Path, /, *keys: Key, **options: Any) -> Mapping[Key, Found | Failed]:
    return build(base, **options).fetch(keys, Deadline(5))


def found(base: Path, key: Key = URL, /, **options: Any) -> tuple[object, str]:
    answer = fetch(base, key, **options)[key]
    assert isinstance(answer, Found), answer
    assert answer.origin.provider == "dynaconf"
    return answer.value, answer.origin.place


def failure(base: Path, key: Key = URL, /, **options: Any) -> Failed:
    answer = fetch(base, key, **options)[key]
    assert isinstance(answer, Failed)
    return answer


def error(base: Path, /, **options: Any) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        fetch(base, URL, **options)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    return caught.value


def write(base: Path, text: str, name: str = "settings.toml") -> None:
    (base / name).write_text(text)


def at(address: str, *, binary: bool = False) -> Key:
    return Key("database/url", "database_url", address=address, binary=binary)
