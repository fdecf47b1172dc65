"""Keys of files on the machine of a service, from KMS: the file holds its key as KMS has encrypted it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from estate_config.errors import ProviderError
from estate_config.model import DataKey, Deadline
from estate_config_providers._aws import mending
from estate_config_providers._aws.access import AwsAccess
from estate_config_providers._aws.causes import Cause, Trouble
from estate_config_providers._aws.connection import Connection, Connector
from estate_config_providers._aws.failures import Service
from estate_config_providers._aws.patience import patiently

KMS = Service(
    provider="aws",
    client="kms",
    operations=frozenset({"GenerateDataKey", "Decrypt"}),
    codes={
        "NotFoundException": Cause.NOT_FOUND,
        "DisabledException": Cause.KMS,
        "KMSInvalidStateException": Cause.KMS,
        "IncorrectKeyException": Cause.KMS,
        "InvalidCiphertextException": Cause.KMS,
        "KeyUnavailableException": Cause.FAILED,
        "DependencyTimeoutException": Cause.FAILED,
        "KMSInternalException": Cause.FAILED,
        "InvalidKeyUsageException": Cause.MALFORMED,
        "InvalidGrantTokenException": Cause.MALFORMED,
        "InvalidArnException": Cause.MALFORMED,
        "DryRunOperationException": Cause.UNEXPECTED,  # nobody asks for a dry run here
    },
)

_HINTS = {
    Cause.NOT_FOUND: "does not exist in this region",
    Cause.DENIED: "may not be used by this identity, or does not exist: AWS then says the same",
    Cause.KMS: "is disabled or deleted, or is not the one that the file was written with",
    Cause.MALFORMED: "has no name that can be, or is no symmetric key for encrypting",
    Cause.FAILED: "cannot be used: the service failed",
    Cause.THROTTLED: "is used more often than the account's quota allows",
}


def data_key(
    access: AwsAccess, name: str, context: Mapping[str, str], wrapped: bytes | None, deadline: Deadline
) -> DataKey:
    """Return a new key made by the KMS key `name`, or the one that it has wrapped. Raises `ProviderError`.

    A key is wanted once a start: no connection is kept.
    """
    connector: Connector[Any] = Connector(
        access.model_copy(update={"endpoint_url": None}), KMS
    )  # that one is of secrets
    kms = connector.connected(deadline)
    answer = kms if isinstance(kms, Trouble) else _asked(kms, name, context, wrapped, deadline)
    connector.close()
    if isinstance(answer, DataKey):
        return answer
    hint = f"{_HINTS.get(answer.cause, answer.cause.hint)} {answer.detail}".rstrip()
    raise ProviderError(answer.cause.code, f"KMS key {name} {hint}", _fix(answer.cause, name, access))


def _fix(cause: Cause, name: str, access: AwsAccess) -> str:
    if cause is Cause.DENIED:
        return mending.statement(["kms:GenerateDataKey", "kms:Decrypt"], "arn:aws:kms:REGION:ACCOUNT:key/KEY-ID")
    if cause in (Cause.NOT_FOUND, Cause.KMS, Cause.MALFORMED):
        return f"aws kms describe-key --key-id {shlex.quote(name)}   # shows whether it is there and enabled"
    return mending.of_whole(cause, KMS, access.role_arn)


def _asked(
    kms: Connection[Any], name: str, context: Mapping[str, str], wrapped: bytes | None, deadline: Deadline
) -> DataKey | Trouble:
    def call(client: Any) -> DataKey:
        if wrapped is None:
            made = client.generate_data_key(KeyId=name, KeySpec="AES_256", EncryptionContext=dict(context))
            return DataKey(made["Plaintext"], made["CiphertextBlob"])
        # with the key's name: what another key of somebody's has wrapped is refused
        opened = client.decrypt(KeyId=name, CiphertextBlob=wrapped, EncryptionContext=dict(context))
        return DataKey(opened["Plaintext"], wrapped)

    return patiently(lambda: kms.ask(call), lambda trouble: trouble.cause is Cause.THROTTLED, deadline)
