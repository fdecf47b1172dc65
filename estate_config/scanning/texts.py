"""The texts to look through: what git knows of a folder, or what stands in its index; without git, the folder."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

LIMIT = 1_048_576
"""Bytes of a file that is looked through; a larger one is named and left out."""

_SECONDS = 60.0
_CLOSED = re.compile("^warning: could not open directory '(.*)': (.*)$", re.MULTILINE)
"""How git says, on its way past it, that it may not look into a folder."""
_NOT_OURS = {".git", ".hg", ".venv", "node_modules", "__pycache__"}


@dataclass(frozen=True, slots=True)
class Text:
    """One file's content; None where it was left out, being too large to look through or not to be read."""

    name: str
    content: str | None
    unreadable: str = ""
    """Why it could not be read."""


def in_folder(folder: Path) -> Iterator[Text]:
    """Yield the texts of a folder: in a git repository, what is tracked or could be, without what is ignored.

    Raises `OSError` where git cannot be run in the folder.
    """
    listed = _git(folder, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    closed: list[OSError] = []
    names = _walked(folder, closed.append) if listed is None else sorted(set(_names(listed.stdout)))
    for name in names:
        try:
            text = _text(folder / name, name)
        except OSError as error:
            text = _unread(name, error)
        if text is not None:
            yield text
    for not_listed in closed:
        yield _unread(os.path.relpath(not_listed.filename, folder), not_listed)
    if listed is not None:
        yield from _closed(folder, os.fsdecode(listed.stderr))


def _closed(folder: Path, said: str) -> Iterator[Text]:
    """Yield the folders that git could not look into: it names them from the top of the repository."""
    for name, why in _CLOSED.findall(said):
        inside = _git(folder, "rev-parse", "--show-prefix")
        prefix = "" if inside is None else os.fsdecode(inside.stdout).rstrip("\n")
        yield Text(os.path.relpath(name, prefix), None, why)


def _unread(name: str, error: OSError) -> Text:
    return Text(name, None, error.strerror or type(error).__name__)


def _text(path: Path, name: str) -> Text | None:
    if path.is_symlink() or not path.is_file():
        return None  # what a link leads to is looked at where it is; a deleted file is not there
    if path.stat().st_size > LIMIT:
        return Text(name, None)
    content = _decoded(path.read_bytes())
    return None if content is None else Text(name, content)


def in_index(folder: Path) -> Iterator[Text]:
    """Yield the texts that the next commit would add or change. Raises `OSError` outside of a git repository."""
    listed = _git(folder, "diff", "--cached", "--name-only", "--diff-filter=d", "-z", "--relative")
    if listed is None:
        raise OSError("this is no git repository, so nothing is staged: go to one, or leave --staged out")
    for name in _names(listed.stdout):
        shown = _git(folder, "show", f":./{name}")
        raw = b"" if shown is None else shown.stdout
        if len(raw) > LIMIT:
            yield Text(name, None)
        elif (content := _decoded(raw)) is not None:
            yield Text(name, content)


def _git(folder: Path, *words: str) -> subprocess.CompletedProcess[bytes] | None:
    """Return what git prints, and says in English; None where there is no git, or no repository."""
    try:
        done = subprocess.run(  # noqa: S603 - git, with words of our own and names that git itself has listed
            ["git", *words],  # noqa: S607 - the git of the user's path
            cwd=folder,
            env={**os.environ, "LC_ALL": "C"},
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except FileNotFoundError:
        return None
    return done if done.returncode == 0 else None


def _names(listed: bytes) -> list[str]:
    return [os.fsdecode(name) for name in listed.split(b"\0") if name]


def _walked(folder: Path, closed: Callable[[OSError], None]) -> Iterator[str]:
    for at, folders, files in os.walk(folder, onerror=closed):
        folders[:] = sorted(set(folders) - _NOT_OURS)
        yield from (os.path.relpath(Path(at, name), folder) for name in sorted(files))


def _decoded(raw: bytes) -> str | None:
    """Return the text; None for a binary file, which is known, as git does, by a NUL."""
    return None if b"\0" in raw[:8192] else raw.decode("utf-8", "replace")
