"""Which key store it is: the library `keyring` decides, by its own configuration or by what the machine has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from estate_config.errors import Code
from estate_config.model import Notice
from estate_config_providers.keyring.failures import NOT_INSTALLED, NOT_USABLE, SWITCHED_OFF, Closed, failure

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

_NULL = "keyring.backends.null.Keyring"
"""What `keyring --disable` chooses: it says of every password that it is not there, and nobody has looked."""
_PLAIN = "keyrings.alt.file.PlaintextKeyring"


def open_keyring() -> KeyringBackend | Closed:
    """Return the key store. May be slow: the library asks the session bus what there is."""
    try:
        import keyring
    except ModuleNotFoundError:
        return NOT_INSTALLED
    try:
        ring = keyring.get_keyring()
    except Exception as error:  # noqa: BLE001 - it imports what the user names, which may raise anything
        known = failure(error)
        return known if isinstance(known, Closed) else NOT_USABLE
    return SWITCHED_OFF if _is(ring, _NULL) else ring


def unencrypted(ring: KeyringBackend) -> tuple[Notice, ...]:
    """Return a notice for each file that the key store, or one chained in it, keeps passwords in as they are."""
    fix = (
        "use a key store that encrypts: `keyring --list-backends` shows those that are here\n"
        "pip uninstall keyrings.alt, so that none of its is taken where no other is found"
    )
    return tuple(
        Notice(Code.INSECURE, str(getattr(one, "file_path", one.name)), "holds passwords that are not encrypted", fix)
        for one in getattr(ring, "backends", (ring,))
        if _is(one, _PLAIN)
    )


def _is(ring: KeyringBackend, name: str) -> bool:
    return any(f"{kind.__module__}.{kind.__qualname__}" == name for kind in type(ring).__mro__)
