"""Who waits for AWS: nobody is left behind, and too little time is nobody's trouble."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from estate_config.contract import Context
from estate_config.errors import Code, ProviderError
from estate_config.model import Deadline
from estate_config_providers._aws.access import AwsAccess
from estate_config_providers._aws.causes import Cause, Trouble
from estate_config_providers._aws.connection import Connector
from estate_config_providers.aws import spec
from estate_config_providers.aws.failures import SERVICE
from estate_config_providers.aws.secrets_manager import SecretsManager
from tests.fakes.aws import REGION, StrictAws
from tests.live.doubles import wait_until
from tests.providers.aws_support import clear_of_this_machine, key


@pytest.fixture(autouse=True)
def _nothing_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    clear_of_this_machine(monkeypatch, tmp_path)
    monkeypatch.setenv("AWS_REGION", REGION)


def test_a_program_for_credentials_that_hangs_costs_one_thread_however_often_it_is_waited_for(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("[default]\ncredential_process = sleep 20\n")
    connector = Connector[object](AwsAccess(), SERVICE)
    before = set(threading.enumerate())
    for _ in range(4):
        said = connector.connected(Deadline(0.5))
        assert isinstance(said, Trouble)
        assert said.cause is Cause.NO_CREDENTIALS
    wait_until(lambda: len(set(threading.enumerate()) - before) <= 1)


def test_what_is_known_at_once_is_said_however_little_time_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"https://sqs.{REGION}.amazonaws.com/123456789012/changes"
    provider = spec.build(spec.options.model_validate({"events_queue_url": url}), Context("production", Path.cwd()))
    assert isinstance(provider, SecretsManager)
    monkeypatch.setattr("estate_config_providers.aws.listening._ROUND_TRIP", 60.0)
    with pytest.raises(ProviderError) as caught:
        provider.changes([key("estate/jwt")], Deadline(20))
    assert caught.value.code is Code.CREDENTIALS


@pytest.mark.parametrize("seconds", [0.05, 0.9])
def test_a_queue_that_was_listened_to_for_a_moment_only_is_in_no_trouble(
    seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    with StrictAws() as queue:
        for name, value in queue.environment().items():
            monkeypatch.setenv(name, value)
        queue.fault("ReceiveMessage", "hang", status=0)
        url = f"https://sqs.{REGION}.amazonaws.com/123456789012/changes"
        options = spec.options.model_validate({"events_queue_url": url})
        provider = spec.build(options, Context("production", Path.cwd()))
        assert isinstance(provider, SecretsManager)
        assert provider.changes([key("estate/jwt")], Deadline(seconds)) == {}
        provider.close()
