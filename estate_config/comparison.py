"""Two environments side by side, without a value: what only one has, what is the same, what differs in its shape."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from estate_config.chains import chain_in, declared
from estate_config.environments import Environment, Estate
from estate_config.errors import Code, Problem
from estate_config.loading import answers_of
from estate_config.model import Found
from estate_config.redaction import Hidden
from estate_config.resolve import Answer
from estate_config.settings import Settings


class Verdict(StrEnum):
    """How a setting of one environment stands to that of the other."""

    SAME = "same"
    DIFFERENT = "different"
    SHAPE = "different shape"
    """One is a JSON object, a list or text, the other is not; or they are objects with other members."""
    MISSING = "missing in the second"
    EXTRA = "missing in the first"
    NEITHER = "in neither"
    UNKNOWN = "cannot be told"
    """One of them could not be asked for it."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One setting in two environments."""

    field: str
    secret: bool
    verdict: Verdict
    places: tuple[str, str]
    """Where each was found, in the provider's own spelling; what went wrong; or ""."""

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Comparison:
    """A service in two environments."""

    differences: tuple[Difference, ...]
    """In the order of declaration."""
    problems: tuple[Problem, ...]
    """Why something cannot be told."""


def compared(cls: type[Settings], estate: Estate, first: Environment, second: Environment) -> Comparison:
    """Return how every setting of a class stands in two environments.

    Values are compared by a hash with a key of this one call, and dropped. Raises `ConfigurationError` for what is
    wrong with one of the chains.
    """
    settings = declared(cls)
    key = secrets.token_bytes(32)
    seen: list[dict[str, _Seen]] = []
    problems: list[Problem] = []
    for environment in (first, second):
        answers = _answers(cls, estate, environment)
        seen.append({name: _seen(answer, key) for name, answer in answers.items()})
        problems += _problems(answers, environment)
    differences = [
        _difference(item.field, seen[0][item.field], seen[1][item.field], secret=item.secret) for item in settings
    ]
    return Comparison(tuple(differences), tuple(problems))


def _problems(answers: Mapping[str, Answer], environment: Environment) -> Iterator[Problem]:
    for name, answer in answers.items():
        if answer.failed is not None:
            message = f"in {environment.name}: {answer.failed.hint}"
            yield Problem(name, answer.failed.code, message, tuple(answer.asked), answer.failed.fix)


def _answers(cls: type[Settings], estate: Estate, environment: Environment) -> Mapping[str, Answer]:
    return answers_of(declared(cls), chain_in(cls, estate, environment), Hidden({})).answers


@dataclass(frozen=True, slots=True)
class _Seen:
    """What is kept of one answer: nothing that a value could be guessed from without the key."""

    place: str
    mark: bytes | None = None
    shape: bytes | None = None
    failed: Code | None = None


def _seen(answer: Answer, key: bytes) -> _Seen:
    if answer.failed is not None:
        return _Seen(answer.failed.code.value, failed=answer.failed.code)
    if answer.found is None:
        return _Seen("")
    raw = _raw(answer.found)
    return _Seen(answer.found.origin.place, _hashed(raw, key), _hashed(_shape(raw), key))


def _hashed(raw: bytes, key: bytes) -> bytes:
    return hmac.new(key, raw, hashlib.sha256).digest()


def _raw(found: Found) -> bytes:
    value = found.value
    if isinstance(value, bytes):
        return value
    text = value if isinstance(value, str) else json.dumps(value, default=str, sort_keys=True)
    return text.encode("utf-8", "surrogatepass")


def _shape(raw: bytes) -> bytes:
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError):
        return b"text"
    if isinstance(document, dict):
        return f"object {sorted(document)}".encode()
    return b"list" if isinstance(document, list) else b"text"


def _difference(name: str, first: _Seen, second: _Seen, *, secret: bool) -> Difference:
    return Difference(name, secret, _verdict(first, second), (first.place, second.place))


def _verdict(first: _Seen, second: _Seen) -> Verdict:
    if first.failed or second.failed:
        return Verdict.UNKNOWN
    if first.mark is None or second.mark is None:
        return {
            (True, True): Verdict.NEITHER,
            (True, False): Verdict.EXTRA,
            (False, True): Verdict.MISSING,
        }[first.mark is None, second.mark is None]
    if first.mark == second.mark:
        return Verdict.SAME
    return Verdict.DIFFERENT if first.shape == second.shape else Verdict.SHAPE
