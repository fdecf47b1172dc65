"""Three real nodes with Raft on loopback: the leader is killed while services start, and every start succeeds."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from estate_config.model import Deadline, Found
from tests.providers.vault.helpers import ask, key, vault
from tests.providers.vault.nodes import Node, wait_until
from tools.processes import free_port

LOADS, THREADS = 200, 8
DEADLINE = 15.0
"""Seconds that a load may take, as in an `estate.toml` that says nothing else."""


def config(folder: Path, own: tuple[int, int], ports: list[tuple[int, int]]) -> str:
    (folder / str(own[0])).mkdir()
    others = "\n".join(f'  retry_join {{ leader_api_addr = "http://127.0.0.1:{port}" }}' for port, _ in ports)
    return f"""
disable_mlock = true
api_addr = "http://127.0.0.1:{own[0]}"
cluster_addr = "https://127.0.0.1:{own[1]}"
storage "raft" {{
  path = "{folder / str(own[0])}"
  node_id = "{own[0]}"
  performance_multiplier = 1
  autopilot_reconcile_interval = "200ms"
  autopilot_update_interval = "200ms"
{others}
}}
listener "tcp" {{
  address = "127.0.0.1:{own[0]}"
  cluster_address = "127.0.0.1:{own[1]}"
  tls_disable = true
}}
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Node]]:
    """Three nodes that vote, the leader first."""
    folder = tmp_path_factory.mktemp("cluster")
    ports = [(free_port(), free_port()) for _ in range(3)]
    nodes = [Node(folder, config(folder, own, ports), own[0]) for own in ports]
    with ExitStack() as stack:
        leader, *others = nodes
        stack.enter_context(leader)
        unseal_key = leader.initialise()
        leader.unseal(unseal_key)
        leader.wait_for(200)
        quick = {"server_stabilization_time": "100ms", "last_contact_threshold": "10s"}
        leader.done("POST", "sys/storage/raft/autopilot/configuration", quick)
        leader.done("POST", "sys/mounts/secret", {"type": "kv", "options": {"version": "2"}})
        leader.done("POST", "secret/data/rds", {"data": {"password": "p"}})
        for node in others:
            stack.enter_context(node)
        for node in others:
            node.unseal(unseal_key)
            node.wait_for(429)
        wait_until(lambda: voters(leader) == 3, "three who vote")
        yield nodes


@pytest.fixture(autouse=True)
def its_token(cluster: list[Node], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAULT_TOKEN", cluster[0].root_token)


def voters(node: Node) -> int:
    servers = node.call("GET", "sys/storage/raft/configuration").json()["data"]["config"]["servers"]
    return sum(server["voter"] for server in servers)


def test_what_was_written_is_found_on_a_node_that_lags_behind(cluster: list[Node]) -> None:
    """A standby of OpenBao answers reads itself: without the index of the write, it would say that nothing is there."""
    provider = vault(cluster[1].url)
    for number in range(20):
        mine = key(f"lag/{number}")
        assert provider.put({mine: "new"}, Deadline(DEADLINE)) == {}
        assert isinstance(provider.fetch([mine], Deadline(DEADLINE)).get(mine), Found)
    provider.close()


def test_of_two_hundred_starts_during_which_the_leader_dies_none_fails(cluster: list[Node]) -> None:
    """Nor does a write, which has to wait for the next leader."""
    addresses = [node.url for node in cluster]
    numbers = itertools.count(1)
    under_way, killed = threading.Event(), threading.Event()

    def start(_number: int) -> tuple[object, float, bool]:
        began, after = time.monotonic(), killed.is_set()
        found = ask(vault(addresses), "rds#password", seconds=DEADLINE)
        if next(numbers) == LOADS // 4:
            under_way.set()
        return found, time.monotonic() - began, after

    with ThreadPoolExecutor(THREADS) as threads:
        results = threads.map(start, range(LOADS))
        assert under_way.wait(DEADLINE)
        cluster[0].kill()
        killed.set()
        writer = vault(addresses)
        assert writer.put({key("new#password"): "n"}, Deadline(DEADLINE)) == {}
        assert isinstance(writer.fetch([key("new#password")], Deadline(DEADLINE))[key("new#password")], Found)
        writer.close()
        done = list(results)
    assert [found for found, _, _ in done] == [{"rds#password": "p"}] * LOADS
    assert max(seconds for _, seconds, _ in done) < DEADLINE
    assert sum(after for _, _, after in done) > LOADS // 4  # these began without the leader
