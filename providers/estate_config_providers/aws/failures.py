"""What Secrets Manager says, and what it is here: its own error codes; what all of AWS says, providers share.

By text only where AWS gives nothing else: it says AccessDeniedException of a policy and of a KMS key, and
InvalidRequestException of everything that a secret's state forbids.
"""

from __future__ import annotations

from typing import Any

from estate_config_providers._aws.causes import Cause, Trouble
from estate_config_providers._aws.failures import Service, trouble_named

C = Cause

SERVICE = Service(
    provider="aws",
    client="secretsmanager",
    operations=frozenset(
        {"BatchGetSecretValue", "GetSecretValue", "DescribeSecret", "CreateSecret", "PutSecretValue"}
        | {"UpdateSecretVersionStage"}
    ),
    codes={
        "ResourceNotFoundException": C.NOT_FOUND,
        "InvalidRequestException": C.STATE,
        "DecryptionFailure": C.KMS,
        "EncryptionFailure": C.KMS,
        "InvalidParameterException": C.MALFORMED,
        "InvalidNextTokenException": C.FAILED,
        "ResourceExistsException": C.EXISTS,
        "PreconditionNotMetException": C.EXISTS,
        "MalformedPolicyDocumentException": C.MALFORMED,
        "PublicPolicyException": C.MALFORMED,
    },
    words=(
        (C.DENIED, "Access to KMS is not allowed", C.KMS),
        (C.STATE, "marked for deletion", C.DELETED),
        (C.STATE, "scheduled for deletion", C.DELETED),
        (C.STATE, "marked deleted", C.DELETED),  # moto's words
    ),
    fixes={
        C.THROTTLED: "start fewer instances at once; allow secretsmanager:BatchGetSecretValue if it is denied",
        C.QUOTA: (
            "look into the quotas of Secrets Manager: aws service-quotas list-service-quotas "
            "--service-code secretsmanager"
        ),
    },
)


def trouble_in(entry: Any) -> Trouble:
    """Return what an entry of a batch's `Errors` is."""
    return trouble_named(str(entry.get("ErrorCode", "")), str(entry.get("Message", "")), SERVICE)
