"""What the tests of the provider `aws` share: the strict fake, and how it is asked."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from estate_config.contract import Context
from estate_config.errors import Code
from estate_config.model import Deadline, Failed, Found, Key
from estate_config_providers.aws import spec
from estate_config_providers.aws.secrets_manager import SecretsManager
from tests.fakes.aws import StrictAws


def clear_of_this_machine(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Let the SDK find no variable, no file but in the folder, and no machine of AWS."""
    for name in os.environ:
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(folder / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(folder / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


Answers = dict[Key, Found | Failed]


def key(name: str, address: str | None = None, *, binary: bool = False) -> Key:
    return Key(name, name.replace("/", "_"), address, binary=binary)


@contextmanager
def provider_on(aws: StrictAws, *, user: str = "operator", **options: Any) -> Iterator[SecretsManager]:
    """Give a provider whose SDK is led to the fake, and close it."""
    table = {"session": aws.session(user), "endpoint_url": aws.url, **options}
    provider = spec.build(spec.options.model_validate(table), Context("production", Path.cwd()))
    assert isinstance(provider, SecretsManager)
    yield provider
    provider.close()


def fetch(aws: StrictAws, *keys: Key, seconds: float = 10, user: str = "operator", **options: Any) -> Answers:
    with provider_on(aws, user=user, **options) as provider:
        return dict(provider.fetch(keys, Deadline(seconds)))


def values(answers: Answers) -> dict[str, object]:
    return {one.name: answer.value for one, answer in answers.items() if isinstance(answer, Found)}


def codes(answers: Answers) -> dict[str, Code]:
    return {one.name: answer.code for one, answer in answers.items() if isinstance(answer, Failed)}


def failure(answers: Answers, asked: Key) -> Failed:
    answer = answers[asked]
    assert isinstance(answer, Failed)
    return answer
