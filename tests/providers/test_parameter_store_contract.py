"""The conformance kit on the provider `parameter_store`: on the strict fake, and on moto's server."""

from __future__ import annotations

from collections.abc import Iterator

import boto3
import pytest

from estate_config.model import Key
from estate_config.testing import EmbeddedAws, ProviderContract, Shelf
from estate_config_providers.parameter_store import spec
from tests.fakes.aws import REGION
from tests.fakes.parameter_store import StrictParameters
from tests.fakes.wire import Wire

SDK = ("boto3", "botocore")
LARGEST = 8192
"""Characters that an advanced parameter takes."""


@pytest.fixture
def ssm() -> Iterator[StrictParameters]:
    with StrictParameters() as fake:
        yield fake


class TestOnTheStrictFake(ProviderContract):
    binary = False  # a parameter is text
    empty_values = False  # AWS stores none
    largest = LARGEST
    sdk = SDK

    @pytest.fixture
    def shelf(self, ssm: StrictParameters) -> Shelf:
        def put(key: Key, value: str | bytes) -> None:
            assert isinstance(value, str)
            ssm.hold(f"/estate/{key.name}", value)

        return Shelf(
            spec,
            put,
            options={"session": ssm.session(), "endpoint_url": ssm.url, "prefix": "/estate/"},
            spoil=lambda key: ssm.fault("*", "AccessDeniedException", secret=f"/estate/{key.name}"),
            ruin=ssm.stop,
            hang=lambda key: ssm.fault("*", "hang"),
        )


@pytest.fixture(scope="module")
def moto() -> Iterator[EmbeddedAws]:
    with EmbeddedAws() as server:
        yield server


class TestOnMoto(ProviderContract):
    binary = False
    empty_values = False
    largest = LARGEST
    sdk = SDK

    @pytest.fixture
    def shelf(self, moto: EmbeddedAws) -> Iterator[Shelf]:
        session = boto3.Session(aws_access_key_id="testing", aws_secret_access_key="testing", region_name=REGION)
        operator = session.client("ssm", endpoint_url=moto.endpoint_url)

        def put(key: Key, value: str | bytes) -> None:
            assert isinstance(value, str)
            operator.put_parameter(Name=f"/estate/{key.name}", Value=value, Type="SecureString", Overwrite=True)

        with Wire(moto.port) as wire:
            options = {"session": session, "endpoint_url": wire.url, "prefix": "/estate/"}
            yield Shelf(spec, put, options=options, ruin=wire.stop, hang=lambda key: wire.hold())
        operator.close()
        moto.reset()
