"""Why AWS, or the way to it, did not do what it was asked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

from estate_config.errors import Code

T = TypeVar("T")


class Cause(Enum):
    """Why a call, or the way to it, failed. The value is the outcome, unless more can be found out."""

    NOT_FOUND = (Code.NO_VALUE, "does not exist, or has no such version")
    STATE = (Code.UNAVAILABLE, "cannot be used in the state that it is in")
    DELETED = (Code.DELETED, "is scheduled for deletion")
    DENIED = (Code.DENIED, "may not be read by this identity, or does not exist: AWS then says the same")
    KMS = (Code.KMS, "cannot be decrypted: this identity may not use its KMS key, or the key is disabled")
    MALFORMED = (Code.MALFORMED, "is refused by AWS as no name, version or value that can be")
    EXISTS = (Code.UNAVAILABLE, "is being written by somebody else")
    QUOTA = (Code.THROTTLED, "would exceed a quota of the account")
    THROTTLED = (Code.THROTTLED, "is asked for more often than the account's quota allows")
    FAILED = (Code.UNAVAILABLE, "could not be read: the service failed")
    LATE = (Code.UNAVAILABLE, "was not answered in time")
    UNSAID = (Code.UNAVAILABLE, "was left out of AWS's answer: neither a value nor an error came back for it")
    STRANGER = (Code.UNAVAILABLE, "cannot be asked: what answers there is not the service")
    UNREACHABLE = (Code.UNAVAILABLE, "cannot be reached")
    UNTRUSTED = (Code.UNAVAILABLE, "cannot be reached: the server's certificate is not trusted here")
    NO_CREDENTIALS = (Code.CREDENTIALS, "has no AWS credentials to call with")
    LOGGED_OUT = (Code.CREDENTIALS, "has a login that has run out, or that is not there")
    REFUSED = (
        Code.CREDENTIALS,
        "has credentials that AWS refuses: wrong, expired, or the clock is off here",
    )
    NO_PROFILE = (Code.CREDENTIALS, "is given a profile that the AWS configuration files do not have")
    BAD_FILES = (Code.CREDENTIALS, "finds AWS configuration files that it cannot use")
    ROLE = (Code.DENIED, "may not assume the role")
    NO_REGION = (Code.SCHEMA, "is given no region")
    BAD_SETTING = (Code.SCHEMA, "is given a region, an endpoint or another setting that the SDK cannot use")
    NO_SDK = (Code.PLUGIN, "needs boto3, which is not installed")
    BROKEN_SDK = (Code.PLUGIN, "needs another boto3 than the one that is installed")
    UNEXPECTED = (Code.PLUGIN, "failed in a way that is not known here")

    @property
    def code(self) -> Code:
        return self.value[0]

    @property
    def hint(self) -> str:
        return self.value[1]


WHOLE = frozenset(
    {
        Cause.UNREACHABLE,
        Cause.UNTRUSTED,
        Cause.STRANGER,
        Cause.NO_CREDENTIALS,
        Cause.LOGGED_OUT,
        Cause.REFUSED,
        Cause.NO_PROFILE,
        Cause.BAD_FILES,
        Cause.ROLE,
        Cause.NO_REGION,
        Cause.BAD_SETTING,
        Cause.NO_SDK,
        Cause.BROKEN_SDK,
    }
)
"""Causes that are not about one secret."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """A call that failed, without a word of the SDK's or of AWS's."""

    cause: Cause
    detail: str = ""
    """The server that cannot be reached, or the error's own name where it is not known here."""


def whole_trouble(answers: Iterable[T | Trouble]) -> Trouble | None:
    """Return the one trouble that all answers are, if it is not about single secrets."""
    every = list(answers)
    first = every[0] if every else None
    is_it = isinstance(first, Trouble) and first.cause in WHOLE and all(answer == first for answer in every)
    return first if is_it else None  # type: ignore[return-value]  # is_it says that it is a Trouble
