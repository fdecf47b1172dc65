"""Writing and probing; on a real server."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import hvac
import pytest
from hvac import exceptions

from estate_config.errors import Code, ProviderError
from estate_config.model import Deadline, Failed, Found, Status
from estate_config.testing import EmbeddedVault
from estate_config_providers.vault.vault_server import Vault
from tests.fakes.vault import Fault, VaultFront
from tests.providers.vault.helpers import derived, key, vault


def put(provider: Vault, values: dict[str, str | bytes]) -> dict[str, Failed]:
    try:
        failed = provider.put({key(address): value for address, value in values.items()}, Deadline(10))
    finally:
        provider.close()
    return {k.address or k.name: answer for k, answer in failed.items()}


def probe(provider: Vault, *addresses: str) -> dict[str, Status | Failed]:
    try:
        answers = provider.probe([key(address) for address in addresses], Deadline(10))
    finally:
        provider.close()
    return {k.address or k.name: answer for k, answer in answers.items()}


def members(root: hvac.Client, path: str) -> tuple[dict[str, object], int]:
    answer = root.secrets.kv.v2.read_secret_version(path, raise_on_deleted_version=True)["data"]
    return answer["data"], answer["metadata"]["version"]


def test_members_of_one_secret_are_one_write_and_siblings_stay(front: VaultFront, root: hvac.Client) -> None:
    root.secrets.kv.v2.create_or_update_secret("w/rds", {"host": "db", "port": 5432})
    for _ in range(2):
        assert put(vault(front.url), {"w/rds#user": "app", "w/rds#password": "p"}) == {}
    assert members(root, "w/rds") == ({"host": "db", "port": 5432, "user": "app", "password": "p"}, 2)
    assert front.count("POST secret/data/w/rds") == 1


def test_kv_1_is_written_too(bao: EmbeddedVault, root: hvac.Client) -> None:
    root.secrets.kv.v1.create_or_update_secret("w/rds", {"host": "db"}, mount_point="old", method="POST")
    provider = vault(bao.endpoint_url, mounts={"old": "kv-v1"})
    assert put(provider, {"old:w/rds#password": "p", "old:w/new": "n"}) == {}
    assert root.secrets.kv.v1.read_secret("w/rds", mount_point="old")["data"] == {"host": "db", "password": "p"}
    assert root.secrets.kv.v1.read_secret("w/new", mount_point="old")["data"] == {"value": "n"}


def test_a_whole_secret_is_replaced_by_a_json_object_and_by_nothing_else(bao: EmbeddedVault, root: hvac.Client) -> None:
    root.secrets.kv.v2.create_or_update_secret("w/whole", {"old": "x"})
    assert put(vault(bao.endpoint_url), {"w/whole#*": '{"a": 1}'}) == {}
    assert members(root, "w/whole") == ({"a": 1}, 2)
    failed = put(vault(bao.endpoint_url), {"w/whole#*": "[1]"})
    assert failed["w/whole#*"].code is Code.MALFORMED
    assert members(root, "w/whole") == ({"a": 1}, 2)


def test_of_many_who_write_at_once_none_is_lost(bao: EmbeddedVault, root: hvac.Client) -> None:
    start = threading.Barrier(6)

    def write(number: int) -> dict[str, Failed]:
        start.wait(5)
        return put(vault(bao.endpoint_url), {f"w/race#m{number}": str(number)})

    with ThreadPoolExecutor(6) as threads:
        assert list(threads.map(write, range(6))) == [{}] * 6
    assert members(root, "w/race") == ({f"m{n}": str(n) for n in range(6)}, 6)


def test_a_write_whose_answer_is_lost_is_not_done_twice(front: VaultFront, root: hvac.Client) -> None:
    front.faults.append(Fault("POST secret/data/w/lost", after=True, times=1))
    assert put(vault(front.url), {"w/lost": "v"}) == {}
    assert members(root, "w/lost") == ({"value": "v"}, 1)


def test_a_deleted_secret_gets_a_new_version(bao: EmbeddedVault, root: hvac.Client) -> None:
    root.secrets.kv.v2.create_or_update_secret("w/deleted", {"value": "old", "gone": "x"})
    root.secrets.kv.v2.delete_latest_version_of_secret("w/deleted")
    assert put(vault(bao.endpoint_url), {"w/deleted": "new"}) == {}
    assert members(root, "w/deleted") == ({"value": "new"}, 2)


def test_what_cannot_be_written_says_why_and_the_rest_is_written(front: VaultFront, root: hvac.Client) -> None:
    provider = vault(front.url, mounts={"database": "database", "nowhere": "kv-v2"})
    bad: dict[str, str | bytes] = {
        "w/bad?version=1#x": "a",
        "database:creds/x#password": "b",
        "w/binary": b"\xff",
        "no:mount": "c",
        "nowhere:x": "d",
    }
    failed = put(provider, {**bad, "w/good": "e"})
    assert {address: answer.code for address, answer in failed.items()} == dict.fromkeys(bad, Code.MALFORMED)
    assert members(root, "w/good") == ({"value": "e"}, 1)
    assert not any("creds" in call for call in front.calls)


def test_a_token_that_may_read_only_is_told_which_policy_writes(
    bao: EmbeddedVault, root: hvac.Client, token: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAULT_TOKEN", token('path "secret/data/w/*" { capabilities = ["read"] }'))
    denied = put(vault(bao.endpoint_url), {"w/denied": "x"})["w/denied"]
    assert denied.code is Code.DENIED
    assert 'path "secret/data/w/denied" { capabilities = ["create", "read", "update"] }' in denied.fix


def test_nothing_is_written_where_the_mount_is_of_another_engine(bao: EmbeddedVault, root: hvac.Client) -> None:
    """KV 1 would take it, at the path `data/w/lost`, where nobody looks."""
    assert put(vault(bao.endpoint_url, mount="old"), {"w/lost": "x"})["w/lost"].code is Code.MALFORMED
    assert put(vault(bao.endpoint_url, kv_version=1), {"w/lost-too": "x"})["w/lost-too"].code is Code.MALFORMED
    with pytest.raises(exceptions.InvalidPath):
        root.secrets.kv.v1.read_secret("data/w/lost", mount_point="old")


def test_a_write_that_finds_no_mount_is_not_taken_for_done(front: VaultFront, root: hvac.Client) -> None:
    front.faults.append(Fault("POST secret/data/w/nowhere", 404, body='{"errors": []}'))
    assert put(vault(front.url), {"w/nowhere": "x"})["w/nowhere"].code is Code.MALFORMED


@pytest.mark.parametrize("call", ["GET secret/data/w/.*", "POST secret/data/w/.*"])
def test_a_server_that_fails_is_reported_for_each_key(front: VaultFront, root: hvac.Client, call: str) -> None:
    front.faults.append(Fault(call, 501))
    failed = put(vault(front.url), {"w/fails#a": "x", "w/fails#b": "y"})
    assert [answer.code for answer in failed.values()] == [Code.UNAVAILABLE] * 2


def test_a_whole_secret_that_is_no_json_is_refused(bao: EmbeddedVault) -> None:
    failed = put(vault(bao.endpoint_url), {"w/json#*": "{", "w/json/bad?version=1": "x"})
    assert [answer.code for answer in failed.values()] == [Code.MALFORMED] * 2
    assert put(vault("http://127.0.0.1:9"), {"a//b": "x"})["a//b"].code is Code.MALFORMED  # and nobody is asked


def test_a_refusal_that_is_nobodys_race_ends_at_once(front: VaultFront, root: hvac.Client) -> None:
    front.faults.append(Fault("POST secret/data/w/refused", 400))
    assert put(vault(front.url), {"w/refused": "x"})["w/refused"].code is Code.MALFORMED
    assert front.count("POST secret/data/w/refused") == 1


def test_a_probe_reads_metadata_and_no_value(front: VaultFront, root: hvac.Client) -> None:
    for path in ("p/rds", "p/deleted", "p/destroyed"):
        root.secrets.kv.v2.create_or_update_secret(path, {"password": "p"})
    root.secrets.kv.v2.create_or_update_secret("p/rds", {"password": "p2"})
    root.secrets.kv.v2.delete_latest_version_of_secret("p/deleted")
    root.secrets.kv.v2.destroy_secret_versions("p/destroyed", [1])
    root.secrets.kv.v1.create_or_update_secret("p/rds", {"password": "p"}, mount_point="old", method="POST")
    provider = vault(front.url, mounts={"old": "kv-v1", "database": "database"})
    addresses = ["p/rds", "p/rds?version=1#x", "p/rds?version=9#x", "p/deleted", "p/destroyed", "p/absent"]
    addresses += ["old:p/rds#password", "old:p/absent#password", "database:creds/x#password", "a//b"]
    addresses += ["database:static-creds/x#password"]
    answers = probe(provider, *addresses)
    assert [call for call in front.calls if "/data/" in call or call.startswith("GET old/")] == []
    codes = {address: answer.code for address, answer in answers.items() if isinstance(answer, Failed)}
    assert codes == {
        "p/rds?version=9#x": Code.NO_VALUE,
        "p/deleted": Code.DELETED,
        "p/destroyed": Code.NO_VALUE,
        "a//b": Code.MALFORMED,
    }
    there = {address: answer for address, answer in answers.items() if isinstance(answer, Status)}
    assert {address: status.version for address, status in there.items()} == {
        "p/rds": "2",
        "p/rds?version=1#x": "1",
        "old:p/rds#password": None,
        "database:creds/x#password": None,
        "database:static-creds/x#password": None,
    }
    assert [address for address, one in there.items() if one.is_made_anew] == ["database:creds/x#password"]
    assert {status.may_read for status in there.values()} == {True}
    assert there["p/rds"].place == "secret:p/rds#value"
    changed_at = there["p/rds"].changed_at
    assert changed_at is not None
    assert abs(datetime.now(UTC) - changed_at) < timedelta(minutes=1)


def test_a_probe_and_a_fetch_name_the_same_version_and_the_time_when_it_was_made(
    bao: EmbeddedVault, root: hvac.Client
) -> None:
    provider, asked = vault(bao.endpoint_url), key("p/versions")
    seen = []
    for value in ("one", "two"):
        root.secrets.kv.v2.create_or_update_secret("p/versions", {"value": value})
        found, status = (ask([asked], Deadline(10))[asked] for ask in (provider.fetch, provider.probe))
        assert isinstance(found, Found)
        assert isinstance(status, Status)
        assert (found.origin.version, found.origin.created_at) == (status.version, status.changed_at)
        assert found.origin.created_at is not None
        seen.append((found.origin.created_at, found.origin.version))
    provider.close()
    assert seen == sorted(set(seen))


def test_a_version_that_will_be_deleted_is_still_there(bao: EmbeddedVault, root: hvac.Client) -> None:
    root.secrets.kv.v2.update_metadata("p/later", delete_version_after="1h")
    root.secrets.kv.v2.create_or_update_secret("p/later", {"value": "x"})
    assert isinstance(probe(vault(bao.endpoint_url), "p/later")["p/later"], Status)


def test_a_probe_says_what_may_not_be_read_and_what_may_not_be_looked_at(
    bao: EmbeddedVault, root: hvac.Client, token: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    root.secrets.kv.v2.create_or_update_secret("p/rights", {"value": "x"})
    monkeypatch.setenv("VAULT_TOKEN", token('path "secret/metadata/p/*" { capabilities = ["read"] }'))
    status = probe(vault(bao.endpoint_url), "p/rights")["p/rights"]
    assert isinstance(status, Status)
    assert status.may_read is False
    monkeypatch.setenv("VAULT_TOKEN", token('path "secret/data/p/*" { capabilities = ["read"] }'))
    denied = probe(vault(bao.endpoint_url), "p/rights")["p/rights"]
    assert isinstance(denied, Failed)
    assert (denied.code, denied.hint) == (Code.DENIED, "may not be looked at with this token")
    assert 'path "secret/metadata/p/rights" { capabilities = ["read"] }' in denied.fix


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [(501, "{}", Code.UNAVAILABLE), (200, "<html>", Code.MALFORMED), (200, "{}", Code.MALFORMED)],
)
def test_a_probe_that_is_not_answered_says_so(front: VaultFront, status: int, body: str, code: Code) -> None:
    front.faults.append(Fault("GET secret/metadata/.*", status, body=body))
    with pytest.raises(ProviderError) as caught:
        probe(vault(front.url), "p/rds")
    assert caught.value.code is code
    answers = probe(vault(front.url), "p/rds", "a//b")
    assert {address: answer.code for address, answer in answers.items() if isinstance(answer, Failed)} == {
        "p/rds": code,
        "a//b": Code.MALFORMED,
    }


def test_a_probe_of_bad_addresses_asks_nobody_and_one_of_a_wrong_mount_is_not_absent(bao: EmbeddedVault) -> None:
    assert probe(vault("http://127.0.0.1:9"), "a//b").keys() == {"a//b"}
    wrong = probe(vault(bao.endpoint_url, mount="old"), "p/nowhere")["p/nowhere"]
    assert isinstance(wrong, Failed)
    assert wrong.code is Code.MALFORMED


def test_a_folder_that_may_not_be_listed_is_denied(
    bao: EmbeddedVault, token: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAULT_TOKEN", token('path "old/p/*" { capabilities = ["read"] }'))
    denied = probe(vault(bao.endpoint_url, mount="old", kv_version=1), "p/rds")["p/rds"]
    assert isinstance(denied, Failed)
    assert (denied.code, "list" in denied.fix) == (Code.DENIED, True)


@pytest.mark.parametrize(
    ("options", "seen"),
    [
        ({"url": "http://vault.example.com:8200"}, ["http://vault.example.com:8200"]),
        ({"url": ["https://a.example", "http://10.0.0.1:8200"]}, ["http://10.0.0.1:8200"]),
        ({"url": "https://vault.example.com", "verify": False}, ["https://vault.example.com"]),
        ({"url": "https://vault.example.com"}, []),
        ({"url": "http://127.0.0.2:8200"}, []),
        ({"url": "http://localhost:8200", "verify": False}, []),
        ({"url": "http://[::1]:8200"}, []),
    ],
)
def test_who_can_read_along_is_in_every_report(options: dict[str, object], seen: list[str]) -> None:
    url = options.pop("url")
    assert isinstance(url, (str, list))
    notices = vault(url, **options).inspect([derived("x")])  # type: ignore[arg-type]  # the options are of one kind each
    assert [(notice.code, notice.place) for notice in notices] == [(Code.INSECURE, place) for place in seen]
    assert all(notice.fix for notice in notices)
