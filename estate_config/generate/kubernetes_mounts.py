"""The other ways of AWS secrets into a pod: External Secrets copies them into a Secret of the cluster, and the Secrets
Store CSI driver mounts them. In both, files bear the names that the provider `files` looks for.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from estate_config.generate.aws_places import PROVIDER, regions_of, secret_at
from estate_config.generate.catalogue import Catalogue, ServiceEntry, SettingEntry
from estate_config.generate.choosing import environment_with, object_name, only_service
from estate_config.generate.files import RefusedError
from estate_config.generate.yaml_text import yaml_documents

_STORE = "estate"
"""The ClusterSecretStore that leads to AWS Secrets Manager."""
_PLACE = re.compile(r"[^?#]+(?:\?(?P<what>stage|version)=(?P<which>[^#]+))?(?:#(?P<member>.+))?", re.DOTALL)
_NAME = re.compile(r"(?!\.\.|\.$)[-._a-zA-Z0-9]{1,253}")
"""A key of a Secret, by its documentation; the CSI driver makes files of the same folder."""
_RENAME = 'give the field a file of its own: files="NAME"'

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _File:
    """One file, and what is in it."""

    name: str
    secret: str
    stage: str | None
    version: str | None
    member: str | None


def external_secret(catalogue: Catalogue, mark: str) -> str:
    """Return the ExternalSecret of the one service in `catalogue`.

    Raises `RefusedError` for several services, where not exactly one environment has `aws` in its chain, and for a
    place or a file that cannot be mounted.
    """
    service = only_service(catalogue)
    name = object_name(service.name)
    document = {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "metadata": {"name": name},
        "spec": {
            "refreshInterval": "1h",
            "secretStoreRef": {"kind": "ClusterSecretStore", "name": _STORE},
            "target": {"name": name, "creationPolicy": "Owner"},
            "data": [{"secretKey": file.name, "remoteRef": _remote(file)} for file in _files(catalogue, service)],
        },
    }
    return yaml_documents(mark, document)


def _remote(file: _File) -> Document:
    version = f"uuid/{file.version}" if file.version else file.stage
    return {
        "key": file.secret,
        **({"property": file.member} if file.member else {}),
        **({"version": version} if version else {}),
    }


def secret_provider_class(catalogue: Catalogue, mark: str) -> str:
    """Return the SecretProviderClass of the one service in `catalogue`, for AWS's provider. Raises as above."""
    service = only_service(catalogue)
    region, *_ = regions_of(environment_with(catalogue, PROVIDER))
    objects = _objects(_files(catalogue, service))
    document = {
        "apiVersion": "secrets-store.csi.x-k8s.io/v1",
        "kind": "SecretProviderClass",
        "metadata": {"name": object_name(service.name)},
        "spec": {
            "provider": "aws",
            "parameters": {"region": region, "usePodIdentity": "true", "objects": json.dumps(objects, indent=2) + "\n"},
        },
    }
    return yaml_documents(mark, document)


def _objects(files: list[_File]) -> list[Document]:
    """Return an object for each version of a secret; its members are files of their own beside the whole."""
    objects: dict[tuple[str, str | None, str | None], Document] = {}
    for file in files:
        found = objects.setdefault(
            (file.secret, file.stage, file.version),
            {
                "objectName": file.secret,
                "objectType": "secretsmanager",
                **({"objectVersionLabel": file.stage} if file.stage else {}),
                **({"objectVersion": file.version} if file.version else {}),
            },
        )
        if file.member is None:
            found["objectAlias"] = file.name
        else:
            path = {"path": json.dumps(file.member, ensure_ascii=False), "objectAlias": file.name}
            found.setdefault("jmesPath", []).append(path)
    return list(objects.values())


def _files(catalogue: Catalogue, service: ServiceEntry) -> list[_File]:
    environment = environment_with(catalogue, PROVIDER).name
    files: dict[str, _File] = {}
    for entry in service.settings:
        for place in (stop.place for stop in entry.looked_for[environment].stops if stop.provider == PROVIDER):
            file = _file(_file_name(entry), place)
            if files.setdefault(file.name, file) != file:
                raise RefusedError(f"{entry.field}: the file {file.name} has another secret in it already", _RENAME)
    return list(files.values())


def _file_name(entry: SettingEntry) -> str:
    """Return where `files` looks for a setting, if that can be a file of a volume."""
    name = entry.setting.addresses.get("files", entry.name.replace("/", "_"))
    if _NAME.fullmatch(name):
        return name
    raise RefusedError(f"{entry.field}: {name!r} is no file that can be mounted: no / and no #member", _RENAME)


def _file(name: str, place: str) -> _File:
    found = _PLACE.fullmatch(place)
    if found is None:
        raise RefusedError(
            f"{place!r} is no place of {PROVIDER} that can be mounted", "correct the address in the schema"
        )
    which = {found["what"]: found["which"]}
    return _File(name, secret_at(place), which.get("stage"), which.get("version"), found["member"])
