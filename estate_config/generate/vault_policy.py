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


def vault_policy(catalogue: Catalogue, mark: str) -> str:
    """Return the policy of the one service in `catalogue`, in HCL.

    Raises `RefusedError` for several services, where not exactly one environment has `vault` in its chain, where the
    service reads nothing of Vault, and for a path that a policy cannot name.
    """
    service = only_service(catalogue)
    environment = environment_with(catalogue, PROVIDER)
    link = environment.link(PROVIDER)
    options = link.options if link is not None else {}
    places = catalogue.places(environment.name, PROVIDER)
    if not places:
        raise RefusedError(f"{service.name} reads nothing of {PROVIDER}", "name another service")
    paths = dict.fromkeys(_policy_path(entry.place, options) for entry in places)
    stanzas = [f'path {json.dumps(path)} {{\n  capabilities = ["read"]\n}}' for path in paths]
    return "\n\n".join([f"# {mark}\n# What {service.name} may read in {environment.name}.", *stanzas]) + "\n"


def _policy_path(place: str, options: Mapping[str, Any]) -> str:
    """Return what a policy says for `MOUNT:PATH?version=N#MEMBER`: one read gives all members, of any version."""
    mount, _, path = re.split(r"[?#]", place, maxsplit=1)[0].partition(":")
    if path.endswith("*") or "+" in path.split("/"):
        raise RefusedError(
            f"{mount}:{path} cannot stand in a policy: a * at its end, and a part +, mean other secrets too",
            "give the secret another path",
        )
    engine = options.get("mounts", {}).get(mount, f"kv-v{options.get('kv_version', 2)}")
    return f"{mount}/data/{path}" if engine == "kv-v2" else f"{mount}/{path}"
