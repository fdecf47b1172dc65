"""Certificates on both sides, and a server that is sealed: on a server of one's own with three listeners."""

from __future__ import annotations

import datetime as dt
import ipaddress
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from estate_config.errors import Code, ProviderError
from tests.providers.vault.helpers import ask, key, vault
from tests.providers.vault.nodes import Node
from tools.processes import free_port


@dataclass(frozen=True)
class Own:
    node: Node
    key: str
    tls: str
    mutual: str
    """The address that wants a certificate of the client."""
    folder: Path


def certificates(folder: Path) -> None:
    """Write ca.pem, and server.pem and client.pem that it has signed, each with its key."""
    ca_key = ec.generate_private_key(ec.SECP256R1())
    ca = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "made-up CA")])
    now = dt.datetime.now(dt.UTC)

    def signed(name: x509.Name, key: ec.EllipticCurvePrivateKey, *, is_ca: bool) -> x509.Certificate:
        here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(ca)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(minutes=5))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
            .add_extension(here, critical=False)
            .sign(ca_key, hashes.SHA256())
        )

    (folder / "ca.pem").write_bytes(signed(ca, ca_key, is_ca=True).public_bytes(serialization.Encoding.PEM))
    for name in ("server", "client"):
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = signed(subject, key, is_ca=False)
        (folder / f"{name}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        (folder / f"{name}.key").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Own]:
    folder = tmp_path_factory.mktemp("own")
    certificates(folder)
    plain, tls, mutual = free_port(), free_port(), free_port()
    files = f'tls_cert_file = "{folder}/server.pem"\n  tls_key_file = "{folder}/server.key"'
    asks = f'tls_require_and_verify_client_cert = true\n  tls_client_ca_file = "{folder}/ca.pem"'
    config = f"""
disable_mlock = true
api_addr = "http://127.0.0.1:{plain}"
storage "inmem" {{}}
listener "tcp" {{
  address = "127.0.0.1:{plain}"
  tls_disable = true
}}
listener "tcp" {{
  address = "127.0.0.1:{tls}"
  {files}
}}
listener "tcp" {{
  address = "127.0.0.1:{mutual}"
  {files}
  {asks}
}}
"""
    with Node(folder, config, plain) as node:
        key = node.initialise()
        node.unseal(key)
        node.wait_for(200)
        node.done("POST", "sys/mounts/secret", {"type": "kv", "options": {"version": "1"}})
        node.done("POST", "secret/rds", {"value": "v"})
        yield Own(node, key, f"https://127.0.0.1:{tls}", f"https://127.0.0.1:{mutual}", folder)


@pytest.fixture(autouse=True)
def its_token(own: Own, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAULT_TOKEN", own.node.root_token)


def read(own: Own, url: str, seconds: float = 5, **options: Any) -> dict[str, object]:
    return ask(vault(url, own.folder, kv_version=1, **options), "rds", seconds=seconds)


def test_a_certificate_that_nobody_here_trusts_is_refused_and_not_tried_again(own: Own) -> None:
    with pytest.raises(ProviderError, match="its certificate is not trusted here") as caught:
        read(own, own.tls)
    assert caught.value.code is Code.UNAVAILABLE
    assert 'ca_cert = "ca.pem" in [providers.vault], or VAULT_CACERT' in caught.value.fix


def test_a_ca_makes_it_trusted(own: Own, monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(own, own.tls, ca_cert="ca.pem") == {"rds": "v"}
    monkeypatch.setenv("VAULT_CACERT", str(own.folder / "ca.pem"))
    assert read(own, own.tls) == {"rds": "v"}


def test_another_ca_does_not(own: Own) -> None:
    with pytest.raises(ProviderError, match="TLS failed"):
        read(own, own.tls, ca_cert="client.pem")


def test_verification_can_be_switched_off_and_only_the_report_says_so(own: Own) -> None:
    """urllib3's own warning, of each request, would be an error where warnings are, here for one."""
    assert read(own, own.tls, verify=False) == {"rds": "v"}
    (notice,) = vault(own.tls, verify=False).inspect([key("rds")])
    assert notice.code is Code.INSECURE


def test_a_certificate_of_ones_own_is_shown_where_it_is_asked_for(own: Own, monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(own, own.mutual, ca_cert="ca.pem", client_cert="client.pem", client_key="client.key") == {"rds": "v"}
    for name in ("client.pem", "client.key"):
        monkeypatch.setenv(f"VAULT_CLIENT_{'CERT' if name.endswith('pem') else 'KEY'}", str(own.folder / name))
    assert read(own, own.mutual, ca_cert="ca.pem") == {"rds": "v"}


def test_without_one_the_connection_fails_and_the_options_are_named(own: Own) -> None:
    with pytest.raises(ProviderError) as caught:
        read(own, own.mutual, ca_cert="ca.pem")
    assert caught.value.code is Code.UNAVAILABLE
    assert "client_cert and client_key" in caught.value.fix


@pytest.mark.parametrize("option", ["ca_cert", "client_cert"])
def test_a_file_that_is_not_there_is_named(own: Own, option: str) -> None:
    with pytest.raises(ProviderError, match=f"the file of {option} is not there") as caught:
        read(own, own.tls, **dict[str, Any]({option: "nowhere.pem"}))
    assert caught.value.code is Code.CREDENTIALS


def test_a_sealed_server_is_waited_for_within_the_deadline(own: Own) -> None:
    """Sealed is an outage, however long it lasts: the value is never taken for absent."""
    own.node.done("PUT", "sys/seal")
    try:
        with pytest.raises(ProviderError, match="is sealed") as caught:
            read(own, own.node.url, seconds=0.5)
        with ThreadPoolExecutor(1) as thread:
            waiting = thread.submit(read, own, own.node.url, seconds=15)
            own.node.unseal(own.key)
            assert waiting.result() == {"rds": "v"}
    finally:
        own.node.unseal(own.key)
        own.node.wait_for(200)
    assert (caught.value.code, caught.value.fix) == (Code.UNAVAILABLE, "vault operator unseal")
