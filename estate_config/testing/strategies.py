"""`from_schema`: a hypothesis strategy for any `Settings` class."""

from __future__ import annotations

import datetime as dt
import types
from collections.abc import Callable, Mapping
from dataclasses import replace
from enum import Enum
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from hypothesis import strategies as st
from pydantic import Secret, SecretBytes, SecretStr
from pydantic.fields import FieldInfo
from pydantic.networks import UrlConstraints

from estate_config.chains import check_names, declared
from estate_config.handmade import NOWHERE, at
from estate_config.loading import load
from estate_config.redaction import Hidden
from estate_config.schema import Setting
from estate_config.settings import Settings
from estate_config.swap import use
from estate_config.testing.fakes import Limits, compiled, fake_value, is_json, lengthened

S = TypeVar("S", bound=Settings)


def from_schema(cls: type[S], **given: Any) -> st.SearchStrategy[S]:
    """Return a strategy for valid instances of a class; `given` fixes fields, by a value or a strategy of their own.

    Nested fields are given nested: `rds={"password": "x"}`.

    Types that it knows nothing of are held at one fake value. Instances that a validator of the class refuses are
    not filtered away: give the field a strategy that fits. Raises `ConfigurationError` for a name that is no field.
    """
    check_names(cls, Hidden(given))
    fields = {
        item.field: _values(item)
        for item in declared(cls)
        if item.declaration.template is None and at(given, item.path) is NOWHERE
    }
    fields |= {name: _given(value) for name, value in given.items()}
    return st.fixed_dictionaries(fields).map(lambda values: _instance(cls, values))


def _given(value: Any) -> st.SearchStrategy[Any]:
    if isinstance(value, Mapping):
        return st.fixed_dictionaries({name: _given(inner) for name, inner in value.items()})
    return value if isinstance(value, st.SearchStrategy) else st.just(value)


def _instance(cls: type[S], values: Mapping[str, Any]) -> S:
    with use(cls, values):
        return load(cls)


def _values(item: Setting) -> st.SearchStrategy[Any]:
    return _within(item.info, Limits({}), item)


def _within(info: FieldInfo, limits: Limits, item: Setting) -> st.SearchStrategy[Any]:
    if is_json(info):
        return st.just(fake_value(item))
    return _of(info.annotation, Limits({**limits.values, **Limits.of(info).values}), item)


def _of(annotation: Any, limits: Limits, item: Setting) -> st.SearchStrategy[Any]:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _within(FieldInfo.from_annotation(annotation), limits, item)
    if origin is Union or origin is types.UnionType:
        return st.one_of(*(_of(a, limits, item) for a in arguments if a is not type(None)))
    if origin is Secret:
        return _of(arguments[0], limits, item)
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin is list:
        element = replace(item, info=FieldInfo.from_annotation(arguments[0]))
        return st.lists(_values(element), **_sizes(limits, most=5))
    return _plain(annotation, limits, item)


def _sizes(limits: Limits, most: int) -> dict[str, Any]:
    low = limits.get("min_length", 0)
    return {"min_size": low, "max_size": limits.get("max_length", max(most, low))}


_ALPHABET = st.characters(exclude_categories=("Cs", "Cc"))


def _plain(kind: Any, limits: Limits, item: Setting) -> st.SearchStrategy[Any]:
    if isinstance(getattr(kind, "_constraints", None), UrlConstraints) or not isinstance(kind, type):
        return st.just(fake_value(item))
    for base, make in _MAKERS:
        if issubclass(kind, base):
            return make(kind, limits, item)
    return st.just(fake_value(item))


def _texts(_kind: type, limits: Limits, item: Setting) -> st.SearchStrategy[str]:
    low = max(limits.get("min_length", 0), 0 if item.declaration.allow_empty else 1)
    if pattern := limits.get("pattern"):
        wanted = compiled(pattern, item.name)
        matching = st.from_regex(wanted, alphabet=_ALPHABET)
        lines = matching.filter(lambda text: not text.endswith("\n"))  # `$` lets Python's match one, and not Rust's
        longer = lines.map(lambda text: lengthened(text, wanted, low))
        return longer.filter(lambda text: low <= len(text) <= limits.get("max_length", len(text)))
    return st.text(_ALPHABET, min_size=low, max_size=limits.get("max_length", max(40, low)))


def _numbers(kind: type, limits: Limits, _item: Setting) -> st.SearchStrategy[Any]:
    low = limits.get("ge", limits.get("gt"))
    high = limits.get("le", limits.get("lt"))
    if issubclass(kind, int):
        step = limits.get("multiple_of", 1)
        numbers: st.SearchStrategy[Any] = st.integers(
            None if low is None else -(-low // step), None if high is None else high // step
        ).map(lambda n: n * step)
    else:
        numbers = st.floats(low, high, allow_nan=False, allow_infinity=False)
    return numbers.filter(lambda n: n != limits.get("gt") and n != limits.get("lt"))


def _binary(_kind: type, limits: Limits, _item: Setting) -> st.SearchStrategy[bytes]:
    sizes = _sizes(limits, most=64)
    return st.binary(min_size=max(1, sizes["min_size"]), max_size=sizes["max_size"])


_MAKERS: tuple[tuple[type | tuple[type, ...], Callable[[Any, Limits, Setting], st.SearchStrategy[Any]]], ...] = (
    (Enum, lambda kind, _limits, _item: st.sampled_from([member.value for member in kind])),
    (bool, lambda _kind, _limits, _item: st.booleans()),
    ((str, SecretStr), _texts),
    ((bytes, SecretBytes), _binary),
    ((int, float), _numbers),
    (dt.timedelta, lambda _kind, _limits, _item: st.timedeltas(dt.timedelta(0), dt.timedelta(days=3650))),
    (dt.datetime, lambda _kind, _limits, _item: st.datetimes()),
    (dt.date, lambda _kind, _limits, _item: st.dates()),
)
