"""A service whose settings are live goes on working through a rotation with one user, whose old password is refused."""

from __future__ import annotations

from uuid import uuid4

import psycopg
import pytest
from pydantic import SecretStr

from estate_config import Settings, explain, lazy, load, refresh, retry_on_rejected, secret
from estate_config.rotation.steps import Step, perform
from tests.fakes.aws import StrictAws
from tests.rotation.conftest import Rotating, Users, value

pytestmark = pytest.mark.integration


class App(Settings):
    database_url: SecretStr = secret("database/url", accepts=("AWSPENDING",))


def test_what_is_refused_between_set_and_finish_is_tried_with_the_version_that_waits(
    aws: StrictAws, users: Users, rotating: Rotating
) -> None:
    aws.add("estate/database/url", users.url())
    rotation, version = rotating("database/url", kind="postgresql-single"), str(uuid4())
    options = {"session": aws.session(), "endpoint_url": aws.url, "prefix": "estate/"}
    chain = {"environments": {"production": {"chain": ["aws"]}}, "providers": {"aws": options}}
    settings = load(lazy(App), environment="production", config=chain)

    @retry_on_rejected(settings, "database_url", exceptions=(psycopg.OperationalError,), every=0)
    def log_in() -> None:
        with psycopg.connect(settings.database_url.get_secret_value()) as connection:
            connection.execute("SELECT 1")

    stages = []
    for step in Step:
        assert perform(rotation, step, version) is None
        log_in()
        stages.append(explain(settings)["database_url"].stage)
    assert stages == ["AWSCURRENT", "AWSPENDING", "AWSPENDING", "AWSPENDING"]
    refresh(settings)
    assert explain(settings)["database_url"].stage == "AWSCURRENT"
    assert settings.database_url.get_secret_value() == value(aws, "estate/database/url")
