"""What the standard tests share: what a store cannot hold, the provider under test, and how to ask it."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import ClassVar, NoReturn, TypeVar

import pytest

from estate_config.contract import Provider
from estate_config.model import Deadline, Failed, Found, Key
from estate_config.testing.shelf import Shelf

T = TypeVar("T")

CANARY = "canary-7c1e5a90"
"""A value that is looked for where no value may be."""
SECONDS = 15.0
"""The deadline of a fetch that nothing hinders: that of a load."""
_GRACE = 2.0  # for a machine under load


class Kit:
    """The base of the standard tests. A subclass of `ProviderContract` may set these, and `key()`, to fit its store."""

    binary: ClassVar[bool] = True
    """Whether the store holds bytes that are no text."""
    empty_values: ClassVar[bool] = True
    """Whether the store tells an empty value from none."""
    largest: ClassVar[int] = 65_536
    """The most bytes that a value may have. 65,536 is the limit of AWS Secrets Manager."""
    cannot_hold: ClassVar[str] = ""
    """Characters that the store cannot hold: NUL in environment variables, say."""
    examples: ClassVar[int] = 25
    """How many values each round trip tries."""
    sdk: ClassVar[tuple[str, ...]] = ()
    """Modules that importing the spec must not import: `("boto3", "botocore")`."""

    @pytest.fixture
    def shelf(self) -> Shelf:
        """Return the real thing. The one fixture that a subclass has to have."""
        raise NotImplementedError(f"{type(self).__name__} needs a fixture `shelf` that returns a Shelf")

    @pytest.fixture
    def provider(self, shelf: Shelf) -> Iterator[Provider]:
        """Give a provider on the shelf, and close it."""
        provider = shelf.build()
        yield provider
        provider.close()

    def key(self, name: str, *, binary: bool = False) -> Key:
        """Return a key of the kit's; a store that wants names of its own gives it an address here."""
        return Key(name=f"kit/{name}", field=f"kit_{name}", binary=binary)

    def put_some(self, shelf: Shelf) -> dict[Key, str]:
        """Put five values, no two alike, and return what was put."""
        values = {self.key(name): f"value of {name}" for name in ("one", "two", "three", "four", "five")}
        for key, value in values.items():
            shelf.put(key, value)
        return values


Answers = Mapping[Key, Found | Failed]


def fail(message: str) -> NoReturn:
    """End the test with words of the kit's own: these have to help a stranger."""
    __tracebackhide__ = True
    pytest.fail(message)


def require(condition: object, message: str) -> None:
    """Fail unless it is so. Not `assert`: the kit works under `python -O`, and without pytest's rewriting."""
    __tracebackhide__ = True
    if not condition:
        fail(message)


def fetch(provider: Provider, keys: Sequence[Key]) -> Answers:
    """Fetch within the deadline of a load."""
    return provider.fetch(keys, Deadline(SECONDS))


def names(keys: Iterable[Key]) -> str:
    """Return the names of keys for a message."""
    return ", ".join(sorted(key.name for key in keys)) or "nothing"


def require_values(answers: Answers, expected: Mapping[Key, str | bytes]) -> None:
    """Fail unless the answers are exactly these values, of the type that the contract gives them."""
    __tracebackhide__ = True
    lacking, extra = expected.keys() - answers.keys(), answers.keys() - expected.keys()
    require(not lacking, f"left out, though the store holds them: {names(lacking)}")
    require(not extra, f"answered, though nobody asked for them or nothing holds them: {names(extra)}")
    for key, value in expected.items():
        require_value(answers, key, value)


def require_value(answers: Answers, key: Key, value: str | bytes) -> None:
    """Fail unless the key was found with this very value."""
    __tracebackhide__ = True
    answer = require_found(answers, key)
    wanted = "bytes, since the key is binary" if key.binary else "str"
    require(type(answer.value) is type(value), f"{key.name} is a {type(answer.value).__name__}, and should be {wanted}")
    require(answer.value == value, f"{key.name} has another value than the one that was put: {answer.value!r}")


def require_found(answers: Answers, key: Key) -> Found:
    """Return the answer if the key was found, fail if not."""
    __tracebackhide__ = True
    answer = answers.get(key)
    if isinstance(answer, Found):
        return answer
    if isinstance(answer, Failed):
        fail(f"{key.name} failed, though the store holds it: {answer.code}: {answer.hint}")
    fail(f"{key.name} was left out, though the store holds it")


def outcome_of(call: Callable[[], T]) -> T | BaseException:
    """Return what a call gives or raises."""
    try:
        return call()
    except Exception as error:  # noqa: BLE001 - which exception it is, is what is tested
        return error


def within(seconds: float, call: Callable[[Deadline], T]) -> T | BaseException:
    """Return what a call gives or raises, which it has to do by the deadline that it is given."""
    __tracebackhide__ = True
    outcomes: queue.SimpleQueue[T | BaseException] = queue.SimpleQueue()
    deadline = Deadline(seconds)
    threading.Thread(target=lambda: outcomes.put(outcome_of(lambda: call(deadline))), daemon=True).start()
    try:
        return outcomes.get(timeout=seconds + _GRACE)
    except queue.Empty:
        fail(f"it did not come back by its deadline of {seconds:g} seconds: wait no longer than deadline.remaining()")
