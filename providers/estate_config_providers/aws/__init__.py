"""The provider `aws`: AWS Secrets Manager, through boto3."""

from __future__ import annotations

from estate_config.contract import KeyKeeper, Policed, Prober, ProviderSpec, Rotator, Watcher, Writer
from estate_config_providers.aws.options import AwsOptions
from estate_config_providers.aws.secrets_manager import SecretsManager

spec = ProviderSpec(
    name="aws",
    title="AWS Secrets Manager",
    summary="AWS Secrets Manager: twenty secrets a call, one read for the members of a JSON secret, nothing listed.",
    options=AwsOptions,
    build=lambda options, _context: SecretsManager(options),
    offers=(Writer, Prober, Rotator, Policed, Watcher, KeyKeeper),
    secrets_only=True,
    remote=True,
    stages=True,
)
