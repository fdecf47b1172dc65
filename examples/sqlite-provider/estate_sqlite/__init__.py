"""A provider of a stranger's: values in the table `settings (name, value)` of a SQLite file."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from estate_config.contract import Context, ProviderSpec, Writer
from estate_config.errors import Code, ProviderError
from estate_config.model import Deadline, Failed, Found, Key, Origin, Place


class Options(BaseModel):
    """The table `[providers.sqlite]`."""

    model_config = ConfigDict(extra="forbid")

    file: Path
    """Relative to the folder of `estate.toml`."""


class Sqlite:
    """Reads and writes one table; a connection for each call, so any thread may call."""

    def __init__(self, options: Options, context: Context) -> None:
        self._file = context.folder / options.file

    def locate(self, key: Key) -> Place:
        name = key.address or key.name
        return Place(f"{self._file.name}: {name}", f"sqlite3 {self._file.name}: add a row named {name!r} to settings")

    def fetch(self, keys: Sequence[Key], deadline: Deadline) -> Mapping[Key, Found | Failed]:
        if not keys:
            return {}
        names = sorted({key.address or key.name for key in keys})
        marks = ", ".join("?" * len(names))
        rows = dict(self._run(f"SELECT name, value FROM settings WHERE name IN ({marks})", names, deadline))  # noqa: S608 - only question marks are put in
        return {
            key: Found(rows[key.address or key.name], Origin("sqlite", self.locate(key).text))
            for key in keys
            if (key.address or key.name) in rows
        }

    def put(self, values: Mapping[Key, str | bytes], deadline: Deadline) -> Mapping[Key, Failed]:
        for key, value in values.items():
            statement = "INSERT INTO settings VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
            self._run(statement, [key.address or key.name, value], deadline)
        return {}

    def close(self) -> None: ...

    def _run(self, statement: str, values: Sequence[str | bytes], deadline: Deadline) -> list[tuple[str, str | bytes]]:
        if self._file.exists():
            try:
                with closing(sqlite3.connect(self._file, timeout=deadline.remaining())) as connection, connection:
                    return connection.execute(statement, values).fetchall()
            except sqlite3.Error as error:
                reason = type(error).__name__  # its text may hold what was asked for
        else:
            reason = "there is no such file"
        raise ProviderError(Code.UNAVAILABLE, f"cannot use {self._file.name}: {reason}", "create it: see the README")


spec = ProviderSpec(
    name="sqlite",
    title="a SQLite file",
    summary="Values in the table `settings (name, value)` of a SQLite file.",
    options=Options,
    build=Sqlite,
    offers=(Writer,),
)
