"""What External Secrets and the Secrets Store CSI driver are told: it gives the provider `files` what `aws` reads."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from estate_config import Settings, environments, load, secret, setting
from estate_config.generate.catalogue import Catalogue, catalogue_of
from estate_config.generate.files import RefusedError
from estate_config.generate.kubernetes_mounts import external_secret, secret_provider_class

Document = dict[str, Any]
VERSION = "8e6f1a52-7a6c-4c0e-9d4f-0a1b2c3d4e5f"
TABLE: Document = {
    "environments": {"production": {"chain": ["env", "aws"]}, "mounted": {"chain": ["files"]}},
    "default_environment": "mounted",
    "providers": {"aws": {"prefix": "estate/", "region": "ap-northeast-2"}, "files": {"folder": "mounted"}},
}


class Api(Settings):
    database_url: str = secret("database/url")
    rds_user: str = secret("rds/user", aws="estate/rds#user name")
    rds_password: str = secret("rds/password", aws="estate/rds#password")
    jwt_secret: str = secret("jwt/secret")
    jwt_before: str = secret("jwt/before", aws="estate/jwt/secret?stage=AWSPREVIOUS")
    jwt_first: str = secret("jwt/first", aws=f"estate/jwt/secret?version={VERSION}#key")
    tls_key: str = secret("tls/key", files="tls.der")
    level: str = setting(default="info")


ACCOUNT = {
    ("estate/database/url", None): "url",
    ("estate/tls/key", None): "key",
    ("estate/rds", None): json.dumps({"user name": "user", "password": "password"}),
    ("estate/jwt/secret", None): "now",
    ("estate/jwt/secret", "AWSPREVIOUS"): "before",
    ("estate/jwt/secret", VERSION): json.dumps({"key": "first"}),
}
VALUES = {
    "database_url": "url",
    "rds_user": "user",
    "rds_password": "password",
    "jwt_secret": "now",
    "jwt_before": "before",
    "jwt_first": "first",
    "tls_key": "key",
}


def closed(required: list[str], **properties: Any) -> Document:
    return {"type": "object", "additionalProperties": False, "required": required, "properties": properties}


TEXT = {"type": "string", "minLength": 1}
KEY = {"type": "string", "pattern": "^[-._a-zA-Z0-9]+$", "maxLength": 253}
OBJECT = closed(["name"], name={"type": "string", "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"})
REMOTE = closed(["key"], key=TEXT, property=TEXT, version=TEXT)
EXTERNAL = closed(
    ["apiVersion", "kind", "metadata", "spec"],
    apiVersion={"const": "external-secrets.io/v1"},
    kind={"const": "ExternalSecret"},
    metadata=OBJECT,
    spec=closed(
        ["data", "refreshInterval", "secretStoreRef", "target"],
        refreshInterval={"type": "string", "pattern": "^[0-9]+(ns|us|ms|s|m|h)$"},
        secretStoreRef=closed(["kind", "name"], kind={"enum": ["SecretStore", "ClusterSecretStore"]}, name=TEXT),
        target=closed(["name"], name=TEXT, creationPolicy={"enum": ["Owner", "Orphan", "Merge", "None"]}),
        data={"type": "array", "items": closed(["secretKey", "remoteRef"], secretKey=KEY, remoteRef=REMOTE)},
    ),
)
"""As the published definition says, as far as it is used here, and closed where that is open."""
MOUNTED = closed(
    ["apiVersion", "kind", "metadata", "spec"],
    apiVersion={"const": "secrets-store.csi.x-k8s.io/v1"},
    kind={"const": "SecretProviderClass"},
    metadata=OBJECT,
    spec=closed(
        ["provider", "parameters"],
        provider={"const": "aws"},
        parameters=closed(["objects"], objects=TEXT, region=TEXT, usePodIdentity={"enum": ["true", "false"]}),
    ),
)
OBJECTS = {
    "type": "array",
    "items": closed(
        ["objectName", "objectType"],
        objectName=TEXT,
        objectType={"enum": ["secretsmanager", "ssmparameter"]},
        objectAlias=KEY,
        objectVersion=TEXT,
        objectVersionLabel=TEXT,
        jmesPath={"type": "array", "items": closed(["path", "objectAlias"], path=TEXT, objectAlias=KEY)},
    ),
}


@pytest.fixture
def catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Catalogue:
    monkeypatch.chdir(tmp_path)
    one = {**TABLE, "environments": {"production": TABLE["environments"]["production"]}}
    return catalogue_of(environments.read({**one, "default_environment": "production"}), {"api": Api})


def valid(text: str, schema: Document) -> Document:
    document: Document = yaml.safe_load(text)
    Draft202012Validator(schema).validate(document)
    return document


def loaded_from(files: dict[str, str]) -> dict[str, object]:
    folder = Path("mounted")
    folder.mkdir()
    for name, content in files.items():
        folder.joinpath(name).write_text(content, "utf-8")
    settings = load(Api, config=TABLE)
    return {field: getattr(settings, field) for field in VALUES}


def test_external_secrets_makes_what_files_reads(catalogue: Catalogue) -> None:
    spec = valid(external_secret(catalogue, "made for a test"), EXTERNAL)["spec"]
    files = {}
    for entry in spec["data"]:
        remote = entry["remoteRef"]
        version = remote.get("version", "").removeprefix("uuid/") or None
        value = ACCOUNT[remote["key"], version]
        files[entry["secretKey"]] = json.loads(value)[remote["property"]] if "property" in remote else value
    assert loaded_from(files) == VALUES


def test_the_csi_driver_mounts_what_files_reads(catalogue: Catalogue) -> None:
    parameters = valid(secret_provider_class(catalogue, "made for a test"), MOUNTED)["spec"]["parameters"]
    assert parameters["region"] == "ap-northeast-2"
    objects = yaml.safe_load(parameters["objects"])
    Draft202012Validator(OBJECTS).validate(objects)
    assert len(objects) == 6, "two members of one secret are one read"
    files = {}
    for one in objects:
        value = ACCOUNT[one["objectName"], one.get("objectVersionLabel", one.get("objectVersion"))]
        if "objectAlias" in one:
            files[one["objectAlias"]] = value
        for path in one.get("jmesPath", ()):
            files[path["objectAlias"]] = json.loads(value)[json.loads(path["path"])]
    assert loaded_from(files) == VALUES


class Deep(Settings):
    key: str = secret("tls/key", files="tls/key.der")


class Whole(Settings):
    key: str = secret("tls/key", files="tls.json#key")


class Clash(Settings):
    key: str = secret("tls/key")
    other: str = secret("tls/other", files="tls_key")


class Shared(Settings):
    key: str = secret("tls/key", env="A")
    again: str = secret("tls/key", env="B")


def one_service(cls: type[Settings]) -> Catalogue:
    return catalogue_of(environments.read({**TABLE, "environments": {"production": {"chain": ["aws"]}}}), {"api": cls})


@pytest.mark.parametrize("make", [external_secret, secret_provider_class])
@pytest.mark.parametrize(
    ("cls", "said"),
    [
        (Deep, "key: 'tls/key.der' is no file that can be mounted"),
        (Whole, "key: 'tls.json#key' is no file that can be mounted"),
        (Clash, "other: the file tls_key has another secret in it already"),
    ],
)
def test_a_file_that_cannot_be_mounted_is_refused(make: Callable[..., str], cls: type[Settings], said: str) -> None:
    with pytest.raises(RefusedError, match=said):
        make(one_service(cls), "made for a test")


@pytest.mark.parametrize("make", [external_secret, secret_provider_class])
def test_two_fields_of_one_secret_are_one_file(make: Callable[..., str]) -> None:
    assert make(one_service(Shared), "made for a test").count("tls_key") == 1
