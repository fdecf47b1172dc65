"""A FastAPI service in which each request has one version of the settings."""

from __future__ import annotations

from typing import Annotated

import pytest
from fastapi import Depends, FastAPI
from fastapi.testclient import TestClient

from estate_config import ConfigurationError, Settings, lazy, load, refresh, secret, use
from estate_config.integrations.fastapi import current
from tests.integrations.conftest import Mounted


class Service(Settings):
    user: str = secret("user")
    password: str = secret("password")


settings = lazy(Service)
Current = Annotated[Service, Depends(current(settings))]
app = FastAPI()


def user(now: Current) -> str:
    refresh(settings)  # a rotation in the middle of a request
    return now.user


@app.get("/")
def pair(user: Annotated[str, Depends(user)], now: Current) -> list[str]:
    return [user, now.password]


def test_a_request_has_one_version_and_the_next_one_has_the_next(mounted: Mounted) -> None:
    mounted.put(user="user1", password="pw1")
    load(settings, config=mounted.config)
    with TestClient(app) as client:
        mounted.put(user="user2", password="pw2")
        assert client.get("/").json() == ["user1", "pw1"]
        assert client.get("/").json() == ["user2", "pw2"]


def test_settings_that_nobody_has_loaded_are_loaded_and_a_test_may_swap_them() -> None:
    with use(Service, {"user": "made", "password": "up"}), TestClient(app) as client:
        assert client.get("/").json() == ["made", "up"]


def test_settings_that_cannot_be_loaded_fail_the_request() -> None:
    with use(Service, {}), TestClient(app) as client, pytest.raises(ConfigurationError):
        client.get("/")


def test_the_settings_are_no_parameter_of_the_service() -> None:
    assert "parameters" not in app.openapi()["paths"]["/"]["get"]
