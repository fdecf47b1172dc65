"""Reading and writing the operating system's key store: one password after the other, and none but those asked for."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from estate_config.errors import Code, ProviderError
from estate_config.model import DataKey, Deadline, Failed, Found, Key, Notice, Origin, Place
from estate_config.parallel import at_once
from estate_config.small_file import why
from estate_config_providers.keyring.choosing import open_keyring, unencrypted
from estate_config_providers.keyring.entry import Entry, entry_of, key_entry
from estate_config_providers.keyring.failures import Closed, failure, late
from estate_config_providers.keyring.options import KeyringOptions

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

_KEY_SIZE = 32
"""Bytes of a key that is made."""

Answer = str | Failed | None
"""A password, what is wrong, or None: there is none."""


class SystemKeyring:
    """The key store that the library `keyring` finds, or is told to use."""

    def __init__(self, options: KeyringOptions) -> None:
        self._options = options
        self._notices: Sequence[Notice] = ()

    def locate(self, key: Key) -> Place:
        entry = entry_of(key, self._options)
        if isinstance(entry, Failed):
            return Place(key.address or key.name, entry.fix, wrong=entry.hint)
        return Place(entry.text, entry.put)

    def fetch(self, keys: Sequence[Key], deadline: Deadline) -> Mapping[Key, Found | Failed]:
        entries = {key: entry_of(key, self._options) for key in keys}
        read = self._one_by_one(_read, _only_entries(entries.values()), deadline)
        if isinstance(read, Closed):
            raise read.error()
        answers: dict[Key, Found | Failed] = {}
        for key, entry in entries.items():
            answer = read.get(entry, late(deadline.seconds)) if isinstance(entry, Entry) else entry
            if isinstance(answer, str):
                value = answer.encode() if key.binary else answer
                answers[key] = Found(value, Origin("keyring", self.locate(key).text))
            elif answer is not None:
                answers[key] = answer
        return answers

    def put(self, values: Mapping[Key, str | bytes], deadline: Deadline) -> Mapping[Key, Failed]:
        entries = {key: entry_of(key, self._options) for key in values}
        texts = {entry: _text(values[key]) for key, entry in entries.items() if isinstance(entry, Entry)}
        written = self._one_by_one(lambda ring, entry: _write(ring, entry, texts[entry]), texts, deadline)
        if isinstance(written, Closed):
            return dict.fromkeys(values, Failed(written.code, f"keyring {written.hint}", written.fix))
        answers = {
            key: written.get(entry, late(deadline.seconds)) if isinstance(entry, Entry) else entry
            for key, entry in entries.items()
        }
        return {key: answer for key, answer in answers.items() if isinstance(answer, Failed)}

    def data_key(self, name: str, context: Mapping[str, str], wrapped: bytes | None, deadline: Deadline) -> DataKey:
        """Return the key kept under the name for this context; where a new one is asked for, it is made once."""
        entry = key_entry(name, context, self._options)
        work = _read_or_make if wrapped is None else _read
        got = self._one_by_one(work, [entry], deadline)
        if isinstance(got, Closed):
            raise got.error()
        answer = got.get(entry, late(deadline.seconds))
        if isinstance(answer, str):
            return DataKey(_decoded(answer))
        failed = answer or Failed(Code.NO_VALUE, "is not there any more", "the next good load makes a new one")
        raise ProviderError(failed.code, f"{entry.text} {failed.hint}", failed.fix)

    def close(self) -> None:
        """Nothing is held: the library keeps the key store, for everybody in the process."""

    def inspect(self, keys: Sequence[Key]) -> Sequence[Notice]:  # noqa: ARG002 - it is one key store for all keys
        """Return a notice if the key store of the last fetch does not encrypt."""
        return self._notices

    def _one_by_one(
        self, work: Callable[[KeyringBackend, Entry], Answer | Closed], entries: Iterable[Entry], deadline: Deadline
    ) -> dict[Entry, Answer] | Closed:
        """Do the work for each entry, in one thread, so that a person sees one dialogue at a time, and none after a no.

        The thread is left behind at the deadline: a key store may wait for ever for somebody to type its password.
        What was not answered by then is left out.
        """
        opened: list[KeyringBackend | Closed] = []

        def step(entry: Entry) -> Answer | Closed:
            if not opened:
                opened.append(self._open())
            answer = opened[0] if isinstance(opened[0], Closed) else work(opened[0], entry)
            if isinstance(answer, Closed):
                opened[0] = answer
            return answer

        answers = at_once(step, entries, deadline, limit=1)
        if opened and isinstance(opened[0], Closed):
            return opened[0]
        return {entry: answer for entry, answer in answers.items() if not isinstance(answer, Closed)}

    def _open(self) -> KeyringBackend | Closed:
        ring = open_keyring()
        self._notices = () if isinstance(ring, Closed) else unencrypted(ring)
        return ring


def _only_entries(entries: Iterable[Entry | Failed]) -> Iterable[Entry]:
    return [entry for entry in entries if isinstance(entry, Entry)]


def _read(ring: KeyringBackend, entry: Entry) -> Answer | Closed:
    try:
        password = ring.get_password(entry.service, entry.username)
    except Exception as error:  # noqa: BLE001 - key stores raise what they like, and it may hold the password
        return failure(error)
    return _really_absent(ring) if password is None else password


def _read_or_make(ring: KeyringBackend, entry: Entry) -> Answer | Closed:
    """Return the key that is kept, or else make one and keep it. Where two make one, both read the last."""
    current = _read(ring, entry)
    if current is not None:
        return current
    return _write(ring, entry, base64.b64encode(os.urandom(_KEY_SIZE)).decode()) or _read(ring, entry)


def _decoded(text: str) -> bytes:
    """Return the key; none where somebody has put something else there."""
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return b""


def _really_absent(ring: KeyringBackend) -> Closed | None:
    """Key stores in a file take one that they cannot open for an empty one: open it, to see."""
    path = getattr(ring, "file_path", None)
    if path is None:
        return None
    try:
        with open(path, "rb"):  # noqa: PTH123 - it may be any kind of path
            return None
    except FileNotFoundError:
        return None
    except OSError as error:
        wrong = why(error)
        return Closed(wrong.code, f"keeps its passwords in {path}, which {wrong.hint}", wrong.fix)


def _write(ring: KeyringBackend, entry: Entry, text: str | Failed) -> Answer | Closed:
    """Return None once the password is there."""
    if isinstance(text, Failed):
        return text
    current = _read(ring, entry)
    if isinstance(current, (Failed, Closed)):
        return current
    if current == text:
        return None
    try:
        ring.set_password(entry.service, entry.username, text)
    except Exception as error:  # noqa: BLE001 - as above
        return failure(error)
    return None


def _text(value: str | bytes) -> str | Failed:
    if isinstance(value, str):
        return value
    try:
        return value.decode()
    except UnicodeDecodeError:
        return Failed(Code.MALFORMED, "is not text in UTF-8, and a key store holds text only", "keep it in a file")
