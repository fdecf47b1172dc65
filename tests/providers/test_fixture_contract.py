"""The provider `fixture`, the reference implementation, passes the conformance kit first."""

from __future__ import annotations

from typing import Any

import pytest

from estate_config.errors import Code, ProviderError
from estate_config.model import Failed, Key
from estate_config.testing import ProviderContract, Shelf
from estate_config_providers.fixture import ABSENT, spec


class TestMapping(ProviderContract):
    sdk = ("boto3",)

    @pytest.fixture
    def shelf(self) -> Shelf:
        values: dict[str, Any] = {}

        def put(key: Key, value: str | bytes) -> None:
            values[key.field] = value

        def spoil(key: Key) -> None:
            values[key.field] = Failed(Code.DENIED, "is denied, says the test")

        return Shelf(spec, put, options={"values": values}, spoil=spoil)


class TestFunction(ProviderContract):
    @pytest.fixture
    def shelf(self) -> Shelf:
        values: dict[str, Any] = {}
        ruined: list[bool] = []

        def answer(key: Key) -> Any:
            if ruined:
                raise ProviderError(Code.UNAVAILABLE, "cannot be reached, says the test")
            return values.get(key.name, ABSENT)

        def put(key: Key, value: str | bytes) -> None:
            values[key.name] = value

        def ruin() -> None:
            values.clear()  # the function that raises must hold no value either
            ruined.append(True)

        return Shelf(spec, put, options={"values": answer}, ruin=ruin)
