"""IAM policies, compared by what they grant: order, grouping and spelling of their statements do not matter."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

Test = tuple[str, str]
"""An operator and key, and the value that is tested for: `("StringEquals kms:ViaService", "…")`."""


@dataclass(frozen=True, slots=True)
class Grant:
    """One action on one resource, under one condition."""

    effect: str
    action: str
    resource: str
    condition: tuple[Test, ...] = ()


def difference(wanted: Mapping[str, Any], deployed: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Return in words what a deployed policy lacks of the wanted one, and what it has besides.

    A deployed name without wildcards is as good as the wanted pattern that it fits: the ARN that a secret has got is
    as good as the one with `??????`. Two empty lists: the policies grant the same.
    """
    wants, has = dict.fromkeys(_grants(wanted)), dict.fromkeys(_grants(deployed))
    missing = [one for one in wants if one not in has and not any(_fits(one, other) for other in has)]
    extra = [one for one in has if one not in wants and not any(_fits(other, one) for other in wants)]
    return _words(missing), _words(extra)


def _grants(document: Mapping[str, Any]) -> Iterator[Grant]:
    for statement in _list(document.get("Statement")):
        tests = [_tests(f"{operator} {key}", values) for operator, key, values in _conditions(statement)]
        for action, resource in product(_named(statement, "Action"), _named(statement, "Resource")):
            for condition in product(*tests):
                yield Grant(str(statement.get("Effect")), action, resource, condition)


def _named(statement: Mapping[str, Any], element: str) -> list[str]:
    """The values of an element; those of its opposite (`NotAction`) only mean something together."""
    names = [str(name) for name in _list(statement.get(element))]
    return names or [f"everything but {' and '.join(sorted(map(str, _list(statement.get(f'Not{element}')))))}"]


def _conditions(statement: Mapping[str, Any]) -> list[tuple[str, str, Any]]:
    condition = statement.get("Condition") or {}
    found = [(operator, key, values) for operator, tests in condition.items() for key, values in tests.items()]
    return sorted(found, key=lambda one: (one[0].lower(), one[1].lower()))


def _tests(name: str, values: Any) -> list[Test]:
    """The alternatives of one test; an operator that denies, or that looks at all values, means them together."""
    texts = [str(value) for value in _list(values)]
    if "Not" in name.partition(" ")[0] or name.startswith("ForAllValues"):
        texts = [" and ".join(sorted(texts))]
    return [(name, text) for text in texts]


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, Sequence) and not isinstance(value, str) else [value]


def _fits(wanted: Grant, deployed: Grant) -> bool:
    """Whether a deployed grant is one that was wanted. AWS compares actions and names of keys without case."""
    if wanted.effect != deployed.effect or wanted.action.lower() != deployed.action.lower():
        return False
    tests, others = wanted.condition, deployed.condition
    if [name.lower() for name, _ in tests] != [name.lower() for name, _ in others]:
        return False
    pairs = [(wanted.resource, deployed.resource), *((a, b) for (_, a), (_, b) in zip(tests, others, strict=True))]
    return all(_is_like(pattern, text) for pattern, text in pairs)


def _is_like(pattern: str, text: str) -> bool:
    if "*" in text or "?" in text:  # a pattern itself, and only the same one is as narrow for certain
        return pattern == text
    expression = "".join({"*": ".*", "?": "."}.get(character, re.escape(character)) for character in pattern)
    return re.fullmatch(expression, text, re.DOTALL) is not None


def _words(grants: Iterable[Grant]) -> list[str]:
    """Return grants in words, those on the same resource together."""
    together: dict[tuple[str, str, tuple[Test, ...]], list[str]] = {}
    for one in grants:
        together.setdefault((one.effect, one.resource, one.condition), []).append(one.action)
    return [_text(effect, actions, resource, tests) for (effect, resource, tests), actions in together.items()]


def _text(effect: str, actions: Sequence[str], resource: str, tests: Sequence[Test]) -> str:
    condition = "".join(f", if {name} {value}" for name, value in tests)
    return f"{effect} {', '.join(actions)} on {resource}{condition}"
