"""What mends what, where it is the same for every AWS service: settings, credentials, policy statements."""

from __future__ import annotations

import json

from estate_config_providers._aws.causes import Cause
from estate_config_providers._aws.failures import Service

_WHOLE = {
    Cause.NO_CREDENTIALS: (
        "on a laptop: aws sso login, or aws configure\n"
        "in a pod: give its service account a role (EKS Pod Identity, or IAM roles for service accounts)"
    ),
    Cause.LOGGED_OUT: "aws sso login",
    Cause.REFUSED: "aws sts get-caller-identity   # shows whether they are good; renew them, and check the clock",
    Cause.NO_PROFILE: "aws configure list-profiles   # shows which there are",
    Cause.BAD_FILES: "correct ~/.aws/config and ~/.aws/credentials; aws configure list shows what is read",
    Cause.ROLE: "aws sts get-caller-identity   # shows who asks; let the role's trust policy name this identity",
    Cause.NO_REGION: 'put region = "…" under [providers.{provider}] in estate.toml, or set AWS_REGION',
    Cause.BAD_SETTING: "correct region and endpoint_url under [providers.{provider}], or the AWS_… variables",
    Cause.NO_SDK: "pip install 'estate-config[aws]'",
    Cause.BROKEN_SDK: "pip install --upgrade 'estate-config[aws]'",
    Cause.UNEXPECTED: "pip install --upgrade 'estate-config[aws]', and report it if that does not help",
    Cause.MALFORMED: "correct the address in the schema",
    Cause.STRANGER: "correct endpoint_url of [providers.{provider}], or AWS_ENDPOINT_URL; is there a proxy on the way?",
    Cause.UNTRUSTED: "name the authority that signed it: AWS_CA_BUNDLE=/path/to/ca.pem",
    Cause.FAILED: "try again; health.aws.amazon.com says whether AWS knows of it",
    Cause.UNREACHABLE: "look whether it can be reached from here: network, proxy, VPC endpoint, security group, DNS",
}


def of_whole(cause: Cause, service: Service, role_arn: str | None) -> str:
    """Return what mends a cause that is not about one secret."""
    if cause is Cause.ROLE and role_arn:
        return f"{statement(['sts:AssumeRole'], role_arn)}\nand let the role's trust policy name this identity"
    words = service.fixes.get(cause) or _WHOLE.get(cause, _WHOLE[Cause.UNREACHABLE])
    return words.replace("{provider}", service.provider)


def statement(actions: list[str], resource: str | list[str], **more: object) -> str:
    """Return a policy statement that allows actions on a resource."""
    action = actions[0] if len(actions) == 1 else actions
    return json.dumps({"Effect": "Allow", "Action": action, "Resource": resource, **more})


def allow_key(service: Service, region: str, account: str, key: str | None, *actions: str) -> str:
    """Return the statement for a KMS key; `key` is what the service says of it, None where nobody knows."""
    arn = f"arn:{partition(region)}:kms:{region}:{account}:key/KEY-ID"
    if key is not None and "alias/" not in key:
        arn = key if key.startswith("arn:") else arn.replace("KEY-ID", key)
    suffix = ".cn" if region.startswith("cn-") else ""
    via = {"StringEquals": {"kms:ViaService": f"{service.client}.{region}.amazonaws.com{suffix}"}}
    return statement([f"kms:{action}" for action in actions], arn, **({} if region == "*" else {"Condition": via}))


def partition(region: str) -> str:
    """Return what an ARN of the region has after `arn:`."""
    if region.startswith("us-gov-"):
        return "aws-us-gov"
    return {"cn": "aws-cn", "eusc": "aws-eusc"}.get(region.partition("-")[0], "aws")
