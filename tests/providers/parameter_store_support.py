"""What the tests of the provider `parameter_store` share: how the strict fake is asked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from estate_config.contract import Context
from estate_config.model import Deadline, Failed, Found, Key
from estate_config_providers.parameter_store import spec
from estate_config_providers.parameter_store.parameters import Parameters
from tests.fakes.iam import identity_policy
from tests.fakes.parameter_store import StrictParameters

Answers = dict[Key, Found | Failed]


def key(name: str, address: str | None = None, *, secret: bool = True, binary: bool = False) -> Key:
    return Key(name, name.replace("/", "_"), address, secret=secret, binary=binary)


@contextmanager
def provider_on(ssm: StrictParameters, *, user: str = "operator", **options: Any) -> Iterator[Parameters]:
    """Give a provider whose SDK is led to the fake, and close it."""
    table = {"session": ssm.session(user), "endpoint_url": ssm.url, **options}
    provider = spec.build(spec.options.model_validate(table), Context("production", Path.cwd()))
    assert isinstance(provider, Parameters)
    yield provider
    provider.close()


def fetch(ssm: StrictParameters, *keys: Key, seconds: float = 10, **options: Any) -> Answers:
    with provider_on(ssm, **options) as provider:
        return dict(provider.fetch(keys, Deadline(seconds)))


def values(answers: Answers) -> dict[str, object]:
    return {one.name: answer.value for one, answer in answers.items() if isinstance(answer, Found)}


def failure(answers: Answers, asked: Key) -> Failed:
    answer = answers[asked]
    assert isinstance(answer, Failed)
    return answer


def user_with(ssm: StrictParameters, name: str, *fixes: str) -> str:
    """Make an identity that may do what the statements in these fixes allow, and nothing else."""
    statements = [json.loads(line) for fix in fixes for line in fix.splitlines() if line.startswith("{")]
    return ssm.user(name, identity_policy(*statements))
