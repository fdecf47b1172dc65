"""IAM policies: each service may read its own secrets and nothing else, and the estate's shared node policy."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from estate_config.generate.aws_places import (
    ACCESS_POLICY,
    PROVIDER,
    FileKey,
    Place,
    aws_places,
    events_queue,
    file_key,
    partition,
    readers_of,
    regions_of,
    resources,
)
from estate_config.generate.catalogue import Catalogue, EnvironmentEntry
from estate_config.generate.choosing import environment_with, object_name

ACCOUNT = "ACCOUNT_ID"
NAMESPACE = "NAMESPACE"
ISSUER = "OIDC_ISSUER"
"""What stands for what neither the schemas nor `estate.toml` know; the issuer is without `https://`."""

Document = dict[str, Any]


def iam(catalogue: Catalogue, mark: str) -> str:
    """Return one JSON document with a policy and two trust policies for each service, and the shared policy.

    Raises `RefusedError` where not exactly one environment has `aws` in its chain.
    """
    environment = environment_with(catalogue, PROVIDER)
    places = aws_places(catalogue, environment.name)
    services = {}
    for service in catalogue.services:
        own = [place for place in places if service.name in place.services]
        if own:
            services[service.name] = {
                "policy": policy(own, environment, [service.name]),
                "trust-pod-identity": pod_identity_trust(service.name),
                "trust-irsa": irsa_trust(service.name, regions_of(environment)[0]),
            }
    document = {"generated": mark, "services": services, ACCESS_POLICY: policy(places, environment, readers_of(places))}
    return json.dumps(document, indent=2) + "\n"


def policy(places: Sequence[Place], environment: EnvironmentEntry, services: Sequence[str]) -> Document:
    """Return the policy that lets these services read these secrets, and no other, hear of changes, and keep a file."""
    regions, queue, key = regions_of(environment), events_queue(environment), file_key(environment)
    arns: dict[str, list[str]] = {}
    for place in places:
        for region, arn in resources(place.secret, regions, ACCOUNT):
            arns.setdefault(region, []).append(arn)
    read = ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"]
    return _document(
        _allow("ReadSecrets", read, [arn for found in arns.values() for arn in found]),
        # This action knows no resources: what a batch gives is decided by the statement above, secret by secret.
        _allow("ReadThemInBatches", "secretsmanager:BatchGetSecretValue", "*"),
        *([] if queue is None else [_allow("ListenForChanges", "sqs:ReceiveMessage", queue.arn)]),
        *(_decrypt(region, found) for region, found in arns.items()),
        *([] if key is None else [_keep(key, environment, services)]),
    )


def _decrypt(region: str, arns: Sequence[str]) -> Document:
    """Secrets Manager alone may use a key for the bearer, and for these secrets only, whichever key they have."""
    accounts = dict.fromkeys(arn.split(":")[4] for arn in arns)
    keys = [f"arn:{partition(region)}:kms:{region}:{account}:key/*" for account in accounts]
    suffix = ".cn" if region.startswith("cn-") else ""
    condition = {
        "StringEquals": {"kms:ViaService": f"secretsmanager.{region}.amazonaws.com{suffix}"},
        "StringLike": {"kms:EncryptionContext:SecretARN": list(arns)},
    }
    sid = "Decrypt" + "".join(part.capitalize() for part in region.split("-"))
    return {**_allow(sid, "kms:Decrypt", keys), "Condition": condition}


def _keep(key: FileKey, environment: EnvironmentEntry, services: Sequence[str]) -> Document:
    """KMS makes and unwraps the keys of these services' files in this environment, and nobody else's."""
    region = regions_of(environment)[0]
    home = key.home or f"arn:{partition(region)}:kms:{region}:{ACCOUNT}"
    context = {"service": list(services), "environment": environment.name}
    condition: Document = {"StringEquals": {f"kms:EncryptionContext:{word}": said for word, said in context.items()}}
    if key.alias:
        condition["ForAnyValue:StringEquals"] = {"kms:ResourceAliases": key.alias}
    actions = ["kms:GenerateDataKey", "kms:Decrypt"]
    return {**_allow("KeepLastKnownGood", actions, f"{home}:key/{key.number}"), "Condition": condition}


def pod_identity_trust(service: str) -> Document:
    """Return who may take the role: pods of one service account, through EKS Pod Identity."""
    account = {
        "aws:RequestTag/kubernetes-namespace": NAMESPACE,
        "aws:RequestTag/kubernetes-service-account": object_name(service),
    }
    return _document(
        {
            "Sid": "PodIdentity",
            "Effect": "Allow",
            "Principal": {"Service": "pods.eks.amazonaws.com"},
            "Action": ["sts:AssumeRole", "sts:TagSession"],
            "Condition": {"StringEquals": account},
        }
    )


def irsa_trust(service: str, region: str) -> Document:
    """Return who may take the role: pods of one service account, by the token of the cluster's OIDC issuer."""
    token = {
        f"{ISSUER}:aud": "sts.amazonaws.com",
        f"{ISSUER}:sub": f"system:serviceaccount:{NAMESPACE}:{object_name(service)}",
    }
    return _document(
        {
            "Sid": "ServiceAccount",
            "Effect": "Allow",
            "Principal": {"Federated": f"arn:{partition(region)}:iam::{ACCOUNT}:oidc-provider/{ISSUER}"},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": token},
        }
    )


def _allow(sid: str, action: str | Sequence[str], resource: str | Sequence[str]) -> Document:
    return {"Sid": sid, "Effect": "Allow", "Action": action, "Resource": resource}


def _document(*statements: Document) -> Document:
    return {"Version": "2012-10-17", "Statement": list(statements)}
