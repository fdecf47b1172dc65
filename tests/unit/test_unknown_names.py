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


@pytest.mark.parametrize("default", ["here", "test", None])
def test_a_default_environment_that_is_there_is_fine(default: str | None) -> None:
    assert list(unknown_names(read({**estate("env"), "default_environment": default}))) == []


def test_a_default_environment_that_is_not_there_is_a_problem_though_a_variable_names_another_one() -> None:
    (problem,) = unknown_names(read({**estate("env"), "default_environment": "her"}))
    assert problem.message.endswith(': default_environment: there is no environment "her"; did you mean "here"?')
    assert problem.fix == "correct default_environment, or add [environments.her]"


def test_no_provider_is_imported_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("estate_config_providers")]:
        monkeypatch.delitem(sys.modules, name)
    assert messages(providers={"awss": {}})
    assert [name for name in sys.modules if name.startswith("estate_config_providers")] == []
