"""The SDK's errors and what they are here: one table, by type and by error code; a service adds codes of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from estate_config_providers._aws.causes import WHOLE, Cause, Trouble

C = Cause


@dataclass(frozen=True, slots=True)
class Service:
    """What one AWS service has of its own."""

    provider: str
    """As the chain names the provider: `parameter_store`."""
    client: str
    """As boto3 names the service: `ssm`."""
    operations: frozenset[str]
    """Those that are called; any other one that fails was on the way to credentials."""
    codes: Mapping[str, Cause]
    words: tuple[tuple[Cause, str, Cause], ...] = ()
    """What a cause is instead if the message has these words: only where the service gives nothing else."""
    fixes: Mapping[Cause, str] = field(default_factory=dict)
    """What mends a cause in this service, where it is not the same in all."""


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

_BY_CODE: dict[str, Cause] = {
    # what any service may say
    "AccessDeniedException": C.DENIED,
    "AccessDenied": C.DENIED,
    "UnauthorizedOperation": C.DENIED,
    "ValidationException": C.MALFORMED,
    "ValidationError": C.MALFORMED,
    "SerializationException": C.MALFORMED,
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


def trouble_of(error: Exception, service: Service) -> Trouble:
    """Return what an error of the SDK is, raised by a call of the service or on the way to one."""
    response = getattr(error, "response", None)
    operation = getattr(error, "operation_name", None)
    if isinstance(response, dict) and isinstance(operation, str):
        return _answered(response, operation, service)
    for kind in type(error).__mro__:
        if kind.__name__ in _BY_TYPE:
            return Trouble(_BY_TYPE[kind.__name__], _server(error))
    return Trouble(C.UNEXPECTED, type(error).__name__)


def _answered(response: dict[str, Any], operation: str, service: Service) -> Trouble:
    error, meta = response.get("Error", {}), response.get("ResponseMetadata", {})
    status = int(meta.get("HTTPStatusCode", 0))
    found = trouble_named(str(error.get("Code", "")), str(error.get("Message", "")), service, status)
    if operation in service.operations or found.cause in WHOLE or found.cause in {C.THROTTLED, C.FAILED}:
        return found
    return Trouble(C.ROLE if operation == "AssumeRole" else C.REFUSED)  # on the way to credentials


def trouble_named(code: str, message: str, service: Service, status: int = 0) -> Trouble:
    """Return what an error code is; `status` is that of HTTP, 0 for an entry of a batch's errors."""
    cause = service.codes.get(code) or _BY_CODE.get(code)
    if cause is not None:
        better = (then for first, words, then in service.words if first is cause and words in message)
        return Trouble(next(better, cause))
    if status >= 500:  # noqa: PLR2004 - HTTP's server errors
        return Trouble(C.FAILED)
    if not re.fullmatch(r"[A-Z][A-Za-z.]{2,63}", code):  # a proxy's page: the SDK then makes a code of the status
        return Trouble(C.STRANGER, f"(HTTP {status})" if status else "")
    return Trouble(C.UNEXPECTED, code)


def _server(error: Exception) -> str:
    """Return where an error says that it tried, without user, path and what else a URL may hold."""
    words = getattr(error, "kwargs", None)
    tried = str(words.get("endpoint_url")) if isinstance(words, dict) else ""
    url = re.fullmatch(r"(https?://)(?:[^/@]*@)?([^/?#@]+)([/?#][^@]*)?", tried)  # a second @ is of a password
    return f"at {url[1]}{url[2]}" if url else ""
