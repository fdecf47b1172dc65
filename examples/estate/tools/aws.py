"""What leads a program, or an operator, to an AWS account on loopback."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

REGION = "ap-northeast-2"


def secrets_client(url: str) -> SecretsManagerClient:
    """Return a client with the rights of an operator."""
    client: SecretsManagerClient = operator_client("secretsmanager", url)
    return client


def operator_client(service: str, url: str) -> Any:
    """Return a client of any service, by its name, with the rights of an operator."""
    import boto3

    make: Callable[..., Any] = boto3.client  # its types know a name only where it is written out
    return make(
        service,
        region_name=REGION,
        endpoint_url=url,
        aws_access_key_id="testing",
        aws_secret_access_key="testing",  # noqa: S106 - good on loopback and nowhere else
    )


def aws_environment(url: str) -> Mapping[str, str]:
    """Return the SDKs' own variables that lead to `url`, with credentials that are good there and nowhere else."""
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
