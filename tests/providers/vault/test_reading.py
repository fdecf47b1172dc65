"""Addresses, members, versions, what is gone, and how many calls it takes; on a real server."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hvac
import pytest
from pydantic import ValidationError

from estate_config.contract import Context, Inspector
from estate_config.errors import Code, ProviderError
from estate_config.model import Deadline, Found, Key
from estate_config.testing import EmbeddedVault
from estate_config_providers.vault import spec
from estate_config_providers.vault.options import VaultOptions
from tests.fakes.vault import Fault, VaultFront
from tests.leaks import PLAIN, assert_no_canary
from tests.providers.vault.helpers import ask, derived, failed, key, program, vault


@pytest.fixture
def kv2(root: hvac.Client) -> Callable[..., None]:
    """Write a new version of a secret."""

    def put(path: str, **members: object) -> None:
        root.secrets.kv.v2.create_or_update_secret(path, members)

    return put


def test_a_derived_name_is_a_path_of_its_own_with_the_member_value(
    bao: EmbeddedVault, kv2: Callable[..., None]
) -> None:
    kv2("estate/database/url", value="postgresql://…")
    asked = derived("database/url")
    provider = vault(bao.endpoint_url, prefix="estate/")
    found = provider.fetch([asked], Deadline(10))[asked]
    provider.close()
    assert isinstance(found, Found)
    assert found.value == "postgresql://…"
    assert found.origin.place == "secret:estate/database/url#value"
    assert (found.origin.version, found.origin.stage) == ("1", "latest")


def test_a_place_as_it_is_shown_is_an_address(bao: EmbeddedVault, kv2: Callable[..., None]) -> None:
    kv2("shown", password="p")
    provider = vault(bao.endpoint_url)
    place = provider.locate(key("shown#password")).text
    assert provider.locate(key(place)) == provider.locate(key("shown#password"))
    assert ask(provider, place) == {place: "p"}


def test_forty_keys_in_ten_paths_are_ten_reads_at_the_same_time(front: VaultFront, kv2: Callable[..., None]) -> None:
    for number in range(10):
        kv2(f"many/{number}", **{f"m{member}": f"{number} {member}" for member in range(4)})
    front.gate = threading.Barrier(10)  # broken, and the reads with it, unless all ten are under way together
    wanted = {f"many/{n}#m{m}": f"{n} {m}" for n in range(10) for m in range(4)}
    assert ask(vault(front.url), *wanted) == wanted
    assert front.count("GET secret/data/many/.*") == 10
    assert front.calls == ["GET auth/token/lookup-self", *(c for c in front.calls if "/data/many/" in c)]


def test_members_are_text_with_the_digits_that_the_server_has(bao: EmbeddedVault, root: hvac.Client) -> None:
    """KV 1 keeps them as they were written; KV 2 itself makes 1.1 of 1.10."""
    members = '{"pin":"0123","port":5432,"rate":1.10,"big":12345678901234567890,"on":true,"list":[1,1.5,{"a":null}]}'
    root.session.post(
        f"{bao.endpoint_url}/v1/old/kinds", data=members, headers={"X-Vault-Token": "root"}
    ).raise_for_status()
    provider = vault(bao.endpoint_url, mount="old", kv_version=1)
    assert ask(provider, *(f"kinds#{name}" for name in ("pin", "port", "rate", "big", "on", "list"))) == {
        "kinds#pin": "0123",
        "kinds#port": "5432",
        "kinds#rate": "1.10",
        "kinds#big": "12345678901234567890",
        "kinds#on": "true",
        "kinds#list": '[1, 1.5, {"a": null}]',
    }


def test_a_star_is_the_whole_secret_as_json(bao: EmbeddedVault, kv2: Callable[..., None]) -> None:
    kv2("whole", host="db", port=5432, note="ü")
    whole = ask(vault(bao.endpoint_url), "whole#*")["whole#*"]
    assert json.loads(str(whole)) == {"host": "db", "port": 5432, "note": "ü"}
    assert "ü" in str(whole)


def test_a_member_that_is_null_has_no_value_and_one_that_is_not_there_is_absent(
    bao: EmbeddedVault, kv2: Callable[..., None]
) -> None:
    kv2("members", nothing=None, empty="")
    answers = ask(vault(bao.endpoint_url), "members#nothing", "members#empty", "members#absent", "nowhere#x")
    assert failed(answers.pop("members#nothing")).code is Code.NO_VALUE
    assert answers == {"members#empty": ""}


def test_versions_are_addresses(bao: EmbeddedVault, kv2: Callable[..., None]) -> None:
    kv2("versions", password="old")
    kv2("versions", password="new")
    answers = ask(vault(bao.endpoint_url), "versions?version=1#password", "versions#password")
    assert answers == {"versions?version=1#password": "old", "versions#password": "new"}


def test_a_version_that_is_not_there_stops_the_start(bao: EmbeddedVault, kv2: Callable[..., None]) -> None:
    """Whoever pins a version does not want what the next provider has."""
    kv2("pinned", password="p")
    for address in ("pinned?version=9#password", "never?version=1#password"):
        assert failed(ask(vault(bao.endpoint_url), address)[address]).code is Code.NO_VALUE


def test_deleted_and_destroyed_are_told_apart(
    bao: EmbeddedVault, root: hvac.Client, kv2: Callable[..., None], tmp_path: Path
) -> None:
    for path in ("deleted", "destroyed"):
        kv2(path, password="p1")
        kv2(path, password="p2")
    root.secrets.kv.v2.delete_latest_version_of_secret("deleted")
    root.secrets.kv.v2.destroy_secret_versions("destroyed", [2])
    provider = vault(bao.endpoint_url)
    answers = ask(provider, "deleted#password", "destroyed#password", "deleted?version=1#password")
    assert answers.pop("deleted?version=1#password") == "p1"
    deleted, destroyed = failed(answers["deleted#password"]), failed(answers["destroyed#password"])
    assert (deleted.code, deleted.fix) == (Code.DELETED, "vault kv undelete -mount=secret -versions=2 deleted")
    assert (destroyed.code, destroyed.hint) == (Code.NO_VALUE, "has version 2 destroyed, for good")
    command_line(bao, destroyed.fix, tmp_path, given="p3")
    assert ask(provider, "destroyed#password") == {"destroyed#password": "p3"}
    command_line(bao, deleted.fix, tmp_path)
    assert ask(provider, "deleted#password") == {"deleted#password": "p2"}


def command_line(bao: EmbeddedVault, command: str, folder: Path, given: str = "") -> None:
    """Run a command of a fix, by the command line of the server that is here."""
    environment = {"BAO_ADDR": bao.endpoint_url, "BAO_TOKEN": "root", "HOME": str(folder), "PATH": os.defpath}
    plain = command.partition("   # ")[0].replace("vault", program(), 1)
    done = subprocess.run(
        ["sh", "-c", plain], env=environment, input=given, capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("mount", ["secret", "old"])
def test_the_commands_of_a_place_put_a_value_there(
    bao: EmbeddedVault, root: hvac.Client, tmp_path: Path, mount: str
) -> None:
    provider = vault(bao.endpoint_url, mounts={"old": "kv-v1"})
    address = f"{mount}:by hand/rds#password"
    place = provider.locate(key(address))
    put, *patch = place.fix.splitlines()
    command_line(bao, put, tmp_path, "first")
    assert ask(provider, address) == {address: "first"}
    for command in patch:
        command_line(bao, command, tmp_path, "second")
        assert ask(provider, address) == {address: "second"}
    if place.change:
        assert patch == [f"{place.change}   # it is there"]
    assert bool(place.change) == (mount == "secret")
    whole = f"{mount}:by hand/whole#*"
    command_line(bao, provider.locate(key(whole)).fix, tmp_path, '{"a": "b"}')
    assert ask(provider, whole) == {whole: '{"a": "b"}'}


def test_another_mount_is_named_in_the_address_and_known_by_the_table(bao: EmbeddedVault, root: hvac.Client) -> None:
    root.secrets.kv.v1.create_or_update_secret("rds", {"password": "one"}, mount_point="old", method="POST")
    assert ask(vault(bao.endpoint_url, mounts={"old": "kv-v1"}), "old:rds#password") == {"old:rds#password": "one"}
    problem = failed(ask(vault(bao.endpoint_url, mounts={"olt": "kv-v1"}), "old:rds#password")["old:rds#password"])
    assert problem.code is Code.MALFORMED
    assert 'did you mean "olt"?' in problem.hint
    assert problem.fix.startswith('[providers.vault.mounts]\n"old" = ')


@pytest.mark.parametrize(
    ("options", "address"),
    [
        ({"mount": "old"}, "rds#nowhere"),  # KV 1, read as KV 2
        ({"mounts": {"old": "database"}}, "old:creds/x#username"),
        ({"kv_version": 1}, "rds#nowhere"),  # KV 2, read as KV 1
        ({"mount": "nowhere"}, "rds#password"),
    ],
)
def test_what_is_not_found_on_a_mount_of_another_kind_is_not_absent(
    bao: EmbeddedVault, root: hvac.Client, options: dict[str, Any], address: str
) -> None:
    """The server says 404 of it all. Absent, the next provider would be asked for a production secret."""
    problem = failed(ask(vault(bao.endpoint_url, **options), address)[address])
    assert problem.code is Code.MALFORMED
    assert "mount" in problem.hint
    assert problem.fix


def test_the_engine_is_asked_for_once_where_something_is_absent(front: VaultFront) -> None:
    assert ask(vault(front.url), "absent/1", "absent/2", "absent/3") == {}
    assert front.count("GET sys/internal/ui/mounts/secret") == 1


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [(403, "{}", None), (200, "{}", None), (501, "{}", Code.UNAVAILABLE)],
)
def test_where_nobody_may_tell_what_is_mounted_a_404_is_absent(
    front: VaultFront, status: int, body: str, code: Code | None
) -> None:
    front.faults.append(Fault("GET sys/internal/ui/mounts/secret", status, body=body))
    if code is None:
        assert ask(vault(front.url), "absent/here") == {}
    else:
        with pytest.raises(ProviderError) as caught:
            ask(vault(front.url), "absent/here")
        assert caught.value.code is code


@pytest.mark.parametrize(("options", "kind"), [({}, "kv-v2"), ({"mount": "old", "kv_version": 1}, "kv-v1")])
def test_a_place_that_is_no_address_is_shown_as_it_was_given(options: dict[str, Any], kind: str) -> None:
    provider = vault("http://127.0.0.1:9", **options)
    assert provider.locate(key("a//b")).text == "a//b"
    assert "none of them . or .." in provider.locate(key("a//b")).fix
    assert provider._options.engine == kind


def test_a_namespace_has_secrets_of_its_own(
    bao: EmbeddedVault, root: hvac.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    root.session.post(
        f"{bao.endpoint_url}/v1/sys/namespaces/team", headers={"X-Vault-Token": "root"}
    ).raise_for_status()
    team = hvac.Client(bao.endpoint_url, "root", namespace="team")
    team.sys.enable_secrets_engine("kv", path="secret", options={"version": "2"})
    team.secrets.kv.v2.create_or_update_secret("ours", {"value": "the team's"})
    team.adapter.close()
    assert ask(vault(bao.endpoint_url, namespace="team"), "ours") == {"ours": "the team's"}
    assert ask(vault(bao.endpoint_url), "ours") == {}
    with pytest.raises(ProviderError, match="has no such namespace"):
        ask(vault(bao.endpoint_url, namespace="nowhere"), "ours")
    with pytest.raises(ProviderError, match="no header can hold"):
        ask(vault(bao.endpoint_url, namespace="tëam"), "ours")
    auth = {"method": "approle", "role_id": "x"}
    monkeypatch.setenv("VAULT_SECRET_ID", "x")
    with pytest.raises(ProviderError, match="has no such namespace, or no auth method"):
        ask(vault(bao.endpoint_url, namespace="nowhere", auth=auth), "ours")
    monkeypatch.setenv("VAULT_NAMESPACE", "team")
    assert ask(vault(bao.endpoint_url), "ours") == {"ours": "the team's"}


def test_the_address_comes_from_vaults_own_variable_where_no_option_says_it(
    bao: EmbeddedVault, kv2: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    kv2("by/variable", value="here")
    provider = spec.build(VaultOptions(), context())
    with pytest.raises(ProviderError, match="neither url nor VAULT_ADDR") as caught:
        provider.fetch([derived("by/variable")], Deadline(1))
    assert 'url = "https://' in caught.value.fix
    monkeypatch.setenv("VAULT_ADDR", bao.endpoint_url)
    found = provider.fetch([derived("by/variable")], Deadline(10))[derived("by/variable")]
    provider.close()
    assert isinstance(found, Found)


@pytest.mark.parametrize(
    "address",
    [
        "vault:8200",
        "http://vault:port",
        f"http://user:{PLAIN}@127.0.0.1:1",
        f"http://user:{PLAIN}/x@127.0.0.1:1",
        f"http://user:{PLAIN}?x@127.0.0.1:1",
        f"http://user:{PLAIN}#x",
    ],
)
def test_a_variable_that_is_no_address_is_named_and_not_shown(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAULT_ADDR", address)
    provider = spec.build(VaultOptions(), context())
    with pytest.raises(ProviderError, match="VAULT_ADDR") as caught:
        provider.fetch([derived("by/variable")], Deadline(1))
    assert caught.value.code is Code.MALFORMED
    assert isinstance(provider, Inspector)
    assert_no_canary(f"{caught.value} {provider.inspect([derived('by/variable')])}", PLAIN)


def context() -> Context:
    return Context("production", Path.cwd())


@pytest.mark.parametrize(
    "address",
    [
        "",
        "/rds",
        "rds/",
        "a//b",
        "a/../b",
        "./a",
        "rds#",
        "rds?version=0",
        "rds?v=1",
        "old:rds?version=1",
        "a\nb",
        ":a",
    ],
)
def test_an_address_that_leads_nowhere_or_elsewhere_is_malformed_and_nothing_is_asked(
    front: VaultFront, address: str
) -> None:
    problem = failed(ask(vault(front.url, mounts={"old": "kv-v1"}), address)[address or address])
    assert problem.code is Code.MALFORMED
    assert problem.fix
    assert front.calls == []


def test_a_derived_name_cannot_leave_its_prefix() -> None:
    asked = derived("../other")
    assert failed(ask(vault("http://127.0.0.1:9", prefix="estate/"), asked)["../other"]).code is Code.MALFORMED


def test_a_bad_address_does_not_keep_the_others_from_an_answer(front: VaultFront, kv2: Callable[..., None]) -> None:
    kv2("good", value="x")
    answers = ask(vault(front.url), "good", "a//b")
    assert answers["good"] == "x"
    front.stop()
    answers = ask(vault(front.url), "good", "a//b", seconds=0.5)
    assert failed(answers["good"]).code is Code.UNAVAILABLE
    assert failed(answers["good"]).hint.startswith("could not be read: the server ")
    assert failed(answers["a//b"]).code is Code.MALFORMED


@pytest.mark.parametrize(
    "table",
    [
        {"url": "vault.example.com"},
        {"url": "https://user:password@vault.example.com"},
        {"url": []},
        {"url": "ftp://vault.example.com"},
        {"mount": "/secret/"},
        {"mount": "a/../b"},
        {"mounts": {"kv": "kv"}},
        {"mounts": {"secret": "kv-v1"}},
        {"kv_version": 3},
        {"client_key": "key.pem"},
        {"auth": {"method": "password"}},
        {"auth": {"method": "approle", "secret_id": "not-here"}},
        {"auth": {"method": "kubernetes"}},
        {"token": "s.not-here"},
    ],
)
def test_a_table_that_cannot_work_or_holds_a_secret_is_refused(table: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        spec.options.model_validate(table)


def test_binary_fields_get_the_text_and_a_close_gives_back_what_is_open(
    bao: EmbeddedVault, kv2: Callable[..., None]
) -> None:
    kv2("binary", value="dGV4dA==")
    provider = vault(bao.endpoint_url)
    asked = Key("binary", "binary", binary=True)
    for _ in range(2):
        assert ask(provider, asked) == {"binary": "dGV4dA=="}
        assert provider._connections == {}
