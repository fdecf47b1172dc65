"""What Parameter Store says, and what it is here: its own error codes; what all of AWS says, providers share."""

from __future__ import annotations

from estate_config_providers._aws.causes import Cause
from estate_config_providers._aws.failures import Service

C = Cause

SERVICE = Service(
    provider="parameter_store",
    client="ssm",
    operations=frozenset({"GetParameters", "DescribeParameters", "PutParameter"}),
    codes={
        "InvalidKeyId": C.KMS,  # of a key that is disabled, or gone
        "ParameterAlreadyExists": C.EXISTS,
        "TooManyUpdates": C.EXISTS,
        "ParameterLimitExceeded": C.QUOTA,
        "ParameterMaxVersionLimitExceeded": C.QUOTA,
        "HierarchyLevelLimitExceededException": C.MALFORMED,
        "HierarchyTypeMismatchException": C.MALFORMED,
        "InvalidAllowedPatternException": C.MALFORMED,
        "ParameterPatternMismatchException": C.MALFORMED,
        "UnsupportedParameterType": C.MALFORMED,
        "PoliciesLimitExceededException": C.MALFORMED,
        "InvalidPolicyTypeException": C.MALFORMED,
        "InvalidPolicyAttributeException": C.MALFORMED,
        "IncompatiblePolicyException": C.MALFORMED,
        "InvalidFilterKey": C.STRANGER,
        "InvalidFilterOption": C.STRANGER,
        "InvalidFilterValue": C.MALFORMED,
        "InvalidNextToken": C.FAILED,
    },
    # AccessDeniedException is said of the parameter and of its key: what KMS said of the key is in the message.
    words=((C.DENIED, "kms:", C.KMS), (C.DENIED, "ciphertext refers to", C.KMS), (C.DENIED, "AWSKMS", C.KMS)),
    fixes={
        C.THROTTLED: (
            "start fewer instances at the same moment, or raise the 40 calls a second: aws ssm update-service-setting "
            "--setting-id /ssm/parameter-store/high-throughput-enabled --setting-value true"
        ),
        C.QUOTA: "aws service-quotas list-service-quotas --service-code ssm   # shows the limits of the account",
    },
)
