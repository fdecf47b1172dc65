"""Google's errors and what they are here: one table, by type."""

from __future__ import annotations

from estate_config.errors import Code, ProviderError
from estate_config.model import Deadline, Failed
from estate_config_providers.gcp.address import Address

_BY_NAME: dict[str, tuple[Code, str]] = {
    # google.api_core.exceptions, by the status of gRPC that they stand for
    "PermissionDenied": (Code.DENIED, "may not be read by this identity, or does not exist"),
    "Forbidden": (Code.DENIED, "may not be read by this identity, or does not exist"),
    "FailedPrecondition": (Code.NO_VALUE, "has a version that is disabled or destroyed"),
    "InvalidArgument": (Code.MALFORMED, "is no address that Google Secret Manager knows"),
    "BadRequest": (Code.MALFORMED, "is no address that Google Secret Manager knows"),
    "OutOfRange": (Code.MALFORMED, "is no version that can be"),
    "DataLoss": (Code.MALFORMED, "arrived damaged"),
    "ResourceExhausted": (Code.THROTTLED, "is asked for more often than the project's quota allows"),
    "TooManyRequests": (Code.THROTTLED, "is asked for more often than the project's quota allows"),
    "Unauthenticated": (Code.CREDENTIALS, "was asked for with credentials that Google refuses"),
    "Unauthorized": (Code.CREDENTIALS, "was asked for with credentials that Google refuses"),
    "Cancelled": (Code.UNAVAILABLE, "could not be read: the call was cancelled"),
    "Aborted": (Code.UNAVAILABLE, "could not be read: the call was aborted"),
    "Conflict": (Code.UNAVAILABLE, "could not be read: the call was aborted"),
    "DeadlineExceeded": (Code.UNAVAILABLE, "could not be read in time"),
    "GatewayTimeout": (Code.UNAVAILABLE, "could not be read in time"),
    "RetryError": (Code.UNAVAILABLE, "could not be read in time, tried again and again"),
    "ServiceUnavailable": (Code.UNAVAILABLE, "could not be read: the service is not available"),
    "InternalServerError": (Code.UNAVAILABLE, "could not be read: the service failed"),
    "ServerError": (Code.UNAVAILABLE, "could not be read: the service failed"),
    "Unknown": (Code.UNAVAILABLE, "could not be read: the service failed"),
    "BadGateway": (Code.UNAVAILABLE, "could not be read: the service failed"),
    "MethodNotImplemented": (Code.UNAVAILABLE, "could not be read: the endpoint is no Secret Manager"),
    "ClientError": (Code.UNAVAILABLE, "could not be read: the call was refused"),
    "GoogleAPICallError": (Code.UNAVAILABLE, "could not be read"),
    "AlreadyExists": (Code.UNAVAILABLE, "is being created by somebody else"),
    "NotFound": (Code.UNAVAILABLE, "is not there any more"),  # when it is written; to a read it is absence
    "DuplicateCredentialArgs": (Code.CREDENTIALS, "is asked for with two kinds of credentials at once"),
    # of HTTP alone, or of uploads: whatever sends them is no Secret Manager
    **dict.fromkeys(
        (
            "Redirection",
            "MovedPermanently",
            "NotModified",
            "TemporaryRedirect",
            "ResumeIncomplete",
            "MethodNotAllowed",
            "LengthRequired",
            "PreconditionFailed",
            "RequestRangeNotSatisfiable",
            "ResumableTransferError",
            "TransferStalledError",
            "UnseekableStreamError",
            "UploadCancelledError",
            "MissingStatusHeaderError",
        ),
        (Code.UNAVAILABLE, "could not be read: the endpoint is no Secret Manager"),
    ),
    # google.auth.exceptions
    "TransportError": (Code.UNAVAILABLE, "could not be read: Google's login cannot be reached"),
    "TimeoutError": (Code.UNAVAILABLE, "could not be read: Google's login did not answer in time"),
    "ResponseError": (Code.UNAVAILABLE, "could not be read: Google's login did not answer as it should"),
    **dict.fromkeys(
        (
            "RefreshError",
            "UserAccessTokenError",
            "DefaultCredentialsError",
            "MutualTLSChannelError",
            "ClientCertError",
            "OAuthError",
            "ReauthFailError",
            "ReauthSamlChallengeFailError",
            "MalformedError",
            "InvalidResource",
            "InvalidOperation",
            "InvalidValue",
            "InvalidType",
            "OSError",
            "GoogleAuthError",
        ),
        (Code.CREDENTIALS, "could not be asked for: there are no usable Google credentials"),
    ),
}

_FIXES = {
    Code.DENIED: (
        "gcloud secrets add-iam-policy-binding {secret} --project={project} "
        "--role=roles/secretmanager.secretAccessor --member=serviceAccount:…"
    ),
    Code.CREDENTIALS: "gcloud auth application-default login, or give the pod a workload identity",
    Code.MALFORMED: "correct the address in the schema",
    Code.UNAVAILABLE: "look whether the endpoint can be reached: gcloud secrets list --project={project}",
    Code.THROTTLED: "ask less often, or raise the quota of the project {project}",
}


def failure(error: Exception, address: Address) -> Failed:
    """Return what an error of Google's client is for one secret; NotFound is the caller's."""
    cause = getattr(error, "cause", None)  # of a RetryError: what it was that did not get better
    for kind in type(cause if isinstance(cause, Exception) else error).__mro__:
        if kind.__name__ in _BY_NAME:
            code, hint = _BY_NAME[kind.__name__]
            return Failed(code, hint, fix(code, address))
    return Failed(Code.PLUGIN, f"could not be read: {type(error).__name__} is not known here")


def late(address: Address, deadline: Deadline) -> Failed:
    """Return the failure of a secret that was not answered in time."""
    hint = f"was not answered within {deadline.seconds:g} seconds"
    return Failed(Code.UNAVAILABLE, hint, fix(Code.UNAVAILABLE, address))


def fix(code: Code, address: Address) -> str:
    """Return the command that mends an outcome."""
    if code is Code.NO_VALUE:
        return put(address)
    return _FIXES[code].format(secret=address.secret, project=address.project)


def put(address: Address) -> str:
    """Return the command that puts a value into a secret that is there."""
    if address.version != "latest":
        words = f"gcloud secrets versions list {address.secret} --project={address.project}"
        return f"{words}   # a version cannot be written: name one that is there"
    return f"gcloud secrets versions add {address.secret} --project={address.project} {_data(address, 'it is there: ')}"


def make(address: Address) -> str:
    """Return how a value gets to where none is; of a member nobody knows whether its secret is there."""
    if address.version != "latest":
        return put(address)
    data = _data(address, "it is not there yet: ")
    create = f"gcloud secrets create {address.secret} --project={address.project} {data}"
    return create if address.member is None else f"{create}\n{put(address)}"


def _data(address: Address, when: str) -> str:
    if address.member is None:
        return "--data-file=-"
    return f'--data-file=secret.json   # {when}the whole JSON object, "{address.member}" in it'


def not_installed() -> ProviderError:
    """Return the error for a missing client library."""
    return ProviderError(Code.PLUGIN, "needs google-cloud-secret-manager", "pip install 'estate-config[gcp]'")
