"""Each status and each error is its own outcome, tried again where that helps, and within the deadline."""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from collections.abc import Callable

import hvac
import pytest
import requests
from hvac import exceptions

from estate_config import ConfigurationError, Settings, load, secret
from estate_config.errors import Code, ProviderError
from estate_config.model import Deadline, Found
from estate_config.testing import EmbeddedVault
from estate_config_providers.vault.connection import _base
from estate_config_providers.vault.failures import BY_STATUS, UPGRADING, of_error, of_status
from tests.fakes.vault import Fault, VaultFront
from tests.leaks import assert_no_canary, assert_no_canary_in_error
from tests.providers.vault.helpers import ask, failed, key, vault

CANARY = "kq7ZvXw2Lr9TbN4mHc"
READ = "GET secret/data/.*"


@pytest.fixture(autouse=True)
def one_secret(root: hvac.Client) -> None:
    root.secrets.kv.v2.create_or_update_secret("f/rds", {"value": CANARY})


def outcome(front: VaultFront, seconds: float = 0.6) -> tuple[Code, str, str]:
    """Return code, hint and fix of what goes wrong, whether it is one key's or the whole server's."""
    try:
        answer = failed(ask(vault(front.url), "f/rds", seconds=seconds)["f/rds"])
    except ProviderError as error:
        return error.code, error.hint, error.fix
    return answer.code, answer.hint, answer.fix


@pytest.mark.parametrize(
    ("status", "code", "words", "fix"),
    [
        (400, Code.MALFORMED, "is refused by the server", "secret:f/rds"),
        (401, Code.CREDENTIALS, "refuses the token", "vault login"),
        (403, Code.DENIED, "may not be read", 'path "secret/data/f/rds" { capabilities = ["read"] }'),
        (405, Code.MALFORMED, "on a mount that gives nothing", "vault secrets list"),
        (412, Code.UNAVAILABLE, "index state", "vault status"),
        (418, Code.MALFORMED, "not Vault's", "vault status"),
        (429, Code.THROTTLED, "quota", "vault read sys/quotas"),
        (472, Code.UNAVAILABLE, "disaster recovery secondary", "primary"),
        (473, Code.UNAVAILABLE, "performance standby", "vault status"),
        (474, Code.UNAVAILABLE, "cannot reach the active node", "vault status"),
        (500, Code.UNAVAILABLE, "its engine failed", "log"),
        (501, Code.UNAVAILABLE, "not initialised", "vault operator init"),
        (502, Code.UNAVAILABLE, "proxy", "vault status"),
        (503, Code.UNAVAILABLE, "is sealed", "vault operator unseal"),
        (504, Code.UNAVAILABLE, "proxy", "vault status"),
        (530, Code.UNAVAILABLE, "removed from its cluster", "another node"),
        (599, Code.UNAVAILABLE, "its engine failed", "log"),
    ],
)
def test_trap_28_each_status_is_an_outcome_of_its_own_with_what_to_do(
    front: VaultFront, status: int, code: Code, words: str, fix: str
) -> None:
    front.faults.append(Fault(READ, status))
    found, hint, mend = outcome(front)
    assert found is code
    assert words in hint
    assert fix in mend


@pytest.mark.parametrize("status", [412, 429, 472, 473, 474, 500, 502, 503, 504, 530])
def test_trap_28_what_may_be_over_in_a_moment_is_asked_again(front: VaultFront, status: int) -> None:
    front.faults.append(Fault(READ, status, times=2))
    assert ask(vault(front.url), "f/rds") == {"f/rds": CANARY}
    assert front.count(READ) == 3


@pytest.mark.parametrize("status", [400, 401, 405, 418, 501])
def test_what_will_not_be_over_is_asked_once(front: VaultFront, status: int) -> None:
    front.faults.append(Fault(READ, status))
    outcome(front, seconds=5)
    assert front.count(READ) == 1


def test_a_mount_that_is_being_made_one_of_kv_2_is_asked_again(front: VaultFront) -> None:
    words = f'{{"errors": ["Waiting for the primary to {UPGRADING.decode()} data."]}}'
    front.faults.append(Fault(READ, 400, times=2, body=words))
    assert ask(vault(front.url), "f/rds") == {"f/rds": CANARY}


def test_a_connection_that_breaks_is_made_again(front: VaultFront) -> None:
    front.faults.append(Fault(READ, times=2, after=True))
    assert ask(vault(front.url), "f/rds") == {"f/rds": CANARY}


@pytest.mark.parametrize("body", ["<html>log in to the hotel</html>", "[]", '{"data":', "{}", '{"data": {"data": []}}'])
def test_an_answer_that_is_not_vaults_is_malformed_and_never_absent(front: VaultFront, body: str) -> None:
    for status in (200, 404) if not body.startswith("{") or body.endswith(":") else (200,):
        front.faults.append(Fault(READ, status, body=body, times=1))
        assert outcome(front)[0] is Code.MALFORMED


def test_trying_again_ends_before_the_deadline_does(front: VaultFront) -> None:
    front.faults.append(Fault(READ, 503))
    started = time.monotonic()
    assert outcome(front, seconds=1)[2] == "vault operator unseal"
    assert 0.8 < time.monotonic() - started < 6
    assert 4 < front.count(READ) < 100


@pytest.mark.parametrize("how", ["silent", "drips"])
def test_a_server_that_takes_the_question_and_hangs_is_left_at_the_deadline(front: VaultFront, how: str) -> None:
    provider = vault(front.url)
    assert ask(provider, "f/rds") == {"f/rds": CANARY}
    setattr(front, how, True)
    started = time.monotonic()
    with pytest.raises(ProviderError) as caught:
        ask(provider, "f/rds", seconds=0.5)
    assert time.monotonic() - started < 6
    assert caught.value.code is Code.UNAVAILABLE


def test_what_one_path_alone_meets_does_not_keep_the_others_from_an_answer(front: VaultFront) -> None:
    front.faults.append(Fault("GET secret/data/f/other", 503))
    answers = ask(vault(front.url), "f/rds", "f/other", seconds=0.5)
    assert answers["f/rds"] == CANARY
    assert failed(answers["f/other"]).hint == "could not be read: the server is sealed, or has no node that is active"


def test_where_nobody_listens_the_deadline_is_not_waited_for(
    front: VaultFront, monkeypatch: pytest.MonkeyPatch
) -> None:
    from estate_config_providers.vault import connection

    assert 1 <= connection._PATIENCE <= 5  # longer than a restart, shorter than a person's patience
    monkeypatch.setattr(connection, "_PATIENCE", 0.3)
    front.stop()
    started = time.monotonic()
    code, hint, fix = outcome(front, seconds=15)
    assert time.monotonic() - started < 10
    assert (code, hint) == (Code.UNAVAILABLE, "cannot be reached: nobody listens there")
    assert "vault status" in fix


def test_a_name_that_nobody_knows_is_said_to_be_unknown() -> None:
    with requests.Session() as direct:
        direct.trust_env = False  # without a proxy, whom the name would be passed on to
        with pytest.raises(requests.ConnectionError) as caught:
            direct.get("http://vault.invalid:1", timeout=5)
    assert of_error(caught.value).hint == "cannot be reached: its name is not known"


def test_a_node_that_is_gone_or_cannot_answer_is_passed_over(front: VaultFront, bao: EmbeddedVault) -> None:
    with VaultFront(bao.endpoint_url) as other:
        front.faults.append(Fault(".*", 474))
        assert ask(vault([front.url, other.url]), "f/rds") == {"f/rds": CANARY}
        front.stop()
        assert ask(vault([front.url, other.url]), "f/rds", seconds=2) == {"f/rds": CANARY}


def test_what_a_node_says_goes_before_that_another_is_not_there(front: VaultFront, bao: EmbeddedVault) -> None:
    with VaultFront(bao.endpoint_url) as gone:
        gone.stop()
        front.faults.append(Fault(".*", 503))
        for addresses in ([front.url, gone.url], [gone.url, front.url]):
            with pytest.raises(ProviderError, match="is sealed"):
                ask(vault(addresses), "f/rds", seconds=0.5)


def test_a_standby_that_leads_to_the_active_node_is_followed_once(front: VaultFront, bao: EmbeddedVault) -> None:
    with VaultFront(bao.endpoint_url) as standby:
        to = {"Location": f"{front.url}/v1/secret/data/f/rds"}
        standby.faults.append(Fault(READ, 307, headers=to))
        assert ask(vault(standby.url), "f/rds") == {"f/rds": CANARY}
        assert (standby.count(READ), front.count(READ)) == (1, 1)
        front.faults.append(Fault(READ, 307, headers={"Location": f"{standby.url}/v1/secret/data/f/rds"}))
        assert outcome(standby)[0] is Code.MALFORMED
        assert standby.count(READ) == 2


@pytest.mark.parametrize("location", ["http://active:8200/v1/x", "/v1/x", ""])
def test_no_token_is_led_out_of_tls_or_to_nowhere(location: str) -> None:
    assert _base("https://standby:8200", location) is None
    assert _base("http://standby:8200", "https://active:8200/v1/x") == "https://active:8200"


def test_trap_28_every_error_of_hvac_and_requests_is_mapped() -> None:
    kinds = [
        kind
        for module in (exceptions, requests.exceptions)
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, (exceptions.VaultError, requests.RequestException))
    ]
    assert len(kinds) > 30
    for kind in kinds:
        trouble = of_error(kind.__new__(kind))
        assert trouble.code is not Code.PLUGIN, kind
        assert trouble.hint


def test_trap_28_hvacs_own_mapping_says_the_same_as_the_table() -> None:
    """And has lost what a status says where it maps none: those are why the status itself is looked at."""
    for status, trouble in BY_STATUS.items():
        error = exceptions.VaultError.from_status(status)
        if not isinstance(error, exceptions.UnexpectedError):
            assert of_error(error) == trouble, status
    lost = {s for s in BY_STATUS if isinstance(exceptions.VaultError.from_status(s), exceptions.UnexpectedError)}
    assert lost == {405, 412, 413, 472, 473, 474, 504, 530}


def test_an_error_that_nobody_knows_says_its_type_and_not_its_words() -> None:
    trouble = of_error(RuntimeError(CANARY))
    assert trouble.code is Code.PLUGIN
    assert "RuntimeError" in trouble.hint
    assert_no_canary(repr(trouble), CANARY)
    assert of_status(418).code is Code.MALFORMED


def test_trap_30_no_log_line_has_a_token_or_a_value(
    bao: EmbeddedVault, token: Callable[[str], str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    secret = token('path "secret/data/f/*" { capabilities = ["create", "read", "update"] }')
    monkeypatch.setenv("VAULT_TOKEN", secret)
    provider = vault(bao.endpoint_url)
    with caplog.at_level(logging.DEBUG):
        found = provider.fetch([key("f/rds")], Deadline(10))[key("f/rds")]
        assert provider.put({key("f/rds#other"): CANARY[::-1]}, Deadline(10)) == {}
    shown = f"{vars(provider)!r} {found!r} {[record.__dict__ for record in caplog.records]!r} {caplog.text}"
    provider.close()
    assert isinstance(found, Found)
    assert any(record.name.startswith("urllib3") for record in caplog.records)  # they do log
    for canary in (secret, CANARY, CANARY[::-1]):
        assert_no_canary(shown, canary)


def test_the_report_of_a_start_that_failed_says_too_that_others_can_read_along() -> None:
    class AiSettings(Settings):
        jwt: str = secret("jwt")

    options = {"url": "https://127.0.0.1:9", "verify": False}
    config = {
        "environments": {"production": {"chain": ["vault"], "deadline": 0.5}},
        "providers": {"vault": options},
    }
    with pytest.raises(ConfigurationError) as caught:
        load(AiSettings, environment="production", config=config)
    assert [problem.code for problem in caught.value.problems] == [Code.UNAVAILABLE]
    assert [warning.code for warning in caught.value.warnings] == [Code.INSECURE]


def test_an_error_that_leaves_has_no_token_in_it(front: VaultFront, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAULT_TOKEN", "s.Gm5tYc2RJw8bVx4KQ7pL")
    front.faults.append(Fault(".*", 503))
    with pytest.raises(ProviderError) as caught:
        ask(vault(front.url), "f/rds", seconds=0.3)
    assert_no_canary_in_error(caught.value, "s.Gm5tYc2RJw8bVx4KQ7pL")


def test_forty_paths_need_no_more_connections_than_the_pool_has(
    bao: EmbeddedVault, root: hvac.Client, caplog: pytest.LogCaptureFixture
) -> None:
    """urllib3 warns of each that it has to throw away."""
    for number in range(40):
        root.secrets.kv.v2.create_or_update_secret(f"f/pool/{number}", {"value": str(number)})
    with caplog.at_level(logging.DEBUG, "urllib3"):
        assert len(ask(vault(bao.endpoint_url), *(f"f/pool/{number}" for number in range(40)))) == 40
    said = [record.getMessage() for record in caplog.records if record.name.startswith("urllib3")]
    assert not [line for line in said if "pool is full" in line]
    assert sum("Starting new" in line for line in said) <= 16


def test_without_hvac_one_line_says_what_to_install() -> None:
    code = """
import sys
sys.modules["hvac"] = None
from pathlib import Path
from estate_config.contract import Context
from estate_config.errors import ProviderError
from estate_config.model import Deadline, Key
from estate_config_providers.vault import spec
try:
    spec.build(spec.options(), Context("x", Path())).fetch([Key("a", "a")], Deadline(1))
except ProviderError as error:
    print(error.code, error.fix, error.__context__)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "PLUGIN pip install 'estate-config[vault]' None"
