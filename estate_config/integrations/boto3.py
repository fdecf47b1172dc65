"""boto3 with the keys of another account: every call is signed with the pair of now, also by a client made before."""

from __future__ import annotations

from typing import Any

import boto3
import botocore.session
from botocore.credentials import CredentialProvider, CredentialResolver, Credentials, ReadOnlyCredentials

from estate_config.integrations.reading import sendable_of
from estate_config.live import retry_on_rejected, snapshot
from estate_config.settings import Settings

_REFUSED = frozenset(
    {
        "AuthFailure",  # EC2
        "InvalidAccessKeyId",  # S3
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
"""How AWS's services say that they do not know a pair of keys."""

_VERSION = "estate_config.version"
"""Where a request has the version of the settings that it was signed with."""


def session_for(
    settings: Settings, *, access_key: str, secret_key: str, region_name: str | None = None
) -> boto3.Session:
    """Return a session whose clients sign each call with the pair that the two fields have at the time.

    Where AWS does not know the pair, both are read again as `retry_on_rejected` does, and the call is made once more.
    Nothing is loaded before the first call.
    Raises `TypeError` for an instance that is not lazy, `ValueError` for a name that is no field.
    """
    retry = retry_on_rejected(settings, access_key, secret_key, exceptions=())

    def remember(**call: Any) -> None:
        call["request"].context[_VERSION] = retry.seen()

    def again(**call: Any) -> Any:
        """Return the seconds to wait before the call is made once more; None: whatever botocore thinks."""
        code = call["response"][1].get("Error", {}).get("Code") if call["response"] else None
        is_newer = code in _REFUSED and retry.renewed(call["request_dict"]["context"][_VERSION])
        return 0.0 if is_newer else None

    session = botocore.session.get_session()
    provider = _Provider(_Pair(settings, access_key, secret_key))
    session.register_component("credential_provider", CredentialResolver([provider]))
    session.register("before-sign", remember)
    session.register("needs-retry", again)
    return boto3.Session(botocore_session=session, region_name=region_name)


class _Pair(Credentials):
    """What botocore asks for a pair each time that it signs."""

    def __init__(self, settings: Settings, access_key: str, secret_key: str) -> None:
        super().__init__("", "", method=_Provider.METHOD)
        self._settings = settings
        self._fields = (access_key, secret_key)

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        version = snapshot(self._settings)  # one version: a key of before with a secret of now is nobody's
        access_key, secret_key = self._fields
        return ReadOnlyCredentials(sendable_of(version, access_key), sendable_of(version, secret_key), token=None)


class _Provider(CredentialProvider):
    METHOD = "estate_config"

    def __init__(self, pair: _Pair) -> None:
        super().__init__()
        self._pair = pair

    def load(self) -> Credentials:
        return self._pair
