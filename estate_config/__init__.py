"""One typed schema per service declares every setting and every secret; everything else is derived from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from estate_config.errors import Asked, Code, ConfigurationError, Problem
    from estate_config.live import (
        Health,
        Refreshed,
        Watch,
        health,
        on_change,
        refresh,
        retry_on_rejected,
        snapshot,
        watch,
    )
    from estate_config.loading import aload, load, load_or_exit
    from estate_config.observing import observe
    from estate_config.provenance import Explanation, Provenance, explain
    from estate_config.schema import secret, setting
    from estate_config.settings import Settings, lazy
    from estate_config.swap import use

__version__ = "0.1.0"

__all__ = [
    "Asked",
    "Code",
    "ConfigurationError",
    "Explanation",
    "Health",
    "Problem",
    "Provenance",
    "Refreshed",
    "Settings",
    "Watch",
    "aload",
    "explain",
    "health",
    "lazy",
    "load",
    "load_or_exit",
    "observe",
    "on_change",
    "refresh",
    "retry_on_rejected",
    "secret",
    "setting",
    "snapshot",
    "use",
    "watch",
]

# Nothing is imported before it is named: neither pydantic by a test run that only registers the plug-in, nor the
# loading of values by a module that only declares a schema.
_MODULES = {
    "errors": ("Asked", "Code", "ConfigurationError", "Problem"),
    "live": (
        "Health",
        "Refreshed",
        "Watch",
        "health",
        "on_change",
        "refresh",
        "retry_on_rejected",
        "snapshot",
        "watch",
    ),
    "loading": ("aload", "load", "load_or_exit"),
    "observing": ("observe",),
    "provenance": ("Explanation", "Provenance", "explain"),
    "schema": ("secret", "setting"),
    "settings": ("Settings", "lazy"),
    "swap": ("use",),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
