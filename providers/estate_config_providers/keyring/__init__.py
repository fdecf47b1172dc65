"""The provider `keyring`: the operating system's key store, through the library of that name."""

from __future__ import annotations

from estate_config.contract import Inspector, KeyKeeper, ProviderSpec, Writer
from estate_config_providers.keyring.options import KeyringOptions
from estate_config_providers.keyring.system_keyring import SystemKeyring

spec = ProviderSpec(
    name="keyring",
    title="the system's key store",
    summary="The operating system's key store: Keychain, Secret Service, KWallet, Credential Manager.",
    options=KeyringOptions,
    build=lambda options, _context: SystemKeyring(options),
    offers=(Writer, Inspector, KeyKeeper),
    secrets_only=True,
    remote=True,  # it is the person's own, and may ask for their password: a test must not
)
