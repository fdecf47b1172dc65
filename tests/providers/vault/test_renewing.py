"""The token and the leases of a service that runs on: renewed in time, and what cannot be renewed is named in time."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import hvac
import pytest

from estate_config.errors import Code
from estate_config.model import Deadline, Notice, Renewal
from estate_config_providers.vault import lifetime
from estate_config_providers.vault.vault_server import Vault
from tests.fakes.vault import Fault, VaultFront
from tests.leaks import assert_no_canary
from tests.providers.vault.database import MOUNTS, PASSWORD, USER, both, database_role, keys_of, who_am_i
from tests.providers.vault.helpers import ask, vault
from tests.providers.vault.roles import Role
from tools.postgres import Postgres

LOGIN = "POST auth/approle/login"
RENEW_TOKEN = "POST auth/token/renew-self"
RENEW_LEASE = "PUT sys/leases/renew"
READ_USERS = 'path "database/creds/*" { capabilities = ["read"] }\n'
LOOK_UP = 'path "auth/token/lookup-self" { capabilities = ["read"] }\n'


@pytest.fixture
def provider(front: VaultFront) -> Iterator[Vault]:
    """One that comes with the token of the variable."""
    with_token = vault(front.url, mounts=MOUNTS)
    yield with_token
    with_token.close()


@pytest.fixture
def logging_in(
    front: VaultFront, role: Callable[..., Role], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., tuple[Vault, Role]]]:
    """Make a provider that logs in by a role of its own."""
    made: list[Vault] = []

    def make(name: str, **bounds: object) -> tuple[Vault, Role]:
        mine = role(name, READ_USERS + 'path "secret/data/l/*" { capabilities = ["read"] }', **bounds)
        monkeypatch.setenv("VAULT_SECRET_ID", mine.secret_id())
        made.append(vault(front.url, mounts=MOUNTS, auth={"method": "approle", "role_id": mine.id}))
        return made[-1], mine

    yield make
    for one in made:
        one.close()


@pytest.fixture
def all_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two thirds of every life that ends are over at once."""
    monkeypatch.setattr(lifetime, "PART", 1e-9)


def renew(provider: Vault, seconds: float = 5) -> Renewal:
    return provider.renew(Deadline(seconds))


def only(renewal: Renewal) -> Notice:
    (notice,) = renewal.notices
    assert notice.fix
    return notice


def renewing_until(provider: Vault, done: Callable[[Renewal], bool], bound: float = 10) -> Renewal:
    """Come when the provider says, as a service does, until it is so."""
    end = time.monotonic() + bound
    while time.monotonic() < end:
        renewal = renew(provider)
        if done(renewal):
            return renewal
        assert renewal.seconds is not None
        time.sleep(min(max(renewal.seconds, 0.05), bound))
    raise AssertionError("it was not so in time")


# What is renewed


def test_without_a_lease_no_call_is_made(front: VaultFront, provider: Vault, root: hvac.Client) -> None:
    assert renew(provider) == Renewal(None)  # nothing was read
    root.secrets.kv.v2.create_or_update_secret("l/rds", {"value": "v"})
    assert ask(provider, "l/rds") == {"l/rds": "v"}
    calls = list(front.calls)
    assert renew(provider) == Renewal(None)  # nothing is leased, and the token never ends
    assert front.calls == calls


def test_trap_29_a_database_user_lives_on_by_being_renewed_at_two_thirds_of_its_life(
    front: VaultFront, provider: Vault, database: Postgres, root: hvac.Client
) -> None:
    database_role(root, "short", default_ttl="2s", max_ttl="1h")
    start = time.monotonic()
    user, password = both(provider, keys_of("short"))
    first = renew(provider)
    assert (first.ending, first.notices) == ((), ())
    assert first.seconds is not None
    assert 0 < first.seconds <= 2 * 2 / 3
    assert front.count(RENEW_LEASE) == 0
    renewing_until(provider, lambda _: time.monotonic() > start + 2.2)
    assert front.count(RENEW_LEASE) in (1, 2)
    assert who_am_i(database, user.value, password.value) == (user.value,)


def test_trap_29_what_renewal_no_longer_lengthens_is_fetched_again_while_it_still_works(
    front: VaultFront, provider: Vault, database: Postgres, root: hvac.Client
) -> None:
    """At its longest life, a renewal succeeds and gives less."""
    database_role(root, "capped", default_ttl="4s", max_ttl="4s")
    keys = keys_of("capped")
    user, password = both(provider, keys)
    ending = renewing_until(provider, lambda renewal: bool(renewal.ending))
    assert set(ending.ending) == set(keys)
    assert ending.notices == ()
    assert front.count(RENEW_LEASE) == 1
    assert who_am_i(database, user.value, password.value) == (user.value,)
    assert renew(provider).ending == ending.ending  # until it is fetched
    again, _ = both(provider, keys)
    assert again.value != user.value
    assert renew(provider).ending == ()
    assert who_am_i(database, user.value, password.value) == (user.value,)  # it is not taken away


def test_what_is_fetched_again_leaves_the_lease_of_the_rest_as_it_was(
    front: VaultFront, provider: Vault, database: Postgres, all_is_due: None
) -> None:
    both(provider)
    provider.fetch([USER], Deadline(5))
    assert renew(provider).ending == ()
    assert front.count(RENEW_LEASE) == 2
    provider.fetch([USER, PASSWORD], Deadline(5))
    renew(provider)
    assert front.count(RENEW_LEASE) == 3


def test_trap_29_a_token_is_renewed_though_nothing_is_leased(
    front: VaultFront, root: hvac.Client, logging_in: Callable[..., tuple[Vault, Role]], all_is_due: None
) -> None:
    root.secrets.kv.v2.create_or_update_secret("l/rds", {"value": "v"})
    provider, _ = logging_in("renewer", token_ttl="1h")
    ask(provider, "l/rds")
    renewed = renew(provider)
    assert (renewed.ending, renewed.notices) == ((), ())
    assert renewed.seconds is not None
    assert (front.count(RENEW_TOKEN), front.count(LOGIN)) == (1, 1)


@pytest.mark.parametrize(("left", "least", "most"), [(3600, 30, 60), (20, 2.5, 5), (1, 0.5, 1), (0, 2.5, 5)])
def test_the_nearer_the_end_the_sooner_a_renewal_is_tried_again(left: float, least: float, most: float) -> None:
    pauses = [lifetime.pause(left) for _ in range(100)]
    assert least <= min(pauses) < max(pauses) <= most


def test_those_who_were_started_together_do_not_come_together() -> None:
    parts = [(life.due - (life.over - life.seconds)) / life.seconds for life in map(lifetime.life_of, [100.0] * 100)]
    assert 0.6 <= min(parts) < 0.62
    assert 0.65 < max(parts) <= 2 / 3 + 1e-9


# What ends


def test_trap_29_with_its_token_a_lease_ends_so_that_its_keys_are_fetched_by_the_next(
    front: VaultFront, database: Postgres, logging_in: Callable[..., tuple[Vault, Role]]
) -> None:
    provider, _ = logging_in("capped-token", token_ttl="4s", token_max_ttl="4s")
    user, password = both(provider)
    ending = renewing_until(provider, lambda renewal: bool(renewal.ending))
    assert set(ending.ending) == {USER, PASSWORD}
    assert who_am_i(database, user.value, password.value) == (user.value,)
    assert front.count(LOGIN) == 2
    both(provider)
    assert renew(provider).ending == ()


def test_trap_29_a_token_that_was_revoked_has_taken_its_leases_along(
    front: VaultFront,
    database: Postgres,
    logging_in: Callable[..., tuple[Vault, Role]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    provider, mine = logging_in("revoked-token", token_ttl="1h")
    monkeypatch.setattr(lifetime, "PART", 1e-9)
    both(provider)
    mine.revoke_tokens()
    renewed = renew(provider)
    assert set(renewed.ending) == {USER, PASSWORD}
    assert renewed.notices == ()
    assert front.count(LOGIN) == 2


def test_a_lease_that_the_server_no_longer_knows_is_ending(
    provider: Vault, database: Postgres, root: hvac.Client, all_is_due: None
) -> None:
    both(provider)
    root.sys.revoke_lease(provider.leases[USER].lease.id)  # type: ignore[no-untyped-call]  # its stub says no types
    renewed = renew(provider)
    assert (set(renewed.ending), renewed.notices) == ({USER, PASSWORD}, ())


def test_a_lease_that_cannot_be_renewed_is_ending_without_a_call(
    front: VaultFront, provider: Vault, all_is_due: None
) -> None:
    body = '{"lease_id": "l/1", "lease_duration": 60, "renewable": false, "data": {"username": "u"}}'
    front.faults.append(Fault("GET database/creds/estate", 200, body=body))
    provider.fetch([USER], Deadline(5))
    assert renew(provider).ending == (USER,)
    assert front.count(RENEW_LEASE) == 0


# What goes wrong


@pytest.mark.parametrize("status", [429, 500, 503])
@pytest.mark.usefixtures("database", "all_is_due")
def test_a_renewal_that_fails_is_tried_again_within_the_life_that_is_left(
    front: VaultFront, provider: Vault, status: int
) -> None:
    both(provider)
    front.faults.append(Fault(RENEW_LEASE, status))
    renewed = renew(provider, 0.3)
    assert renewed.ending == ()
    assert only(renewed).code is (Code.THROTTLED if status == 429 else Code.UNAVAILABLE)
    assert renewed.seconds is not None
    assert 1 < renewed.seconds <= 60
    assert renew(provider, 0.3).notices == ()  # not before it is time


@pytest.mark.usefixtures("database", "all_is_due")
def test_what_could_not_be_renewed_in_time_is_fetched_again_before_its_end(
    front: VaultFront, provider: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    both(provider)
    front.faults.append(Fault(RENEW_LEASE, 500))
    monkeypatch.setattr(lifetime, "_ROOM", 1)
    renewed = renew(provider, 0.3)
    assert set(renewed.ending) == {USER, PASSWORD}
    assert only(renewed).place == "database:creds/estate"


@pytest.mark.usefixtures("database", "all_is_due")
def test_a_server_that_is_gone_is_one_notice_and_no_exception(front: VaultFront, provider: Vault) -> None:
    both(provider)
    front.stop()
    renewed = renew(provider, 0.3)
    assert renewed.ending == ()
    assert only(renewed).code is Code.UNAVAILABLE
    assert only(renewed).message == "nothing could be renewed: the server cannot be reached: nobody listens there"


def test_an_answer_that_is_not_the_servers_is_a_notice(
    front: VaultFront, provider: Vault, database: Postgres, all_is_due: None
) -> None:
    both(provider)
    front.faults.append(Fault(RENEW_LEASE, 200, body="<html>"))
    renewed = renew(provider)
    assert (renewed.ending, only(renewed).code) == ((), Code.MALFORMED)


@pytest.mark.usefixtures("database", "all_is_due")
def test_a_policy_that_does_not_let_renew_is_named_and_the_values_are_fetched_again(
    provider: Vault, root: hvac.Client, policy: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made: Any = root.auth.token.create(policies=[policy(READ_USERS + LOOK_UP)], no_default_policy=True, ttl="1h")
    monkeypatch.setenv("VAULT_TOKEN", made["auth"]["client_token"])
    both(provider)
    monkeypatch.setattr(lifetime, "PART", 1e-9)
    renewed = renew(provider)
    assert set(renewed.ending) == {USER, PASSWORD}
    token, lease = sorted(renewed.notices, key=lambda notice: notice.place)
    assert (token.code, token.place) == (Code.CREDENTIALS, "VAULT_TOKEN")
    assert 'path "auth/token/renew-self" { capabilities = ["update"] }' in token.fix
    assert (lease.code, lease.place) == (Code.DENIED, "database:creds/estate")
    assert 'path "sys/leases/renew" { capabilities = ["update"] }' in lease.fix


@pytest.mark.parametrize("bounds", [{"renewable": False}, {"explicit_max_ttl": "1h"}])
@pytest.mark.usefixtures("database", "all_is_due")
def test_a_token_by_hand_that_renewal_does_not_lengthen_is_named_with_its_end(
    provider: Vault,
    root: hvac.Client,
    policy: Callable[[str], str],
    monkeypatch: pytest.MonkeyPatch,
    bounds: dict[str, Any],
) -> None:
    made: Any = root.auth.token.create(policies=[policy(READ_USERS)], ttl="1h", **bounds)
    monkeypatch.setenv("VAULT_TOKEN", made["auth"]["client_token"])
    both(provider)
    renewed = renewing_until(provider, lambda renewal: bool(renewal.notices))
    assert renewed.ending == ()  # another lease would end with the same token
    notice = only(renewed)
    assert (notice.code, notice.place) == (Code.CREDENTIALS, "VAULT_TOKEN")
    said = re.search(r"it ends at (.{19}) UTC", notice.message)
    assert said is not None
    end = datetime.fromisoformat(said[1]).replace(tzinfo=UTC)
    assert abs(end - datetime.now(UTC) - timedelta(hours=1)) < timedelta(seconds=20)
    assert "vault token create -period" in notice.fix
    assert renewed.seconds is not None
    assert renewed.seconds > 0


@pytest.mark.usefixtures("database")
def test_a_login_that_is_refused_is_one_notice_and_tried_again(
    logging_in: Callable[..., tuple[Vault, Role]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    provider, mine = logging_in("refused-login", token_ttl="1h", secret_id_num_uses=1)
    monkeypatch.setattr(lifetime, "PART", 1e-9)
    both(provider)
    mine.revoke_tokens()
    renewed = renew(provider)
    assert renewed.seconds is not None
    assert (only(renewed).code, only(renewed).place) == (Code.CREDENTIALS, "auth/approle")
    assert "refuses the login by approle" in only(renewed).message


def test_a_certificate_that_is_gone_is_a_notice(
    front: VaultFront, database: Postgres, tmp_path: Path, all_is_due: None
) -> None:
    certificate = tmp_path / "ca.pem"
    certificate.touch()
    provider = vault(front.url, tmp_path, mounts=MOUNTS, ca_cert="ca.pem")
    both(provider)
    certificate.unlink()
    assert "ca.pem" in only(renew(provider)).message


def test_nothing_that_is_kept_or_said_shows_a_token_or_a_value(
    provider: Vault, database: Postgres, root: hvac.Client, token: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAULT_TOKEN", mine := token(READ_USERS))
    _, password = both(provider)
    shown = repr((renew(provider), provider.leases, vars(provider)))
    assert "database/creds/estate" in shown
    assert_no_canary(shown, mine)
    assert_no_canary(shown, str(password.value))
