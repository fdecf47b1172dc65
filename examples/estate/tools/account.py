"""An AWS account as demo and tests use it: an operator who writes secrets, and IAM that may deny a service one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tools.aws import aws_environment, secrets_client
from tools.iam import Iam, iam_in_front_of

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient


@dataclass(frozen=True, slots=True)
class Account:
    """Secrets Manager, seen by its operator (`operator`) and by the services (`environment`)."""

    operator: SecretsManagerClient
    iam: Iam

    @property
    def environment(self) -> Mapping[str, str]:
        """What a service in production has in its environment."""
        return {"NODE_ENV": "production", **aws_environment(self.iam.url)}

    def create(self, **secrets: str) -> None:
        """Create secrets: `rds_password` becomes `estate/rds/password`."""
        for name, value in secrets.items():
            self.operator.create_secret(Name=f"estate/{name.replace('_', '/', 1)}", SecretString=value)

    def versions(self) -> dict[str, list[str]]:
        """Return every secret's name with the ids of its versions."""
        listed = self.operator.list_secrets()["SecretList"]
        return {secret.get("Name", ""): sorted(secret.get("SecretVersionsToStages", {})) for secret in listed}


@contextmanager
def account_at(aws_url: str) -> Iterator[Account]:
    """Yield the account behind `aws_url`, with IAM in front of it."""
    with iam_in_front_of(aws_url) as iam:
        yield Account(secrets_client(aws_url), iam)
