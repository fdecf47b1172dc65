"""Manifests for Kubernetes, without a secret in them: the services themselves ask the store, as their own accounts.

The image of a service runs it; given the word `worker`, its worker; given `job`, it does its work once. The image
`estate-check` has the command `estate`, `estate.toml` and the schemas.
"""

from __future__ import annotations

import math
from typing import Any

from estate_config.generate.aws_places import UNKNOWN_REGION, regions_of
from estate_config.generate.catalogue import Catalogue, EnvironmentEntry, ServiceEntry
from estate_config.generate.choosing import deployed_environment, object_name, only_service
from estate_config.generate.yaml_text import yaml_documents

_ALIVE, _READY = "/healthz", "/readyz"
"""Of the service's own: they ask no store, so that one that is down takes no running pod with it."""
_PERIOD = 2
_SLACK = 30
"""Seconds that a pod may take to start, beside the deadline of its load."""
_PERMANENT = (77, 78)
"""Exit codes that trying again does not help: a key is refused, the configuration is wrong (sysexits.h)."""
_REPLICAS = 2

Document = dict[str, Any]


def service_accounts(catalogue: Catalogue, mark: str) -> str:
    """Return an account for each service, which a role of AWS is given to."""
    documents = [
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": _metadata(object_name(service.name)),
            "automountServiceAccountToken": False,
        }
        for service in catalogue.services
    ]
    return yaml_documents(mark, *documents)


def deployment(catalogue: Catalogue, mark: str) -> str:
    """Return the deployment of the one service in `catalogue`, and the service that leads to it if it listens.

    Raises `RefusedError` for several services, and where not exactly one environment asks a remote provider.
    """
    service, environment = only_service(catalogue), deployed_environment(catalogue)
    name, port = object_name(service.name), _port(service)
    probes = _probes(environment) if port is not None else {}
    ports = {"ports": [{"name": "http", "containerPort": port}]} if port is not None else {}
    documents = [_deployment(name, _pod(catalogue, service, environment, {**ports, **probes}))]
    if port is not None:
        documents.append(_service(name))
    return yaml_documents(mark, *documents)


def worker(catalogue: Catalogue, mark: str) -> str:
    """Return the deployment of the worker of the one service in `catalogue`. Raises as `deployment` does."""
    service, environment = only_service(catalogue), deployed_environment(catalogue)
    pod = _pod(catalogue, service, environment, {"args": ["worker"]})
    return yaml_documents(mark, _deployment(f"{object_name(service.name)}-worker", pod))


def cron_job(catalogue: Catalogue, mark: str) -> str:
    """Return the job of the one service in `catalogue`, once an hour. Raises as `deployment` does."""
    service, environment = only_service(catalogue), deployed_environment(catalogue)
    name = object_name(service.name)
    pod = {**_pod(catalogue, service, environment, {"args": ["job"]}), "restartPolicy": "Never"}
    useless = {"containerName": _container_name(service), "operator": "In", "values": list(_PERMANENT)}
    job = {
        "backoffLimit": 2,
        "podFailurePolicy": {"rules": [{"action": "FailJob", "onExitCodes": useless}]},
        "template": {"metadata": _labels(name), "spec": pod},
    }
    document = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": _metadata(name),
        "spec": {"schedule": "@hourly", "concurrencyPolicy": "Forbid", "jobTemplate": {"spec": job}},
    }
    return yaml_documents(mark, document)


def _container_name(service: ServiceEntry) -> str:
    return object_name(service.name).removeprefix("estate-")


def _port(service: ServiceEntry) -> int | None:
    """Return where a service listens: the default of its setting `listen_port`; None where it has none."""
    default = next((entry.default_text for entry in service.settings if entry.field == "listen_port"), None)
    return int(default) if default else None


def _deployment(name: str, pod: Document) -> Document:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _metadata(name),
        "spec": {
            "replicas": _REPLICAS,
            "selector": {"matchLabels": _label(name)},
            "template": {"metadata": _labels(name), "spec": pod},
        },
    }


def _service(name: str) -> Document:
    ports = [{"name": "http", "port": 80, "targetPort": "http"}]
    spec = {"selector": _label(name), "ports": ports}
    return {"apiVersion": "v1", "kind": "Service", "metadata": _metadata(name), "spec": spec}


def _pod(catalogue: Catalogue, service: ServiceEntry, environment: EnvironmentEntry, more: Document) -> Document:
    variables = _variables(catalogue, service, environment)
    checks = ["estate", "check", service.name]
    return {
        "serviceAccountName": object_name(service.name),
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "initContainers": [_container("estate-check", "estate-check", variables, {"command": checks})],
        "containers": [_container(_container_name(service), object_name(service.name), variables, more)],
        "volumes": [{"name": "tmp", "emptyDir": {}}],
    }


def _container(name: str, image: str, variables: list[Document], more: Document) -> Document:
    return {
        "name": name,
        "image": image,
        **more,
        "env": variables,
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108 - of a container
    }


def _variables(catalogue: Catalogue, service: ServiceEntry, environment: EnvironmentEntry) -> list[Document]:
    naming = catalogue.environment_variables
    values = dict.fromkeys(naming[-1:], environment.name)  # the others go before it: an operator's way out
    region = regions_of(environment)[0]
    if region != UNKNOWN_REGION:
        values["AWS_REGION"] = region
    for entry in service.settings:
        stops = [stop.place for stop in entry.looked_for[environment.name].stops if stop.provider == "env"]
        if entry.field == "listen_host" and stops:
            values[stops[0]] = "0.0.0.0"  # noqa: S104 - of a pod, whose network decides who gets there
    sentry = {"secretKeyRef": {"name": "estate-sentry", "key": "SENTRY_DSN", "optional": True}}
    return [
        *({"name": name, "value": value} for name, value in values.items()),
        {"name": "SENTRY_DSN", "valueFrom": sentry},
    ]


def _probes(environment: EnvironmentEntry) -> Document:
    alive, ready = ({"httpGet": {"path": path, "port": "http"}} for path in (_ALIVE, _READY))
    tries = math.ceil((environment.deadline + _SLACK) / _PERIOD)
    return {
        "startupProbe": {**alive, "periodSeconds": _PERIOD, "failureThreshold": tries},
        "readinessProbe": ready,
        "livenessProbe": alive,
    }


def _metadata(name: str) -> Document:
    return {"name": name, **_labels(name)}


def _labels(name: str) -> Document:
    return {"labels": {**_label(name), "app.kubernetes.io/part-of": "estate"}}


def _label(name: str) -> Document:
    return {"app.kubernetes.io/name": name}
