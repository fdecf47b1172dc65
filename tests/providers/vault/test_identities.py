"""Logging in by what a machine is: a pod, a CI job, an AWS role. On the real server where it has the method."""

from __future__ import annotations

import base64
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar

import hvac
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from estate_config.errors import Code
from tests.fakes.tls import certificate
from tests.fakes.vault import AwsLogin, VaultFront
from tests.providers.vault.helpers import ask, refused, vault

READ = 'path "secret/data/l/*" { capabilities = ["read"] }'


@pytest.fixture(autouse=True)
def one_secret(root: hvac.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    root.secrets.kv.v2.create_or_update_secret("l/rds", {"value": "v"})
    monkeypatch.delenv("VAULT_TOKEN")


# --- Kubernetes and JWT ----------------------------------------------------------------------------------------------


class Issuer:
    """Signs JSON Web Tokens, as a cluster or a CI system does."""

    def __init__(self) -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.public = (
            self._key.public_key()
            .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
            .decode()
        )

    def token(self, **claims: object) -> str:
        now = int(time.time())
        parts = [{"alg": "RS256", "typ": "JWT"}, {"iat": now, "exp": now + 600, "aud": "vault", **claims}]
        signed = ".".join(_coded(json.dumps(part).encode()) for part in parts)
        return f"{signed}.{_coded(self._key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def _coded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@pytest.fixture(scope="session")
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
def ci_role(root: hvac.Client, issuer: Issuer, policy: Callable[[str], str]) -> Iterator[None]:
    root.sys.enable_auth_method("jwt")
    root.write_data("auth/jwt/config", data={"jwt_validation_pubkeys": [issuer.public]})
    bounds = {"role_type": "jwt", "bound_audiences": ["vault"], "user_claim": "sub", "bound_subject": "ci"}
    root.write_data("auth/jwt/role/ci", data={**bounds, "token_policies": policy(READ)})
    yield
    root.sys.disable_auth_method("jwt")  # type: ignore[no-untyped-call]  # its stub says no types


def test_jwt_logs_in_from_a_variable_or_a_file(
    front: VaultFront, ci_role: None, issuer: Issuer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    auth = {"method": "jwt", "role": "ci"}
    monkeypatch.setenv("VAULT_JWT", issuer.token(sub="somebody"))
    assert refused(front, auth=auth).code is Code.CREDENTIALS
    monkeypatch.setenv("VAULT_JWT", issuer.token(sub="ci"))
    assert ask(vault(front.url, auth=auth), "l/rds") == {"l/rds": "v"}
    monkeypatch.delenv("VAULT_JWT")
    (tmp_path / "jwt").write_text(issuer.token(sub="ci"))
    assert ask(vault(front.url, tmp_path, auth={**auth, "token_file": "jwt"}), "l/rds") == {"l/rds": "v"}


class _Reviewer(BaseHTTPRequestHandler):
    """The one call of a Kubernetes API server that Vault makes: whose token is this?"""

    asked: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        token = body["spec"]["token"]
        self.asked.append(token)
        user = {"username": "system:serviceaccount:estate:ai", "uid": "1", "groups": ["system:serviceaccounts"]}
        known = self.path == "/apis/authentication.k8s.io/v1/tokenreviews" and "expired" not in _claims(token)
        body["status"] = (
            {"authenticated": known, "user": user, "audiences": ["vault"]} if known else {"error": "expired"}
        )
        raw = json.dumps(body).encode()
        self.send_response(201)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name that http.server gives it
        """Say nothing: a fake is no news."""


def _claims(token: str) -> dict[str, Any]:
    middle = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
    return claims


@pytest.fixture
def kubernetes(root: hvac.Client, policy: Callable[[str], str], tmp_path: Path) -> Iterator[None]:
    server = HTTPServer(("127.0.0.1", 0), _Reviewer)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    root.sys.enable_auth_method("kubernetes")
    config = {"kubernetes_host": f"http://127.0.0.1:{server.server_address[1]}", "disable_local_ca_jwt": True}
    config |= {"token_reviewer_jwt": "reviewer", "kubernetes_ca_cert": certificate(tmp_path)[0].read_text()}
    root.write_data("auth/kubernetes/config", data=config)
    bounds = {"bound_service_account_names": "ai", "bound_service_account_namespaces": "estate"}
    root.write_data("auth/kubernetes/role/ai", data={**bounds, "token_policies": policy(READ), "token_ttl": "1h"})
    yield
    root.sys.disable_auth_method("kubernetes")  # type: ignore[no-untyped-call]  # its stub says no types
    server.shutdown()
    server.server_close()
    thread.join(5)


def test_kubernetes_reads_the_projected_token_again_at_each_login(
    front: VaultFront, kubernetes: None, issuer: Issuer, root: hvac.Client, tmp_path: Path
) -> None:
    account = {"namespace": "estate", "serviceaccount": {"name": "ai", "uid": "1"}}
    claims: dict[str, Any] = {"sub": "system:serviceaccount:estate:ai", "aud": ["vault"], "kubernetes.io": account}
    auth = {"method": "kubernetes", "role": "ai", "token_file": "token"}
    assert "token is not there" in refused(front, tmp_path, auth=auth).hint
    (tmp_path / "token").write_text(issuer.token(**claims, expired=True))
    assert refused(front, tmp_path, auth=auth).code is Code.CREDENTIALS
    (tmp_path / "token").write_text(issuer.token(**claims))
    assert ask(vault(front.url, tmp_path, auth=auth), "l/rds") == {"l/rds": "v"}
    (tmp_path / "token").write_text(issuer.token(**claims, jti="next"))
    root.sys.revoke_prefix("auth/kubernetes/login")  # type: ignore[no-untyped-call]  # its stub says no types
    assert ask(vault(front.url, tmp_path, auth=auth), "l/rds") == {"l/rds": "v"}
    assert [_claims(token).get("jti") for token in _Reviewer.asked] == [None, None, "next"]
    assert front.count("POST auth/kubernetes/login") == 3


# --- AWS -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def aws(front: VaultFront, token: Callable[[str], str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AwsLogin:
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_DEFAULT_REGION", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAMADEUP")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "made-up-secret-key")
    front.aws = AwsLogin("ai", "AKIAMADEUP", "made-up-secret-key", token(READ))
    return front.aws


def test_aws_signs_for_the_global_endpoint_unless_a_region_is_named(front: VaultFront, aws: AwsLogin) -> None:
    assert ask(vault(front.url, auth={"method": "aws", "role": "ai"}), "l/rds") == {"l/rds": "v"}
    aws.host, aws.region = "sts.ap-northeast-2.amazonaws.com", "ap-northeast-2"
    auth = {"method": "aws", "role": "ai", "region": "ap-northeast-2"}
    assert ask(vault(front.url, auth=auth), "l/rds") == {"l/rds": "v"}
    aws.host, aws.region = "sts.cn-north-1.amazonaws.com.cn", "cn-north-1"
    assert ask(vault(front.url, auth={**auth, "region": "cn-north-1"}), "l/rds") == {"l/rds": "v"}
    assert aws.seen == []


def test_aws_signs_the_servers_own_header_and_a_session(
    front: VaultFront, aws: AwsLogin, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.server_id, aws.session_token = "vault.example.com", "made-up-session"
    monkeypatch.setenv("AWS_SESSION_TOKEN", "made-up-session")
    auth = {"method": "aws", "role": "ai", "header_value": "vault.example.com"}
    assert ask(vault(front.url, auth=auth), "l/rds") == {"l/rds": "v"}
    assert refused(front, auth={**auth, "header_value": "other"}).code is Code.CREDENTIALS
    assert aws.seen == ["server id"]


def test_aws_with_a_wrong_key_is_refused(front: VaultFront, aws: AwsLogin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
    assert refused(front, auth={"method": "aws", "role": "ai"}).code is Code.CREDENTIALS
    assert aws.seen == ["signature"]


def test_aws_with_half_a_credential_or_without_botocore_says_so(
    front: VaultFront, aws: AwsLogin, monkeypatch: pytest.MonkeyPatch
) -> None:
    auth = {"method": "aws", "role": "ai"}
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    assert refused(front, auth=auth).code is Code.CREDENTIALS
    monkeypatch.setitem(sys.modules, "botocore.auth", None)
    error = refused(front, auth=auth)
    assert (error.code, error.fix) == (Code.PLUGIN, "pip install 'estate-config[vault,aws]'")
    assert front.calls == []


def test_aws_without_credentials_says_so(front: VaultFront, aws: AwsLogin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    error = refused(front, auth={"method": "aws", "role": "ai"})
    assert error.code is Code.CREDENTIALS
    assert "no AWS credentials" in error.hint
    assert front.calls == []
