"""One load in Python and one in Node.js, of the same schema in the same environment, and what has to be the same."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from estate_config import ConfigurationError, Settings, explain, load
from estate_config.errors import Problem
from tests.generate.typescript.nodejs import Loader

_OF_PYTHON = ("fetched_at", "age", "created_at", "degraded")
"""Provenance that only live settings need, which are Python's."""


class Both:
    """Loads a schema in both languages, and compares; the values of Python are in the answer as `python`."""

    def __init__(self, cls: type[Settings], table: Mapping[str, Any], loader: Loader, folder: Path) -> None:
        self.cls, self.table, self.loader, self.folder = cls, table, loader, folder

    def load(self, environment: Mapping[str, str]) -> dict[str, Any]:
        """Return what Node.js answers. Raises `AssertionError` where Python answers otherwise."""
        __tracebackhide__ = True
        self.loader.ask(self.folder, environment)
        with _only(environment, self.folder):
            python = self._python()
        node = self.loader.answer()
        if isinstance(python, ConfigurationError):
            assert [_of_node(one) for one in node["problems"]] == [_of_python(one) for one in python.problems]
            assert [_of_node(one) for one in node["warnings"]] == [_of_python(one) for one in python.warnings]
            assert node["exitCode"] == python.exit_code
            assert node["chain"] == list(python.info.chain)
            assert _lines(node["report"]) == _lines(str(python))
            return node
        assert node["problems"] == []
        explained = explain(python).as_json()["settings"]
        assert node["explained"]["settings"] == [
            {name: value for name, value in one.items() if name not in _OF_PYTHON} for one in explained
        ]
        return {**node, "python": python}

    def _python(self) -> Settings | ConfigurationError:
        try:
            return load(self.cls, config=self.table)
        except ConfigurationError as error:
            return error


@contextmanager
def _only(environment: Mapping[str, str], folder: Path) -> Iterator[None]:
    before, here = dict(os.environ), Path.cwd()
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(here)
        os.environ.clear()
        os.environ.update(before)


def _of_python(problem: Problem) -> tuple[object, ...]:
    places = [(step.provider, step.place, step.outcome) for step in problem.places]
    return problem.field, problem.code.value, places, _first(problem.fix, problem.code)


def _of_node(problem: Mapping[str, Any]) -> tuple[object, ...]:
    places = [(step["provider"], step["place"], step["outcome"]) for step in problem["places"]]
    return problem["field"], problem["code"], places, _first(problem["fix"], problem["code"])


def _first(fix: str, code: str) -> str:
    """The first command or line, without the remark after it; what upgrades the SDK differs."""
    return "" if code == "PLUGIN" else fix.partition("\n")[0].partition("   # ")[0]


def _lines(report: str) -> list[str]:
    """The lines of a report that say which problems there are, and where was looked; messages and fixes are words."""
    return [line for line in report.splitlines()[2:] if re.match(r"(    )?\S", line)]
