"""Where the server is and how it is known: from the options, and from Vault's own variables where they say nothing."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import TypeAdapter, ValidationError

from estate_config.errors import Code
from estate_config.model import Notice
from estate_config_providers.vault.failures import Trouble
from estate_config_providers.vault.options import Url, VaultOptions


@dataclass(frozen=True, slots=True)
class Server:
    """One server or cluster, as requests wants to know it."""

    addresses: tuple[str, ...]
    namespace: str | None
    verify: bool | str
    """Whether certificates are checked, or the file or folder of those that are trusted."""
    cert: str | tuple[str, str] | None


def server_of(options: VaultOptions, folder: Path) -> Server | Trouble:
    """Return the server that options and variables name; paths start from `folder`."""
    addresses = _addresses(options)
    if isinstance(addresses, Trouble):
        return addresses
    namespace = options.namespace or os.environ.get("VAULT_NAMESPACE") or None
    if namespace is not None and not (namespace.isascii() and namespace.isprintable()):
        hint = "has a namespace that no header can hold"
        return Trouble(Code.MALFORMED, hint, "correct namespace or VAULT_NAMESPACE", whole=True)
    trusted = _file(options.ca_cert, folder, "VAULT_CACERT", "VAULT_CAPATH")
    certificate = _file(options.client_cert, folder, "VAULT_CLIENT_CERT")
    key = _file(options.client_key, folder, "VAULT_CLIENT_KEY")
    for what, file in (("ca_cert", trusted), ("client_cert", certificate), ("client_key", key)):
        if file is not None and not os.access(file, os.R_OK):
            hint = f"cannot be called: the file of {what} is not there, or may not be read: {file}"
            return Trouble(Code.CREDENTIALS, hint, f"correct {what} in [providers.vault]", whole=True)
    cert = (certificate, key) if certificate is not None and key is not None else certificate
    return Server(addresses, namespace, options.verify and (trusted or True), cert)


def _addresses(options: VaultOptions) -> tuple[str, ...] | Trouble:
    if options.url is not None:
        return (options.url,) if isinstance(options.url, str) else options.url
    named = os.environ.get("VAULT_ADDR")
    fix = 'url = "https://vault.example.com:8200" in [providers.vault], or VAULT_ADDR'
    if not named:
        return Trouble(Code.UNAVAILABLE, "has no server to ask: neither url nor VAULT_ADDR is set", fix, whole=True)
    try:
        return (TypeAdapter[str](Url).validate_python(named),)
    except ValidationError:
        return Trouble(Code.MALFORMED, "has no address in VAULT_ADDR that can be called", fix, whole=True)


def _file(given: Path | None, folder: Path, *variables: str) -> str | None:
    if given is not None:
        return str(placed(given, folder))
    return next((os.environ[name] for name in variables if os.environ.get(name)), None)


def placed(path: Path, folder: Path) -> Path:
    """Return a path of the options as it is on this machine; without a home folder, `~` stays."""
    return folder / os.path.expanduser(path)  # noqa: PTH111 - Path's own raises where there is no home


def insecure(options: VaultOptions) -> Iterator[Notice]:
    """Yield what lets others read along."""
    addresses = _addresses(options)
    for address in () if isinstance(addresses, Trouble) else addresses:
        parts = urlsplit(address)
        if parts.scheme == "http" and not _is_here(parts.hostname or ""):
            message = "is asked without TLS: whoever is on the way can read the token and every secret"
            yield Notice(Code.INSECURE, address, message, f'url = "https://{parts.netloc}" in [providers.vault]')
        if parts.scheme == "https" and not options.verify:
            message = "is asked without a look at its certificate: anybody on the way can be it"
            yield Notice(Code.INSECURE, address, message, 'ca_cert = "ca.pem" instead of verify = false')


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
