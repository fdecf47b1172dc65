"""Build distributions as they are published, and put them into environments of their own, without a network."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Built:
    wheel: Path
    sdist: Path


def build(project: Path, folder: Path) -> Built:
    """Build a project's wheel and sdist into a folder."""
    _done([sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(project)])
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return Built(wheel, sdist)


@dataclass(frozen=True)
class Installed:
    """An environment with wheels and what they need: no network, no extras."""

    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    def run(
        self, *command: str | Path, folder: Path | None = None, variables: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in a folder, that of the environment unless said, with these variables and no others."""
        return subprocess.run(
            [str(word) for word in command],
            cwd=folder or self.folder,
            env={"PATH": os.defpath, "HOME": str(self.folder), **(variables or {})},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def told(self, code: str) -> str:
        """Return what a program prints; fail with its traceback."""
        done = self.run(self.python, "-I", "-c", code)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


def install(folder: Path, *wheels: Path, needing: tuple[str, ...] = ()) -> Installed:
    """Return a new environment with the wheels, and with what estate-config and `needing` need."""
    venv.create(folder, with_pip=False, symlinks=True)
    (site,) = folder.glob("lib/python*/site-packages")
    for distribution in _needed("estate-config", *needing):
        if distribution.name == "estate-config":
            continue  # the editable one of this tree; the wheel comes instead
        for top in {Path(file).parts[0] for file in distribution.files or () if not str(file).startswith("..")}:
            if not (site / top).exists() and top != "__pycache__":
                (site / top).symlink_to(Path(str(distribution.locate_file(top))).resolve())
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python")]
    _done([*pip, "install", "--no-index", "--no-deps", *map(str, wheels)])
    return Installed(folder)


def _needed(*names: str) -> Iterator[metadata.Distribution]:
    """Yield what distributions need without extras, themselves included, as their metadata says."""
    waiting, seen = list(names), set[str]()
    while waiting:
        distribution = metadata.distribution(waiting.pop())
        if distribution.name in seen:
            continue
        seen.add(distribution.name)
        yield distribution
        for line in distribution.requires or ():
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                waiting.append(requirement.name)


def _done(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
