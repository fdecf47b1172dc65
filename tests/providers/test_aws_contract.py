"""The conformance kit on the provider `aws`: on the strict fake, and on moto's server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from estate_config.model import Key
from estate_config.testing import EmbeddedAws, ProviderContract, Shelf
from estate_config_providers.aws import spec
from tests.fakes.aws import REGION, StrictAws
from tests.fakes.wire import Wire

SDK = ("boto3", "botocore")


class TestOnTheStrictFake(ProviderContract):
    empty_values = False  # AWS stores none
    sdk = SDK

    @pytest.fixture
    def shelf(self, aws: StrictAws) -> Shelf:
        def put(key: Key, value: str | bytes) -> None:
            aws.add(f"estate/{key.name}", value)

        return Shelf(
            spec,
            put,
            options={"session": aws.session(), "endpoint_url": aws.url, "prefix": "estate/"},
            spoil=lambda key: aws.fault("*", "AccessDeniedException", secret=f"estate/{key.name}"),
            ruin=aws.stop,
            hang=lambda key: aws.fault("*", "hang"),
        )


@pytest.fixture(scope="module")
def moto() -> Iterator[EmbeddedAws]:
    with EmbeddedAws() as server:
        yield server


class TestOnMoto(ProviderContract):
    empty_values = False
    sdk = SDK

    @pytest.fixture
    def shelf(self, moto: EmbeddedAws) -> Iterator[Shelf]:
        session = boto3.Session(aws_access_key_id="testing", aws_secret_access_key="testing", region_name=REGION)
        operator = session.client("secretsmanager", endpoint_url=moto.endpoint_url)

        def put(key: Key, value: str | bytes) -> None:
            name = f"estate/{key.name}"
            given: Any = {"SecretString": value} if isinstance(value, str) else {"SecretBinary": value}
            try:
                operator.create_secret(Name=name, **given)
            except operator.exceptions.ResourceExistsException:
                operator.put_secret_value(SecretId=name, **given)

        with Wire(moto.port) as wire:
            options = {"session": session, "endpoint_url": wire.url, "prefix": "estate/"}
            yield Shelf(
                spec,
                put,
                options=options,
                spoil=lambda key: operator.delete_secret(SecretId=f"estate/{key.name}"),
                ruin=wire.stop,
                hang=lambda key: wire.hold(),
            )
        operator.close()
        moto.reset()
