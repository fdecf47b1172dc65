"""A session with the keys of another account, on moto, which checks signatures: a pair it does not know is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from pydantic import BaseModel, SecretStr

from estate_config import Settings, lazy, refresh, secret, use
from estate_config.integrations.boto3 import session_for
from estate_config.integrations.reading import sendable_of
from estate_config.testing import EmbeddedAws
from tests.integrations.conftest import Mounted, assert_hidden
from tests.leaks import PLAIN

EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


class Mailer(BaseModel):
    access_key_id: str = secret(files="mailer#access_key_id")
    secret_access_key: SecretStr = secret(files="mailer#secret_access_key")


class Service(Settings):
    mailer: Mailer


FIELDS = {"access_key": "mailer.access_key_id", "secret_key": "mailer.secret_access_key"}


class Account:
    """The other account, with a user whose pair of keys is rotated, and put where the settings are read from."""

    def __init__(self, aws: EmbeddedAws, mounted: Mounted) -> None:
        self.aws = aws
        self.mounted = mounted
        session = boto3.Session("testing", "testing", region_name="us-east-1")
        self.iam: Any = session.client("iam", endpoint_url=aws.endpoint_url)
        self.iam.create_user(UserName="mailer")
        self.iam.put_user_policy(UserName="mailer", PolicyName="all", PolicyDocument=json.dumps(EVERYTHING))
        self.pair = self.iam.create_access_key(UserName="mailer")["AccessKey"]
        self.tell()

    def change(self) -> None:
        """Give the user another pair: from now on the one of before is refused."""
        self.judges(on=False)
        self.iam.delete_access_key(UserName="mailer", AccessKeyId=self.pair["AccessKeyId"])
        self.pair = self.iam.create_access_key(UserName="mailer")["AccessKey"]
        self.judges(on=True)

    def tell(self) -> None:
        pair = {"access_key_id": self.pair["AccessKeyId"], "secret_access_key": self.pair["SecretAccessKey"]}
        self.mounted.put(mailer=json.dumps(pair))

    def judges(self, *, on: bool) -> None:
        """Let moto check the signature of what comes next, or not."""
        self.aws.request("POST", "/moto-api/reset-auth", "0" if on else "inf")


@pytest.fixture(scope="module")
def aws() -> Iterator[EmbeddedAws]:
    with EmbeddedAws() as aws:
        yield aws


@pytest.fixture
def account(aws: EmbeddedAws, mounted: Mounted, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "those of our own account")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "which nobody here knows")
    account = Account(aws, mounted)
    account.judges(on=True)
    yield account
    account.judges(on=False)
    aws.reset()


@pytest.fixture
def settings(account: Account, mounted: Mounted) -> Service:
    return mounted.live(Service)


def client_of(settings: Service, aws: EmbeddedAws, service: str = "sqs") -> Any:
    session: Any = session_for(settings, **FIELDS, region_name="us-east-1")
    return session.client(service, endpoint_url=aws.endpoint_url)


def test_calls_are_signed_with_the_pair_of_the_settings(settings: Service, aws: EmbeddedAws) -> None:
    client_of(settings, aws).list_queues()


def test_a_client_made_before_a_rotation_signs_with_the_pair_of_now(
    settings: Service, aws: EmbeddedAws, account: Account
) -> None:
    client = client_of(settings, aws)
    client.list_queues()
    account.change()
    account.tell()
    assert set(refresh(settings).changed) == set(FIELDS.values())
    assert client.list_queues()["ResponseMetadata"]["RetryAttempts"] == 0


@pytest.mark.parametrize("service", ["s3", "iam"])
def test_a_refused_pair_is_looked_for_and_the_call_made_once_more(
    service: str, settings: Service, aws: EmbeddedAws, account: Account
) -> None:
    client = client_of(settings, aws, service)
    account.change()
    account.tell()  # and nobody has refreshed
    operation = {"s3": "list_buckets", "iam": "list_users"}[service]
    assert getattr(client, operation)()["ResponseMetadata"]["RetryAttempts"] == 1


def test_a_pair_that_stays_refused_is_botocores_error(settings: Service, aws: EmbeddedAws, account: Account) -> None:
    client = client_of(settings, aws, "iam")
    account.change()
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        client.list_users()


def test_an_error_that_is_no_refusal_makes_nobody_look(settings: Service, aws: EmbeddedAws, account: Account) -> None:
    client = client_of(settings, aws)
    before = settings.mailer.access_key_id
    account.tell()
    with pytest.raises(ClientError, match="NonExistentQueue"):
        client.get_queue_url(QueueName="nowhere")
    assert settings.mailer.access_key_id == before


@pytest.mark.parametrize("wrong", FIELDS.values())
def test_a_key_that_no_header_can_carry_is_named_and_not_shown(wrong: str, aws: EmbeddedAws) -> None:
    client = client_of(lazy(Service), aws)
    pair = dict.fromkeys(FIELDS.values(), "made-up") | {wrong: f"{PLAIN}\n"}
    with use(Service, pair), pytest.raises(ValueError, match=rf"Service\.{wrong} has what no header") as caught:
        client.list_queues()
    assert_hidden(caught.value, PLAIN)


def test_nothing_is_loaded_before_the_first_call(aws: EmbeddedAws, account: Account) -> None:
    client = client_of(lazy(Service), aws)
    pair = {"mailer.access_key_id": account.pair["AccessKeyId"]}
    with use(Service, {**pair, "mailer.secret_access_key": account.pair["SecretAccessKey"]}):
        client.list_queues()


def test_what_is_no_field_is_refused_where_it_is_written(settings: Service) -> None:
    for wrong in ("access_key", "secret_key"):
        with pytest.raises(ValueError, match=r"no field 'mailer\.kye'"):
            session_for(settings, **{**FIELDS, wrong: "mailer.kye"})


def test_a_rotation_in_the_middle_of_signing_mixes_no_pair(
    settings: Service, mounted: Mounted, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rotated_meanwhile(version: Settings, field: str) -> str:
        text = sendable_of(version, field)
        mounted.put(mailer=json.dumps({"access_key_id": "newer", "secret_access_key": "newer"}))
        refresh(settings)
        return text

    monkeypatch.setattr("estate_config.integrations.boto3.sendable_of", rotated_meanwhile)
    before = (settings.mailer.access_key_id, settings.mailer.secret_access_key.get_secret_value())
    credentials: Any = session_for(settings, **FIELDS).get_credentials()
    assert credentials.get_frozen_credentials()[:2] == before
    assert credentials.get_frozen_credentials()[:2] == ("newer", "newer")
