"""How many calls of AWS fifty secrets cost, counted by the strict fake: ours and the peers', each by its own manual."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from aws_secretsmanager_caching import SecretCache
from pydantic import SecretStr, create_model
from pydantic_settings import AWSSecretsManagerSettingsSource, BaseSettings

from estate_config import Settings, load
from tests.benchmarks.measuring import Comparison
from tests.fakes.aws import StrictAws

SECRETS = [f"secret_{number}" for number in range(50)]


def comparisons() -> Iterator[Comparison]:
    with StrictAws() as aws, _variables(aws.environment()):
        for name in SECRETS:
            aws.add(name, '{"value": "made-up"}')
        ours = _counted(aws, _load)
        for peer, work in (("pydantic_settings", _pydantic_settings), ("aws-secretsmanager-caching", _caching)):
            yield Comparison(f"calls for {len(SECRETS)} secrets of AWS", peer, ours, _counted(aws, work), 0.06)


@contextmanager
def _variables(values: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update({**values, "AWS_DEFAULT_REGION": values["AWS_REGION"]})
    try:
        yield
    finally:
        del os.environ["AWS_DEFAULT_REGION"]
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _counted(aws: StrictAws, work: Callable[[], object]) -> float:
    aws.calls.clear()
    work()
    return aws.calls.total()


def _load() -> None:
    fields: dict[str, Any] = dict.fromkeys(SECRETS, (SecretStr, ...))
    cls: Any = create_model("Ours", __base__=Settings, **fields)
    load(cls, config={"default_environment": "e", "environments": {"e": {"chain": ["aws"]}}})


def _pydantic_settings() -> None:
    """One source for each secret, as its manual says: a source reads one JSON secret."""

    class Theirs(BaseSettings):
        value: str = ""

        @classmethod
        def settings_customise_sources(cls, settings_cls: type[BaseSettings], *_: Any, **__: Any) -> tuple[Any, ...]:
            return tuple(AWSSecretsManagerSettingsSource(settings_cls, name) for name in SECRETS)

    Theirs()


def _caching() -> None:
    cache = SecretCache(client=boto3.client("secretsmanager"))
    for name in SECRETS:
        cache.get_secret_string(name)
