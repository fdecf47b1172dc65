"""What a roll-out asks of AWS: counted as the provider calls, held against the quotas, priced."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import create_model

from estate_config import Settings, environments, secret
from estate_config.generate.catalogue import catalogue_of
from estate_config.generate.rollout import Rollout, rollout
from estate_config.model import Key
from estate_config_providers.aws.address import Address, address_of
from estate_config_providers.aws.plan import plan

ESTATE = Path(__file__).parents[2] / "examples" / "estate"


def rollout_of(addresses: list[str], pods: int = 1) -> Rollout:
    fields: dict[str, Any] = {f"f{n}": (str, secret(aws=address)) for n, address in enumerate(addresses)}
    cls: Any = create_model("Service", __base__=Settings, **fields)
    estate = environments.read({"environments": {"production": {"chain": ["env", "aws"]}}})
    return rollout(catalogue_of(estate, {"app": cls}), "production", pods)


def names(count: int) -> list[str]:
    return [f"estate/{number}" for number in range(count)]


_addresses = st.builds(
    lambda name, version, member: name + version + member,
    st.sampled_from(names(50)),
    st.sampled_from(["", "", "", "?stage=AWSPREVIOUS"]),
    st.sampled_from(["", "#a", "#b"]),
)


@given(st.lists(_addresses, unique=True, max_size=60))
def test_the_calls_are_those_that_the_provider_makes(addresses: list[str]) -> None:
    located = [address_of(Key("x", "x", address), "") for address in addresses]
    made = plan(one for one in located if isinstance(one, Address))
    (start,) = rollout_of(addresses).starts
    assert (start.batches, start.gets) == (len(made.batches), len(made.singles))


def test_fifty_secrets_are_three_calls_and_members_of_one_are_one() -> None:
    assert rollout_of(names(50)).starts[0].calls == 3
    assert rollout_of([f"estate/rds#{member}" for member in "abcde"]).starts[0].calls == 1


def test_more_batches_than_the_quota_have_to_be_spread() -> None:
    found = rollout_of(names(40), pods=300)
    assert (found.batches, found.seconds) == (600, 6)
    assert next(found.advice()) == "spread the starts over 6 seconds: 50 pods a second, by maxSurge say"


def test_a_month_is_priced_as_it_is_and_as_documents() -> None:
    found = rollout_of(names(25), pods=60)
    calls = 60 * 2 * 30
    assert found.cost == pytest.approx(25 * 0.40 + calls / 10_000 * 0.05)
    assert found.cost_as_documents == pytest.approx(0.40 + 60 * 30 / 10_000 * 0.05)


def test_a_secret_that_two_services_read_is_paid_once() -> None:
    class Service(Settings):
        key: str = secret("key")

    estate = environments.read({"environments": {"production": {"chain": ["aws"]}}})
    found = rollout(catalogue_of(estate, {"a": Service, "b": Service}), "production", 1)
    assert (found.secrets, found.gets) == (1, 2)


def test_nothing_in_aws_costs_nothing() -> None:
    found = rollout_of([])
    assert (found.cost, found.cost_as_documents, list(found.advice())) == (0, 0, [])


def estate_plan(*words: str) -> str:
    command = [str(Path(sys.executable).with_name("estate")), "plan", "--env", "production", *words]
    environment = {"PATH": os.defpath, "HOME": os.devnull}
    done = subprocess.run(command, cwd=ESTATE, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_command_shows_calls_quotas_cost_and_advice() -> None:
    told = estate_plan("ai", "etl", "--pods", "100")
    assert "100 pods of each service starting within one second in production" in told
    assert "of 100 a second" in told
    assert "→ spread the starts over 2 seconds" in told
    assert json.loads(estate_plan("ai", "--pods", "1", "--format", "json"))["batches"] == 1
