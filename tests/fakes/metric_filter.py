"""Which events a metric filter of CloudWatch Logs counts: the part of its pattern syntax for JSON that we use.

After "Filter pattern syntax for metric filters", Amazon CloudWatch Logs User Guide. moto keeps patterns and reads none.
Strict: what is not in this part is refused, and so is a mixture of `&&` and `||` that only precedence would decide.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

_TOKEN = re.compile(r'\s*(?:(\{|\}|\(|\)|&&|\|\||=)|(\$(?:\.\w+)+)|"([\w.*-]+)")')


def counts(pattern: str, event: Mapping[str, Any]) -> bool:
    """Return whether the filter counts the event. Raises `ValueError` for a pattern that is not understood."""
    tokens = _tokens(pattern)
    if not tokens or tokens.pop(0) != "{":
        raise ValueError("a pattern for JSON is in braces")
    found = _expression(tokens, event)
    if tokens != ["}"]:
        raise ValueError(f"not understood: {' '.join(tokens)}")
    return found


def _tokens(pattern: str) -> list[str]:
    tokens, at, text = [], 0, pattern.rstrip()
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise ValueError(f"not understood: {text[at:]}")
        tokens.append(found[0].strip())
        at = found.end()
    return tokens


def _expression(tokens: list[str], event: Mapping[str, Any]) -> bool:
    found, operators = [_term(tokens, event)], set()
    while tokens and tokens[0] in {"&&", "||"}:
        operators.add(tokens.pop(0))
        found.append(_term(tokens, event))
    if len(operators) > 1:
        raise ValueError("&& and || are mixed: say in parentheses what belongs together")
    return any(found) if operators == {"||"} else all(found)


def _term(tokens: list[str], event: Mapping[str, Any]) -> bool:
    if tokens and tokens[0] == "(":
        del tokens[0]
        found = _expression(tokens, event)
        if not tokens or tokens.pop(0) != ")":
            raise ValueError("a parenthesis is not closed")
        return found
    match tokens[:3]:
        case [selector, "=", value] if selector.startswith("$") and value.startswith('"'):
            del tokens[:3]
            text = _selected(selector, event)
            return isinstance(text, str) and fnmatchcase(text, value.strip('"'))
    raise ValueError(f"not understood: {' '.join(tokens)}")


def _selected(selector: str, event: Any) -> Any:
    """Return what a selector such as `$.userIdentity.arn` leads to; None where there is nothing."""
    for name in selector.split(".")[1:]:
        event = event.get(name) if isinstance(event, Mapping) else None
    return event
