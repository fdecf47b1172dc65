"""The conformance kit on the real server, for both versions of the KV engine."""

from __future__ import annotations

from collections.abc import Callable

import hvac
import pytest

from estate_config.model import Key
from estate_config.testing import ProviderContract, Shelf
from estate_config_providers.vault import spec
from tests.fakes.vault import VaultFront

SDK = ("hvac", "requests", "botocore")
ALL = """
path "{where}/*" {{ capabilities = ["create", "read", "update", "list"] }}
path "secret/metadata/*" {{ capabilities = ["read"] }}
"""
DENY = 'path "{where}/{name}" {{ capabilities = ["deny"] }}\n'


def shelf(
    front: VaultFront,
    root: hvac.Client,
    may: tuple[str, str],
    put: Callable[[Key, str | bytes], None],
    **options: object,
) -> Shelf:
    policy, where = may

    def spoil(key: Key) -> None:
        text = ALL.format(where=where) + DENY.format(where=where, name=key.name)
        root.sys.create_or_update_policy(policy, text)

    def hang(key: Key) -> None:
        front.silent = True

    return Shelf(spec, put, options={"url": front.url, **options}, spoil=spoil, ruin=front.stop, hang=hang)


@pytest.fixture
def may(
    root: hvac.Client, policy: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], tuple[str, str]]:
    """Let the provider come with a token that may use one mount, and no more."""

    def made(where: str) -> tuple[str, str]:
        name = policy(ALL.format(where=where))
        token = root.auth.token.create(policies=[name], ttl="1h")["auth"]["client_token"]
        monkeypatch.setenv("VAULT_TOKEN", token)
        return name, where

    return made


class TestKv2(ProviderContract):
    binary = False  # JSON holds text
    sdk = SDK

    @pytest.fixture
    def shelf(self, front: VaultFront, root: hvac.Client, may: Callable[[str], tuple[str, str]]) -> Shelf:
        def put(key: Key, value: str | bytes) -> None:
            root.secrets.kv.v2.create_or_update_secret(key.name, {"value": value})

        return shelf(front, root, may("secret/data"), put)


class TestKv1(ProviderContract):
    binary = False
    sdk = SDK

    @pytest.fixture
    def shelf(self, front: VaultFront, root: hvac.Client, may: Callable[[str], tuple[str, str]]) -> Shelf:
        def put(key: Key, value: str | bytes) -> None:
            root.secrets.kv.v1.create_or_update_secret(key.name, {"value": value}, method="POST", mount_point="old")

        return shelf(front, root, may("old"), put, mount="old", kv_version=1)
