"""A version that waits, and how it becomes the current one. Nothing here raises: there are values in the frames."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from estate_config.errors import Code
from estate_config.model import Deadline, Failed
from estate_config_providers._aws.causes import Cause, Trouble
from estate_config_providers._aws.connection import Connection
from estate_config_providers._aws.patience import patiently
from estate_config_providers.aws import mending
from estate_config_providers.aws.address import Address
from estate_config_providers.aws.looking import describe, stages_of
from estate_config_providers.aws.mending import Site
from estate_config_providers.aws.writing import refused

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_secretsmanager.type_defs import UpdateSecretVersionStageRequestTypeDef

CURRENT, PENDING, PREVIOUS = "AWSCURRENT", "AWSPENDING", "AWSPREVIOUS"
_STORED = "ESTATESTORED"
"""The label of a version until it has AWSPENDING: one that is put without any becomes the current one."""
_OVERTAKEN = {
    CURRENT: Failed(Code.UNAVAILABLE, "got another current version meanwhile, from somebody else"),
    PENDING: Failed(
        Code.UNAVAILABLE, "has another rotation that has begun meanwhile: run it again, it goes on with that"
    ),
}


@dataclass(frozen=True, slots=True)
class Rotating:
    """One secret whose stages are moved."""

    aws: Connection[SecretsManagerClient]
    address: Address
    site: Site
    deadline: Deadline

    def put_pending(self, value: str, version: str) -> Failed | None:
        """Store the version that waits: by its `ClientRequestToken`, so that however often it is sent, it is one.

        A put takes a label from any version; a move only from one that is named, so that no other rotation loses it.
        """
        seen = describe(self.aws, self.address, self.deadline)
        if isinstance(seen, Trouble):
            return self._failed(seen)
        at = stages_of(seen)
        waits = at.get(PENDING)
        label = PENDING if waits == version else _STORED  # it is there where AWS has begun, and where this was done
        done = self._ask(
            lambda sm: sm.put_secret_value(
                SecretId=self.address.secret, ClientRequestToken=version, SecretString=value, VersionStages=[label]
            )
        )
        if isinstance(done, Trouble) or label == PENDING:
            return self._failed(done) if isinstance(done, Trouble) else None
        failed = self._move(PENDING, version, waits if waits in (at.get(CURRENT), at.get(PREVIOUS)) else None)
        self._take_off(_STORED, version)
        return failed

    def make_current(self, version: str, before: str) -> Failed | None:
        """Move AWSCURRENT from where the caller saw it; AWS moves AWSPREVIOUS with it. Then nothing waits."""
        failed = self._move(CURRENT, version, before)
        if failed is None:
            self._end_waiting(version)
        return failed

    def _move(self, label: str, version: str, before: str | None) -> Failed | None:
        """Move a label from the version that has it, None: from nowhere. AWS refuses if it is at another one."""
        asked: UpdateSecretVersionStageRequestTypeDef = {
            "SecretId": self.address.secret,
            "VersionStage": label,
            "MoveToVersionId": version,
        }
        if before is not None:
            asked["RemoveFromVersionId"] = before
        done = self._ask(lambda sm: sm.update_secret_version_stage(**asked))
        if not isinstance(done, Trouble):
            return None
        seen = describe(self.aws, self.address, self.deadline)
        at = None if isinstance(seen, Trouble) else stages_of(seen).get(label)
        if at == version:
            return None  # it was moved, and only the answer was lost
        if done.cause is Cause.MALFORMED and at not in (None, before):
            return replace(_OVERTAKEN[label], fix=mending.describe(self.address, self.site))
        return self._failed(done)

    def _end_waiting(self, version: str) -> None:
        """Take AWSPENDING off as well. Where that fails the version is current all the same, so that is no failure."""
        seen = describe(self.aws, self.address, self.deadline)
        if isinstance(seen, Trouble) or stages_of(seen).get(PENDING) != version:
            return
        if seen.get("RotationEnabled"):
            return  # AWS does it itself, and may take a call of ours for a rotation that failed
        self._take_off(PENDING, version)

    def _take_off(self, label: str, version: str) -> None:
        """Take a label off, if it still is there; where it stays, nobody is kept from anything."""
        self._ask(
            lambda sm: sm.update_secret_version_stage(
                SecretId=self.address.secret, VersionStage=label, RemoveFromVersionId=version
            )
        )

    def _ask(self, call: Callable[[SecretsManagerClient], Mapping[str, Any]]) -> Mapping[str, Any] | Trouble:
        done = patiently(lambda: self.aws.ask(call), lambda trouble: trouble.cause is Cause.THROTTLED, self.deadline)
        return done if isinstance(done, Trouble) or "ARN" in done else Trouble(Cause.STRANGER)

    def _failed(self, trouble: Trouble) -> Failed:
        if trouble.cause is Cause.DENIED:
            actions = ("DescribeSecret", "GetSecretValue", "PutSecretValue", "UpdateSecretVersionStage")
            fix = mending.allow(self.address, self.site, *actions)
            return Failed(Code.DENIED, "may not be rotated by this identity", fix)
        return refused(self.aws, self.address, trouble, self.site, self.deadline)
