"""The provider `azure`, with Microsoft's own client, against a strict fake of Key Vault on HTTPS."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import azure.core.exceptions as azure_errors
import azure.identity as azure_identity
import pytest
from pydantic import ValidationError

from estate_config.contract import Context, Provider
from estate_config.errors import Code, ProviderError
from estate_config.model import Deadline, Failed, Found, Key
from estate_config.testing import ProviderContract, Shelf
from estate_config_providers.azure import spec
from estate_config_providers.azure.failures import _BY_NAME, failure
from tests.fakes.azure import FIRST, StrictAzure

CANARY = "canary-3f9a1d77c2"


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[StrictAzure]:
    with StrictAzure(tmp_path) as fake:
        yield fake


def provider_on(vault: StrictAzure, **options: str) -> Provider:
    table = {"vault_url": vault.url, "client": vault.client(), **options}
    return spec.build(spec.options.model_validate(table), Context("production", Path.cwd()))


def key(name: str, address: str | None = None, *, binary: bool = False) -> Key:
    return Key(name, name.replace("/", "_"), address, binary=binary)


def fetch(vault: StrictAzure, *keys: Key, seconds: float = 10, **options: str) -> dict[Key, Found | Failed]:
    return dict(provider_on(vault, **options).fetch(keys, Deadline(seconds)))


def name_of(key: Key) -> str:
    return key.name.replace("/", "-").replace("_", "-")


class TestContract(ProviderContract):
    binary = False  # Key Vault holds text only
    largest = 25_600
    sdk = ("azure.keyvault", "azure.core", "azure.identity")

    @pytest.fixture
    def shelf(self, vault: StrictAzure) -> Shelf:
        def put(key: Key, value: str | bytes) -> None:
            vault.add(name_of(key), str(value))

        def spoil(key: Key) -> None:
            vault.failing[name_of(key)] = (403, "ForbiddenByRbac")

        def hang(key: Key) -> None:
            vault.hanging.add(name_of(key))

        return Shelf(spec, put, options={"vault_url": vault.url, "client": vault.client()}, spoil=spoil, hang=hang)


def test_t6_t24_members_of_one_secret_are_one_read_and_nothing_is_listed(vault: StrictAzure) -> None:
    vault.add("rds", '{"user": "app", "port": 5432}')
    answers = fetch(vault, *(key(member, f"rds#{member}") for member in ("user", "port", "absent")))
    assert {k.name: a.value for k, a in answers.items() if isinstance(a, Found)} == {"user": "app", "port": "5432"}
    assert vault.calls == {"GET secrets": 1}


def test_a_version_is_an_address_and_the_newest_answers_otherwise(vault: StrictAzure) -> None:
    old = vault.add("jwt", "old")
    new = vault.add("jwt", "new")
    answers = fetch(vault, key("old", f"jwt/{old}"), key("jwt"))
    assert {k.name: a.value for k, a in answers.items() if isinstance(a, Found)} == {"old": "old", "jwt": "new"}
    origins = {k.name: a.origin for k, a in answers.items() if isinstance(a, Found)}
    assert {name: (one.version, one.created_at) for name, one in origins.items()} == {
        "old": (old, datetime.fromtimestamp(FIRST, UTC)),
        "jwt": (new, datetime.fromtimestamp(FIRST + 60, UTC)),
    }


def test_an_address_with_nothing_after_its_hash_is_malformed_and_never_absent(vault: StrictAzure) -> None:
    vault.add("jwt", '{"": "x"}')
    asked = key("jwt", "jwt#")
    answer = fetch(vault, asked)[asked]
    assert isinstance(answer, Failed)
    assert (answer.code, answer.hint) == (Code.MALFORMED, "'jwt#' names no member after its #")
    assert provider_on(vault).locate(asked).wrong == answer.hint


def test_a_derived_name_has_the_prefix_and_dashes(vault: StrictAzure) -> None:
    vault.add("estate-openai-api-key", "x")
    asked = key("openai/api_key")
    assert isinstance(fetch(vault, asked, prefix="estate-")[asked], Found)


def test_t9_a_deleted_secret_is_told_from_one_that_is_not_there(vault: StrictAzure) -> None:
    vault.deleted.add("gone")
    gone, nowhere = key("gone"), key("nowhere")
    answers = fetch(vault, gone, nowhere)
    assert [(k.name, a.code) for k, a in answers.items() if isinstance(a, Failed)] == [("gone", Code.DELETED)]


def test_t9_where_looking_for_deleted_ones_is_refused_a_404_is_not_taken_for_absent(vault: StrictAzure) -> None:
    vault.denied_deleted = True
    asked = key("nowhere")
    answer = fetch(vault, asked)[asked]
    assert isinstance(answer, Failed)
    assert (answer.code, answer.hint) == (
        Code.DENIED,
        "is not there or was deleted, and this identity may not look which (deleted secrets: get)",
    )


def test_a_version_that_is_not_there_is_no_absent_secret(vault: StrictAzure) -> None:
    vault.add("jwt", "new")
    asked = key("old", "jwt/" + "0" * 32)
    answer = fetch(vault, asked)[asked]
    assert isinstance(answer, Failed)
    assert (answer.code, answer.hint) == (Code.NO_VALUE, "has no such version, or is not there at all")


def test_t9_a_404_of_something_that_is_no_key_vault_is_not_taken_for_absent(vault: StrictAzure) -> None:
    vault.failing["openai"] = (404, "")
    asked = key("openai")
    answer = fetch(vault, asked)[asked]
    assert isinstance(answer, Failed)
    assert answer.code is Code.UNAVAILABLE
    assert answer.hint == "could not be read: what answers at this address is no key vault"


def test_a_host_outside_of_azures_domain_gets_no_token_and_is_named_no_key_vault(vault: StrictAzure) -> None:
    options = spec.options.model_validate({"vault_url": vault.url, "client": vault.strict_client()})
    asked = key("openai")
    answer = spec.build(options, Context("production", Path.cwd())).fetch([asked], Deadline(5))[asked]
    assert isinstance(answer, Failed)
    assert answer.hint == "could not be read: what answers at this address is no key vault"
    assert vault.calls == {}


@pytest.mark.parametrize(
    ("status", "inner", "code"),
    [
        (403, "ForbiddenByRbac", Code.DENIED),
        (403, "ForbiddenByFirewall", Code.DENIED),
        (403, "SecretDisabled", Code.NO_VALUE),
        (409, "ObjectIsDeletedButRecoverable", Code.DELETED),
        (400, "", Code.MALFORMED),
        (429, "", Code.THROTTLED),
        (500, "", Code.UNAVAILABLE),
        (503, "", Code.UNAVAILABLE),
    ],
)
def test_each_answer_is_its_own_outcome_with_a_command(vault: StrictAzure, status: int, inner: str, code: Code) -> None:
    vault.failing["openai"] = (status, inner)
    asked = key("openai")
    answer = fetch(vault, asked, seconds=3)[asked]
    assert isinstance(answer, Failed)
    assert answer.code is code
    assert answer.fix


def test_every_error_of_the_client_is_mapped_by_its_own_name() -> None:
    kinds = {
        kind.__name__
        for module in (azure_errors, azure_identity)
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, Exception) and kind.__module__.startswith("azure.")
    }
    assert len(kinds) > 15
    assert kinds - set(_BY_NAME) == set()


def test_a_refused_login_is_about_credentials_whatever_its_status() -> None:
    error = azure_errors.ClientAuthenticationError("AADSTS7000215: Invalid client secret")
    error.status_code = 400  # as Entra ID answers
    assert failure(error, "openai", "estate").code is Code.CREDENTIALS


def test_no_words_of_azures_are_shown() -> None:
    error = azure_errors.HttpResponseError(f"the value is {CANARY}")
    assert CANARY not in repr(failure(error, "openai", "estate"))


def test_an_error_that_nobody_knows_is_named_by_its_type() -> None:
    assert failure(KeyError("x"), "openai", "estate").hint == "could not be read: KeyError is not known here"


def test_a_vault_that_is_gone_is_reported_within_the_deadline(vault: StrictAzure) -> None:
    provider = provider_on(vault)
    vault.stop()
    asked = key("openai")
    started = time.monotonic()
    answer = provider.fetch([asked], Deadline(2))[asked]
    assert time.monotonic() - started < 5
    assert isinstance(answer, Failed)
    assert answer.code is Code.UNAVAILABLE


def test_put_writes_once_and_keeps_siblings(vault: StrictAzure) -> None:
    provider = provider_on(vault)
    vault.add("rds", '{"user": "app"}')
    for _ in range(2):
        assert provider.put({key("jwt"): "s", key("p", "rds#password"): "p"}, Deadline(10)) == {}  # type: ignore[attr-defined]
    assert [value for _, value in vault.secrets["rds"]] == ['{"user": "app"}', '{"user": "app", "password": "p"}']
    assert len(vault.secrets["jwt"]) == 1


def test_put_refuses_what_cannot_be_written_and_leaves_it(vault: StrictAzure) -> None:
    vault.add("text", "no json")
    wanted: dict[Key, str | bytes] = {
        key("a", "text#x"): "1",
        key("b", "jwt/" + "0" * 32): "1",
        key("c", "no_good!"): "1",
        key("d"): "x" * 25_601,
        key("e", binary=True): b"\xff",
    }
    failed = provider_on(vault).put(wanted, Deadline(10))  # type: ignore[attr-defined]
    assert {k.name: answer.code for k, answer in failed.items()} == dict.fromkeys("abcde", Code.MALFORMED)
    assert [value for _, value in vault.secrets["text"]] == ["no json"]


def test_one_that_hangs_leaves_the_others_their_values_and_says_what_to_do(vault: StrictAzure) -> None:
    vault.add("jwt", "x")
    vault.hanging.add("openai")
    slow, quick = key("openai"), key("jwt")
    answers = fetch(vault, slow, quick, seconds=1.5)
    assert isinstance(answers[quick], Found)
    answer = answers[slow]
    assert isinstance(answer, Failed)
    assert answer.code is Code.UNAVAILABLE
    assert answer.fix.startswith("look whether the ")


def test_put_does_not_take_the_later_of_two_values_for_one_member(vault: StrictAzure) -> None:
    failed = provider_on(vault).put({key("p", "rds#password"): "1", key("q", "rds#password"): "2"}, Deadline(10))  # type: ignore[attr-defined]
    assert {answer.hint for answer in failed.values()} == {"is given two values at once"}
    assert vault.secrets == {}


def test_put_does_not_write_a_secret_whole_and_by_members_at_once(vault: StrictAzure) -> None:
    failed = provider_on(vault).put({key("rds", "rds"): "{}", key("p", "rds#password"): "p"}, Deadline(10))  # type: ignore[attr-defined]
    assert {answer.hint for answer in failed.values()} == {"is given two values at once"}
    assert len(failed) == 2
    assert vault.secrets == {}


def test_put_does_not_write_over_a_deleted_secret(vault: StrictAzure) -> None:
    vault.deleted.add("jwt")
    failed = provider_on(vault).put({key("jwt"): "s"}, Deadline(10))  # type: ignore[attr-defined]
    assert [(answer.code, answer.fix) for answer in failed.values()] == [
        (Code.DELETED, "az keyvault secret recover --vault-name 127 --name jwt")
    ]


def test_its_own_client_is_made_at_the_first_fetch_and_closed_with_its_credentials(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    closed: list[str] = []
    monkeypatch.setattr("azure.identity.DefaultAzureCredential.close", lambda _: closed.append("credential"))
    monkeypatch.setattr("azure.keyvault.secrets.SecretClient.close", lambda _: closed.append("client"))
    options = spec.options.model_validate({"vault_url": "https://estate.vault.azure.net"})
    provider = spec.build(options, Context("production", Path.cwd()))
    provider.close()
    assert closed == []
    with contextlib.suppress(ProviderError):
        provider.fetch([key("openai")], Deadline(0))
    provider.close()
    provider.close()
    assert closed == ["client", "credential"]


def test_variables_that_name_no_credentials_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "nothing-known")
    options = spec.options.model_validate({"vault_url": "https://estate.vault.azure.net"})
    with pytest.raises(ProviderError) as caught:
        spec.build(options, Context("production", Path.cwd())).fetch([key("openai")], Deadline(1))
    assert caught.value.code is Code.CREDENTIALS
    assert caught.value.__context__ is None


@pytest.mark.parametrize("url", ["http://estate.vault.azure.net", "https://", "estate"])
def test_an_address_that_is_no_https_url_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValidationError):
        spec.options.model_validate({"vault_url": url})


def test_locate_names_the_vault_and_the_command() -> None:
    options = spec.options.model_validate({"vault_url": "https://estate.vault.azure.net"})
    place = spec.build(options, Context("production", Path.cwd())).locate(key("openai/api_key"))
    assert place.text == "estate: openai-api-key"
    assert place.fix == "az keyvault secret set --vault-name estate --name openai-api-key --file /dev/stdin"


def test_no_command_writes_over_a_whole_json_object_or_into_a_version() -> None:
    options = spec.options.model_validate({"vault_url": "https://estate.vault.azure.net"})
    provider = spec.build(options, Context("production", Path.cwd()))
    rds, version = "--vault-name estate --name rds", "0" * 32
    assert provider.locate(key("p", "rds#password")).fix == (
        f'az keyvault secret set {rds} --file secret.json   # the whole JSON object, "password" in it'
    )
    versions = f"az keyvault secret list-versions {rds}   # a version cannot be written: name one that is there"
    for address in (f"rds/{version}", f"rds/{version}#password"):
        assert provider.locate(key("p", address)).fix == versions


def test_without_the_client_library_the_install_command_is_named() -> None:
    code = """
import sys
sys.modules["azure.keyvault.secrets"] = None
from pathlib import Path
from estate_config.contract import Context
from estate_config.errors import ProviderError
from estate_config.model import Deadline, Key
from estate_config_providers.azure import spec
try:
    spec.build(spec.options(vault_url="https://v"), Context("x", Path())).fetch([Key("a", "a")], Deadline(1))
except ProviderError as error:
    print(error.code, error.fix)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "PLUGIN pip install 'estate-config[azure]'"
