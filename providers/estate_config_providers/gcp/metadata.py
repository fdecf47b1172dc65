"""What Google says of a secret without giving its value."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, cast

from estate_config.errors import Code
from estate_config.model import Deadline, Failed, Status
from estate_config_providers.gcp.address import Address
from estate_config_providers.gcp.calls import retry, seconds
from estate_config_providers.gcp.failures import failure, fix

if TYPE_CHECKING:
    from google.cloud.secretmanager_v1 import SecretManagerServiceClient

_ACCESS = "secretmanager.versions.access"
"""The permission to read a value."""


def look(client: SecretManagerServiceClient, address: Address, deadline: Deadline) -> Status | Failed | None:
    """Return how one version stands; None if the secret is not there."""
    from google.api_core.exceptions import GoogleAPIError, NotFound
    from google.auth.exceptions import GoogleAuthError

    try:
        version = client.get_secret_version(name=address.resource, timeout=seconds(deadline), retry=retry(deadline))
    except NotFound:
        return not_found(client, address, deadline)
    except (GoogleAPIError, GoogleAuthError) as error:
        problem = failure(error, address)
        if problem.code is Code.DENIED:
            hint = "may not be looked at by this identity (secretmanager.versions.get), or does not exist"
            return Failed(problem.code, hint, problem.fix.replace("secretAccessor", "viewer"))
        return problem
    if version.state != type(version).State.ENABLED:
        return Failed(Code.NO_VALUE, "has a version that is disabled or destroyed", fix(Code.NO_VALUE, address))
    number = version.name.rsplit("/", 1)[-1]
    created = cast("datetime", version.create_time)  # the library gives one, and types it as protobuf's Timestamp
    return Status(address.text, number, created, _may_read(client, address, deadline))


def not_found(client: SecretManagerServiceClient, address: Address, deadline: Deadline) -> Failed | None:
    """Google says NOT_FOUND of a secret that is not there, and of one without the version: tell them apart."""
    from google.api_core.exceptions import GoogleAPIError, NotFound
    from google.auth.exceptions import GoogleAuthError

    put = fix(Code.NO_VALUE, address)
    try:
        client.get_secret(name=address.parent, timeout=seconds(deadline), retry=None)
    except NotFound:
        return None
    except (GoogleAPIError, GoogleAuthError):
        return Failed(
            Code.NO_VALUE,
            "does not exist, or has no such version (this identity may not look which: secretmanager.secrets.get)",
            put,
        )
    return Failed(Code.NO_VALUE, "exists and has no such version", put)


def _may_read(client: SecretManagerServiceClient, address: Address, deadline: Deadline) -> bool | None:
    from google.api_core.exceptions import GoogleAPIError
    from google.auth.exceptions import GoogleAuthError

    request = {"resource": address.parent, "permissions": [_ACCESS]}
    try:
        granted = client.test_iam_permissions(request=request, timeout=seconds(deadline), retry=retry(deadline))
    except (GoogleAPIError, GoogleAuthError):
        return None
    return _ACCESS in granted.permissions
