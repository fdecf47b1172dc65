"""The AWS identity of this process as a signed request, which the server sends to STS to see who we are.

hvac's own signs for the global endpoint with whatever region it is told, which AWS refuses, and takes its credentials
by hand. botocore finds and signs as boto3 does.
"""

from __future__ import annotations

import base64
import json

from estate_config.errors import Code
from estate_config.redaction import Hidden
from estate_config_providers.vault.failures import Trouble
from estate_config_providers.vault.options import AwsAuth

_BODY = "Action=GetCallerIdentity&Version=2011-06-15"
_GLOBAL = "us-east-1"
"""The region that the global endpoint, sts.amazonaws.com, wants signatures for."""


def signed_identity(auth: AwsAuth) -> Hidden[dict[str, str]] | Trouble:
    """Return the body of a login, as developer.hashicorp.com/vault/api-docs/auth/aws has it."""
    try:
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.exceptions import BotoCoreError
        from botocore.session import get_session
    except ModuleNotFoundError:
        return Trouble(
            Code.PLUGIN, "needs botocore to log in by aws", "pip install 'estate-config[vault,aws]'", whole=True
        )
    host = "sts.amazonaws.com" if auth.region is None else f"sts.{auth.region}.amazonaws.com"
    if auth.region is not None and auth.region.startswith("cn-"):
        host += ".cn"
    headers = {"Host": host, "Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    if auth.header_value is not None:
        headers["X-Vault-AWS-IAM-Server-ID"] = auth.header_value
    request = AWSRequest("POST", f"https://{host}/", headers, _BODY)
    try:
        credentials = get_session().get_credentials()
        if credentials is not None:
            SigV4Auth(credentials.get_frozen_credentials(), "sts", auth.region or _GLOBAL).add_auth(request)
    except BotoCoreError:
        credentials = None
    if credentials is None:
        hint = "cannot be logged in to by aws: this process has no AWS credentials, or they cannot be had now"
        return Trouble(Code.CREDENTIALS, hint, "aws sts get-caller-identity shows who you are", whole=True)
    return Hidden(
        {
            "role": auth.role,
            "iam_http_request_method": "POST",
            "iam_request_url": _encoded(f"https://{host}/"),
            "iam_request_headers": _encoded(json.dumps({name: [value] for name, value in request.headers.items()})),
            "iam_request_body": _encoded(_BODY),
        }
    )


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
