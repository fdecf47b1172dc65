"""What pydantic says of a table of `estate.toml`, in the words of the file: where it is, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from estate_config.errors import Code, Problem
from estate_config.suggest import did_you_mean

Step = int | str


def table_problem(source: str, loc: Sequence[Step], kind: str, message: str, model: type[BaseModel]) -> Problem:
    """Return the problem of one pydantic error in a reviewed table, with a did-you-mean for a misspelt word."""
    steps, known = _walked(model, list(loc[:-1] if kind == "extra_forbidden" else loc))
    if kind == "extra_forbidden":
        where = ".".join(map(str, [*steps, loc[-1]]))
        said = f"{where} is not known" + did_you_mean(str(loc[-1]), known)
        return Problem("", Code.SCHEMA, f"{source}: {said}", fix=f"remove {where}, or correct its name")
    where = ".".join(map(str, steps))
    if kind == "missing":
        return Problem("", Code.SCHEMA, f"{source}: {where} is missing", fix=f"add {where}")
    words = message.removeprefix("Value error, ").replace(" after validation", "")
    said = f"{words[0].lower()}{words[1:]}"
    if not where:
        fix = "correct the table" if kind == "value_error" else "write it as a table"
        return Problem("", Code.SCHEMA, f"{source}: {said}", fix=fix)
    return Problem("", Code.SCHEMA, f"{source}: {where}: {said}", fix=f"correct {where}")


def _walked(kind: Any, steps: list[Step], tag: str = "") -> tuple[list[Step], list[str]]:
    """Return the steps as they are written, and the words of the table that they lead to.

    What pydantic adds is left out: the value of the `tag` by which it chose among tables, the names of its validators.
    """
    tables = _tables(kind)
    if not steps:
        return [], [name for table in tables for name in table.model_fields]
    first, *rest = steps
    if get_origin(kind) in {dict, list}:
        written, known = _walked(get_args(kind)[-1], rest)
        return [first, *written], known
    if not tables:
        return [step for step in steps if isinstance(step, int)], []
    if tag:
        return _walked(next(one for one in tables if first in get_args(one.model_fields[tag].annotation)), rest)
    field = tables[0].model_fields.get(str(first))
    if field is None:
        return steps, list(tables[0].model_fields)
    written, known = _walked(field.annotation, rest, str(field.discriminator or ""))
    return [first, *written], known


def _tables(kind: Any) -> list[type[BaseModel]]:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return [kind]
    return [table for part in get_args(kind) for table in _tables(part)]
