"""For tests: the conformance kit of providers, doubles made from a schema, embedded servers, a leak check.

What needs pytest, hypothesis or a server is imported when it is asked for and not before. The pytest plug-in, with
its fixtures `estate`, `estate_aws` and `estate_vault`, registers itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from estate_config.testing.contract import ProviderContract
    from estate_config.testing.estate_fixture import Estate
    from estate_config.testing.fakes import fake_values
    from estate_config.testing.leaks import assert_no_leak
    from estate_config.testing.servers import EmbeddedAws, EmbeddedVault
    from estate_config.testing.shelf import Shelf
    from estate_config.testing.strategies import from_schema

__all__ = [
    "EmbeddedAws",
    "EmbeddedVault",
    "Estate",
    "ProviderContract",
    "Shelf",
    "assert_no_leak",
    "fake_values",
    "from_schema",
]

_HOME = {
    "EmbeddedAws": "servers",
    "EmbeddedVault": "servers",
    "Estate": "estate_fixture",
    "ProviderContract": "contract",
    "Shelf": "shelf",
    "assert_no_leak": "leaks",
    "fake_values": "fakes",
    "from_schema": "strategies",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
