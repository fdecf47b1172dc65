"""How the tests of the provider `command` write programs and ask for what they print."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from estate_config.contract import Context
from estate_config.errors import ProviderError
from estate_config.model import Deadline, Failed, Found, Key
from estate_config_providers.command import spec
from estate_config_providers.command.users_program import UsersProgram

URL = Key("database/url", "database_url")
CANARY = "canary-3f9a1d77c2"
Script = Callable[[str], str]


def build(folder: Path = Path(), **options: Any) -> UsersProgram:
    built = spec.build(spec.options.model_validate(options), Context(environment="production", folder=folder))
    assert isinstance(built, UsersProgram)
    return built


def fetch(*keys: Key, seconds: float = 10, **options: Any) -> Mapping[Key, Found | Failed]:
    return build(**options).fetch(keys, Deadline(seconds))


def value(key: Key, **options: Any) -> object:
    answer = fetch(key, **options)[key]
    assert isinstance(answer, Found), answer
    assert answer.origin.provider == "command"
    return answer.value


def failure(key: Key, **options: Any) -> Failed:
    answer = fetch(key, **options)[key]
    assert isinstance(answer, Failed)
    return answer


def error(*keys: Key, seconds: float = 10, **options: Any) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        fetch(*keys, seconds=seconds, **options)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    return caught.value


def at(address: str, *, binary: bool = False) -> Key:
    return Key("database/url", "database_url", address=address, binary=binary)
