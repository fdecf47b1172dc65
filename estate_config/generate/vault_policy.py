"""A policy of Vault and OpenBao: a service may read its own secrets and nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from estate_config.generate.catalogue import Catalogue
from estate_config.generate.choosing import environment_with, only_service
from estate_config.generate.files import RefusedError

PROVIDER = "vault"

_MOUNT = "secret"
"""Where names without a mount are, unless `estate.toml` says otherwise."""
_RENEWING = {"sys/leases/renew": "update", "auth/token/renew-self": "update", "auth/token/lookup-self": "read"}
"""What a lease needs to live on, and its token. The policy `default` has it too, but a token need not have that one."""


def vault_policy(catalogue: Catalogue, mark: str) -> str:
    """Return the policy of the one service in `catalogue`, in HCL.

    Raises `RefusedError` for several services, where not exactly one environment has `vault` in its chain, where the
    service reads nothing of Vault, for a mount that `estate.toml` does not know, and for a path that a policy cannot
    name.
    """
    service = only_service(catalogue)
    environment = environment_with(catalogue, PROVIDER)
    link = environment.link(PROVIDER)
    options = link.options if link is not None else {}
    places = catalogue.places(environment.name, PROVIDER)
    if not places:
        raise RefusedError(f"{service.name} reads nothing of {PROVIDER}", "name another service")
    secrets = [_engine_mount_and_path(entry.place, options) for entry in places]
    stanzas = [_stanza(path, "read") for path in dict.fromkeys(_policy_path(*secret) for secret in secrets)]
    parts = [f"# {mark}\n# What {service.name} may read in {environment.name}.", *stanzas]
    if any(engine == "database" and path.startswith("creds/") for engine, _, path in secrets):
        parts += ["# What it may renew.", *(_stanza(path, capability) for path, capability in _RENEWING.items())]
    return "\n\n".join(parts) + "\n"


def _stanza(path: str, capability: str) -> str:
    return f'path {json.dumps(path)} {{\n  capabilities = ["{capability}"]\n}}'


def _engine_mount_and_path(place: str, options: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return what a place is made of, `MOUNT:PATH?version=N#MEMBER`, and which engine its mount has."""
    mount, _, path = re.split(r"[?#]", place, maxsplit=1)[0].partition(":")
    engines = {**options.get("mounts", {}), options.get("mount", _MOUNT): f"kv-v{options.get('kv_version', 2)}"}
    if mount not in engines:
        raise RefusedError(
            f"{place} names a mount that estate.toml does not know", "add it to [providers.vault.mounts]"
        )
    return engines[mount], mount, path


def _policy_path(engine: str, mount: str, path: str) -> str:
    """Return what a policy says for a secret: one read gives all members, of any version."""
    if path.endswith("*") or "+" in path.split("/"):
        raise RefusedError(
            f"{mount}:{path} cannot stand in a policy: a * at its end, and a part +, mean other secrets too",
            "give the secret another path",
        )
    return f"{mount}/data/{path}" if engine == "kv-v2" else f"{mount}/{path}"
