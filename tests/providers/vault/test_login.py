"""Every way to log in, on the real server where it has it; and that one login is enough."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import hvac
import pytest

from estate_config.errors import Code
from tests.fakes.vault import Fault, VaultFront
from tests.providers.vault.helpers import ask, failed, refused, vault
from tests.providers.vault.roles import Role

READ = 'path "secret/data/l/*" { capabilities = ["read"] }'


@pytest.fixture(autouse=True)
def one_secret(root: hvac.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    root.secrets.kv.v2.create_or_update_secret("l/rds", {"value": "v"})
    monkeypatch.delenv("VAULT_TOKEN")


# --- a token that is there already -----------------------------------------------------------------------------------


def test_a_token_is_the_variables_else_the_one_of_vault_login_else_there_is_none(
    front: VaultFront, token: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = refused(front)
    assert (error.code, front.calls) == (Code.CREDENTIALS, [])
    assert "VAULT_TOKEN is not set, and ~/.vault-token is not there" in error.hint
    (tmp_path / ".vault-token").write_text(token(READ) + "\n")
    assert ask(vault(front.url), "l/rds") == {"l/rds": "v"}
    monkeypatch.setenv("VAULT_TOKEN", "s.unknown")
    assert refused(front).code is Code.CREDENTIALS


def test_the_sink_of_an_agent_is_read_again_for_each_load(
    front: VaultFront, token: Callable[[str], str], root: hvac.Client, tmp_path: Path
) -> None:
    auth = {"method": "token", "token_file": "sink"}
    assert "sink is not there" in refused(front, tmp_path, auth=auth).hint
    first = token(READ)
    (tmp_path / "sink").write_text(first)
    assert ask(vault(front.url, tmp_path, auth=auth), "l/rds") == {"l/rds": "v"}
    root.auth.token.revoke(first)
    (tmp_path / "sink").write_text(token(READ))
    assert ask(vault(front.url, tmp_path, auth=auth), "l/rds") == {"l/rds": "v"}


@pytest.mark.parametrize("content", ["s.one\ns.two", "s.täken", "s.\x00", " \n"])
def test_what_is_no_token_is_never_sent(front: VaultFront, content: str, tmp_path: Path) -> None:
    """requests would show it whole in the error that says so."""
    (tmp_path / "sink").write_text(content)
    error = refused(front, tmp_path, auth={"method": "token", "token_file": "sink"})
    assert (error.code, front.calls) == (Code.CREDENTIALS, [])
    assert content.strip() == "" or content not in f"{error!r} {error}"


def test_a_sink_that_is_no_file_is_named(front: VaultFront, tmp_path: Path) -> None:
    (tmp_path / "sink").mkdir()
    error = refused(front, tmp_path, auth={"method": "token", "token_file": "sink"})
    assert (error.code, "sink is a directory" in error.hint) == (Code.CREDENTIALS, True)


def test_without_a_home_folder_there_is_no_token(front: VaultFront, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)  # what it does where there is none
    assert refused(front).code is Code.CREDENTIALS


def test_trap_28_a_policy_that_denies_is_told_from_a_token_that_is_over(
    front: VaultFront, token: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server says the same of both. A token that is over denies all; a policy, its own paths."""
    mine = token(READ)
    monkeypatch.setenv("VAULT_TOKEN", mine)
    answers = ask(vault(front.url), "l/rds", "other/1", "other/2")
    assert answers["l/rds"] == "v"
    assert failed(answers["other/1"]).code is Code.DENIED
    assert failed(answers["other/1"]).fix.startswith('path "secret/data/other/1" { capabilities = ["read"] }')
    assert front.count("GET auth/token/lookup-self") == 2  # of what kind it is, and then whether it lives


def test_trap_28_a_token_that_was_revoked_is_no_policys_doing(
    front: VaultFront, token: Callable[[str], str], root: hvac.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = token(READ)
    monkeypatch.setenv("VAULT_TOKEN", mine)
    assert ask(vault(front.url), "l/rds") == {"l/rds": "v"}
    root.auth.token.revoke(mine)
    error = refused(front)
    assert error.code is Code.CREDENTIALS
    assert "expired or was revoked" in error.hint


def test_t18_who_asks_is_checked_without_asserts(front: VaultFront) -> None:
    """dynaconf asserts that it is logged in, which `python -O` takes away."""
    program = """
import sys
from estate_config.errors import ProviderError
from estate_config.model import Deadline, Key
from tests.providers.vault.helpers import vault
assert False, "asserts are on"
try:
    print(vault(sys.argv[1]).fetch([Key("l/rds", "l_rds")], Deadline(5)))
except ProviderError as error:
    print(error.code)
"""
    variables = {**os.environ, "VAULT_TOKEN": "s.unknown"}
    done = subprocess.run(
        [sys.executable, "-O", "-c", program, front.url], env=variables, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "CREDENTIALS"


def test_a_token_that_may_not_look_itself_up_reads_what_it_may(
    front: VaultFront, root: hvac.Client, policy: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = root.auth.token.create(policies=[policy(READ)], no_default_policy=True, ttl="1h")
    monkeypatch.setenv("VAULT_TOKEN", made["auth"]["client_token"])
    assert ask(vault(front.url), "l/rds") == {"l/rds": "v"}


# --- AppRole ---------------------------------------------------------------------------------------------------------


def test_approle_logs_in_with_a_secret_id_of_the_variable(
    front: VaultFront, role: Callable[..., Role], monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = role("plain")
    auth = {"method": "approle", "role_id": mine.id}
    assert "VAULT_SECRET_ID is not there" in refused(front, auth=auth).hint
    monkeypatch.setenv("VAULT_SECRET_ID", mine.secret_id())
    assert ask(vault(front.url, auth=auth), "l/rds") == {"l/rds": "v"}
    monkeypatch.setenv("VAULT_SECRET_ID", "wrong")
    monkeypatch.setenv("VAULT_ROLE_ID", mine.id)
    error = refused(front, auth={"method": "approle"})
    assert error.code is Code.CREDENTIALS
    assert "refuses the login by approle at 'approle'" in error.hint


def test_approle_takes_everything_from_a_file_and_another_mount(
    front: VaultFront, role: Callable[..., Role], tmp_path: Path
) -> None:
    mine = role("file")
    (tmp_path / "secret_id").write_text(mine.secret_id() + "\n")
    auth = {"method": "approle", "role_id": mine.id, "secret_id_file": "secret_id"}
    assert ask(vault(front.url, tmp_path, auth=auth), "l/rds") == {"l/rds": "v"}
    error = refused(front, tmp_path, auth={**auth, "mount": "nowhere"})
    assert error.code is Code.CREDENTIALS
    assert "at 'nowhere'" in error.hint


def test_one_login_serves_all_loads_and_threads_of_a_process(
    front: VaultFront, role: Callable[..., Role], monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = role("once")
    monkeypatch.setenv("VAULT_SECRET_ID", mine.secret_id())
    auth = {"method": "approle", "role_id": mine.id}
    start = threading.Barrier(8)

    def load(_number: int) -> dict[str, object]:
        start.wait(5)
        return ask(vault(front.url, auth=auth), "l/rds")

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(load, range(8))) == [{"l/rds": "v"}] * 8
    assert ask(vault(front.url, auth=auth), "l/rds") == {"l/rds": "v"}
    assert front.count("POST auth/approle/login") == 1


def test_a_secret_id_that_came_wrapped_is_unwrapped_once_and_kept(
    front: VaultFront, role: Callable[..., Role], monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = role("wrapped", token_ttl="1h")
    monkeypatch.setenv("VAULT_SECRET_ID", mine.wrapped())
    auth = {"method": "approle", "role_id": mine.id, "wrapped": True}
    assert ask(vault(front.url, auth=auth), "l/rds") == {"l/rds": "v"}
    mine.revoke_tokens()
    assert ask(vault(front.url, auth=auth), "l/rds") == {"l/rds": "v"}
    assert front.count("PUT sys/wrapping/unwrap|POST sys/wrapping/unwrap") == 1
    assert front.count("POST auth/approle/login") == 2


def test_a_wrapping_token_that_is_open_already_is_reported_as_a_break_in(
    front: VaultFront, role: Callable[..., Role], monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = role("tampered")
    wrapping = mine.wrapped()
    thief = hvac.Client(front.url, wrapping)
    thief.sys.unwrap()  # type: ignore[no-untyped-call]  # its stub says no types
    thief.adapter.close()
    monkeypatch.setenv("VAULT_SECRET_ID", wrapping)
    error = refused(front, auth={"method": "approle", "role_id": mine.id, "wrapped": True})
    assert error.code is Code.CREDENTIALS
    assert "somebody has unwrapped it before" in error.hint
    assert "-wrap-ttl" in error.fix
    assert wrapping not in f"{error!r}"


def test_an_unwrapping_whose_answer_is_lost_is_not_tried_again(
    front: VaultFront, role: Callable[..., Role], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second try would fail, and look like a break-in."""
    mine = role("lost")
    monkeypatch.setenv("VAULT_SECRET_ID", mine.wrapped())
    front.faults.append(Fault(".* sys/wrapping/unwrap", after=True))
    assert refused(front, auth={"method": "approle", "role_id": mine.id, "wrapped": True}).code is Code.UNAVAILABLE
    assert front.count(".* sys/wrapping/unwrap") == 1


def test_something_else_in_the_wrapping_is_no_secret_id(
    front: VaultFront, role: Callable[..., Role], root: hvac.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = root.sys.wrap({"password": "p"})
    monkeypatch.setenv("VAULT_SECRET_ID", other["wrap_info"]["token"])
    error = refused(front, auth={"method": "approle", "role_id": role("other").id, "wrapped": True})
    assert (error.code, error.hint) == (Code.CREDENTIALS, "unwrapped something that is no secret id")


def test_approle_without_a_role_id_asks_for_one(front: VaultFront) -> None:
    assert "neither role_id nor VAULT_ROLE_ID" in refused(front, auth={"method": "approle"}).hint
