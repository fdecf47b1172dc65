"""The key of a file that this machine keeps: out of a mounted file, or from a provider that keeps keys.

It is got in words: what is wrong is returned, as what goes on from the name of the file that it is for.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from estate_config.contract import KeyKeeper
from estate_config.errors import Code, ProviderError
from estate_config.model import DataKey, Deadline, Failed
from estate_config.parallel import at_once
from estate_config.redaction import where
from estate_config.small_file import read_small_file

KEY_SIZE = 32
"""Bytes: AES-256."""
_PATIENCE = 5.0
"""Seconds of their own for a provider: the deadline of a load may be over by the time that a store is unreachable."""

KeyOf = Callable[[bytes | None], DataKey | Failed]
"""Gives a new key for None, else the one that was wrapped so."""


def key_in(path: Path) -> KeyOf:
    """Return how to get the key that lies in a mounted file."""
    make = f"openssl rand -base64 {KEY_SIZE} > {path}"

    def key_of(wrapped: bytes | None) -> DataKey | Failed:
        del wrapped  # the key is in the file itself
        raw = read_small_file(str(path))
        if not isinstance(raw, bytes):
            wrong = raw or Failed(Code.MISSING, "is not there", f"mount it; one is made by: {make}")
            return _unusable(replace(wrong, hint=f"{path} {wrong.hint}"))
        key = _decoded(raw)
        if len(key) == KEY_SIZE:
            return DataKey(key)
        return _unusable(Failed(Code.MALFORMED, f"{path} is not {KEY_SIZE} bytes in base64", make))

    return key_of


def key_from(keeper: KeyKeeper, provider: str, name: str, context: Mapping[str, str]) -> KeyOf:
    """Return how to get the key that a provider keeps under a name."""

    def asked(wrapped: bytes | None, deadline: Deadline) -> DataKey | Failed:
        try:
            key = keeper.data_key(name, context, wrapped, deadline)
        except ProviderError as error:
            return Failed(error.code, f"{provider} {error.hint}", error.fix)
        except BaseException as error:  # noqa: BLE001 - a stranger's provider may raise anything, in a thread of ours
            return Failed(Code.PLUGIN, f"{provider} raised {type(error).__name__} in {where(error)}")
        if isinstance(key, DataKey) and len(key.key) == KEY_SIZE:
            return key
        return Failed(Code.PLUGIN, f"{provider} gives none of {KEY_SIZE} bytes")

    def key_of(wrapped: bytes | None) -> DataKey | Failed:
        deadline = Deadline(_PATIENCE)
        done = at_once(lambda one: asked(one, deadline), [wrapped], deadline)
        late = Failed(Code.UNAVAILABLE, f"{provider} did not answer within {_PATIENCE:g} seconds")
        key = done.get(wrapped, late)
        return _unusable(key) if isinstance(key, Failed) else key

    return key_of


def _unusable(failed: Failed) -> Failed:
    return replace(failed, hint=f"cannot be used without its key: {failed.hint}")


def _decoded(raw: bytes) -> bytes:
    try:
        return base64.b64decode(raw.strip(), validate=True)
    except ValueError:
        return b""
