"""Making a client: session, credentials, an assumed role. All of it may wait, so it is done within the deadline."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from estate_config.model import Deadline
from estate_config_providers.aws.failures import Cause, Trouble, trouble_of
from estate_config_providers.aws.options import AwsOptions
from estate_config_providers.aws.patience import THREADS, patiently
from estate_config_providers.aws.quiet import hushed

if TYPE_CHECKING:
    from boto3.session import Session
    from botocore.config import Config
    from mypy_boto3_secretsmanager import SecretsManagerClient

T = TypeVar("T")

_CONNECT, _READ = 2.0, 5.0
"""Seconds that one attempt may take; botocore's own are 60 and 60."""
_ATTEMPTS = 3
"""The first one included, with botocore's standard pauses; the deadline ends them all the same."""


class Connection:
    """One client, and how it is asked: whatever goes wrong is returned, and no word of an SDK's error is kept."""

    def __init__(self, client: SecretsManagerClient) -> None:
        self._client = client
        self.region = client.meta.region_name
        self._seconds: float = client.meta.config.read_timeout  # type: ignore[attr-defined]  # the stubs leave it out

    def ask(self, call: Callable[[SecretsManagerClient], T]) -> T | Trouble:
        """Return what the call answers."""
        with hushed():
            try:
                return call(self._client)
            except Exception as error:  # noqa: BLE001 - an SDK may raise anything, and its errors may hold values
                return trouble_of(error)

    def suits(self, deadline: Deadline) -> bool:
        """Whether its time limits, taken from another deadline, are not far too short for this one."""
        return self._seconds * 2 >= min(_READ, deadline.remaining())

    def close(self) -> None:
        self._client.close()


def connect(options: AwsOptions, deadline: Deadline) -> Connection | Trouble:
    """Return a connection with credentials that are there, waiting for those that may still come.

    On a fresh node the agent that hands them out may not be up yet: that is worth waiting for, and nothing else is.
    """
    try:
        import boto3
    except ModuleNotFoundError:
        return Trouble(Cause.NO_SDK)
    with hushed():
        try:
            session = options.session or boto3.Session(profile_name=options.profile)
        except Exception as error:  # noqa: BLE001 - as in ask
            return trouble_of(error)
        return patiently(lambda: _connected(session, options, deadline), _may_still_come, deadline)


def _connected(session: Session, options: AwsOptions, deadline: Deadline) -> Connection | Trouble:
    config = _config(deadline)
    try:
        if options.role_arn is not None:
            session = _with_role(session, options, config)
        credentials = session.get_credentials()
        if credentials is None:
            return Trouble(Cause.NO_CREDENTIALS)
        credentials.get_frozen_credentials()  # now, and not in sixteen threads at once
    except Exception as error:  # noqa: BLE001 - as in ask
        return trouble_of(error)
    return _client(session, options, config)


def _client(session: Session, options: AwsOptions, config: Config) -> Connection | Trouble:
    region, url = options.region, options.endpoint_url
    try:
        client = session.client("secretsmanager", region_name=region, endpoint_url=url, config=config)
    except ValueError:  # botocore says so of what it cannot read as a URL
        return Trouble(Cause.BAD_SETTING)
    except Exception as error:  # noqa: BLE001 - as in ask
        return trouble_of(error)
    return Connection(client)


def _config(deadline: Deadline) -> Config:
    from botocore.config import Config

    left = max(deadline.remaining(), 0.1)
    return Config(
        connect_timeout=min(_CONNECT, left),
        read_timeout=min(_READ, left),
        retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
        max_pool_connections=THREADS,
    )


def _with_role(session: Session, options: AwsOptions, config: Config) -> Session:
    """Return a session whose credentials are those of the role, got anew whenever they are about to run out."""
    import boto3
    import botocore.session
    from botocore.credentials import (
        AssumeRoleCredentialFetcher,
        CredentialProvider,
        CredentialResolver,
        DeferredRefreshableCredentials,
    )

    fetcher = AssumeRoleCredentialFetcher(
        partial(session.client, region_name=options.region, config=config),
        session.get_credentials(),
        options.role_arn or "",
        extra_args={"RoleSessionName": "estate-config"},
    )

    class Assumed(CredentialProvider):
        METHOD = "assume-role"

        def load(self) -> Any:
            return DeferredRefreshableCredentials(fetcher.fetch_credentials, self.METHOD)

    core = botocore.session.Session(profile=options.profile)
    core.register_component("credential_provider", CredentialResolver([Assumed()]))
    return boto3.Session(botocore_session=core, region_name=options.region or session.region_name)


def _may_still_come(trouble: Trouble) -> bool:
    """Whether something on this machine may hand out credentials in a moment."""
    disabled = os.environ.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true"
    agents = ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
    named = any(os.environ.get(name) for name in agents)
    return trouble.cause is Cause.NO_CREDENTIALS and (named or not disabled)
