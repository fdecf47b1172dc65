"""The `.env` files of one folder, read at the time of asking; `os.environ` is neither read nor changed."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from estate_config.contract import Context
from estate_config.errors import Code, ProviderError
from estate_config.model import Deadline, Failed, Found, Key, Notice, Origin, Place
from estate_config.naming import variable_name
from estate_config.small_file import as_text, notice_if_open, read_small_file
from estate_config_providers.dotenv.parsing import Entry, parse

_LIMIT = 1_048_576
"""Bytes that one `.env` file may have."""


class DotenvOptions(BaseModel):
    """The table `[providers.dotenv]`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    folder: Path | None = None
    """Where the files lie; a relative one starts from the folder of `estate.toml`, which is also the default."""


class DotenvFiles:
    """Answers from `.env`, `.env.local`, `.env.<environment>` and `.env.<environment>.local`, later over earlier."""

    def __init__(self, options: DotenvOptions, context: Context) -> None:
        self._base = context.folder
        self._folder = context.folder / (options.folder or "")
        self._folder_was_named = options.folder is not None
        environment = context.environment
        self._files = [
            self._folder / name
            for name in dict.fromkeys((".env", ".env.local", f".env.{environment}", f".env.{environment}.local"))
        ]

    def locate(self, key: Key) -> Place:
        """Return the name and the first of the files; which of them has the value, only reading can tell."""
        name, file = _variable(key), self._shown(self._files[0])
        return Place(f"{name} in {file}", f"add the line {name}=<value> to {file}")

    def fetch(self, keys: Sequence[Key], deadline: Deadline) -> Mapping[Key, Found | Failed]:  # noqa: ARG002 - local
        """Answer from the files as they are now. One bad line or unreadable file is a `ProviderError`."""
        answers = self._answers(keys) if keys else {}
        if isinstance(answers, ProviderError):
            raise answers
        return answers

    def close(self) -> None:
        """Nothing is held."""

    def inspect(self, keys: Sequence[Key]) -> Sequence[Notice]:  # noqa: ARG002 - the files are the same for all keys
        """Return a notice for each file that others than its owner can read or write."""
        return [notice for path in self._files if (notice := notice_if_open(path, self._shown(path)))]

    def _answers(self, keys: Sequence[Key]) -> dict[Key, Found | Failed] | ProviderError:
        """Return the error instead of raising it: the frame of who raises must hold no value."""
        if self._folder_was_named and not self._folder.is_dir():
            hint = f"has no folder {self._shown(self._folder)} to read from"
            return ProviderError(Code.UNAVAILABLE, hint, "make the folder, or correct `folder` of [providers.dotenv]")
        found: dict[str, tuple[Entry, str]] = {}
        problems = []
        for path in self._files:
            shown = self._shown(path)
            entries = _read(path)
            if isinstance(entries, Failed):
                problems.append(Failed(entries.code, f"{shown} {entries.hint}", entries.fix))
            else:
                found |= {name: (entry, shown) for name, entry in entries.items()}
        if problems:
            return ProviderError(
                problems[0].code,
                "cannot be used: " + "; ".join(problem.hint for problem in problems),
                "\n".join(dict.fromkeys(problem.fix for problem in problems if problem.fix)),
            )
        return {key: _found(key, *found[_variable(key)]) for key in keys if _variable(key) in found}

    def _shown(self, path: Path) -> str:
        return str(path.relative_to(self._base) if path.is_relative_to(self._base) else path)


def _variable(key: Key) -> str:
    return variable_name(key.name) if key.address is None else key.address


def _found(key: Key, entry: Entry, file: str) -> Found:
    change = f"correct {_variable(key)} in line {entry.line} of {file}"
    origin = Origin("dotenv", f"{file}:{entry.line}", change=change)
    return Found(entry.value.encode() if key.binary else entry.value, origin)


def _read(path: Path) -> dict[str, Entry] | Failed:
    raw = read_small_file(os.fspath(path), _LIMIT)
    text = as_text(raw) if isinstance(raw, bytes) else raw
    if text is None:
        return {}
    if isinstance(text, Failed):
        return Failed(text.code, text.hint, "" if text.code is Code.MALFORMED else text.fix)
    parsed = parse(text)
    if parsed.bad_lines:
        lines = ", ".join(map(str, parsed.bad_lines))
        which = f"line {lines}, which is" if len(parsed.bad_lines) == 1 else f"lines {lines}, which are"
        return Failed(
            Code.MALFORMED,
            f"has {which} not NAME=value (the text is not shown: it may hold a secret)",
            "write each line as NAME=value, with quotes around a value that has spaces, a # or several lines",
        )
    return parsed.entries
