"""Read a file that lies in a folder, links and all, and never one that lies outside of it.

Kubernetes mounts a volume as links: `key -> ..data/key`, `..data -> ..2026_01_31_12_00_00.1`; an update puts a new
folder beside the old one, turns `..data` over to it, and removes the old one, at any moment.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import PurePath
from typing import TypeVar

from estate_config.errors import Code
from estate_config.model import Failed
from estate_config.small_file import look_at_small_file, read_small_file, why

T = TypeVar("T")

_ATTEMPTS = 3  # a volume that is turned over twice within one read is none of Kubernetes
_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def read_inside(folder: str, name: str) -> bytes | Failed | None:
    """Return the content of the file `name`, a path relative to `folder`; None if there is nothing of that name."""
    return _inside(folder, name, lambda file, here: read_small_file(file, dir_fd=here, follow=False))


def look_inside(folder: str, name: str) -> os.stat_result | Failed | None:
    """Return what the system says of the file that `read_inside` would read, without reading it."""
    return _inside(folder, name, lambda file, here: look_at_small_file(file, dir_fd=here, follow=False))


def _inside(folder: str, name: str, work: Callable[[str, int], T | Failed | None]) -> T | Failed | None:
    path = f"{folder}/{name}"
    for _ in range(_ATTEMPTS):
        try:
            done = _resolved(os.path.realpath(folder), os.path.realpath(path), work)
        except FileNotFoundError:
            done = None
        except OSError as error:
            return why(error)
        except ValueError:
            return Failed(Code.MALFORMED, "has a name that no file can have")
        if done is not None:
            return done
        if not _exists(path):
            return None
    return Failed(Code.MALFORMED, "is a link that leads to nothing")


def _resolved(folder: str, path: str, work: Callable[[str, int], T | Failed | None]) -> T | Failed | None:
    """Go down folder by folder, so that a link put in after the path was resolved leads nowhere."""
    if not PurePath(path).is_relative_to(folder):
        return Failed(Code.DENIED, "is a link that leads out of the folder", "put the file itself into the folder")
    *folders, file = PurePath(path).relative_to(folder).parts or (".",)
    here = os.open(folder, _FOLDER_FLAGS)
    try:
        for name in folders:
            below = os.open(name, _FOLDER_FLAGS, dir_fd=here)
            os.close(here)
            here = below
        return work(file, here)
    finally:
        os.close(here)


def _exists(path: str) -> bool:
    try:
        os.lstat(path)
    except OSError as error:
        return not isinstance(error, FileNotFoundError)  # what cannot be looked at is not absent
    return True
