"""What goes wrong with files: those that hold settings, and the last known good while a store is away."""

from __future__ import annotations

import base64
import os
import resource
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from estate_config import Code, lazy, load
from tests.doubles import estate
from tests.fakes.aws import StrictAws
from tests.faults.aws_rows import TIME
from tests.faults.proxy import Proxy
from tests.faults.row import CANARY, Row, Service


class Mounted:
    """A folder as Kubernetes mounts a Secret: a symbolic link that is swapped in one step."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.stop = threading.Event()
        self.writer: threading.Thread | None = None
        self.number = 0
        self.rotate(f"{CANARY}-1")

    def load(self) -> Any:
        options = {"folder": str(self.folder)}
        return load(lazy(Service), config=estate("files", deadline=TIME, providers={"files": options}))

    def rotate(self, value: str | bytes) -> None:
        self.number += 1
        data = self.folder / f"..{self.number}"
        data.mkdir(parents=True)
        (data / "token").write_bytes(value if isinstance(value, bytes) else value.encode())
        (data / "other").write_text("o")
        link = self.folder / "..data_tmp"
        link.symlink_to(data.name)
        link.replace(self.folder / "..data")
        for name in ("token", "other"):
            if not (self.folder / name).is_symlink():
                (self.folder / name).symlink_to(f"..data/{name}")

    def swap_without_end(self) -> None:
        """Replace the files again and again while they are read."""
        self.writer = threading.Thread(target=self._swapping)
        self.writer.start()

    def _swapping(self) -> None:
        while not self.stop.wait(0.001):
            self.rotate(f"{CANARY}-2")

    def make_a_pipe(self) -> None:
        (self.folder / "token").unlink()
        os.mkfifo(self.folder / "token")

    def lose_the_folder(self) -> None:
        (self.folder / "..data").unlink()

    def end(self) -> None:
        self.stop.set()
        if self.writer is not None:
            self.writer.join()

    def mend(self) -> None:
        self.end()
        if not (self.folder / "token").is_symlink():
            (self.folder / "token").unlink()
        self.rotate(f"{CANARY}-3")


@contextmanager
def mounted() -> Iterator[Mounted]:
    with tempfile.TemporaryDirectory() as folder:
        world = Mounted(Path(folder))
        try:
            yield world
        finally:
            world.end()


class Kept:
    """AWS behind a proxy, and the last known good on disk."""

    def __init__(self, fake: StrictAws, way: Proxy, folder: Path) -> None:
        self.fake, self.way, self.folder, self.key = fake, way, folder / "kept", folder / "key"
        self.folder.mkdir()
        self.key.write_bytes(base64.b64encode(b"k" * 32))
        self.limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        fake.add("token", f"{CANARY}-1")
        fake.add("other", "o")
        self.load()

    def load(self) -> Any:
        options = {"session": self.fake.session(), "endpoint_url": self.way.url}
        made = estate("aws", deadline=TIME, providers={"aws": options})
        made["environments"]["here"]["last_known_good"] = {
            "file": f"{self.folder}/{{service}}.lkg",
            "key": f"file:{self.key}",
        }
        return load(lazy(Service), config=made)

    def rotate(self, value: str) -> None:
        self.fake.add("token", value)

    @property
    def aside(self) -> Path:
        return self.folder.with_name("aside")

    def one(self) -> Path:
        return next(self.folder.glob("*.lkg"))

    def away(self) -> None:
        self.way.close()

    def away_and_tampered(self) -> None:
        data = bytearray(self.one().read_bytes())
        data[len(data) // 2] ^= 1
        self.one().write_bytes(data)
        self.away()

    def away_and_broken_off(self) -> None:
        os.truncate(self.one(), self.one().stat().st_size // 2)
        self.away()

    def away_and_readable(self) -> None:
        self.one().chmod(0o644)
        self.away()

    def denied(self) -> None:
        self.fake.fault("*", "AccessDeniedException")

    def fill_the_disk(self) -> None:
        """No file may grow: writing fails as on a full disk, and nobody else's disk is full."""
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, self.limits[1]))

    def take_the_folder(self) -> None:
        """Mount what nobody may write into in its place: root is stopped by no mode of a folder."""
        self.folder.rename(self.aside)
        self.folder.symlink_to("/sys")

    def mend(self) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, self.limits)
        if self.folder.is_symlink():
            self.folder.unlink()
            self.aside.rename(self.folder)
        self.fake.mend()
        self.way.mend()


@contextmanager
def kept() -> Iterator[Kept]:
    folder = Path(tempfile.mkdtemp())
    with StrictAws() as fake, Proxy(int(fake.url.rpartition(":")[2])) as way:
        world = Kept(fake, way, folder)
        try:
            yield world
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, world.limits)
            shutil.rmtree(folder)


def on_disk(what: str, breaks: Any, at_start: Code | None, running: Code | None, **words: Any) -> Row:
    return Row(what, mounted, breaks, Mounted.mend, at_start, running, **words)


def cached(what: str, breaks: Any, at_start: Code | None, running: Code | None, **words: Any) -> Row:
    return Row(f"{what}, with a last known good on disk", kept, breaks, Kept.mend, at_start, running, **words)


U, NOT_KEPT = Code.UNAVAILABLE, "the last known good is not kept: "
ROWS = [
    on_disk("a mounted file is replaced while it is read", Mounted.swap_without_end, None, None, degraded=False),
    on_disk("a mounted file is emptied", lambda world: world.rotate(""), Code.EMPTY, Code.EMPTY),
    on_disk("a mounted file is no text in UTF-8", lambda world: world.rotate(b"\xff"), Code.MALFORMED, Code.MALFORMED),
    on_disk("a mounted file is a pipe that nobody writes to", Mounted.make_a_pipe, Code.MALFORMED, Code.MALFORMED),
    on_disk("the mounted files are gone", Mounted.lose_the_folder, Code.MALFORMED, Code.MALFORMED),
    cached("the store is away", Kept.away, None, U),
    cached("the store is away, the file was changed by somebody", Kept.away_and_tampered, U, U),
    cached("the store is away, the file breaks off", Kept.away_and_broken_off, U, U),
    cached("the store is away, others can read the file", Kept.away_and_readable, U, U),
    cached("the store denies", Kept.denied, Code.DENIED, Code.DENIED),
    cached("the disk is full", Kept.fill_the_disk, None, None, degraded=False, logged=NOT_KEPT),
    cached("the folder cannot be written into", Kept.take_the_folder, None, None, degraded=False, logged=NOT_KEPT),
]
