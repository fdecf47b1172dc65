"""How long a token is used: renewed while it lives, replaced when it is over, shared by threads and forks."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import hvac
import pytest
import requests

from estate_config.errors import Code, ProviderError
from estate_config_providers.vault import lifetime, login
from tests.fakes.vault import Fault, VaultFront
from tests.leaks import assert_no_canary
from tests.providers.vault.helpers import ask, failed, vault
from tests.providers.vault.nodes import wait_until
from tests.providers.vault.roles import Role

LOGIN = "POST auth/approle/login"
RENEW = "POST auth/token/renew-self"


@pytest.fixture(autouse=True)
def one_secret(root: hvac.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    root.secrets.kv.v2.create_or_update_secret("l/rds", {"value": "v"})
    monkeypatch.delenv("VAULT_TOKEN")


@pytest.fixture
def load(front: VaultFront, monkeypatch: pytest.MonkeyPatch) -> Callable[[Role], dict[str, object]]:
    """Load once more in the name of a role, from as many providers as there are loads."""

    def once(role: Role) -> dict[str, object]:
        return ask(vault(front.url, auth={"method": "approle", "role_id": role.id}), "l/rds", seconds=5)

    return once


@pytest.fixture
def known(role: Callable[..., Role], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Role]:
    """Make a role whose secret id is in the variable."""

    def made(name: str, *policy: str, **bounds: object) -> Role:
        one = role(name, *policy, **bounds)
        monkeypatch.setenv("VAULT_SECRET_ID", one.secret_id())
        return one

    return made


def test_trap_29_a_token_is_renewed_when_it_is_used_late_in_its_life(
    front: VaultFront,
    known: Callable[..., Role],
    load: Callable[[Role], dict[str, object]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert pytest.approx(2 / 3) == lifetime.PART
    mine = known("renewed", token_ttl="1h")
    assert [load(mine) for _ in range(3)] == [{"l/rds": "v"}] * 3
    assert front.count(RENEW) == 0
    mine = known("renewed-at-once", token_ttl="1h")
    monkeypatch.setattr(lifetime, "PART", 0)
    assert [load(mine) for _ in range(3)] == [{"l/rds": "v"}] * 3
    assert (front.count(RENEW), front.count(LOGIN)) == (2, 2)


def test_a_token_that_renewal_no_longer_lengthens_is_replaced(
    front: VaultFront,
    known: Callable[..., Role],
    load: Callable[[Role], dict[str, object]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """At its longest life, a renewal succeeds and gives less: the last one would be refused."""
    mine = known("capped", token_ttl="1h", token_max_ttl="1h")
    monkeypatch.setattr(lifetime, "PART", 0)
    front.faults.append(
        Fault(RENEW, 200, body='{"auth": {"client_token": "x", "lease_duration": 9, "renewable": true}}')
    )
    assert [load(mine) for _ in range(2)] == [{"l/rds": "v"}] * 2
    assert (front.count(RENEW), front.count(LOGIN)) == (1, 2)
    assert front.count("GET auth/token/lookup-self") == 0  # nothing had to be refused first


def test_a_batch_token_is_replaced_since_it_cannot_be_renewed(
    front: VaultFront,
    known: Callable[..., Role],
    load: Callable[[Role], dict[str, object]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mine = known("batch", token_type="batch", token_ttl="1h")
    monkeypatch.setattr(lifetime, "PART", 0)
    assert [load(mine) for _ in range(2)] == [{"l/rds": "v"}] * 2
    assert (front.count(RENEW), front.count(LOGIN)) == (0, 2)


@pytest.mark.parametrize("status", [400, 403, 500, 503])
def test_a_token_that_lives_is_used_while_no_other_is_to_be_had(
    front: VaultFront,
    known: Callable[..., Role],
    load: Callable[[Role], dict[str, object]],
    monkeypatch: pytest.MonkeyPatch,
    status: int,
) -> None:
    mine = known(f"kept-{status}", token_ttl="1h")
    monkeypatch.setattr(lifetime, "PART", 0)
    monkeypatch.setattr(login, "_RENEWAL", 0.2)
    assert load(mine) == {"l/rds": "v"}
    front.faults += [Fault(RENEW, status), Fault(LOGIN, status)]
    assert load(mine) == {"l/rds": "v"}
    tries = len(front.calls)
    assert load(mine) == {"l/rds": "v"}  # and is not held up again at once
    assert len(front.calls) == tries + 1


def test_trap_28_an_expired_token_is_replaced_once_for_all_threads(
    front: VaultFront,
    known: Callable[..., Role],
    load: Callable[[Role], dict[str, object]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The server says the same as of a policy that denies: the token is looked up, and we log in again."""
    mine = known("short", token_ttl="1s", token_max_ttl="1s")
    monkeypatch.setattr(lifetime, "PART", math.inf)  # so that it is used to its end, and beyond
    assert load(mine) == {"l/rds": "v"}
    token = next(one for one in login._logins.values() if front.url in repr(one_key(one)))._token
    assert token is not None
    wait_until(lambda: is_over(front, token.value.reveal()), "the end of a token of one second")
    start = threading.Barrier(8)

    def late(_number: int) -> dict[str, object]:
        start.wait(5)
        return load(mine)

    monkeypatch.setattr(lifetime, "PART", 2 / 3)
    mine.bound(token_ttl="1h", token_max_ttl="1h")
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(late, range(8))) == [{"l/rds": "v"}] * 8
    assert front.count(LOGIN) == 2


def one_key(wanted: login.Login) -> object:
    return next(key for key, one in login._logins.items() if one is wanted)


def is_over(front: VaultFront, token: str) -> bool:
    url = f"http://{front.upstream}/v1/auth/token/lookup-self"
    return requests.get(url, headers={"X-Vault-Token": token}, timeout=5).status_code == 403


def test_trap_28_a_login_that_is_refused_after_an_expiry_is_a_matter_of_credentials(
    front: VaultFront, known: Callable[..., Role], load: Callable[[Role], dict[str, object]]
) -> None:
    mine = known("gone", token_ttl="1h", secret_id_num_uses=1)
    assert load(mine) == {"l/rds": "v"}
    mine.revoke_tokens()
    with pytest.raises(ProviderError, match="refuses the login by approle") as caught:
        load(mine)
    assert caught.value.code is Code.CREDENTIALS


def test_trap_28_a_policy_that_denies_costs_no_other_login(
    front: VaultFront, known: Callable[..., Role], load: Callable[[Role], dict[str, object]]
) -> None:
    mine = known("denied", 'path "secret/data/other" { capabilities = ["read"] }')
    for _ in range(2):
        assert failed(load(mine)["l/rds"]).code is Code.DENIED
    assert (front.count(LOGIN), front.count("GET auth/token/lookup-self")) == (1, 1)


def test_a_token_that_may_not_look_itself_up_is_replaced_to_be_sure(
    front: VaultFront, known: Callable[..., Role], load: Callable[[Role], dict[str, object]]
) -> None:
    policy = 'path "secret/data/other" { capabilities = ["read"] }'
    mine = known("blind", policy, token_no_default_policy=True)
    assert failed(load(mine)["l/rds"]).code is Code.DENIED
    assert front.count(LOGIN) == 2


def test_a_given_token_is_renewed_too_and_used_to_its_end(
    front: VaultFront, root: hvac.Client, policy: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifetime, "PART", 0)
    made: Any = root.auth.token.create(
        policies=[policy('path "secret/data/l/*" { capabilities = ["read"] }')], ttl="1h"
    )
    monkeypatch.setenv("VAULT_TOKEN", made["auth"]["client_token"])
    for _ in range(2):
        assert ask(vault(front.url), "l/rds") == {"l/rds": "v"}
    assert front.count(RENEW) >= 1
    front.faults.append(Fault(RENEW, 403))
    assert ask(vault(front.url), "l/rds") == {"l/rds": "v"}


def test_a_second_factor_is_asked_of_nobody(
    front: VaultFront, known: Callable[..., Role], load: Callable[[Role], dict[str, object]]
) -> None:
    body = '{"auth": {"client_token": "", "mfa_requirement": {"mfa_request_id": "1"}}}'
    front.faults.append(Fault(LOGIN, 200, body=body))
    with pytest.raises(ProviderError, match="second factor"):
        load(known("mfa"))


@pytest.mark.parametrize("status", [413, 429, 500])
def test_a_login_that_fails_for_no_ones_fault_says_so_without_a_placeholder(
    front: VaultFront, known: Callable[..., Role], load: Callable[[Role], dict[str, object]], status: int
) -> None:
    front.faults.append(Fault(LOGIN, status))
    mine = known(f"fails-{status}")
    with pytest.raises(ProviderError) as caught:
        ask(vault(front.url, auth={"method": "approle", "role_id": mine.id}), "l/rds", seconds=0.3)
    assert caught.value.hint == "did not answer the login as it should"
    assert "{" not in caught.value.fix


@pytest.mark.parametrize("body", ["[]", "{}", '{"auth": []}', '{"auth": {"client_token": []}}', "<html>"])
def test_a_login_that_is_answered_with_something_else_is_malformed(
    front: VaultFront, known: Callable[..., Role], load: Callable[[Role], dict[str, object]], body: str
) -> None:
    front.faults.append(Fault(LOGIN, 200, body=body))
    with pytest.raises(ProviderError) as caught:
        load(known("odd"))
    assert caught.value.code is Code.MALFORMED


def test_who_waits_for_a_login_that_hangs_does_not_wait_past_the_deadline(
    front: VaultFront, known: Callable[..., Role], load: Callable[[Role], dict[str, object]]
) -> None:
    mine = known("hung")
    assert load(mine) == {"l/rds": "v"}
    one = list(login._logins.values())[-1]
    with one.lock, pytest.raises(ProviderError) as caught:
        ask(vault(front.url, auth={"method": "approle", "role_id": mine.id}), "l/rds", seconds=0.3)
    assert caught.value.code is Code.UNAVAILABLE


def test_a_token_of_which_the_server_says_nothing_sensible_is_malformed(
    front: VaultFront, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAULT_TOKEN", "root")
    front.faults.append(Fault("GET auth/token/lookup-self", 200, body='{"data": []}'))
    with pytest.raises(ProviderError) as caught:
        ask(vault(front.url), "l/rds")
    assert caught.value.code is Code.MALFORMED


def test_nothing_that_is_kept_shows_a_token(
    front: VaultFront, known: Callable[..., Role], load: Callable[[Role], dict[str, object]]
) -> None:
    mine = known("shown")
    load(mine)
    token = list(login._logins.values())[-1]._token
    shown = repr([(key, one, vars(one)) for key, one in login._logins.items()])
    assert token is not None
    assert len(token.value.reveal()) > 20
    assert_no_canary(shown, token.value.reveal())
    assert_no_canary(shown, os.environ["VAULT_SECRET_ID"])


def test_a_fork_goes_on_with_the_token_though_a_thread_held_its_lock(
    front: VaultFront, known: Callable[..., Role]
) -> None:
    """gunicorn with preload: the master has logged in, and forks while another of its threads renews."""
    mine = known("forked")
    program = """
import os, sys
from estate_config_providers.vault import lifetime, login
from tests.providers.vault.helpers import ask, vault

def load():
    auth = {"method": "approle", "role_id": sys.argv[2]}
    return ask(provider, "l/rds", seconds=5)

provider = vault(sys.argv[1], auth={"method": "approle", "role_id": sys.argv[2]})
assert load() == {"l/rds": "v"}
(one,) = login._logins.values()
one.lock.acquire()
if os.fork() == 0:
    os._exit(0 if load() == {"l/rds": "v"} else 1)
one.lock.release()
assert os.wait()[1] == 0
assert load() == {"l/rds": "v"}
"""
    subprocess.run([sys.executable, "-c", program, front.url, mine.id], check=True, timeout=30)
    assert front.count(LOGIN) == 1
    assert front.count("GET secret/data/l/rds") == 3
