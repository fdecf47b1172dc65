"""The keys that KMS makes for files: on moto, for the way there and back; and what KMS may say, error by error."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.exceptions import ClientError
from pydantic import SecretStr

from estate_config import Code, ConfigurationError, Settings, explain, load, secret
from estate_config.contract import Context, KeyKeeper
from estate_config.errors import ProviderError
from estate_config.model import Deadline
from estate_config.testing import EmbeddedAws
from estate_config_providers._aws.causes import Cause
from estate_config_providers._aws.failures import trouble_of
from estate_config_providers.aws import spec
from estate_config_providers.aws.data_keys import KMS
from tests.fakes.aws import REGION, StrictAws
from tests.leaks import PLAIN, assert_no_canary
from tests.providers.aws_support import provider_on

CONTEXT = {"service": "ai", "environment": "production"}
ALIAS = "alias/estate-cache"


@dataclass(frozen=True)
class Kms:
    """KMS as moto plays it, and the one key in it."""

    server: EmbeddedAws
    client: Any
    key: str

    def keeper(self) -> KeyKeeper:
        # an endpoint of the secrets is no endpoint of KMS: that one the SDK's own variable names
        provider = spec.build(spec.options.model_validate({"endpoint_url": "http://127.0.0.1:9"}), Context("x", Path()))
        assert isinstance(provider, KeyKeeper)
        return provider

    def refusal(self, *, name: str = ALIAS, context: dict[str, str] = CONTEXT, wrapped: bytes | None = None) -> Any:
        with pytest.raises(ProviderError) as caught:
            self.keeper().data_key(name, context, wrapped, Deadline(10))
        return caught.value


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedAws]:
    with EmbeddedAws() as server:
        yield server


@pytest.fixture
def kms(server: EmbeddedAws, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kms]:
    for name, value in server.variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    client = boto3.client("kms")
    key = client.create_key()["KeyMetadata"]["KeyId"]
    client.create_alias(AliasName=ALIAS, TargetKeyId=key)
    yield Kms(server, client, key)
    client.close()
    server.reset()


def test_a_new_key_can_be_had_again_from_what_was_wrapped(kms: Kms) -> None:
    made = kms.keeper().data_key(ALIAS, CONTEXT, None, Deadline(10))
    assert len(made.key) == 32
    assert made.key not in made.wrapped
    assert kms.keeper().data_key(ALIAS, CONTEXT, made.wrapped, Deadline(10)) == made
    assert kms.keeper().data_key(ALIAS, CONTEXT, None, Deadline(10)).key != made.key


@pytest.mark.parametrize("word", CONTEXT)
def test_one_of_another_service_or_environment_is_not_given_out(kms: Kms, word: str) -> None:
    made = kms.keeper().data_key(ALIAS, CONTEXT, None, Deadline(10))
    error = kms.refusal(context={**CONTEXT, word: "other"}, wrapped=made.wrapped)
    assert (error.code, "not the one that the file was written with" in error.hint) == (Code.KMS, True)


def test_what_another_key_has_wrapped_is_not_taken(kms: Kms) -> None:
    other = kms.client.create_key()["KeyMetadata"]["KeyId"]
    foreign = kms.keeper().data_key(other, CONTEXT, None, Deadline(10))
    assert kms.refusal(wrapped=foreign.wrapped).code is Code.DENIED  # of moto; AWS says IncorrectKeyException: KMS


def test_a_key_that_is_not_there_is_named_with_the_command_that_shows_it(kms: Kms) -> None:
    missing = kms.refusal(name="alias/none")
    assert (missing.code, "KMS key alias/none does not exist" in missing.hint) == (Code.NO_VALUE, True)
    assert missing.fix.startswith("aws kms describe-key --key-id alias/none")


def test_where_kms_cannot_be_reached_the_network_is_named(kms: Kms, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    error = kms.refusal()
    assert (error.code, "cannot be reached at http://127.0.0.1:9" in error.hint) == (Code.UNAVAILABLE, True)
    assert "network" in error.fix


def said(aws: StrictAws, code: str) -> ProviderError:
    """Return what is said of an error of KMS's, which moto does not make."""
    aws.fault("GenerateDataKey", code)
    with provider_on(aws) as provider, pytest.raises(ProviderError) as caught:
        provider.data_key(ALIAS, CONTEXT, None, Deadline(3))
    return caught.value


@pytest.fixture
def strict(aws: StrictAws, monkeypatch: pytest.MonkeyPatch) -> StrictAws:
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
    return aws


def test_an_identity_without_the_right_is_told_the_statement(strict: StrictAws) -> None:
    error = said(strict, "AccessDeniedException")
    assert error.code is Code.DENIED
    assert json.loads(error.fix)["Action"] == ["kms:GenerateDataKey", "kms:Decrypt"]


def test_a_key_that_is_disabled_is_not_a_store_out_of_reach(strict: StrictAws) -> None:
    error = said(strict, "DisabledException")
    assert (error.code, "is disabled" in error.hint) == (Code.KMS, True)
    assert error.fix.startswith(f"aws kms describe-key --key-id {ALIAS}")


def test_every_error_of_the_two_calls_is_mapped() -> None:
    model = botocore.session.get_session().get_service_model("kms")
    shapes = [shape for name in KMS.operations for shape in model.operation_model(name).error_shapes]
    assert len(shapes) >= 15
    for shape in shapes:
        error = ClientError({"Error": {"Code": shape.name, "Message": "x"}}, "Decrypt")
        known = trouble_of(error, KMS)
        assert known.cause is not Cause.UNEXPECTED or shape.name == "DryRunOperationException", shape.name


class Service(Settings):
    token: SecretStr = secret("token")


def test_a_service_starts_from_a_file_that_kms_has_the_key_of_while_its_secrets_cannot_be_reached(
    kms: Kms, tmp_path: Path
) -> None:
    kept = {"file": f"{tmp_path}/{{service}}.lkg", "key": f"aws:{ALIAS}"}
    here = {"chain": ["aws"], "deadline": 5, "last_known_good": kept}
    with StrictAws() as aws:
        aws.add("token", PLAIN)
        options = {"session": aws.session(), "endpoint_url": aws.url}
        config = {"default_environment": "here", "environments": {"here": here}, "providers": {"aws": options}}
        load(Service, config=config)
        aws.stop()
    settings = load(Service, config=config)
    assert settings.token.get_secret_value() == PLAIN
    assert "last known good" in explain(settings)["token"].degraded
    raw = (tmp_path / "Service.lkg").read_bytes()
    assert_no_canary(raw.decode("latin-1"), PLAIN)
    wrapped = base64.b64decode(json.loads(raw.partition(b"\n")[0])["wrapped"])
    opened = kms.client.decrypt(CiphertextBlob=wrapped, EncryptionContext={"service": "Service", "environment": "here"})
    assert len(opened["Plaintext"]) == 32
    kms.client.delete_alias(AliasName=ALIAS)
    with pytest.raises(ConfigurationError) as caught:
        load(Service, config=config)
    assert [problem.code for problem in caught.value.problems] == [Code.UNAVAILABLE]
    assert [warning.code for warning in caught.value.warnings] == [Code.NO_VALUE]
