"""A version that waits, and how it becomes the current one. Nothing here raises: there are values in the frames."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
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

CURRENT, PENDING, PREVIOUS = "AWSCURRENT", "AWSPENDING", "AWSPREVIOUS"


@dataclass(frozen=True, slots=True)
class Rotating:
    """One secret whose stages are moved."""

    aws: Connection[SecretsManagerClient]
    address: Address
    site: Site
    deadline: Deadline

    def put_pending(self, value: str, version: str) -> Failed | None:
        """Store the version that waits: by its `ClientRequestToken`, so that however often it is sent, it is one."""
        done = self._ask(
            lambda sm: sm.put_secret_value(
                SecretId=self.address.secret, ClientRequestToken=version, SecretString=value, VersionStages=[PENDING]
            )
        )
        return self._failed(done) if isinstance(done, Trouble) else None

    def make_current(self, version: str, before: str) -> Failed | None:
        """Move AWSCURRENT, if it still is where the caller saw it; AWS moves AWSPREVIOUS with it. Then nothing waits."""
        failed = self._move(version, before)
        if failed is None:
            self._end_waiting(version)
        return failed

    def _move(self, version: str, before: str) -> Failed | None:
        done = self._ask(
            lambda sm: sm.update_secret_version_stage(
                SecretId=self.address.secret, VersionStage=CURRENT, MoveToVersionId=version, RemoveFromVersionId=before
            )
        )
        if not isinstance(done, Trouble):
            return None
        seen = describe(self.aws, self.address, self.deadline)
        current = None if isinstance(seen, Trouble) else stages_of(seen).get(CURRENT)
        if current == version:
            return None  # it was moved, and only the answer was lost
        if done.cause is Cause.MALFORMED and current not in (None, before):
            hint = "got another current version meanwhile, from somebody else"
            return Failed(Code.UNAVAILABLE, hint, mending.describe(self.address, self.site))
        return self._failed(done)

    def _end_waiting(self, version: str) -> None:
        """Take AWSPENDING off as well. Where that fails the version is current all the same, so that is no failure."""
        seen = describe(self.aws, self.address, self.deadline)
        if isinstance(seen, Trouble) or stages_of(seen).get(PENDING) != version:
            return
        if seen.get("RotationEnabled"):
            return  # AWS does it itself, and may take a call of ours for a rotation that failed
        self._ask(
            lambda sm: sm.update_secret_version_stage(
                SecretId=self.address.secret, VersionStage=PENDING, RemoveFromVersionId=version
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
