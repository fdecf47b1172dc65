"""A complete, valid, obviously fake double of any schema: the same every run."""

from __future__ import annotations

import datetime as dt
import json
import math
import re
import types
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, EmailStr, Json, Secret, SecretBytes, SecretStr
from pydantic.fields import FieldInfo
from pydantic.networks import UrlConstraints

from estate_config.chains import declared
from estate_config.handmade import NOWHERE, at
from estate_config.schema import Setting
from estate_config.settings import Settings

HOST = "fake.invalid"
"""No name under .invalid ever resolves (RFC 2606): a double that is dialled by mistake fails at once."""


def fake_values(cls: type[Settings]) -> dict[str, Any]:
    """Return a value for every secret and every required setting of a class, by field name.

    Settings with a default keep it. Fields with a template are left to it. Raises `TypeError` for a type that
    nothing is known of: give that field's value by hand.
    """
    return completed(cls, {})


def completed(cls: type[Settings], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return values given by hand, dotted or nested, with fake ones for what they leave out. As `fake_values`."""
    fakes = {
        item.field: fake_value(item)
        for item in declared(cls)
        if (item.secret or item.required) and item.declaration.template is None and at(given, item.path) is NOWHERE
    }
    return {**fakes, **given}


def fake_value(item: Setting) -> Any:
    """Return a fake value of one setting, as a provider would give it."""
    if item.info.examples:
        return item.info.examples[0]
    return _within(item.info, _NONE, item.name)


def _within(info: FieldInfo, limits: Limits, name: str) -> Any:
    made = _fake(info.annotation, Limits({**limits.values, **Limits.of(info).values}), name)
    return json.dumps(made, default=str) if is_json(info) else made


def is_json(info: FieldInfo) -> bool:
    """Whether pydantic's `Json` asks for the text of a value."""
    return any(Json in (item, type(item)) for item in info.metadata)


@dataclass(frozen=True, slots=True)
class Limits:
    """The constraints of a field, whatever annotation they came with."""

    values: Mapping[str, Any]

    @classmethod
    def of(cls, info: FieldInfo) -> Limits:
        found: dict[str, Any] = {}
        for item in info.metadata:
            for name in ("min_length", "max_length", "pattern", "gt", "ge", "lt", "le", "multiple_of"):
                value = getattr(item, name, None)
                if value is not None:
                    found[name] = value
        return cls(found)

    def get(self, name: str, default: Any = None) -> Any:
        return self.values.get(name, default)


_NONE = Limits({})


def _fake(annotation: Any, limits: Limits, name: str) -> Any:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _within(FieldInfo.from_annotation(annotation), limits, name)
    if origin in {Union, types.UnionType, Secret}:
        return _fake(next(a for a in arguments if a is not type(None)), limits, name)
    if origin is Literal:
        return arguments[0]
    if origin is not None:
        return _container(origin, arguments, limits, name)
    return _plain(annotation, limits, name)


def _container(origin: type, arguments: Sequence[Any], limits: Limits, name: str) -> Any:
    if issubclass(origin, Mapping):
        return {}
    fixed = origin is tuple and Ellipsis not in arguments
    elements = arguments if fixed else arguments[:1] * limits.get("min_length", 1)
    return [_fake(element, _NONE, name) for element in elements]


def _plain(kind: Any, limits: Limits, name: str) -> Any:
    constraints = getattr(kind, "_constraints", None)
    if isinstance(constraints, UrlConstraints):
        return _url(constraints, name)
    if kind is Json:
        return "{}"
    if kind is EmailStr:
        return f"fake@{HOST}"
    if not isinstance(kind, type):
        raise _unknown(kind, name)
    if issubclass(kind, Enum):
        return next(iter(kind)).value
    if issubclass(kind, BaseModel):
        required = {n: i for n, i in kind.model_fields.items() if i.is_required()}
        return {n: _within(i, _NONE, f"{name}/{n}") for n, i in required.items()}
    for base, make in _MAKERS:
        if issubclass(kind, base):
            return make(limits, name)
    raise _unknown(kind, name)


def _unknown(kind: Any, name: str) -> TypeError:
    return TypeError(f"no fake value is known for {name}, a {kind}: give it by hand, estate.fake(cls, field=...)")


def _url(constraints: UrlConstraints, name: str) -> str:
    scheme = (constraints.allowed_schemes or ["https"])[-1 if "https" in (constraints.allowed_schemes or []) else 0]
    if scheme == "file":
        return f"file:///fake/{name}"
    if scheme in {"http", "https"}:
        return f"{scheme}://{HOST}/{name}"
    return f"{scheme}://fake-user:fake-password@{HOST}/fake"


def _text(limits: Limits, name: str) -> str:
    if pattern := limits.get("pattern"):
        return _matching(compiled(pattern, name), limits, name)
    text = f"fake-{name.replace('/', '-')}"
    longest: int = limits.get("max_length", 10**6)
    return text.ljust(limits.get("min_length", 0), "0")[:longest]


def compiled(pattern: str | re.Pattern[str], name: str) -> re.Pattern[str]:
    """Return a pattern of a field. Raises `TypeError` for one that Rust reads, and Python does not."""
    with suppress(re.error):
        return re.compile(pattern)
    raise _unknown(f"text that matches {pattern!r}", name)


def lengthened(text: str, pattern: re.Pattern[str], length: int) -> str:
    """Return a text made as long as `length`, if it then still has what the pattern looks for."""
    longer = (text.ljust(length, "0"), text.ljust(length, text[-1:] or "0"), text.rjust(length, "0"))
    return next((one for one in longer if pattern.search(one)), text)


def _matching(pattern: re.Pattern[str], limits: Limits, name: str) -> str:
    """Return the simplest text that matches; hypothesis knows how, and always finds the same one."""
    from hypothesis import find, settings, strategies
    from hypothesis.errors import HypothesisException

    low, high = limits.get("min_length", 0), limits.get("max_length", 10**6)
    quiet = settings(database=None, derandomize=True, max_examples=2000)
    with suppress(HypothesisException):
        return find(
            strategies.from_regex(pattern, fullmatch=True).map(lambda text: lengthened(text, pattern, low)),
            lambda text: low <= len(text) <= high and text.isprintable(),
            settings=quiet,
        )
    raise _unknown(f"text of this length that matches {pattern.pattern!r}", name)


def _number(limits: Limits, name: str) -> Any:
    step = limits.get("multiple_of", 1)
    low = _finite(limits.get("ge", limits.get("gt")))
    high = _finite(limits.get("le", limits.get("lt")))
    start = low if low is not None else high
    if start is None:
        return step
    near = start // step * step
    candidates = [near, near + step, near - step, start, start + step, start - step]
    if low is not None and high is not None:
        candidates.append((low + high) / 2)
    fitting = next((candidate for candidate in candidates if _fits(candidate, limits)), None)
    if fitting is None:
        raise _unknown("number within its limits", name)
    return fitting


def _finite(limit: Any) -> Any:
    """Return a limit; None for an infinite one, which is none."""
    return limit if limit is not None and math.isfinite(limit) else None


def _fits(number: float, limits: Limits) -> bool:
    step = limits.get("multiple_of")
    return (
        number >= limits.get("ge", number)
        and number <= limits.get("le", number)
        and not number <= limits.get("gt", number - 1)
        and not number >= limits.get("lt", number + 1)
        and (step is None or _is_multiple(number, step))
    )


def _is_multiple(number: Any, step: Any) -> bool:
    """Whether pydantic takes a number for a multiple: in a float, up to a billionth of it may be lost."""
    exact = not number % step
    return exact or (isinstance(number, float) and math.isclose(number / step, round(number / step), rel_tol=1e-9))


_MAKERS: tuple[tuple[type | tuple[type, ...], Callable[[Limits, str], Any]], ...] = (
    (bool, lambda _limits, _name: False),
    ((SecretBytes, bytes), lambda limits, name: _text(limits, name).encode()),
    ((SecretStr, str), _text),
    (int, lambda limits, name: int(_number(Limits({"multiple_of": 1, **limits.values}), name))),
    (float, lambda limits, name: float(_number(limits, name))),
    (Decimal, lambda limits, name: Decimal(str(_number(limits, name)))),
    (dt.datetime, lambda _limits, _name: dt.datetime(2000, 1, 1, tzinfo=dt.UTC)),
    (dt.date, lambda _limits, _name: dt.date(2000, 1, 1)),
    (dt.time, lambda _limits, _name: dt.time(0, 0)),
    (dt.timedelta, lambda _limits, _name: dt.timedelta(days=1)),
    (uuid.UUID, lambda _limits, name: uuid.uuid5(uuid.NAMESPACE_DNS, f"{name}.{HOST}")),
    (Path, lambda _limits, name: Path("fake") / name),
    (IPv4Address, lambda _limits, _name: IPv4Address("192.0.2.1")),  # TEST-NET-1, RFC 5737
    (IPv6Address, lambda _limits, _name: IPv6Address("2001:db8::1")),  # documentation, RFC 3849
    ((list, tuple, set, frozenset), lambda _limits, _name: []),
    (dict, lambda _limits, _name: {}),
)
