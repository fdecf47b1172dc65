"""A strict fake of Google Secret Manager: the real gRPC protocol with the client's own message types, on loopback.

It enforces what Google documents: names of secrets, payloads of 64 KiB at most, versions that are enabled, disabled or
destroyed, NOT_FOUND both for a secret that is not there and for one without a version, permissions per method.
"""

from __future__ import annotations

import datetime as dt
import re
import threading
from collections import Counter
from collections.abc import Callable
from concurrent import futures
from types import TracebackType
from typing import Any, Self

import grpc
from google.cloud import secretmanager_v1 as sm
from google.cloud.secretmanager_v1.services.secret_manager_service.transports import SecretManagerServiceGrpcTransport
from google.iam.v1 import iam_policy_pb2 as iam  # type: ignore[import-untyped]  # the library has no types

SERVICE = "google.cloud.secretmanager.v1.SecretManagerService"
Status = grpc.StatusCode


class StrictGcp:
    """`with StrictGcp() as gcp: gcp.add("name", b"value")`; `gcp.client()` is Google's own client, pointed here."""

    def __init__(self) -> None:
        self.secrets: dict[str, list[bytes | grpc.StatusCode]] = {}
        self.denied: set[str] = set()
        """`METHOD NAME` pairs that are refused: `AccessSecretVersion openai`."""
        self.failing: dict[str, grpc.StatusCode] = {}
        """Names of secrets whose reads fail with this status."""
        self.hanging: set[str] = set()
        """Names of secrets that are answered when the fake ends, and not before."""
        self.ending = threading.Event()
        self.calls: Counter[str] = Counter()
        self._server = grpc.server(futures.ThreadPoolExecutor(16))
        self._server.add_generic_rpc_handlers((self._handlers(),))
        self.port = self._server.add_insecure_port("127.0.0.1:0")
        self._channels: list[grpc.Channel] = []

    def add(self, name: str, value: bytes) -> None:
        """Put a value as a new version, creating the secret."""
        self.secrets.setdefault(name, []).append(value)

    def client(self) -> sm.SecretManagerServiceClient:
        channel = grpc.insecure_channel(f"127.0.0.1:{self.port}")
        self._channels.append(channel)
        return sm.SecretManagerServiceClient(transport=SecretManagerServiceGrpcTransport(channel=channel))

    def stop(self) -> None:
        self._server.stop(None)

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.ending.set()
        for channel in self._channels:
            channel.close()
        self._server.stop(None).wait(5)

    def _handlers(self) -> grpc.GenericRpcHandler:
        methods: dict[str, tuple[Callable[[Any, Any], Any], Any, Any]] = {
            "AccessSecretVersion": (self._access, sm.AccessSecretVersionRequest, sm.AccessSecretVersionResponse),
            "GetSecret": (self._get, sm.GetSecretRequest, sm.Secret),
            "GetSecretVersion": (self._get_version, sm.GetSecretVersionRequest, sm.SecretVersion),
            "CreateSecret": (self._create, sm.CreateSecretRequest, sm.Secret),
            "AddSecretVersion": (self._add, sm.AddSecretVersionRequest, sm.SecretVersion),
        }
        handlers = {
            name: grpc.unary_unary_rpc_method_handler(work, asked.deserialize, answered.serialize)
            for name, (work, asked, answered) in methods.items()
        }
        handlers["TestIamPermissions"] = grpc.unary_unary_rpc_method_handler(
            self._permissions,
            iam.TestIamPermissionsRequest.FromString,
            iam.TestIamPermissionsResponse.SerializeToString,
        )
        return grpc.method_handlers_generic_handler(SERVICE, handlers)

    def _permit(self, method: str, name: str, context: Any) -> None:
        self.calls[method] += 1
        if name in self.hanging:
            self.ending.wait()
        if name in self.failing:
            context.abort(self.failing[name], "the fake says so")
        if f"{method} {name}" in self.denied:
            context.abort(Status.PERMISSION_DENIED, f"Permission denied on resource (or it may not exist): {name}")

    def _find(self, method: str, resource: str, context: Any) -> tuple[str, bytes | grpc.StatusCode]:
        """The full name of a version, and its value or the status that it is answered with."""
        match = re.fullmatch(r"projects/([^/]+)/secrets/([A-Za-z0-9_-]{1,255})/versions/(latest|\d+)", resource)
        if match is None:
            context.abort(Status.INVALID_ARGUMENT, "bad name")
        project, name, version = match.groups()  # type: ignore[union-attr]  # abort raises
        self._permit(method, name, context)
        versions = self.secrets.get(name)
        number = len(versions or ()) if version == "latest" else int(version)
        if not versions or not 1 <= number <= len(versions):
            context.abort(Status.NOT_FOUND, f"Secret [{resource}] not found or has no versions.")
        return f"projects/{project}/secrets/{name}/versions/{number}", versions[number - 1]  # type: ignore[index]  # abort raises

    def _access(self, request: sm.AccessSecretVersionRequest, context: Any) -> sm.AccessSecretVersionResponse:
        name, value = self._find("AccessSecretVersion", request.name, context)
        if not isinstance(value, bytes):
            context.abort(value, "is in DISABLED state")
        return sm.AccessSecretVersionResponse(name=name, payload=sm.SecretPayload(data=value))

    def _get_version(self, request: sm.GetSecretVersionRequest, context: Any) -> sm.SecretVersion:
        name, value = self._find("GetSecretVersion", request.name, context)
        states = sm.SecretVersion.State
        state = states.ENABLED if isinstance(value, bytes) else states.DISABLED
        return sm.SecretVersion(name=name, create_time=dt.datetime(2026, 1, 31, tzinfo=dt.UTC), state=state)

    def _permissions(self, request: iam.TestIamPermissionsRequest, context: Any) -> iam.TestIamPermissionsResponse:
        name = request.resource.rsplit("/", 1)[-1]
        self._permit("TestIamPermissions", name, context)
        granted = [] if f"AccessSecretVersion {name}" in self.denied else request.permissions
        return iam.TestIamPermissionsResponse(permissions=granted)

    def _get(self, request: sm.GetSecretRequest, context: Any) -> sm.Secret:
        name = request.name.rsplit("/", 1)[-1]
        self._permit("GetSecret", name, context)
        if name not in self.secrets:
            context.abort(Status.NOT_FOUND, f"Secret [{request.name}] not found.")
        return sm.Secret(name=request.name)

    def _create(self, request: sm.CreateSecretRequest, context: Any) -> sm.Secret:
        name = request.secret_id
        self._permit("CreateSecret", name, context)
        if name in self.secrets:
            context.abort(Status.ALREADY_EXISTS, f"Secret [{name}] already exists.")
        self.secrets[name] = []
        return sm.Secret(name=f"{request.parent}/secrets/{name}")

    def _add(self, request: sm.AddSecretVersionRequest, context: Any) -> sm.SecretVersion:
        name = request.parent.rsplit("/", 1)[-1]
        self._permit("AddSecretVersion", name, context)
        if name not in self.secrets:
            context.abort(Status.NOT_FOUND, f"Secret [{request.parent}] not found.")
        if len(request.payload.data) > 65_536:
            context.abort(Status.INVALID_ARGUMENT, "payload is too large")
        self.secrets[name].append(request.payload.data)
        return sm.SecretVersion(name=f"{request.parent}/versions/{len(self.secrets[name])}")
