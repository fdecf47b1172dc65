"""The environment of this process, read at the time of asking and never changed."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

from pydantic import BaseModel, ConfigDict, Field

from estate_config.contract import Context
from estate_config.errors import Code
from estate_config.model import Deadline, Failed, Found, Key, Notice, Origin, Place
from estate_config.naming import variable_name
from estate_config.small_file import as_text, as_value, read_small_file
from estate_config.suggest import did_you_mean

_POINTER = "_FILE"
_NO_FILE = Failed(Code.MALFORMED, "does not exist")


class EnvOptions(BaseModel):
    """The table `[providers.env]`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    prefix: str = Field(default="", pattern=r"^([A-Za-z_][A-Za-z0-9_]*)?$")
    """Put before every derived name, as it is: `ESTATE_` makes `ESTATE_DATABASE_URL` of `database/url`."""


class EnvironmentVariables:
    """Answers from `os.environ`. A variable `NAME_FILE` names the file that holds the value of `NAME`."""

    def __init__(self, options: EnvOptions, context: Context) -> None:
        self._prefix = options.prefix
        self._folder = context.folder
        self._declared = frozenset(self._variable(key) for key in context.keys)

    def locate(self, key: Key) -> Place:
        """Return the variable's name, exact in its case."""
        name = self._variable(key)
        bad = _no_variable(name)
        if bad is not None:
            return Place(name or f"(no variable for {key.name!r})", bad.fix, wrong=bad.hint)
        return Place(name, f"export {name}='…'")

    def fetch(self, keys: Sequence[Key], deadline: Deadline) -> Mapping[Key, Found | Failed]:  # noqa: ARG002 - local
        """Answer from the variables as they are now. A file that cannot be read is `Failed`, never absent."""
        names = self._declared | {self._variable(key) for key in keys}
        answers = {key: self._answer(key, names) for key in keys}
        return {key: answer for key, answer in answers.items() if answer is not None}

    def close(self) -> None:
        """Nothing is held."""

    def inspect(self, keys: Sequence[Key]) -> Sequence[Notice]:
        """Return a notice for each variable with the prefix that none of `keys` reads; none without a prefix."""
        if not self._prefix:
            return []
        names = {self._variable(key) for key in keys} - {""}
        read = names | {name + _POINTER for name in names}
        unread = sorted(name for name in os.environ if name.startswith(self._prefix) and name not in read)
        return [_unread(name, names) for name in unread]

    def _variable(self, key: Key) -> str:
        return variable_name(key.name, self._prefix) if key.address is None else key.address

    def _answer(self, key: Key, names: AbstractSet[str]) -> Found | Failed | None:
        name = self._variable(key)
        pointer = name + _POINTER
        raw = _variable_bytes(name)
        # What another field reads by its own name (`tls/key_file`), asked for now or not, is no pointer of `tls/key`.
        path = None if pointer in names else _variable_bytes(pointer)
        if isinstance(raw, Failed):
            return raw
        if isinstance(path, bytes):
            return _ambiguous(name) if raw is not None else self._answer_from_file(key, pointer, os.fsdecode(path))
        if raw is None:
            return None
        value = raw if key.binary else as_text(raw)
        return value if isinstance(value, Failed) else Found(value, Origin("env", name))

    def _answer_from_file(self, key: Key, pointer: str, path: str) -> Found | Failed:
        raw = read_small_file(str(self._folder / path)) if path else None
        value = as_value(raw, binary=key.binary) if isinstance(raw, bytes) else raw or _NO_FILE
        if isinstance(value, Failed):
            # The path is not shown: who sets NAME_FILE where NAME was meant has put the secret itself there.
            hint = f"is given by {pointer}: the file that it names {value.hint}"
            return Failed(
                value.code, hint, value.fix or f"see what it names: `printenv {pointer}`; or `unset {pointer}`"
            )
        change = f"put the value, and nothing else, into the file that {pointer} names"
        return Found(value, Origin("env", f"{pointer} -> {path}", change=change))


def _variable_bytes(name: str) -> bytes | Failed | None:
    return _no_variable(name) or os.environb.get(os.fsencode(name))


def _no_variable(name: str) -> Failed | None:
    try:
        raw = os.fsencode(name)
    except UnicodeEncodeError:
        raw = b""
    if raw and b"=" not in raw and b"\0" not in raw:
        return None
    return Failed(Code.SCHEMA, "is not a name that a variable can have", "give the field a name with env=…")


def _ambiguous(name: str) -> Failed:
    return Failed(
        Code.MALFORMED,
        f"is set, and so is {name}{_POINTER}: only one of them can be meant",
        f"unset one of the two: `unset {name}` or `unset {name}{_POINTER}`",
    )


def _unread(name: str, names: set[str]) -> Notice:
    # A name is bytes to the system; what is no text is shown escaped, since a report must be printable.
    shown = os.fsencode(name).decode(errors="backslashreplace")
    return Notice(
        Code.UNKNOWN,
        shown,
        f"is set, and nothing reads it{did_you_mean(shown, names)}",
        f"rename it, or `unset {shown}`",
    )
