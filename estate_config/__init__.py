"""One typed schema per service declares every setting and every secret; everything else is derived from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from estate_config.errors import Asked, Code, ConfigurationError, Problem
from estate_config.schema import secret, setting
from estate_config.settings import Settings, lazy

if TYPE_CHECKING:
    from estate_config.loading import aload, load, load_or_exit
    from estate_config.provenance import Explanation, Provenance, explain
    from estate_config.swap import use

__version__ = "0.1.0"

__all__ = [
    "Asked",
    "Code",
    "ConfigurationError",
    "Explanation",
    "Problem",
    "Provenance",
    "Settings",
    "aload",
    "explain",
    "lazy",
    "load",
    "load_or_exit",
    "secret",
    "setting",
    "use",
]

# Declaring a schema is what every import pays for; loading one is imported when it happens.
_LATE = {
    "aload": "loading",
    "load": "loading",
    "load_or_exit": "loading",
    "Explanation": "provenance",
    "Provenance": "provenance",
    "explain": "provenance",
    "use": "swap",
}


def __getattr__(name: str) -> Any:
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{_LATE[name]}"), name)
    globals()[name] = value
    return value
