"""Asks a program of the user's: once for each key, with the key among its arguments, or once for all, in JSON."""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from estate_config.contract import Context
from estate_config.errors import Code, ProviderError
from estate_config.model import Deadline, Failed, Found, Key, Origin, Place
from estate_config.parallel import at_once
from estate_config.small_file import LIMIT, as_text, as_value
from estate_config_providers.command.process import Ended, run

_TOGETHER = 8  # programs that run at the same time: op and pass decrypt, and a laptop has a few cores
_SHARE = 0.9  # of what is left of the deadline: nobody waits for the killing once it is over
_NEWLINE = 2  # bytes of the newline that is removed
_ESCAPED = 6  # bytes that JSON may take for one: \u0000
_PLACEHOLDER = re.compile(r"\{(name|address)\}")


class CommandOptions(BaseModel):
    """The table `[providers.command]`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    command: Annotated[list[str], Field(min_length=1)]
    """The program and its arguments; no shell reads them. The program runs in the folder of `estate.toml`.

    In an argument, `{name}` is the key's logical name, `{address}` what the field's `command=` says, or where it says
    nothing, the logical name after `prefix`.
    """
    input: Literal["arguments", "json"] = "arguments"
    """`arguments`: one process for each key. `json`: one for all keys; it reads a JSON list of addresses from standard
    input, and prints a JSON object from address to text, in which it leaves out what it has not."""
    prefix: str = ""
    """Put before a logical name where a field gives no address, as it is: `op://production/`."""
    absent_exit_codes: list[Annotated[int, Field(ge=1, le=255)]] = []
    """Exit codes by which the program says that it has no such key. Any other but 0 is a failure."""
    timeout: float = Field(default=10.0, gt=0, le=600)
    """Seconds that one process may take, within the deadline of the load."""

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        named = any(_PLACEHOLDER.search(argument) for argument in self.command[1:])
        if not all(_can_be_told(argument) for argument in self.command):
            raise ValueError("`command` has a character that no argument can have")
        if not self.command[0] or _PLACEHOLDER.search(self.command[0]):
            raise ValueError("`command` has to begin with the name of a program, the same for every key")
        if self.input == "arguments" and not named:
            raise ValueError('an argument of `command` has to name the key: "{address}" or "{name}"')
        if self.input == "json" and (named or self.absent_exit_codes):
            raise ValueError(
                'with input = "json" the keys are on standard input: no "{address}", no "{name}", no absent_exit_codes'
            )
        return self


class UsersProgram:
    """Answers with what the program prints. Of its standard error, which may hold a value, nothing is kept."""

    def __init__(self, options: CommandOptions, context: Context) -> None:
        self._options = options
        self._folder = context.folder

    def locate(self, key: Key) -> Place:
        """Return the command line that prints the value, or the program and the address that it is told."""
        if self._options.input == "json":
            place = f"{shlex.join(self._options.command)}: {self._address(key)}"
            return Place(place, f"put a value where {self._options.command[0]} finds it for {self._address(key)}")
        line, bad = shlex.join(self._argv(key)), self._bad(key)
        if bad is not None:
            return Place(line, bad.fix, wrong=bad.hint)
        return Place(line, f"put a value where this prints it: {line}")

    def fetch(self, keys: Sequence[Key], deadline: Deadline) -> Mapping[Key, Found | Failed]:
        """Run the program. A program that cannot be started is a `ProviderError`."""
        if not keys:
            return {}
        answers = self._from_json(keys, deadline) if self._options.input == "json" else self._each(keys, deadline)
        if isinstance(answers, ProviderError):
            raise answers
        return answers

    def close(self) -> None:
        """Nothing is held."""

    # --- one process for each key ------------------------------------------------------------------------------------

    def _each(self, keys: Sequence[Key], deadline: Deadline) -> dict[Key, Found | Failed] | ProviderError:
        lines = [tuple(self._argv(key)) for key in keys if self._bad(key) is None]
        printed = at_once(lambda line: self._printed(line, deadline), lines, deadline, _TOGETHER)
        answers: dict[Key, Found | Failed] = {}
        for key in keys:
            line = tuple(self._argv(key))
            answer = self._bad(key) or (printed[line] if line in printed else _late(line, deadline))
            if isinstance(answer, ProviderError):
                return answer
            value = as_value(answer, binary=key.binary) if isinstance(answer, bytes) else answer
            if value is not None:
                answers[key] = self._checked(key, value)
        return answers

    def _printed(self, argv: Sequence[str], deadline: Deadline) -> bytes | Failed | ProviderError | None:
        ended = run(argv, self._folder, self._time(deadline), limit=LIMIT + _NEWLINE)
        if isinstance(ended, Ended):
            if ended.exit_code in self._options.absent_exit_codes:
                return None
            return _refused(ended.exit_code, argv) if ended.exit_code else ended.output
        if isinstance(ended, Failed):
            return Failed(ended.code, ended.hint, _by_hand(argv))
        return ended

    def _argv(self, key: Key) -> list[str]:
        words = {"name": key.name, "address": self._address(key)}
        program, *arguments = self._options.command
        return [program, *(_PLACEHOLDER.sub(lambda found: words[found[1]], argument) for argument in arguments)]

    def _bad(self, key: Key) -> Failed | None:
        """Say why the program cannot be told of this key."""
        fix = "correct the field's command=…"
        if key.address is not None and not any("{address}" in argument for argument in self._options.command):
            return Failed(Code.SCHEMA, 'has an address, and `command` has no "{address}" to put it', fix)
        for given, argument in zip(self._options.command, self._argv(key), strict=True):
            if argument.startswith("-") and not given.startswith("-"):
                return Failed(Code.SCHEMA, 'begins with "-": the program would take it for an option', fix)
            if not _can_be_told(argument):
                return Failed(Code.SCHEMA, "has a character that no argument can have", fix)
        return None

    # --- one process for all keys ------------------------------------------------------------------------------------

    def _from_json(self, keys: Sequence[Key], deadline: Deadline) -> dict[Key, Found | Failed] | ProviderError:
        addresses = list(dict.fromkeys(self._address(key) for key in keys))
        argv = self._options.command
        ended = run(
            argv,
            self._folder,
            self._time(deadline),
            limit=(len(addresses) + 1) * LIMIT * _ESCAPED,
            told=json.dumps(addresses).encode(),
        )
        if isinstance(ended, ProviderError):
            return ended
        document: dict[str, object] | Failed
        if isinstance(ended, Ended):
            document = _refused(ended.exit_code, argv) if ended.exit_code else _object(ended.output)
        else:
            document = ended
        if isinstance(document, Failed):
            return ProviderError(document.code, f"({argv[0]}) {document.hint}", document.fix or _by_hand(argv))
        found = {key: document[self._address(key)] for key in keys if self._address(key) in document}
        return {key: self._checked(key, _member(value, binary=key.binary)) for key, value in found.items()}

    # --- both --------------------------------------------------------------------------------------------------------

    def _address(self, key: Key) -> str:
        return self._options.prefix + key.name if key.address is None else key.address

    def _time(self, deadline: Deadline) -> Deadline:
        return Deadline(min(self._options.timeout, deadline.remaining() * _SHARE))

    def _checked(self, key: Key, value: str | bytes | Failed) -> Found | Failed:
        if isinstance(value, Failed):
            return value
        if len(value if isinstance(value, bytes) else value.encode()) > LIMIT:
            return Failed(Code.MALFORMED, f"is larger than {LIMIT:,} bytes, the most that a value may have")
        return Found(value, Origin("command", self.locate(key).text))


def _can_be_told(argument: str) -> bool:
    try:
        return b"\0" not in os.fsencode(argument)
    except UnicodeEncodeError:
        return False


def _refused(exit_code: int, argv: Sequence[str]) -> Failed:
    # UNAVAILABLE, and not DENIED: programs end with 1 for whatever kept them from answering.
    how = f"ended with exit code {exit_code}" if exit_code > 0 else f"was ended by signal {-exit_code}"
    return Failed(Code.UNAVAILABLE, f"{how} (what it said is not shown: it may hold a value)", _by_hand(argv))


def _late(argv: Sequence[str], deadline: Deadline) -> Failed:
    return Failed(Code.UNAVAILABLE, f"was not answered within {deadline.seconds:.3g} seconds", _by_hand(argv))


def _by_hand(argv: Sequence[str]) -> str:
    return f"run it by hand and see what it says: {shlex.join(argv)}"


def _object(raw: bytes) -> dict[str, object] | Failed:
    """Parse what the program printed. The parser's own exception holds all of it, so only its position is told."""
    text = as_text(raw)
    if isinstance(text, Failed):
        return Failed(text.code, f"printed what {text.hint}")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        position = f" (line {error.lineno}, column {error.colno})" if isinstance(error, json.JSONDecodeError) else ""
        return Failed(Code.MALFORMED, f"printed what is not JSON{position}")
    if not isinstance(document, dict):
        return Failed(Code.MALFORMED, "printed JSON that is not an object from address to text")
    return document


def _member(value: object, *, binary: bool) -> str | bytes | Failed:
    if not isinstance(value, str):
        return Failed(Code.MALFORMED, "is JSON other than a text: a program answers with texts, in quotes")
    try:
        raw = value.encode()
    except UnicodeEncodeError:
        return Failed(Code.MALFORMED, "is not UTF-8 text: it holds half of a surrogate pair")
    return raw if binary else value
