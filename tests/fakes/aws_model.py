"""What the strict fakes of AWS services share: who asks, errors, and the SDK's own model of parameters."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from tests.fakes.iam import Policy


class AwsError(Exception):
    """An answer that is an error; AWS says nearly all of them with HTTP 400."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(code, message)
        self.code, self.message, self.status = code, message, status


@dataclass
class Caller:
    """Who asks."""

    arn: str
    account: str
    policies: tuple[Policy, ...] | None = None
    """None: everything is allowed."""
    expires: datetime | None = None
    token: str | None = None
    """What a temporary identity has to show besides its key."""


def validate(service: str, action: str, body: Mapping[str, Any]) -> None:
    """Raise `AwsError` for parameters that are unknown, missing, too short or too long by botocore's model."""
    shape = _model(service).operation_model(action).input_shape
    if extra := set(body) - set(shape.members):
        raise AwsError("SerializationException", f"unknown parameters: {extra}")
    if lacking := set(shape.required_members) - set(body):
        raise AwsError("ValidationException", f"required parameters are missing: {lacking}")
    for name, value in body.items():
        _check_length(shape.members[name], value, name)


def _check_length(shape: Any, value: Any, name: str) -> None:
    if shape.type_name == "list":
        for item in value:
            _check_length(shape.member, item, name)
    elif shape.type_name not in ("string", "blob", "integer"):
        return
    size = _size(shape.type_name, value)
    low, high = shape.metadata.get("min", 0), shape.metadata.get("max", size)
    if not low <= size <= high:
        raise AwsError(
            "ValidationException",
            f"1 validation error detected: Value at '{name}' failed to satisfy constraint: "
            f"Member must have length between {low} and {high}",
        )


def _size(kind: str, value: Any) -> int:
    if kind == "integer":
        return int(value)
    if kind == "blob":
        return len(base64.b64decode(value))
    return len(value.encode()) if isinstance(value, str) else len(value)


@cache
def _model(service: str) -> Any:
    import botocore.session

    return botocore.session.get_session().get_service_model(service)
