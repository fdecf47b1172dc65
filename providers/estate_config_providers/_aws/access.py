"""The options that every provider of an AWS service has."""

from __future__ import annotations

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class AwsAccess(BaseModel):
    """Which region is asked, and who asks. What is not set here, the SDK's own variables and files say."""

    model_config = ConfigDict(extra="forbid")

    region: str | None = Field(default=None, pattern=r"^[a-z0-9-]+$")
    """`ap-northeast-2`; else `AWS_REGION`, `AWS_DEFAULT_REGION`, or the profile's."""
    profile: str | None = Field(default=None, min_length=1)
    """A profile of `~/.aws/config`; else `AWS_PROFILE`."""
    role_arn: str | None = Field(default=None, pattern=r"^arn:aws[a-z-]*:iam::\d{12}:role/\S+$")
    """A role to assume through STS before asking, again whenever its credentials run out."""
    endpoint_url: str | None = Field(default=None, pattern=r"^https?://[^\s/@]+(/[^\s@]*)?$")
    """Another endpoint of the service, that of a VPC say; else `AWS_ENDPOINT_URL`. STS is not asked there."""
    session: Any = Field(default=None, repr=False, exclude=True)
    """A `boto3.Session` of your own, from code only."""

    @model_validator(mode="after")
    def _one_identity(self) -> Self:
        if self.session is not None and self.profile is not None:
            raise ValueError("a session and a profile are two identities: give one of them")
        return self
