"""What a key store raises and what it is here: one table, by type."""

from __future__ import annotations

from dataclasses import dataclass

from estate_config.errors import Code, ProviderError
from estate_config.model import Failed


@dataclass(frozen=True, slots=True)
class Closed:
    """What is wrong with the key store itself, so with every key: nobody wants to dismiss one dialogue ten times."""

    code: Code
    hint: str
    fix: str

    def error(self) -> ProviderError:
        return ProviderError(self.code, self.hint, self.fix)


_LIST = "see which key stores there are: keyring --list-backends"
_CONFIGURED = "PYTHON_KEYRING_BACKEND, or keyringrc.cfg (`keyring diagnose` says where it is)"
_UNLOCK = "unlock the key store, or say yes to its dialogue, and start again"

NOT_INSTALLED = Closed(Code.PLUGIN, "needs keyring", "pip install 'estate-config[keyring]'")
NOT_USABLE = Closed(
    Code.PLUGIN, "is told to use a key store that cannot be used here", f"correct {_CONFIGURED}\n{_LIST}"
)
SWITCHED_OFF = Closed(
    Code.PLUGIN, "is switched off here: it is told to use keyring.backends.null", f"correct {_CONFIGURED}"
)
_NONE_HERE = Closed(
    Code.PLUGIN,
    "finds no key store on this machine",
    "on a desktop, install one: apt install gnome-keyring, or KWallet\n"
    "on a server or in a container, name another provider in the chain",
)
_LOCKED = Closed(Code.DENIED, "cannot be opened: it is locked, or its dialogue was dismissed", _UNLOCK)
_NOT_RUNNING = Closed(Code.UNAVAILABLE, "cannot be opened: no key store answers", _LIST)

_BY_TYPE: dict[str, Failed | Closed] = {
    "keyring.errors.NoKeyringError": _NONE_HERE,
    "keyring.errors.InitError": _NOT_RUNNING,
    "keyring.errors.KeyringLocked": _LOCKED,
    "keyring.errors.PasswordSetError": Failed(Code.DENIED, "could not be written: the key store refused it", _UNLOCK),
    "keyring.errors.PasswordDeleteError": Failed(Code.DENIED, "could not be removed: the key store refused it"),
    "keyring.errors.KeyringError": Failed(Code.UNAVAILABLE, "could not be got at: the key store failed", _LIST),
    # SecretStorage and what it is built on, where keyring lets them through
    "secretstorage.exceptions.LockedException": _LOCKED,
    "secretstorage.exceptions.PromptDismissedException": _LOCKED,
    "secretstorage.exceptions.SecretServiceNotAvailableException": _NOT_RUNNING,
    "secretstorage.exceptions.ItemNotFoundException": Failed(
        Code.UNAVAILABLE, "was removed while it was being read", "start again"
    ),
    "secretstorage.exceptions.SecretStorageException": _NOT_RUNNING,
    "jeepney.wrappers.DBusErrorResponse": _NOT_RUNNING,
    # key stores in a file that something else has written
    "configparser.Error": Closed(Code.MALFORMED, "reads from a file that is damaged", _LIST),
    "builtins.UnicodeDecodeError": Failed(Code.MALFORMED, "is not text in UTF-8"),
    "binascii.Error": Failed(Code.MALFORMED, "is damaged where the key store keeps it"),
}


def failure(error: Exception) -> Failed | Closed:
    """Return what an error is, for one key or for all of them. Third-party key stores may raise anything at all."""
    for kind in type(error).__mro__:
        known = _BY_TYPE.get(f"{kind.__module__}.{kind.__qualname__}")
        if known is not None:
            return known
    return Failed(Code.UNAVAILABLE, f"could not be got at: the key store raised {type(error).__name__}", _LIST)


def late(seconds: float) -> Failed:
    """Return what a password is that did not come within `seconds`."""
    hint = f"was not answered within {seconds:g} seconds: the key store may be waiting for somebody to unlock it"
    return Failed(Code.UNAVAILABLE, hint, f"{_UNLOCK}; a longer deadline is set in estate.toml")
