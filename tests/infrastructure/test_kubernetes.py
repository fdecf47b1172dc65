"""The manifests, against the published schemas of their kinds, and what must and must not be in them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import kubernetes_validate
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from estate_config import Settings, environments, setting
from estate_config.generate.catalogue import Catalogue, catalogue_of
from estate_config.generate.files import RefusedError
from estate_config.generate.iam import iam
from estate_config.generate.kubernetes import cron_job, deployment, service_accounts, worker
from estate_config.generate.yaml_text import yaml_documents

Document = dict[str, Any]
Maker = Callable[[Catalogue, str], str]
WORKLOADS = [("ai", deployment), ("ai", worker), ("etl", deployment), ("etl", cron_job)]
VERSION = kubernetes_validate.latest_version()


def made(make: Maker, catalogue: Catalogue, service: str) -> list[Document]:
    text = make(replace(catalogue, services=(catalogue.service(service),)), "made for a test")
    return list(yaml.safe_load_all(text))


def pod_of(document: Document) -> Document:
    spec = document["spec"]
    template: Document = (spec["jobTemplate"]["spec"] if document["kind"] == "CronJob" else spec)["template"]
    pod: Document = template["spec"]
    return pod


def containers(document: Document) -> Iterator[Document]:
    yield from pod_of(document)["initContainers"]
    yield from pod_of(document)["containers"]


@pytest.mark.parametrize(("service", "make"), [*WORKLOADS, ("ai", service_accounts)])
def test_the_manifests_are_valid(catalogue: Catalogue, service: str, make: Maker) -> None:
    documents = made(make, catalogue, service)
    assert documents
    for document in documents:
        kubernetes_validate.validate(document, VERSION, strict=True)


@pytest.mark.parametrize(("service", "make"), WORKLOADS)
def test_every_container_is_in_production_and_has_no_secret_but_that_of_sentry(
    catalogue: Catalogue, service: str, make: Maker
) -> None:
    workload = made(make, catalogue, service)[0]
    for container in containers(workload):
        variables = {one["name"]: one for one in container["env"]}
        assert variables["NODE_ENV"]["value"] == "production"
        assert variables["AWS_REGION"]["value"] == "ap-northeast-2"
        assert [name for name, one in variables.items() if "valueFrom" in one] == ["SENTRY_DSN"]
        assert "envFrom" not in container
    assert [next(iter(set(volume) - {"name"})) for volume in pod_of(workload)["volumes"]] == ["emptyDir"]
    text = json.dumps(workload)
    for place in catalogue.places("production"):
        if any(reader.secret for reader in place.readers):
            assert place.place not in text


@pytest.mark.parametrize(("service", "make"), WORKLOADS)
def test_estate_check_runs_before_the_service_as_the_account_that_its_role_trusts(
    catalogue: Catalogue, service: str, make: Maker
) -> None:
    pod = pod_of(made(make, catalogue, service)[0])
    (check,) = pod["initContainers"]
    assert check["command"] == ["estate", "check", service]
    assert check["env"] == pod["containers"][0]["env"]
    (account,) = made(service_accounts, catalogue, service)
    assert pod["serviceAccountName"] == account["metadata"]["name"]
    trust = json.loads(iam(catalogue, ""))["services"][service]["trust-pod-identity"]["Statement"][0]
    tags = trust["Condition"]["StringEquals"]
    assert tags["aws:RequestTag/kubernetes-service-account"] == pod["serviceAccountName"]


def test_probes_ask_the_services_own_health_and_wait_for_its_load(catalogue: Catalogue) -> None:
    workload, service = made(deployment, catalogue, "ai")
    (container,) = pod_of(workload)["containers"]
    assert container["ports"] == [{"name": "http", "containerPort": 8000}]
    asked = [container[f"{kind}Probe"]["httpGet"]["path"] for kind in ("startup", "liveness", "readiness")]
    assert asked == ["/healthz", "/healthz", "/readyz"]
    startup = container["startupProbe"]
    assert startup["periodSeconds"] * startup["failureThreshold"] > catalogue.environment("production").deadline
    assert {"name": "LISTEN_HOST", "value": "0.0.0.0"} in container["env"], "on loopback no probe would reach it"
    labels = workload["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"] == workload["spec"]["selector"]["matchLabels"]
    assert service["spec"]["selector"].items() <= labels.items()


def test_a_worker_has_pods_of_its_own(catalogue: Catalogue) -> None:
    (workload,) = made(worker, catalogue, "ai")
    (served, _) = made(deployment, catalogue, "ai")
    assert workload["spec"]["selector"] != served["spec"]["selector"]
    assert pod_of(workload)["containers"][0]["args"] == ["worker"]


def test_a_job_with_a_wrong_configuration_is_not_tried_again(catalogue: Catalogue) -> None:
    (job,) = made(cron_job, catalogue, "etl")
    (rule,) = job["spec"]["jobTemplate"]["spec"]["podFailurePolicy"]["rules"]
    assert rule["action"] == "FailJob"
    assert rule["onExitCodes"]["values"] == [77, 78]
    assert rule["onExitCodes"]["containerName"] == pod_of(job)["containers"][0]["name"]


def test_names_are_ones_that_kubernetes_takes() -> None:
    class Plain(Settings):
        level: str = setting(default="info")

    table = {"environments": {"live": {"chain": ["env", "aws"]}}, "environment_variables": ["STAGE"]}
    odd = catalogue_of(environments.read(table), {"Price_Feed 2": Plain})
    workload, *others = made(deployment, odd, "Price_Feed 2")
    kubernetes_validate.validate(workload, VERSION, strict=True)
    assert workload["metadata"]["name"] == "estate-price-feed-2"
    assert others == [], "it listens nowhere"
    assert "startupProbe" not in pod_of(workload)["containers"][0]
    assert pod_of(workload)["containers"][0]["env"][0] == {"name": "STAGE", "value": "live"}


def test_a_manifest_is_for_one_service(catalogue: Catalogue) -> None:
    with pytest.raises(RefusedError, match="one service"):
        deployment(catalogue, "")


data = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]))
    | st.text("a |:-#[\n"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("aNo-./ :#y", min_size=1), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text("abc", min_size=1), data, min_size=1))
def test_what_is_written_as_yaml_is_read_back(document: Document) -> None:
    assert list(yaml.safe_load_all(yaml_documents("a mark", document, document))) == [document, document]
