"""Look up a dotted name as dynaconf does, whatever its case, and tell which layer its value came from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from estate_config.errors import Code
from estate_config.model import Failed

ABSENT: Final = object()


@dataclass(frozen=True, slots=True)
class Layer:
    """What one section of one file says, or the variables."""

    source: str
    """The file as it was named, or the prefix of the variables."""
    section: str
    """"" where a file has none."""
    table: Mapping[str, Any] = field(repr=False)
    variables: bool = False


@dataclass(frozen=True, slots=True)
class Layered:
    """Settings as dynaconf has put them together, and the layers that they came from, the last one on top."""

    settings: Any = field(repr=False)
    layers: tuple[Layer, ...] = field(repr=False)
    exact: bool = True
    """Whether each layer holds what its source says, and not also what dynaconf merged into it from those below."""


def find(tree: Mapping[str, Any], path: Sequence[str]) -> Any:
    """Return what is stored at `path`, templates as they are; `ABSENT`, or a `Failed` where the way ends too soon.

    Not `Dynaconf.get()`: that goes on at the top where a table is empty, and evaluates what it passes.
    """
    here: Any = tree
    for depth, name in enumerate(path):
        if not isinstance(here, dict):
            whole = ".".join(path[:depth])
            return Failed(Code.MALFORMED, f"has no members: {whole} is a {type(here).__name__}, and not a table")
        key = _spelled(here, name)
        if key is None:
            return ABSENT
        here = dict.__getitem__(here, key)
    return here


def origin(layered: Layered, path: Sequence[str]) -> tuple[Layer, list[str]] | None:
    """Return the layer that the value at `path` came from, and the names in it that lead there; None: nobody can tell.

    It is the uppermost that has one; of layers that also hold what they were merged with, the lowest with that value.
    """
    held = [(layer, *way) for layer in reversed(layered.layers) if (way := _way(layer.table, path)) is not None]
    while not layered.exact and len(held) > 1 and held[0][2] == held[1][2]:
        del held[0]
    return held[0][:2] if held else None


def _way(table: Mapping[str, Any], path: Sequence[str]) -> tuple[list[str], Any] | None:
    """Return the names on the way to `path` and the value there: nested, or written in one as `a.b` and `a__b`."""
    for length in range(len(path), 0, -1):
        key = _spelled(table, ".".join(path[:length]))
        if key is None:
            continue
        if length == len(path):
            return [key], table[key]
        inner = _way(table[key], path[length:]) if isinstance(table[key], dict) else None
        if inner is not None:
            return [key, *inner[0]], inner[1]
    return None


def plain(value: Any, settings: Any, *, evaluate: bool) -> Any:
    """Return a stored value as lists, dicts and scalars. Its templates are evaluated, or given as the text they were.

    Raises whatever a template raises.
    """
    if getattr(value, "_dynaconf_lazy_format", False):
        return value(settings) if evaluate else value._dynaconf_encode()  # noqa: SLF001 - its way to be written down
    if isinstance(value, dict):
        return {key: plain(inner, settings, evaluate=evaluate) for key, inner in dict.items(value)}
    if isinstance(value, list):
        return [plain(item, settings, evaluate=evaluate) for item in list.__iter__(value)]
    return value


def _spelled(table: Mapping[str, Any], name: str) -> str | None:
    """Return the key of a table that dynaconf takes for `name`."""
    keys = list(table.keys())
    return name if name in keys else next((key for key in keys if _folded(key) == _folded(name)), None)


def _folded(name: object) -> str:
    return str(name).replace("__", ".").replace(" ", "_").lower()
