"""Names in `estate.toml` that lead nowhere, found without importing a provider."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from estate_config.environments import read
from estate_config.unknown_names import unknown_names
from tests.doubles import estate


def messages(**tables: Any) -> list[str]:
    return [problem.message for problem in unknown_names(read(estate("env", **tables)))]


def test_a_table_of_options_needs_a_provider_that_is_installed_or_in_a_chain() -> None:
    assert messages(providers={"aws": {}, "env": {}}) == []
    (message,) = messages(providers={"awss": {}})
    assert message.endswith(
        'providers.awss: no provider called "awss" is installed, and no chain has it; did you mean "aws"?'
    )


def test_a_provider_of_a_chain_may_be_installed_elsewhere() -> None:
    other = {"chain": ["elsewhere"], "providers": {"elsewhere": {}}}
    here = {"chain": ["env"], "providers": {"elsewhere": {}}}
    table = {"environments": {"here": here, "other": other}, "providers": {"elsewhere": {}}}
    assert list(unknown_names(read(table))) == []


def test_no_provider_is_imported_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("estate_config_providers")]:
        monkeypatch.delitem(sys.modules, name)
    assert messages(providers={"awss": {}})
    assert [name for name in sys.modules if name.startswith("estate_config_providers")] == []
