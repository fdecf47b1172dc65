"""What can be made: documents for `estate docs`, everything else for `estate generate`. A new one is a line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from estate_config.generate.catalogue import Catalogue
from estate_config.generate.dotenv import dotenv
from estate_config.generate.html_page import html
from estate_config.generate.iam import iam
from estate_config.generate.json_schema import json_schema
from estate_config.generate.json_text import json_text
from estate_config.generate.kubernetes import cron_job, deployment, service_accounts, worker
from estate_config.generate.kubernetes_mounts import external_secret, secret_provider_class
from estate_config.generate.markdown import markdown
from estate_config.generate.terraform import terraform
from estate_config.generate.typescript import runtime, typescript
from estate_config.generate.vault_policy import vault_policy


@dataclass(frozen=True, slots=True)
class Artefact:
    """One kind of text that is made from a catalogue."""

    name: str
    file: str
    """Its usual name."""
    summary: str
    advice: str
    """What to do with the file."""
    make: Callable[[Catalogue, str], str] = field(repr=False)
    """Catalogue and mark in, text out, ending in a newline. Raises `RefusedError` where there is nothing to make."""
    holds_values: bool = False
    """People put values into such a file: a difference shows none."""
    beside: Callable[[str], Mapping[str, str]] = field(default=lambda _: {}, repr=False)
    """Mark in, the files that go with it out, by path from its folder: the same whatever the catalogue says."""


def _by_name(*artefacts: Artefact) -> dict[str, Artefact]:
    return {artefact.name: artefact for artefact in artefacts}


DOCUMENTS = _by_name(
    Artefact(
        "markdown", "docs/settings.md", "a page for the repository", "Commit it; GitHub and GitLab draw it.", markdown
    ),
    Artefact("html", "docs/settings.html", "one page with search and filters", "Open it in a browser.", html),
    Artefact("json", "settings.json", "the same for programs", "Feed it to a program of yours.", json_text),
)

_KUBERNETES = "Name your own images, and another schedule, with Kustomize; then kubectl apply."
_MOUNTED = "kubectl apply -f FILE; mount it into the pod, and name `files` in the chain instead of `aws`."

ARTEFACTS = _by_name(
    Artefact(
        "dotenv",
        ".env.example",
        "the example of a .env file",
        "Commit it. On a laptop: [ -e .env ] || cp .env.example .env && chmod 600 .env, then put values into .env.",
        dotenv,
        holds_values=True,
    ),
    Artefact(
        "json-schema",
        "settings.schema.json",
        "the JSON Schema of one service's settings, by field name",
        "Check files of values against it, with an editor or a validator of JSON Schema.",
        json_schema,
    ),
    Artefact(
        "iam",
        "infrastructure/iam.json",
        "the AWS policies of each service, with trust for its pods, and the shared node policy",
        "Put in ACCOUNT_ID, NAMESPACE and OIDC_ISSUER, then: aws iam create-role, create-policy, attach-role-policy.",
        iam,
    ),
    Artefact(
        "vault-policy",
        "infrastructure/vault/SERVICE.hcl",
        "the policy of one service in Vault or OpenBao",
        "vault policy write estate-SERVICE FILE, and give the policy to the role that the service logs in with.",
        vault_policy,
    ),
    Artefact(
        "terraform",
        "infrastructure/terraform/secrets-manager.tf",
        "secrets of AWS Secrets Manager, key, replicas, rotation, node policy and alarms",
        "terraform plan, terraform apply, then estate push.",
        terraform,
    ),
    Artefact(
        "kubernetes-accounts",
        "k8s/service-accounts.yaml",
        "a service account for each service, which its AWS role is given to",
        "kubectl apply -f FILE, then aws eks create-pod-identity-association for each account.",
        service_accounts,
    ),
    Artefact(
        "kubernetes-deployment",
        "k8s/SERVICE-deployment.yaml",
        "the deployment of one service, without a secret in it",
        _KUBERNETES,
        deployment,
    ),
    Artefact(
        "kubernetes-worker",
        "k8s/SERVICE-worker-deployment.yaml",
        "the deployment of one service's worker",
        _KUBERNETES,
        worker,
    ),
    Artefact(
        "kubernetes-cronjob",
        "k8s/SERVICE-cronjob.yaml",
        "the hourly job of one service",
        _KUBERNETES,
        cron_job,
    ),
    Artefact(
        "external-secret",
        "k8s/SERVICE-external-secret.yaml",
        "instead of reading AWS in the pod: the ExternalSecret of one service",
        _MOUNTED,
        external_secret,
    ),
    Artefact(
        "secret-provider-class",
        "k8s/SERVICE-secret-provider-class.yaml",
        "instead of reading AWS in the pod: the SecretProviderClass of one service, for AWS",
        _MOUNTED,
        secret_provider_class,
    ),
    Artefact(
        "typescript",
        "src/lib/secrets.ts",
        "the schema of one service in TypeScript, and the files beside it that load it in Node.js",
        "npm install @aws-sdk/client-secrets-manager zod; then loadSecrets() at start-up, getSecrets() after it.",
        typescript,
        beside=runtime,
    ),
)
