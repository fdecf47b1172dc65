"""The SDK's errors and what they are here: one table, by type and by error code.

By text only where AWS gives nothing else: it says AccessDeniedException of a policy and of a KMS key, and
InvalidRequestException of everything that a secret's state forbids.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Any

from estate_config.errors import Code


class Cause(Enum):
    """Why AWS, or the way to it, did not do what it was asked: outcome and hint, unless more can be found out."""

    NOT_FOUND = (Code.NO_VALUE, "does not exist, or has no such version")
    STATE = (Code.UNAVAILABLE, "cannot be used in the state that it is in")
    DELETED = (Code.DELETED, "is scheduled for deletion")
    DENIED = (Code.DENIED, "may not be read by this identity, or does not exist: AWS then says the same")
    KMS = (Code.KMS, "cannot be decrypted: this identity may not use its KMS key, or the key is disabled")
    MALFORMED = (Code.MALFORMED, "is refused by AWS as no name, version or value that can be")
    EXISTS = (Code.UNAVAILABLE, "is being written by somebody else")
    QUOTA = (Code.THROTTLED, "would exceed a quota of the account")
    THROTTLED = (Code.THROTTLED, "is asked for more often than the account's quota allows")
    FAILED = (Code.UNAVAILABLE, "could not be read: the service failed")
    LATE = (Code.UNAVAILABLE, "was not answered in time")
    UNSAID = (Code.UNAVAILABLE, "was left out of AWS's answer: neither a value nor an error came back for it")
    STRANGER = (Code.UNAVAILABLE, "cannot be asked: what answers there is no Secrets Manager")
    UNREACHABLE = (Code.UNAVAILABLE, "cannot be reached")
    UNTRUSTED = (Code.UNAVAILABLE, "cannot be reached: the server's certificate is not trusted here")
    NO_CREDENTIALS = (Code.CREDENTIALS, "has no AWS credentials to call with")
    LOGGED_OUT = (Code.CREDENTIALS, "has a login that has run out, or that is not there")
    REFUSED = (
        Code.CREDENTIALS,
        "has credentials that AWS refuses: wrong, expired, or the clock here is off",
    )
    NO_PROFILE = (Code.CREDENTIALS, "is given a profile that the AWS configuration files do not have")
    BAD_FILES = (Code.CREDENTIALS, "finds AWS configuration files that it cannot use")
    ROLE = (Code.DENIED, "may not assume the role")
    NO_REGION = (Code.SCHEMA, "is given no region")
    BAD_SETTING = (Code.SCHEMA, "is given a region, an endpoint or another setting that the SDK cannot use")
    NO_SDK = (Code.PLUGIN, "needs boto3, which is not installed")
    BROKEN_SDK = (Code.PLUGIN, "needs another boto3 than the one that is installed")
    UNEXPECTED = (Code.PLUGIN, "failed in a way that is not known here")

    @property
    def code(self) -> Code:
        return self.value[0]

    @property
    def hint(self) -> str:
        return self.value[1]


C = Cause

WHOLE = frozenset(
    {C.UNREACHABLE, C.UNTRUSTED, C.STRANGER, C.NO_CREDENTIALS, C.LOGGED_OUT, C.REFUSED, C.NO_PROFILE, C.BAD_FILES}
    | {C.ROLE, C.NO_REGION, C.BAD_SETTING, C.NO_SDK, C.BROKEN_SDK}
)
"""Causes that are not about one secret."""

_BY_TYPE: dict[str, Cause] = {
    # botocore.exceptions, subclasses by their base
    "ConnectionError": C.UNREACHABLE,
    "HTTPClientError": C.UNREACHABLE,
    "IncompleteReadError": C.UNREACHABLE,
    "SSLError": C.UNTRUSTED,
    "NoCredentialsError": C.NO_CREDENTIALS,
    "CredentialRetrievalError": C.NO_CREDENTIALS,
    "MetadataRetrievalError": C.NO_CREDENTIALS,
    "SSOError": C.LOGGED_OUT,
    "LoginError": C.LOGGED_OUT,
    "TokenRetrievalError": C.LOGGED_OUT,
    "NoAuthTokenError": C.LOGGED_OUT,
    "RefreshWithMFAUnsupportedError": C.LOGGED_OUT,
    "ProfileNotFound": C.NO_PROFILE,
    "PartialCredentialsError": C.BAD_FILES,
    "UnknownCredentialError": C.BAD_FILES,
    "UnknownTokenProviderError": C.BAD_FILES,
    "ConfigNotFound": C.BAD_FILES,
    "ConfigParseError": C.BAD_FILES,
    "InvalidConfigError": C.BAD_FILES,
    "NoRegionError": C.NO_REGION,
    "InvalidRegionError": C.BAD_SETTING,
    "UnknownRegionError": C.BAD_SETTING,
    "ServiceNotInRegionError": C.BAD_SETTING,
    "BaseEndpointResolverError": C.BAD_SETTING,
    "EndpointProviderError": C.BAD_SETTING,
    "InvalidEndpointConfigurationError": C.BAD_SETTING,
    "InvalidEndpointDiscoveryConfigurationError": C.BAD_SETTING,
    "InvalidHostLabelError": C.BAD_SETTING,
    "InvalidDNSNameError": C.BAD_SETTING,
    "InvalidIMDSEndpointError": C.BAD_SETTING,
    "InvalidIMDSEndpointModeError": C.BAD_SETTING,
    "InvalidDefaultsMode": C.BAD_SETTING,
    "InvalidProxiesConfigError": C.BAD_SETTING,
    "InvalidRetryConfigurationError": C.BAD_SETTING,
    "InvalidSTSRegionalEndpointsConfigError": C.BAD_SETTING,
    "InvalidChecksumConfigError": C.BAD_SETTING,
    "UnknownSignatureVersionError": C.BAD_SETTING,
    "UnsupportedSignatureVersionError": C.BAD_SETTING,
    "ValidationError": C.MALFORMED,
    "ParamValidationError": C.MALFORMED,
    "MissingParametersError": C.MALFORMED,
    "DataNotFoundError": C.BROKEN_SDK,
    "ApiVersionNotFoundError": C.BROKEN_SDK,
    "MissingDependencyException": C.BROKEN_SDK,
    "UnsupportedServiceProtocolsError": C.BROKEN_SDK,
    "UnknownServiceStyle": C.BROKEN_SDK,
    "UndefinedModelAttributeError": C.BROKEN_SDK,
    "UnknownClientMethodError": C.BROKEN_SDK,
    "MD5UnavailableError": C.BROKEN_SDK,
    "ChecksumError": C.STRANGER,
    "FlexibleChecksumError": C.STRANGER,
    "ResponseParserError": C.STRANGER,  # of botocore.parsers
}

NEVER_HERE = frozenset(
    {"AwsChunkedWrapperError", "CapacityNotAvailableError", "InvalidExpressionError", "InvalidS3AddressingStyleError"}
    | {"InvalidS3UsEast1RegionalEndpointConfigError", "OperationNotPageableError", "PaginationError"}
    | {"StubResponseError", "UnseekableStreamError", "UnsupportedOutpostResourceError"}
    | {"UnsupportedS3AccesspointConfigurationError", "UnsupportedS3ArnError", "UnsupportedS3ConfigurationError"}
    | {"UnsupportedS3ControlArnError", "UnsupportedS3ControlConfigurationError"}
    | {"WaiterConfigError", "WaiterError"}
)
"""botocore's errors of other services, and of what is not used: pages, waiters, stubs."""

_BY_CODE: dict[str, Cause] = {
    "ResourceNotFoundException": C.NOT_FOUND,
    "InvalidRequestException": C.STATE,
    "AccessDeniedException": C.DENIED,
    "AccessDenied": C.DENIED,
    "UnauthorizedOperation": C.DENIED,
    "DecryptionFailure": C.KMS,
    "EncryptionFailure": C.KMS,
    "InvalidParameterException": C.MALFORMED,
    "ValidationException": C.MALFORMED,
    "ValidationError": C.MALFORMED,
    "SerializationException": C.MALFORMED,
    "InvalidNextTokenException": C.FAILED,
    "InternalServiceError": C.FAILED,
    "InternalServiceErrorException": C.FAILED,
    "InternalServerError": C.FAILED,
    "InternalFailure": C.FAILED,
    "ServiceUnavailable": C.FAILED,
    "ServiceUnavailableException": C.FAILED,
    "RequestTimeout": C.FAILED,
    "RequestTimeoutException": C.FAILED,
    "ThrottlingException": C.THROTTLED,  # HTTP 400: what a status is does not tell whether it passes
    "Throttling": C.THROTTLED,
    "ThrottledException": C.THROTTLED,
    "RequestThrottled": C.THROTTLED,
    "RequestThrottledException": C.THROTTLED,
    "RequestLimitExceeded": C.THROTTLED,
    "TooManyRequestsException": C.THROTTLED,
    "SlowDown": C.THROTTLED,
    "LimitExceededException": C.QUOTA,
    "ResourceExistsException": C.EXISTS,
    "PreconditionNotMetException": C.EXISTS,
    "MalformedPolicyDocumentException": C.MALFORMED,
    "PublicPolicyException": C.MALFORMED,
    "UnknownOperationException": C.STRANGER,
    "UnrecognizedClientException": C.REFUSED,
    "InvalidClientTokenId": C.REFUSED,
    "InvalidAccessKeyId": C.REFUSED,
    "InvalidSignatureException": C.REFUSED,
    "SignatureDoesNotMatch": C.REFUSED,
    "IncompleteSignature": C.REFUSED,
    "IncompleteSignatureException": C.REFUSED,
    "MissingAuthenticationToken": C.REFUSED,
    "MissingAuthenticationTokenException": C.REFUSED,
    "AuthFailure": C.REFUSED,
    "NotAuthorized": C.REFUSED,
    "OptInRequired": C.REFUSED,
    "RequestExpired": C.REFUSED,
    "ExpiredToken": C.REFUSED,
    "ExpiredTokenException": C.REFUSED,
    # of STS, when a role is assumed
    "ExpiredTradeInTokenException": C.REFUSED,
    "IDPCommunicationError": C.REFUSED,
    "IDPRejectedClaim": C.REFUSED,
    "InvalidAuthorizationMessageException": C.REFUSED,
    "InvalidIdentityToken": C.REFUSED,
    "JWTPayloadSizeExceededException": C.REFUSED,
    "MalformedPolicyDocument": C.REFUSED,
    "OutboundWebIdentityFederationDisabledException": C.REFUSED,
    "PackedPolicyTooLarge": C.REFUSED,
    "RegionDisabledException": C.REFUSED,
    "SessionDurationEscalationException": C.REFUSED,
}

_BY_WORDS: tuple[tuple[Cause, str, Cause], ...] = (
    (C.DENIED, "Access to KMS is not allowed", C.KMS),
    (C.STATE, "marked for deletion", C.DELETED),
    (C.STATE, "scheduled for deletion", C.DELETED),
    (C.STATE, "marked deleted", C.DELETED),  # moto's words
)

_OURS = frozenset({"BatchGetSecretValue", "GetSecretValue", "DescribeSecret", "CreateSecret", "PutSecretValue"})


@dataclass(frozen=True, slots=True)
class Trouble:
    """A call that failed, without a word of the SDK's or of AWS's."""

    cause: Cause
    detail: str = ""
    """The server that cannot be reached, or the error's own name where it is not known here."""


def trouble_of(error: Exception) -> Trouble:
    """Return what an error of the SDK is."""
    response = getattr(error, "response", None)
    operation = getattr(error, "operation_name", None)
    if isinstance(response, dict) and isinstance(operation, str):
        return _answered(response, operation)
    for kind in type(error).__mro__:
        if kind.__name__ in _BY_TYPE:
            return Trouble(_BY_TYPE[kind.__name__], _server(error))
    return Trouble(C.UNEXPECTED, type(error).__name__)


def trouble_in(entry: Any) -> Trouble:
    """Return what an entry of a batch's `Errors` is."""
    return _named(str(entry.get("ErrorCode", "")), str(entry.get("Message", "")), 0)


def _answered(response: dict[str, Any], operation: str) -> Trouble:
    error, meta = response.get("Error", {}), response.get("ResponseMetadata", {})
    found = _named(str(error.get("Code", "")), str(error.get("Message", "")), int(meta.get("HTTPStatusCode", 0)))
    if operation in _OURS or found.cause in WHOLE or found.cause in {C.THROTTLED, C.FAILED}:
        return found
    return Trouble(C.ROLE if operation == "AssumeRole" else C.REFUSED)  # on the way to credentials


def _named(code: str, message: str, status: int) -> Trouble:
    cause = _BY_CODE.get(code)
    if cause is not None:
        better = (then for first, words, then in _BY_WORDS if first is cause and words in message)
        return Trouble(next(better, cause))
    if status >= 500:  # noqa: PLR2004 - HTTP's server errors
        return Trouble(C.FAILED)
    if not re.fullmatch(r"[A-Z][A-Za-z.]{2,63}", code):  # a proxy's page: the SDK then makes a code of the status
        return Trouble(C.STRANGER, f"(HTTP {status})" if status else "")
    return Trouble(C.UNEXPECTED, code)


def _server(error: Exception) -> str:
    """Return where an error says that it tried, without user, path and what else a URL may hold."""
    words = getattr(error, "kwargs", None)
    tried = str(words.get("endpoint_url", "")) if isinstance(words, dict) else ""
    url = re.match(r"(https?://)(?:[^/@]*@)?([^/?#]+)", tried)
    return f"at {url[1]}{url[2]}" if url else ""
