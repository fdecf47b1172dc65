"""What goes wrong with Vault: on real servers, one of its own for each row, behind a proxy."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from estate_config import Code, lazy, load
from tests.doubles import estate
from tests.faults.aws_rows import DEADLINE, TIME
from tests.faults.proxy import Proxy
from tests.faults.row import CANARY, Row, Service
from tests.providers.vault.nodes import Node, wait_until
from tests.providers.vault.test_cluster import config, voters
from tools.processes import free_port

NOTHING = 'path "elsewhere" { capabilities = ["read"] }'
POLICY = 'path "secret/data/*" { capabilities = ["read"] }'
ALONE = """
disable_mlock = true
api_addr = "http://127.0.0.1:{port}"
storage "inmem" {{}}
listener "tcp" {{
  address = "127.0.0.1:{port}"
  tls_disable = true
}}
"""


class Vault:
    """A server, a token that may read two secrets, and the way there."""

    def __init__(self, nodes: list[Node], key: str, way: Proxy, deadline: float) -> None:
        self.nodes, self.key, self.way, self.deadline = nodes, key, way, deadline
        self.node = nodes[0]
        self.node.done("POST", "sys/mounts/secret", {"type": "kv", "options": {"version": "2"}})
        self.write("other", "o")
        self.rotate(f"{CANARY}-1")
        self.allow()
        self.new_token()

    def load(self) -> Any:
        urls = [self.way.url, *(node.url for node in self.nodes[1:])]
        options = {"url": urls if len(urls) > 1 else urls[0]}
        return load(lazy(Service), config=estate("vault", deadline=self.deadline, providers={"vault": options}))

    def rotate(self, value: str) -> None:
        self.write("token", value)

    def write(self, name: str, value: str) -> None:
        self.node.done("POST", f"secret/data/{name}", {"data": {"value": value}})

    def allow(self, policy: str = POLICY) -> None:
        self.node.done("PUT", "sys/policies/acl/service", {"policy": policy})

    def new_token(self) -> None:
        made = self.node.call("POST", "auth/token/create", {"policies": ["service"]}).json()
        os.environ["VAULT_TOKEN"] = made["auth"]["client_token"]

    def revoke(self) -> None:
        self.node.done("POST", "auth/token/revoke", {"token": os.environ["VAULT_TOKEN"]})

    def seal(self) -> None:
        self.node.done("PUT", "sys/seal")

    def unseal(self) -> None:
        self.node.unseal(self.key)
        self.node.wait_for(200)

    def delete(self) -> None:
        self.node.done("DELETE", "secret/data/token")

    def destroy(self) -> None:
        self.node.done("DELETE", "secret/metadata/token")

    def again(self) -> None:
        self.rotate(f"{CANARY}-3")

    def kill(self) -> None:
        """Kill the leader once the others have what it has: a standby answers reads itself."""
        there = self.newest(self.node)
        wait_until(lambda: all(self.newest(node) == there for node in self.nodes), "copies of the newest version")
        self.node.kill()

    def newest(self, node: Node) -> int:
        """Return the version that a node has, 0 while it has none to show."""
        said = node.call("GET", "secret/data/token").json()
        return int(said["data"]["metadata"]["version"]) if "data" in said else 0

    def mend(self) -> None:
        self.way.mend()


@contextmanager
def vault(deadline: float = TIME) -> Iterator[Vault]:
    port = free_port()
    with (
        tempfile.TemporaryDirectory() as folder,
        patch.dict(os.environ),
        Node(Path(folder), ALONE.format(port=port), port) as node,
        Proxy(port) as way,
    ):
        key = node.initialise()
        node.unseal(key)
        node.wait_for(200)
        yield Vault([node], key, way, deadline)


def waited_for() -> AbstractContextManager[Vault]:
    """Return a world that does not answer when it is broken."""
    return vault(DEADLINE)


@contextmanager
def cluster() -> Iterator[Vault]:
    ports = [(free_port(), free_port()) for _ in range(3)]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        stack.enter_context(patch.dict(os.environ))
        nodes = [Node(folder, config(folder, own, ports), own[0]) for own in ports]
        leader, *others = (stack.enter_context(node) for node in nodes)
        key = leader.initialise()
        leader.unseal(key)
        leader.wait_for(200)
        for other in others:
            other.root_token = leader.root_token
            other.unseal(key)
            other.wait_for(200, 429)
        wait_until(lambda: voters(leader) == len(nodes), "nodes that vote")
        yield Vault(nodes, key, stack.enter_context(Proxy(ports[0][0])), TIME)


def row(
    what: str,
    breaks: Callable[[Vault], object],
    at_start: Code | None,
    running: Code | None,
    mends: Callable[[Vault], object] = Vault.mend,
    **words: Any,
) -> Row:
    return Row(what, words.pop("world", vault), breaks, mends, at_start, running, **words)


U, D = Code.UNAVAILABLE, Code.DENIED
ROWS = [
    row("nobody listens: connections are refused", lambda world: world.way.close(), U, U, world=waited_for),
    row(
        "half-open: connections are taken and nothing is answered",
        lambda world: world.way.silent.set(),
        U,
        U,
        world=waited_for,
    ),
    row("garbage instead of HTTP", lambda world: setattr(world.way, "instead", b"\x00" * 100), U, U, world=waited_for),
    row("the server is sealed, and unsealed again", Vault.seal, U, U, Vault.unseal, world=waited_for),
    row("the policy allows nothing any more", lambda world: world.allow(NOTHING), D, D, Vault.allow),
    row(
        "the token is revoked, and there is no other way to log in",
        Vault.revoke,
        Code.CREDENTIALS,
        Code.CREDENTIALS,
        Vault.new_token,
        note="with AppRole and the like it logs in again",
    ),
    row("the newest version is deleted", Vault.delete, Code.DELETED, Code.DELETED, Vault.again),
    row("the secret is gone with all its versions", Vault.destroy, Code.MISSING, Code.MISSING, Vault.again),
    row("the leader is killed: the others elect another one", Vault.kill, None, None, world=cluster, degraded=False),
]
