"""Making a client: session, credentials, an assumed role. All of it may wait, so it is done within the deadline."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from estate_config.model import Deadline
from estate_config.parallel import at_once
from estate_config_providers._aws.access import AwsAccess
from estate_config_providers._aws.causes import Cause, Trouble
from estate_config_providers._aws.failures import Service, trouble_of
from estate_config_providers._aws.patience import THREADS, patiently
from estate_config_providers._aws.quiet import hushed

if TYPE_CHECKING:
    from boto3.session import Session
    from botocore.config import Config

C = TypeVar("C")
T = TypeVar("T")

_CONNECT, _READ = 2.0, 5.0
"""Seconds that one attempt may take; botocore's own are 60 and 60."""
_ATTEMPTS = 3
"""The first one included, with botocore's standard pauses; the deadline ends them all the same."""


class Connection(Generic[C]):
    """One client, and how it is asked: whatever goes wrong is returned, and no word of an SDK's error is kept."""

    def __init__(self, client: Any, service: Service) -> None:
        self._client = client
        self._service = service
        self.region: str = client.meta.region_name
        self.seconds: float = client.meta.config.read_timeout
        """How long one attempt waits for an answer."""

    def ask(self, call: Callable[[C], T]) -> T | Trouble:
        """Return what the call answers."""
        with hushed():
            try:
                return call(self._client)
            except Exception as error:  # noqa: BLE001 - an SDK may raise anything, and its errors may hold values
                return trouble_of(error, self._service)

    def suits(self, deadline: Deadline) -> bool:
        """Whether its time limits, taken from another deadline, are not far too short for this one."""
        return self.seconds * 2 >= min(_READ, deadline.remaining())

    def close(self) -> None:
        self._client.close()


class Connector(Generic[C]):
    """Keeps the connection of one provider: one for all threads, made by the first call."""

    def __init__(self, access: AwsAccess, service: Service) -> None:
        self._access = access
        self._service = service
        self._connection: Connection[C] | None = None
        self._connecting = threading.Lock()

    def connected(self, deadline: Deadline) -> Connection[C] | Trouble:
        """Return the connection, with credentials that are there."""
        current = self._connection
        if current is not None and current.suits(deadline):
            return current
        done = at_once(self._connect, [deadline], deadline)
        return done.get(deadline) or self._late()

    def _late(self) -> Trouble:
        if self._access.role_arn is not None:  # missing credentials are said before the deadline: it is STS that hangs
            return Trouble(Cause.LATE)
        return Trouble(Cause.NO_CREDENTIALS, "within the time that there was")

    def close(self) -> None:
        """Give the connection back; the next call makes another one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _connect(self, deadline: Deadline) -> Connection[C] | Trouble:
        if not self._connecting.acquire(timeout=deadline.remaining()):  # else each look would leave a thread behind
            return self._late()
        try:
            current = self._connection
            if current is not None and current.suits(deadline):
                return current
            made: Connection[C] | Trouble = connect(self._access, self._service, deadline)
            if isinstance(made, Connection):
                self._connection = made
                if current is not None:
                    current.close()
            return made
        finally:
            self._connecting.release()


def connect(access: AwsAccess, service: Service, deadline: Deadline) -> Connection[Any] | Trouble:
    """Return a connection with credentials that are there, waiting for those that may still come.

    On a fresh node the agent that hands them out may not be up yet, and STS throttles who comes with many others: that
    is worth waiting for, and nothing else is.
    """
    try:
        import boto3
    except ModuleNotFoundError:
        return Trouble(Cause.NO_SDK)
    with hushed():
        try:
            region = os.environ.get("AWS_REGION")  # boto3, alone of the SDKs, does not read it
            session = access.session or boto3.Session(profile_name=access.profile, region_name=region or None)
        except Exception as error:  # noqa: BLE001 - as in ask
            return trouble_of(error, service)
        return patiently(lambda: _connected(session, access, service, deadline), _may_still_come, deadline)


def _connected(session: Session, access: AwsAccess, service: Service, deadline: Deadline) -> Connection[Any] | Trouble:
    config = _config(deadline)
    try:
        if access.role_arn is not None:
            session = _with_role(session, access, config)
        credentials = session.get_credentials()
        if credentials is None:
            return Trouble(Cause.NO_CREDENTIALS)
        credentials.get_frozen_credentials()  # now, and not in sixteen threads at once
    except Exception as error:  # noqa: BLE001 - as in ask
        return trouble_of(error, service)
    return _client(session, access, service, config)


def _client(session: Session, access: AwsAccess, service: Service, config: Config) -> Connection[Any] | Trouble:
    make: Any = session.client  # its types want a name that is written down
    try:
        client = make(service.client, region_name=access.region, endpoint_url=access.endpoint_url, config=config)
    except ValueError:  # botocore says so of what it cannot read as a URL
        return Trouble(Cause.BAD_SETTING)
    except Exception as error:  # noqa: BLE001 - as in ask
        return trouble_of(error, service)
    return Connection(client, service)


def _config(deadline: Deadline) -> Config:
    from botocore.config import Config

    left = max(deadline.remaining(), 0.1)
    return Config(
        connect_timeout=min(_CONNECT, left),
        read_timeout=min(_READ, left),
        retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
        max_pool_connections=THREADS,
    )


def _with_role(session: Session, access: AwsAccess, config: Config) -> Session:
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
        partial(session.client, region_name=access.region, config=config),
        session.get_credentials(),
        access.role_arn or "",
        extra_args={"RoleSessionName": "estate-config"},
    )

    class Assumed(CredentialProvider):
        METHOD = "assume-role"

        def load(self) -> Any:
            return DeferredRefreshableCredentials(fetcher.fetch_credentials, self.METHOD)

    core = botocore.session.Session(profile=access.profile)
    core.register_component("credential_provider", CredentialResolver([Assumed()]))
    return boto3.Session(botocore_session=core, region_name=access.region or session.region_name)


def _may_still_come(trouble: Trouble) -> bool:
    """Whether credentials may be handed out in a moment, by something on this machine or by STS."""
    if trouble.cause is Cause.THROTTLED:
        return True
    disabled = os.environ.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true"
    agents = ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
    named = any(os.environ.get(name) for name in agents)
    return trouble.cause is Cause.NO_CREDENTIALS and (named or not disabled)
