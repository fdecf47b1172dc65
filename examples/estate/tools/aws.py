"""An embedded AWS on loopback: moto's server, and the environment that leads the SDKs to it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tools.processes import accepts, free_port, running

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

REGION = "ap-northeast-2"
START = 30.0
"""Seconds that the server may take to answer."""


@contextmanager
def embedded_aws() -> Iterator[str]:
    """Yield the URL of an empty AWS account; raise `DidNotStartError` where it can't run."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with running("moto_server", command, environment=bare_environment()) as child:
        child.wait_until(lambda: accepts(port), START)
        yield f"http://127.0.0.1:{port}"


def secrets_client(url: str) -> SecretsManagerClient:
    """Return a client with the rights of an operator."""
    import boto3

    return boto3.client(
        "secretsmanager",
        region_name=REGION,
        endpoint_url=url,
        aws_access_key_id="testing",
        aws_secret_access_key="testing",  # noqa: S106 - good on loopback and nowhere else
    )


def bare_environment() -> dict[str, str]:
    """Return what a child needs to run at all: nothing of ours decides what it is configured with."""
    return {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "VIRTUAL_ENV") if name in os.environ}


def aws_environment(url: str) -> Mapping[str, str]:
    """Return the SDKs' own variables that lead to `url`, with credentials that are good there and nowhere else."""
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
