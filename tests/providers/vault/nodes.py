"""Servers of one's own, that can be sealed, killed, and asked by TLS: what the shared one must not be."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import requests

from tests.providers.vault.helpers import program

START = 30.0
"""Seconds that anything of a server may take."""


def wait_until(ready: Callable[[], object], what: str) -> None:
    """Return once it is so: a server says nothing when it is ready, so it has to be asked."""
    end = time.monotonic() + START
    while time.monotonic() < end:
        with contextlib.suppress(requests.RequestException):
            if ready():
                return
        time.sleep(0.05)
    raise AssertionError(f"never came: {what}")


class Node:
    """One `bao` server, started with a configuration of its own."""

    def __init__(self, folder: Path, config: str, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.root_token = ""
        self._folder = folder
        self._file = folder / f"{port}.hcl"
        self._file.write_text(config)

    def __enter__(self) -> Self:
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen([program(), "server", f"-config={self._file}"], stdout=log, stderr=log)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def call(self, method: str, path: str, body: Any = None) -> requests.Response:
        return requests.request(
            method, f"{self.url}/v1/{path}", json=body, headers={"X-Vault-Token": self.root_token}, timeout=5
        )

    def done(self, method: str, path: str, body: Any = None) -> None:
        """Do it, or try until it can be done."""
        wait_until(lambda: self.call(method, path, body).ok, f"{method} {path}")

    def initialise(self) -> str:
        """Make it a server with one key to unseal it and a root token; return the key."""
        wait_until(lambda: self.call("GET", "sys/health").status_code == 501, "a server that answers")
        answer = self.call("PUT", "sys/init", {"secret_shares": 1, "secret_threshold": 1}).json()
        self.root_token = answer["root_token"]
        return str(answer["keys"][0])

    def unseal(self, key: str) -> None:
        wait_until(lambda: not self.call("PUT", "sys/unseal", {"key": key}).json().get("sealed", True), "unsealed")

    def wait_for(self, *statuses: int) -> None:
        """Wait for one of these answers to `sys/health`: 200 is active, 429 a standby."""
        wait_until(lambda: self.call("GET", "sys/health").status_code in statuses, f"health of {statuses}")

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(10)
