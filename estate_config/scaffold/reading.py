"""Drafts from what a project has: a `.env` file, a class of pydantic-settings, settings files of dynaconf."""

from __future__ import annotations

import re
import types
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from estate_config.describe import constraints
from estate_config.errors import ConfigurationError
from estate_config.naming import variable_name
from estate_config.scaffold.drafts import Draft, guessed, unhidden, without_twins
from estate_config.services import imported
from estate_config.shapes import is_secret_type, members_of

_BASE64_END = re.compile(r"\s*([A-Za-z0-9+/_-]+)(==?)\s*")
_LONGEST_MIXED = 12
"""Letters of a name like `apiKey` whose value is not there yet."""


class UnreadableError(Exception):
    """What was named cannot be read. Its words hold no value."""


def from_dotenv(path: Path) -> list[Draft]:
    """Return a draft for each variable of a `.env` file. Raises `UnreadableError`."""
    from dotenv.parser import parse_stream

    try:
        with path.open(encoding="utf-8") as file:
            lines = list(parse_stream(file))
    except (OSError, UnicodeDecodeError) as error:
        broken = f"{path} cannot be read ({type(error).__name__})"
    else:
        bad = [
            line
            for line in lines
            if line.error or (line.key is not None and line.value is None) or _is_end_of_base64(line.original.string)
        ]
        if not bad:
            return without_twins(guessed(line.key, line.value or "") for line in lines if line.key is not None)
        # its name would be written, and may be a part of a private key
        broken = f"{path}:{bad[0].original.line} is no NAME=VALUE; a value of several lines needs quotes"
    raise UnreadableError(broken)


def _is_end_of_base64(line: str) -> bool:
    """Return whether a line may be the last one of a base64 text, though it reads as a name and `=` or nothing."""
    end = _BASE64_END.fullmatch(line)
    if end is None:
        return False
    name, padding = end.groups()
    is_mixed = len(name) > _LONGEST_MIXED and name.upper() != name != name.lower()
    return padding == "==" or is_mixed or not set(name).isdisjoint("+/")


def from_dynaconf(path: Path) -> list[Draft]:
    """Return a draft for each setting of a file of dynaconf's, in whichever environment. Raises `UnreadableError`."""
    try:
        from dynaconf import Dynaconf

        loaded = Dynaconf(settings_files=[str(path.absolute())], environments=False, loaders=[])
        document = loaded.to_dict()
    except ModuleNotFoundError:
        broken = "dynaconf is not installed: pip install 'estate-config[dynaconf]'"
    except Exception as error:  # noqa: BLE001 - its parsers raise what they like, with the text of the file in it
        broken = f"{path} cannot be read by dynaconf ({type(error).__name__})"
    else:
        sections = [value for value in document.values() if isinstance(value, Mapping)]
        layered = bool(sections) and len(sections) == len(document)
        tables = sections if layered else [document]
        return without_twins(draft for table in tables for draft in _leaves(table))
    raise UnreadableError(broken)


def _leaves(table: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[Draft]:
    for name, value in table.items():
        here = (*path, str(name).lower())
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, here)
        elif not here[0].startswith("dynaconf"):
            yield guessed("_".join(here).upper(), value, ("dynaconf", ".".join(here)) if len(here) > 1 else None)


def from_class(target: str) -> list[Draft]:
    """Return a draft for each field of a `BaseSettings` class, `module:Class`. Raises `UnreadableError`."""
    module, _, name = target.partition(":")
    try:
        cls = getattr(imported(module, "--from"), name, None)
    except ConfigurationError as error:
        broken = "\n".join(f"{problem.message}\n  fix  {problem.fix}" for problem in error.problems)
    else:
        if isinstance(cls, type) and issubclass(cls, BaseSettings):
            prefix = str(cls.model_config.get("env_prefix") or "")
            return [_of_field(field, info, prefix) for field, info in cls.model_fields.items()]
        broken = f"{module} has no class {name} of pydantic-settings"
    raise UnreadableError(broken)


def _of_field(name: str, info: FieldInfo, prefix: str) -> Draft:
    imports: list[tuple[str, str]] = []
    kind = _source(info.annotation, imports)
    if limits := ", ".join(constraints(info)):
        imports += [("typing", "Annotated"), ("pydantic", "Field")]
        kind = f"Annotated[{kind}, Field({limits})]"
    secret = is_secret_type(info.annotation) or guessed(name, str(info.default)).secret or "Dsn" in kind
    alias = info.validation_alias if isinstance(info.validation_alias, str) else None
    env = (alias or prefix + name).upper()
    field = unhidden(name)
    return Draft(
        field,
        kind,
        secret,
        tuple(imports),
        None if env == variable_name(field) else env,
        default=None if secret and info.default is not None else _literal(info.default, info.annotation),
        description=info.description,
    )


def _source(annotation: Any, imports: list[tuple[str, str]]) -> str:
    """Return a type as it is written in Python, noting what has to be imported for it."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation is None or annotation is type(None):
        return "None"
    if origin is Literal:
        imports.append(("typing", "Literal"))
        return f"Literal[{', '.join(map(repr, arguments))}]"
    if origin is Union or origin is types.UnionType:
        return " | ".join(_source(argument, imports) for argument in arguments)
    name = getattr(origin or annotation, "__name__", "str")
    module = getattr(origin or annotation, "__module__", "builtins")
    if module.startswith("pydantic"):
        module = "pydantic"
    if module != "builtins":
        imports.append((module, name))
    if arguments:
        inner = ", ".join("..." if argument is Ellipsis else _source(argument, imports) for argument in arguments)
        return f"{name}[{inner}]"
    return str(name)


def _literal(default: Any, annotation: Any) -> str | None:
    """Return a default as Python where it can be no credential; else it has to be written by hand.

    That is None, a number, a truth value, a word of a `Literal`, or a list of these.
    """
    words = [word for kind in members_of(annotation) if get_origin(kind) is Literal for word in get_args(kind)]
    return repr(default) if _is_harmless(default, words) else None


def _is_harmless(default: Any, words: Sequence[Any]) -> bool:
    if isinstance(default, list | tuple):
        return all(_is_harmless(item, words) for item in default)
    if isinstance(default, Enum):
        return False
    return default is None or isinstance(default, int | float | bool) or default in words
