"""The rules of AWS Secrets Manager, as its documents and the SDK's model state them; `StrictAws` puts them on the wire.

Parameters are checked against botocore's model, permissions against the policies of who asks, per secret. Where AWS
says the same of two things, so does this."""

from __future__ import annotations

import base64
import hashlib
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.fakes.aws_model import AwsError, Caller, validate
from tests.fakes.iam import Policy, Request, decide

_NAME = re.compile(r"[A-Za-z0-9/_+=.@!-]{1,512}")


@dataclass
class Key:
    """A KMS key."""

    arn: str
    state: str = "Enabled"
    policy: Policy | None = None
    """None: the account's own identities may use it as far as their policies let them."""


@dataclass
class Version:
    value: str | bytes | None
    """None: there is nothing in it yet, as in a rotation that has begun."""
    stages: set[str]
    created: datetime


@dataclass
class Secret:
    account: str
    region: str
    name: str
    key: str | None = None
    """ARN of its KMS key; None: aws/secretsmanager."""
    policy: Policy | None = None
    owning_service: str | None = None
    deleted: datetime | None = None
    rotation: dict[str, Any] = field(default_factory=dict)
    """What DescribeSecret says of it: `RotationEnabled`, `NextRotationDate` …"""
    replicas: list[dict[str, str]] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    versions: dict[str, Version] = field(default_factory=dict)
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    changed: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def arn(self) -> str:
        letters = hashlib.sha256(f"{self.account} {self.name}".encode()).hexdigest()[:6]
        return f"arn:aws:secretsmanager:{self.region}:{self.account}:secret:{self.name}-{letters}"

    def at(self, stage: str) -> str | None:
        return next((number for number, version in self.versions.items() if stage in version.stages), None)

    def move(self, stage: str, number: str) -> None:
        """Put a stage on a version; AWSPREVIOUS goes where AWSCURRENT was."""
        before = self.at(stage)
        if before == number:
            return
        if before is not None:
            self.versions[before].stages.discard(stage)
        self.versions[number].stages.add(stage)
        if stage == "AWSCURRENT" and before is not None:
            self.move("AWSPREVIOUS", before)
            self.versions[number].stages.discard("AWSPREVIOUS")


class SecretsManager:
    """All accounts and regions."""

    def __init__(self) -> None:
        self.secrets: list[Secret] = []
        self.keys: dict[str, Key] = {}
        self.pages: list[int] = []
        """How many values the first pages of a batch hold; the last page has the rest."""
        self.unsaid: set[str] = set()
        """Ids that a batch says nothing of: what must not happen, and must not pass for absent."""
        self.stumbles: dict[str, str] = {}
        """Ids that a batch has an error of which passes, and its code."""
        self.endpoint_denies: set[str] = set()
        """Ids that the policy of the VPC endpoint denies: a batch with one of them gives nothing at all."""

    def answer(self, action: str, body: dict[str, Any], caller: Caller, region: str) -> dict[str, Any]:
        """Return the answer to a call. Raises `AwsError`."""
        method = re.sub(r"(?<!^)(?=[A-Z])", "_", action).lower()
        work: Callable[[_Call], dict[str, Any]] | None = getattr(self, f"do_{method}", None)
        if work is None:
            raise AwsError("UnknownOperationException", "")
        validate("secretsmanager", action, body)
        return work(_Call(action, body, caller, region))

    def find(self, secret_id: str, account: str, region: str) -> Secret | None:
        """Return the secret of a name in this account, or of an ARN, whole or without its last characters."""
        for secret in self.secrets:
            if secret.region == region and (
                secret_id in (secret.arn, secret.arn[:-7]) or (secret.name == secret_id and secret.account == account)
            ):
                return secret
        return None

    # --- the calls ---------------------------------------------------------------------------------------------------

    def do_get_secret_value(self, call: _Call) -> dict[str, Any]:
        secret_id = call.body["SecretId"]
        if secret_id in self.endpoint_denies:
            raise _denied(call.caller, call.action, secret_id, "no VPC endpoint policy")
        secret = self._permitted(call, "GetSecretValue", secret_id)
        self._usable(secret)
        return self._value(secret, call, call.body.get("VersionId"), call.body.get("VersionStage"))

    def do_batch_get_secret_value(self, call: _Call) -> dict[str, Any]:
        ids, filters = call.body.get("SecretIdList"), call.body.get("Filters")
        if (ids is None) == (filters is None):
            raise AwsError(
                "InvalidParameterException", "Either 'SecretIdList' or 'Filters' must be provided, not both."
            )
        if ids is not None and "MaxResults" in call.body:
            raise AwsError("InvalidParameterException", "'MaxResults' goes with 'Filters' only.")
        self._permit(call, "BatchGetSecretValue", "*")
        if filters is not None:
            ids = self._listed(call, filters)
        if self.endpoint_denies & set(ids or ()):
            return {"SecretValues": [], "Errors": []}
        values: dict[str, dict[str, Any]] = {}
        errors = []
        for secret_id in ids or ():
            try:
                secret = self._permitted(call, "GetSecretValue", secret_id)
                self._usable(secret)
                if secret_id in self.stumbles:
                    errors.append({"SecretId": secret_id, "ErrorCode": self.stumbles[secret_id], "Message": ""})
                elif secret_id not in self.unsaid:
                    values[secret.arn] = self._value(secret, call, None, None)
            except AwsError as error:
                errors.append({"SecretId": secret_id, "ErrorCode": error.code, "Message": error.message})
        return self._page(list(values.values()), errors, call.body.get("NextToken"))

    def do_describe_secret(self, call: _Call) -> dict[str, Any]:
        secret = self._permitted(call, "DescribeSecret", call.body["SecretId"])
        return {
            "ARN": secret.arn,
            "Name": secret.name,
            "CreatedDate": secret.created.timestamp(),
            "LastChangedDate": secret.changed.timestamp(),
            "VersionIdsToStages": {n: sorted(v.stages) for n, v in secret.versions.items() if v.stages},
            **{name: one.timestamp() if isinstance(one, datetime) else one for name, one in secret.rotation.items()},
            **({"KmsKeyId": secret.key} if secret.key else {}),
            **({"DeletedDate": secret.deleted.timestamp()} if secret.deleted else {}),
            **({"OwningService": secret.owning_service} if secret.owning_service else {}),
            **({"ReplicationStatus": secret.replicas} if secret.replicas else {}),
        }

    def do_create_secret(self, call: _Call) -> dict[str, Any]:
        name = call.body["Name"]
        self._permit(call, "CreateSecret", _arn(call, name))
        if not _NAME.fullmatch(name):
            raise AwsError(
                "ValidationException",
                "Invalid name. Must be a valid name containing alphanumeric characters, or any of: -/_+=.@!",
            )
        there = self.find(name, call.caller.account, call.region)
        if there is not None and there.deleted:
            raise AwsError(
                "InvalidRequestException",
                "You can't create this secret because a secret with this name is already scheduled for deletion.",
            )
        if there is not None:
            raise AwsError("ResourceExistsException", f"The operation failed because the secret {name} already exists.")
        secret = Secret(call.caller.account, call.region, name, key=call.body.get("KmsKeyId"))
        self.secrets.append(secret)
        return {"ARN": secret.arn, "Name": name, **self._new_version(secret, call, ["AWSCURRENT"])}

    def do_put_secret_value(self, call: _Call) -> dict[str, Any]:
        secret = self._permitted(call, "PutSecretValue", call.body["SecretId"])
        self._usable(secret)
        self._changeable(secret)
        if not {"SecretString", "SecretBinary"} & set(call.body):
            raise AwsError("InvalidParameterException", "You must provide either SecretString or SecretBinary.")
        made = self._new_version(secret, call, call.body.get("VersionStages", ["AWSCURRENT"]))
        return {"ARN": secret.arn, "Name": secret.name, **made}

    def do_update_secret(self, call: _Call) -> dict[str, Any]:
        secret = self._permitted(call, "UpdateSecret", call.body["SecretId"])
        self._usable(secret)
        self._changeable(secret)
        secret.key = call.body.get("KmsKeyId", secret.key)
        return {"ARN": secret.arn, "Name": secret.name, **self._new_version(secret, call, ["AWSCURRENT"])}

    def do_update_secret_version_stage(self, call: _Call) -> dict[str, Any]:
        secret = self._permitted(call, "UpdateSecretVersionStage", call.body["SecretId"])
        self._usable(secret)
        stage, to = call.body["VersionStage"], call.body.get("MoveToVersionId")
        there = secret.at(stage)
        leaves = call.body.get("RemoveFromVersionId", there if there == to else None)
        if there is not None and leaves != there:
            raise AwsError(
                "InvalidParameterException",
                f"The parameter RemoveFromVersionId can't be empty. Staging label {stage} is currently attached to "
                f"version {there}, so you must explicitly reference that version in RemoveFromVersionId.",
            )
        if to is None and stage == "AWSCURRENT":
            raise AwsError(
                "InvalidParameterException", "You can only move staging label AWSCURRENT to another version."
            )
        if to is not None and to not in secret.versions:
            raise AwsError("ResourceNotFoundException", f"Secrets Manager can't find the version {to}.")
        if to is None and there is not None:
            secret.versions[there].stages.discard(stage)
        elif to is not None:
            secret.move(stage, to)
        secret.changed = datetime.now(UTC)
        return {"ARN": secret.arn, "Name": secret.name}

    def do_delete_secret(self, call: _Call) -> dict[str, Any]:
        secret = self._permitted(call, "DeleteSecret", call.body["SecretId"])
        days, force = call.body.get("RecoveryWindowInDays"), call.body.get("ForceDeleteWithoutRecovery", False)
        if force and days is not None:
            raise AwsError("InvalidParameterException", "You can't use ForceDeleteWithoutRecovery with a window.")
        if days is not None and not 7 <= days <= 30:
            raise AwsError("InvalidParameterException", "The RecoveryWindowInDays value must be between 7 and 30 days.")
        secret.deleted = datetime.now(UTC) + timedelta(days=0 if force else days or 30)
        if force:
            self.secrets.remove(secret)
        return {"ARN": secret.arn, "Name": secret.name, "DeletionDate": secret.deleted.timestamp()}

    def do_restore_secret(self, call: _Call) -> dict[str, Any]:
        secret = self._permitted(call, "RestoreSecret", call.body["SecretId"])
        secret.deleted = None
        return {"ARN": secret.arn, "Name": secret.name}

    def do_list_secrets(self, call: _Call) -> dict[str, Any]:
        self._permit(call, "ListSecrets", "*")
        return {
            "SecretList": [
                {
                    "ARN": secret.arn,
                    "Name": secret.name,
                    "SecretVersionsToStages": {n: sorted(v.stages) for n, v in secret.versions.items() if v.stages},
                }
                for secret in self.secrets
                if (secret.account, secret.region) == (call.caller.account, call.region) and not secret.deleted
            ]
        }

    # --- permissions -------------------------------------------------------------------------------------------------

    def _permitted(self, call: _Call, action: str, secret_id: str) -> Secret:
        """Return the secret if the caller may do this to it. What is not there is denied first, and then not found."""
        secret = self.find(secret_id, call.caller.account, call.region)
        if secret is None:
            self._permit(call, action, secret_id if secret_id.startswith("arn:") else _arn(call, secret_id), secret_id)
            raise AwsError("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
        self._permit(call, action, secret.arn, secret_id, secret)
        return secret

    def _permit(
        self, call: _Call, action: str, resource: str, said: str | None = None, secret: Secret | None = None
    ) -> None:
        caller, body = call.caller, call.body
        context = {
            "aws:RequestedRegion": call.region,
            **({"secretsmanager:VersionStage": body["VersionStage"]} if "VersionStage" in body else {}),
            **({"secretsmanager:Name": body["Name"]} if "Name" in body else {}),
            **{f"aws:ResourceTag/{name}": value for name, value in (secret.tags if secret else {}).items()},
        }
        request = Request(f"secretsmanager:{action}", resource, caller.arn, context)
        by_identity = True if caller.policies is None else decide(caller.policies, request)
        by_resource = decide([secret.policy], request) if secret and secret.policy else None
        if not _both(caller.account, resource, by_identity, by_resource):
            raise _denied(caller, action, said or resource)

    def _use_key(self, secret: Secret, call: _Call, action: str) -> None:
        foreign = secret.account != call.caller.account
        if secret.key is None:
            if foreign:
                raise AwsError("AccessDeniedException", "Access to KMS is not allowed")
            return
        key = self.keys[secret.key]
        context = {
            "kms:ViaService": f"secretsmanager.{call.region}.amazonaws.com",
            "kms:EncryptionContext:SecretARN": secret.arn,
        }
        request = Request(f"kms:{action}", key.arn, call.caller.arn, context)
        by_identity = True if call.caller.policies is None else decide(call.caller.policies, request)
        by_key = decide([key.policy], request) if key.policy else None
        if not _both(call.caller.account, key.arn, by_identity, by_key):
            raise AwsError("AccessDeniedException", "Access to KMS is not allowed")
        if key.state != "Enabled":
            code = "DecryptionFailure" if action == "Decrypt" else "EncryptionFailure"
            raise AwsError(code, "Secrets Manager can't use the provided KMS key.")

    # --- state -------------------------------------------------------------------------------------------------------

    def _usable(self, secret: Secret) -> None:
        if secret.deleted:
            raise AwsError(
                "InvalidRequestException",
                "You can't perform this operation on the secret because it was marked for deletion.",
            )

    def _changeable(self, secret: Secret) -> None:
        if secret.owning_service:
            raise AwsError("InvalidRequestException", f"The secret is managed by {secret.owning_service}.")

    def _value(self, secret: Secret, call: _Call, number: str | None, stage: str | None) -> dict[str, Any]:
        wanted = number or secret.at(stage or "AWSCURRENT")
        version = secret.versions.get(wanted or "")
        if version is None or version.value is None or (number and stage and stage not in version.stages):
            what = f"VersionId: {number}" if number else f"staging label: {stage or 'AWSCURRENT'}"
            message = f"Secrets Manager can't find the specified secret value for {what}"
            raise AwsError("ResourceNotFoundException", message)
        self._use_key(secret, call, "Decrypt")
        text = isinstance(version.value, str)
        return {
            "ARN": secret.arn,
            "Name": secret.name,
            "VersionId": wanted,
            "VersionStages": sorted(version.stages),
            "CreatedDate": version.created.timestamp(),
            **({"SecretString": version.value} if text else {"SecretBinary": _base64(version.value)}),
        }

    def _new_version(self, secret: Secret, call: _Call, stages: list[str]) -> dict[str, Any]:
        body = call.body
        if "SecretString" in body and "SecretBinary" in body:
            raise AwsError("InvalidParameterException", "You can't specify both SecretString and SecretBinary.")
        if not {"SecretString", "SecretBinary"} & set(body):
            return {}
        value = body["SecretString"] if "SecretString" in body else base64.b64decode(body["SecretBinary"])
        self._use_key(secret, call, "GenerateDataKey")
        number = body.get("ClientRequestToken") or str(uuid.uuid4())
        there = secret.versions.get(number)
        if there is not None and there.value not in (None, value):
            raise AwsError(
                "ResourceExistsException",
                "You can't use a ClientRequestToken that is already in use for a version of this secret.",
            )
        if there is None or there.value is None:
            first = not any(version.value is not None for version in secret.versions.values())
            secret.versions[number] = Version(value, there.stages if there else set(), datetime.now(UTC))
            for stage in ["AWSCURRENT", *stages] if first else stages:
                secret.move(stage, number)
            secret.changed = datetime.now(UTC)
        return {"VersionId": number, "VersionStages": sorted(secret.versions[number].stages)}

    def _listed(self, call: _Call, filters: list[dict[str, Any]]) -> list[str]:
        """The filter `name` is a prefix, and listing needs a right of its own."""
        self._permit(call, "ListSecrets", "*")
        prefixes = [value for one in filters if one.get("Key") == "name" for value in one.get("Values", [])]
        return [secret.name for secret in self.secrets if secret.name.startswith(tuple(prefixes))][:20]

    def _page(self, values: list[dict[str, Any]], errors: list[dict[str, str]], token: str | None) -> dict[str, Any]:
        page = int(token or 0)
        start = sum(self.pages[:page])
        if page < len(self.pages):
            return {"SecretValues": values[start : start + self.pages[page]], "NextToken": str(page + 1)}
        return {"SecretValues": values[start:], "Errors": errors}


@dataclass(frozen=True)
class _Call:
    action: str
    body: dict[str, Any]
    caller: Caller
    region: str


def _both(account: str, resource: str, by_identity: bool | None, by_resource: bool | None) -> bool:
    """In one account either policy is enough, across accounts both are needed; an explicit deny ends it."""
    if False in (by_identity, by_resource):
        return False
    if resource != "*" and resource.split(":")[4] != account:
        return bool(by_identity and by_resource)
    return bool(by_identity or by_resource)


def _denied(caller: Caller, action: str, resource: str, why: str = "no identity-based policy") -> AwsError:
    name = f"secretsmanager:{action}"
    message = f"User: {caller.arn} is not authorized to perform: {name} on resource: {resource} because {why}"
    return AwsError("AccessDeniedException", f"{message} allows the {name} action")


def _arn(call: _Call, name: str) -> str:
    return f"arn:aws:secretsmanager:{call.region}:{call.caller.account}:secret:{name}"


def _base64(value: str | bytes) -> str:
    return base64.b64encode(value if isinstance(value, bytes) else value.encode()).decode()
