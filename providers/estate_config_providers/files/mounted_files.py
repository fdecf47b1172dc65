"""One file per key, in the folder that a volume is mounted at, read at the time of asking."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import TypeVar

from pydantic import BaseModel, ConfigDict

from estate_config.contract import Context
from estate_config.errors import Code, ProviderError
from estate_config.model import Deadline, Failed, Found, Key, Origin, Place, Status
from estate_config.payload import member_of, split_member
from estate_config.small_file import as_text, as_value, why
from estate_config_providers.files.inside_folder import look_inside, read_inside

T = TypeVar("T")


class FilesOptions(BaseModel):
    """The table `[providers.files]`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    folder: Path
    """Where the volume is mounted; a relative one starts from the folder of `estate.toml`."""


class MountedFiles:
    """Answers `database/url` from the file `database_url`, or from the path and member that the field gives."""

    def __init__(self, options: FilesOptions, context: Context) -> None:
        self._folder = context.folder / options.folder

    def locate(self, key: Key) -> Place:
        """Return the path of the file, and the member where one is asked for."""
        name, member = _file_and_member(key)
        path, wrong = str(self._folder / name), _wrong(key)
        if wrong is not None:
            return Place(path, wrong.fix, wrong=wrong.hint)
        if member is None:
            return Place(path, f"put the value, and nothing else, into the file {path}")
        return Place(f"{path}#{member}", f"put a member {member!r} into the JSON object in the file {path}")

    def fetch(self, keys: Sequence[Key], deadline: Deadline) -> Mapping[Key, Found | Failed]:  # noqa: ARG002 - local
        """Answer from the files as they are now, each read once. No folder is a `ProviderError`, never absent."""
        problem = self._folder_problem() if keys else None
        if problem is not None:
            raise problem
        contents = self._each(keys, read_inside)
        answers = {key: self._answer(key, contents[key]) for key in keys}
        return {key: answer for key, answer in answers.items() if answer is not None}

    def probe(self, keys: Sequence[Key], deadline: Deadline) -> Mapping[Key, Status | Failed]:  # noqa: ARG002 - local
        """Look at the files without reading them. A member stands as its file does: only the content tells of it."""
        problem = self._folder_problem() if keys else None
        if problem is not None:
            raise problem
        seen = self._each(keys, look_inside)
        answers = {key: self._status(key, seen[key]) for key in keys}
        return {key: answer for key, answer in answers.items() if answer is not None}

    def close(self) -> None:
        """Nothing is held."""

    def _folder_problem(self) -> ProviderError | None:
        """Return the error instead of raising it, so that the operating system's does not travel along."""
        try:
            os.scandir(self._folder).close()
        except FileNotFoundError:
            hint = f"has no folder {self._folder} to read from: is the volume mounted?"
            return ProviderError(Code.UNAVAILABLE, hint, "mount it there, or correct `folder` of [providers.files]")
        except NotADirectoryError:
            hint = f"cannot be used: {self._folder} is not a folder"
            return ProviderError(Code.MALFORMED, hint, "correct `folder` of [providers.files]")
        except OSError as error:
            failed = why(error)
            return ProviderError(failed.code, f"cannot be used: the folder {self._folder} {failed.hint}", failed.fix)
        return None

    def _each(self, keys: Sequence[Key], work: Callable[[str, str], T | Failed | None]) -> dict[Key, T | Failed | None]:
        wrong = {key: _wrong(key) for key in keys}
        names = {_file_and_member(key)[0] for key, problem in wrong.items() if problem is None}
        done = {name: work(str(self._folder), name) for name in names}
        return {key: problem or done[_file_and_member(key)[0]] for key, problem in wrong.items()}

    def _answer(self, key: Key, content: bytes | Failed | None) -> Found | Failed | None:
        value = _member(key, content) if isinstance(content, bytes) else content
        if value is None:
            return None
        if isinstance(value, Failed):
            return self._failed(key, value)
        return Found(value, Origin("files", self.locate(key).text))

    def _status(self, key: Key, seen: os.stat_result | Failed | None) -> Status | Failed | None:
        if seen is None:
            return None
        if isinstance(seen, Failed):
            return self._failed(key, seen)
        changed_at = datetime.fromtimestamp(seen.st_mtime, UTC)
        return Status(self.locate(key).text, changed_at=changed_at, may_read=True)

    def _failed(self, key: Key, failed: Failed) -> Failed:
        return Failed(failed.code, failed.hint, failed.fix or self.locate(key).fix)


def _wrong(key: Key) -> Failed | None:
    """Return what is wrong with an address, whatever is in the folder."""
    name, member = _file_and_member(key)
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        hint = "is not a path inside the folder: it may not be absolute, be empty or go up with `..`"
        return Failed(Code.SCHEMA, hint, "correct the field's files=…")
    if member == "":
        return Failed(Code.MALFORMED, f"{key.address!r} names no member after its #", f'write "{name}#password", say')
    return None


def _file_and_member(key: Key) -> tuple[str, str | None]:
    # No slash: the keys of a Kubernetes Secret are [-._a-zA-Z0-9]+, and the CSI driver for AWS writes `_` for it too.
    return (key.name.replace("/", "_"), None) if key.address is None else split_member(key.address)


def _member(key: Key, content: bytes) -> str | bytes | Failed | None:
    member = _file_and_member(key)[1]
    if member is None:
        return as_value(content, binary=key.binary)
    text = as_text(content)
    value = member_of(text, member) if isinstance(text, str) else text
    return value.encode() if key.binary and isinstance(value, str) else value
