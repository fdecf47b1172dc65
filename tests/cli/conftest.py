"""A project in a folder of its own, as a user has one, and the program `estate` run in it."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import logging
import os
import pty
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from estate_config import discovery
from estate_config.cli import main

ESTATE = Path(sys.executable).with_name("estate")

SCHEMAS = """
from pydantic import SecretStr
from estate_config import Settings, secret, setting


class AiSettings(Settings):
    database_url: SecretStr = secret("database/url")
    openai_key: SecretStr = secret("openai/key")
    workers: int = setting(default=2)


class EtlSettings(Settings):
    database_url: SecretStr = secret("database/url")
    password: SecretStr = secret("rds/password", shelf="rds#password")
    note: SecretStr | None = secret("note", default=None)
"""

TABLE = """
default_environment = "laptop"

[services]
ai = "schemas:AiSettings"
etl = "schemas:EtlSettings"

[environments.laptop]
chain = ["env", "dotenv"]

[environments.cluster]
chain = ["shelf"]
"""

DOTENV = """DATABASE_URL=postgresql://u:pw@db/estate
OPENAI_KEY=sk-made-up
RDS_PASSWORD=made-up-too
"""

SHELF = '''
"""A store in a file of JSON, `shelf.json`: texts, and failures as {"failed": CODE}. What `refused` lists is refused."""
import json
import pathlib

from pydantic import BaseModel

from estate_config.contract import ProviderSpec, Writer
from estate_config.errors import Code, ProviderError
from estate_config.model import Failed, Found, Origin, Place
from estate_config.payload import member_of, split_member, with_members


class Options(BaseModel, extra="forbid"):
    file: str = "shelf.json"
    refused: list[str] = []
    raises: str = ""


class Shelf:
    def __init__(self, options, context):
        self.file, self.options = context.folder / options.file, options

    def locate(self, key):
        return Place(f"shelf/{key.address or key.name}", f"put it on the shelf as {key.address or key.name}")

    def fetch(self, keys, deadline):
        if self.options.raises == "fetch":
            raise ValueError(self.file.read_text())
        stored, answers = self.stored(), {}
        for key in keys:
            name, member = split_member(key.address or key.name)
            value = stored.get(name)
            if isinstance(value, dict):
                value = Failed(Code(value["failed"]), "says no", "ask its keeper")
            elif value is not None and member is not None:
                value = member_of(value, member)
            if value is not None:
                origin = Origin("shelf", f"shelf/{key.address or key.name}", version="v1", stage="CURRENT")
                answers[key] = value if isinstance(value, Failed) else Found(value, origin)
        return answers

    def put(self, values, deadline):
        if self.options.raises == "put":
            raise ValueError(str(values))
        if self.options.raises == "provider":
            raise ProviderError(Code.CREDENTIALS, "has no credentials", "log in")
        stored, failed = self.stored(), {}
        for key, value in values.items():
            name, member = split_member(key.address or key.name)
            if name in self.options.refused:
                failed[key] = Failed(Code.DENIED, "may not be written", "allow it")
            elif member is None:
                stored[name] = value
            else:
                stored[name] = with_members(stored.get(name), {member: value})
        self.file.write_text(json.dumps(stored))
        return failed

    def stored(self):
        return json.loads(self.file.read_text()) if self.file.exists() else {}

    def close(self):
        pass


spec = ProviderSpec(name="shelf", title="the shelf", summary="A file of JSON.", options=Options, build=Shelf,
                    offers=(Writer,))
'''


@dataclass(frozen=True)
class Done:
    """What a run of `estate` left."""

    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


@dataclass
class Project:
    folder: Path
    variables: dict[str, str] = field(default_factory=dict)

    def write(self, name: str, text: str) -> Path:
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
        file.chmod(0o600)
        return file

    @property
    def environment(self) -> dict[str, str]:
        return {"PATH": os.defpath, "HOME": str(self.folder), "LANG": "C.UTF-8", **self.variables}

    def change(self, name: str, old: str, new: str) -> None:
        """Replace a text in a file, which must be there."""
        text = (self.folder / name).read_text("utf-8")
        assert old in text
        self.write(name, text.replace(old, new))

    def program(self, *words: str, code: int = 0, variables: Mapping[str, str] | None = None, stdin: str = "") -> Done:
        """Run `estate` with these words, as a program of its own."""
        done = subprocess.run(
            [ESTATE, *words],
            cwd=self.folder,
            env={**self.environment, **(variables or {})},
            input=stdin,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=60,
            check=False,
        )
        assert done.returncode == code, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
        return Done(done.stdout, done.stderr)

    def run(
        self, *words: str, code: int | None = 0, variables: Mapping[str, str] | None = None, stdin: str = ""
    ) -> Done:
        """As `program`, in this process, which is quicker by far. Code None: whatever it may be."""
        out, err = io.StringIO(), io.StringIO()
        with (
            _as_a_program(self.folder, {**self.environment, **(variables or {})}, ["estate", *words], stdin),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            pytest.raises(SystemExit) as exited,
        ):
            main()
        done = Done(out.getvalue(), err.getvalue())
        assert code is None or (exited.value.code or 0) == code, f"{exited.value.code}\n{done.out}\n{done.err}"
        return done

    def answered(self, answer: bytes, *words: str) -> tuple[int, str]:
        """Run `estate` on a terminal, type `answer` at its question; return its exit code and all that it showed."""
        controller, terminal = pty.openpty()
        process = subprocess.Popen(
            [ESTATE, *words],
            cwd=self.folder,
            env={**self.environment, "TERM": "dumb"},
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            start_new_session=True,
            preexec_fn=lambda: os.close(os.open(os.ttyname(0), os.O_RDWR)),  # noqa: PLW1509 - makes it the controlling one
        )
        os.close(terminal)
        shown = b""
        with limited(process):
            with contextlib.suppress(OSError):  # the program has ended
                while chunk := os.read(controller, 4096):
                    shown += chunk
                    if answer and b"[y/N] " in shown:
                        os.write(controller, answer)
                        answer = b""
            os.close(controller)
            return process.wait(60), shown.decode()

    @property
    def shelf(self) -> dict[str, Any]:
        """What is on the shelf."""
        stored: dict[str, Any] = json.loads((self.folder / "shelf.json").read_text("utf-8"))
        return stored


@contextlib.contextmanager
def limited(process: subprocess.Popen[Any], seconds: float = 60) -> Iterator[None]:
    """End a program with the block, or after so many seconds: whoever waits for it then goes on.

    What fails has what it printed, as far as nobody has read it.
    """
    too_long = threading.Timer(seconds, process.kill)
    too_long.start()
    try:
        yield
    except BaseException as error:
        process.kill()
        error.add_note(f"the program has printed: {process.communicate(timeout=10)}")
        raise
    finally:
        too_long.cancel()
        process.kill()
        process.communicate(timeout=10)


@contextlib.contextmanager
def _as_a_program(folder: Path, variables: Mapping[str, str], words: list[str], stdin: str) -> Iterator[None]:
    """Start where a program starts, and leave nothing of it behind: modules, path, variables, handlers."""
    path, handlers = list(sys.path), {name: list(logging.getLogger(name).handlers) for name in ("", "estate_config")}
    importlib.invalidate_caches()
    discovery.installed.cache_clear()
    try:
        with (
            contextlib.chdir(folder),
            mock.patch.dict(os.environ, variables, clear=True),
            mock.patch.multiple(sys, argv=words, stdin=io.StringIO(stdin), dont_write_bytecode=True),
        ):
            yield
    finally:
        sys.path[:] = path
        for name, before in handlers.items():
            logging.getLogger(name).handlers[:] = before
        discovery.installed.cache_clear()
        for name, module in list(sys.modules.items()):
            if str(getattr(module, "__file__", "")).startswith(str(folder)):
                del sys.modules[name]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Two services; a laptop with env and .env, and a cluster with a store that can be written to."""
    project = Project(tmp_path)
    project.write("schemas.py", SCHEMAS)
    project.write("estate.toml", TABLE)
    project.write(".env", DOTENV)
    project.write("shelf.py", SHELF)
    project.write("shelf-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: shelf\nVersion: 1.0\n")
    project.write("shelf-1.0.dist-info/entry_points.txt", "[estate_config.providers]\nshelf = shelf:spec\n")
    return project
