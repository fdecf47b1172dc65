"""Places that a policy or a manifest cannot say, or would take for others: no file is made of them.

A provider says itself which addresses it cannot read, and no catalogue is made of those. Generators look again: nobody
sees that a policy lets a service read more than its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from estate_config import Settings, environments, secret
from estate_config.generate.catalogue import Catalogue, catalogue_of
from estate_config.generate.files import RefusedError
from estate_config.generate.iam import iam
from estate_config.generate.kubernetes_mounts import external_secret, secret_provider_class
from estate_config.generate.terraform import terraform
from estate_config.generate.vault_policy import vault_policy

ARN = "arn:aws:secretsmanager:ap-northeast-2:123456789012:secret:"


class Ai(Settings):
    key: str = secret("openai/key")


def looked_for_at(provider: str, place: str) -> Catalogue:
    """A service whose one secret is at this place, whatever the provider says."""
    table = {
        "environments": {"production": {"chain": [provider]}, "test": {"chain": ["fixture"]}},
        "providers": {"vault": {"mounts": {"old": "kv-v1"}}},
    }
    made = catalogue_of(environments.read(table), {"ai": Ai})
    (service,), (entry,) = made.services, made.settings
    known = entry.looked_for["production"]
    there = replace(known, stops=(replace(known.stops[0], place=place),))
    entry = replace(entry, looked_for={**entry.looked_for, "production": there})
    return replace(made, services=(replace(service, settings=(entry,)),))


@pytest.mark.parametrize("make", [iam, terraform, external_secret, secret_provider_class])
@pytest.mark.parametrize("place", ["estate/*", f"{ARN}*", f"{ARN}estate/key-*#member", "estate key", "", "#member"])
def test_what_is_no_name_of_one_secret_is_refused(make: Callable[[Catalogue, str], str], place: str) -> None:
    with pytest.raises(RefusedError):
        make(looked_for_at("aws", place), "made for a test")
    assert make(looked_for_at("aws", "estate/key"), "made for a test")


@pytest.mark.parametrize("make", [external_secret, secret_provider_class])
def test_a_version_that_a_manifest_cannot_say_is_refused(make: Callable[[Catalogue, str], str]) -> None:
    with pytest.raises(RefusedError, match="can be mounted"):
        make(looked_for_at("aws", "estate/key?stag=AWSPENDING"), "made for a test")


def test_a_mount_that_estate_toml_does_not_know_is_refused() -> None:
    with pytest.raises(RefusedError, match=r"nomount:path#x names a mount that estate.toml does not know"):
        vault_policy(looked_for_at("vault", "nomount:path#x"), "made for a test")
    assert 'path "old/path"' in vault_policy(looked_for_at("vault", "old:path#x"), "made for a test")
    assert 'path "secret/data/path"' in vault_policy(looked_for_at("vault", "secret:path#x"), "made for a test")
