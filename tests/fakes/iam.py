"""IAM, as far as policies for secrets need it: what AWS documents of how a request is judged, and nothing lenient.

An explicit deny wins, else an allow is needed. Actions compare without case, resources segment by segment (`*` does not
reach over a colon of the first five), with `*` and `?`. What a policy says and this does not know is a `PolicyError`:
an unknown element, operator or action is a mistake of the policy, not something to pass over.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

Policy = Mapping[str, Any]
"""A policy document: `{"Version": "2012-10-17", "Statement": [...]}`."""

_ELEMENTS = {"Sid", "Effect", "Principal", "Action", "NotAction", "Resource", "NotResource", "Condition"}
_KNOWN_SERVICES = ("secretsmanager", "kms", "sts", "ssm", "iam")
"""Services whose actions are checked against botocore's model."""


class PolicyError(Exception):
    """A policy that AWS would refuse, or that would not do what it seems to."""


@dataclass(frozen=True)
class Request:
    """What somebody wants to do to what."""

    action: str
    """`secretsmanager:GetSecretValue`."""
    resource: str
    """An ARN; `*` for an action that knows no resources."""
    principal: str = ""
    """The ARN of the user or role that asks."""
    context: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    """Condition keys: `kms:ViaService`; one that has several values, a tuple of them: `kms:ResourceAliases`."""


def identity_policy(*statements: Mapping[str, Any]) -> Policy:
    """Return a policy of these statements, checked."""
    policy = {"Version": "2012-10-17", "Statement": list(statements)}
    check(policy)
    return policy


def allow(*actions: str, on: str | list[str], **more: Any) -> dict[str, Any]:
    """Return a statement that allows actions on a resource."""
    return {"Effect": "Allow", "Action": list(actions), "Resource": on, **more}


def deny(*actions: str, on: str | list[str], **more: Any) -> dict[str, Any]:
    """Return a statement that denies actions on a resource."""
    return {"Effect": "Deny", "Action": list(actions), "Resource": on, **more}


def decide(policies: Iterable[Policy], request: Request) -> bool | None:
    """Return True for an allow, False for an explicit deny, None where no statement speaks of the request."""
    effects = {
        statement["Effect"] for policy in policies for statement in _statements(policy) if _applies(statement, request)
    }
    if "Deny" in effects:
        return False
    return True if "Allow" in effects else None


def check(policy: Policy) -> None:
    """Raise `PolicyError` for a policy with something in it that AWS, or this, does not know."""
    if policy.get("Version") != "2012-10-17":
        raise PolicyError("Version has to be 2012-10-17")
    if extra := set(policy) - {"Version", "Id", "Statement"}:
        raise PolicyError(f"unknown elements: {extra}")
    for statement in _statements(policy):
        _check_statement(statement)


def _check_statement(statement: Mapping[str, Any]) -> None:
    if extra := set(statement) - _ELEMENTS:
        raise PolicyError(f"unknown elements: {extra}")
    if statement.get("Effect") not in ("Allow", "Deny"):
        raise PolicyError("Effect is Allow or Deny")
    for one, other in (("Action", "NotAction"), ("Resource", "NotResource")):
        if (one in statement) == (other in statement):
            raise PolicyError(f"a statement has either {one} or {other}")
    for action in _list(statement.get("Action", statement.get("NotAction"))):
        _check_action(action)
    for resource in _list(statement.get("Resource", statement.get("NotResource"))):
        _check_resource(resource)
    for operator in statement.get("Condition", {}):
        if _test_of(operator) not in _OPERATORS:
            raise PolicyError(f"the operator {operator!r} is not known here")


def _check_resource(resource: str) -> None:
    if resource != "*" and (not resource.startswith("arn:") or resource.count(":") < 5):
        raise PolicyError(f"{resource!r} is no ARN")
    if "$" in resource:
        raise PolicyError(f"{resource!r} has a variable, which is not known here")


def _check_action(action: str) -> None:
    if action == "*":
        return
    service, colon, name = action.partition(":")
    if not colon or not re.fullmatch(r"[a-z0-9-]+", service):
        raise PolicyError(f"{action!r} is no action")
    if service in _KNOWN_SERVICES and not any(_like(name.lower(), known) for known in _actions_of(service)):
        raise PolicyError(f"there is no action {action!r}")


@cache
def _actions_of(service: str) -> frozenset[str]:
    import botocore.session

    model = botocore.session.get_session().get_service_model(service)
    return frozenset(name.lower() for name in model.operation_names)


def _statements(policy: Policy) -> list[Mapping[str, Any]]:
    statements = policy.get("Statement", [])
    return [statements] if isinstance(statements, Mapping) else list(statements)


def _applies(statement: Mapping[str, Any], request: Request) -> bool:
    return (
        _named(statement, "Action", lambda pattern: _like(pattern.lower(), request.action.lower()))
        and _named(statement, "Resource", lambda pattern: _is_resource(pattern, request.resource))
        and ("Principal" not in statement or _is_principal(statement["Principal"], request.principal))
        and all(
            _holds(operator, wanted, request.context) for operator, wanted in statement.get("Condition", {}).items()
        )
    )


def _named(statement: Mapping[str, Any], element: str, matches: Callable[[str], bool]) -> bool:
    if element in statement:
        return any(matches(pattern) for pattern in _list(statement[element]))
    return not any(matches(pattern) for pattern in _list(statement[f"Not{element}"]))


def _is_resource(pattern: str, arn: str) -> bool:
    if pattern == "*":
        return True
    patterns, parts = pattern.split(":", 5), arn.split(":", 5)
    return len(patterns) == len(parts) and all(_like(p, part) for p, part in zip(patterns, parts, strict=True))


def _is_principal(principal: Any, arn: str) -> bool:
    if principal == "*":
        return True
    account = arn.split(":")[4]
    named = _list(principal.get("AWS", []))
    return any(one in ("*", arn, account) or one == f"arn:aws:iam::{account}:root" for one in named)


def _test_of(operator: str) -> str:
    return operator.removeprefix(_ANY).removesuffix("IfExists")


def _holds(operator: str, wanted: Mapping[str, Any], context: Mapping[str, str | tuple[str, ...]]) -> bool:
    test, any_of = _OPERATORS[_test_of(operator)], operator.startswith(_ANY)
    present = {name.lower(): value for name, value in context.items()}
    for name, values in wanted.items():
        value = present.get(name.lower())
        if value is None and operator.endswith("IfExists"):
            continue
        if isinstance(value, tuple) != any_of and value is not None:
            raise PolicyError(f"{name} has several values, or {operator} is for those that have")
        found = value if isinstance(value, tuple) else () if any_of else (value,)
        if not any(test(one, [str(one) for one in _list(values)]) for one in found):
            return False
    return True


_ANY = "ForAnyValue:"


_OPERATORS: dict[str, Callable[[str | None, list[str]], bool]] = {
    "StringEquals": lambda value, wanted: value in wanted,
    "StringNotEquals": lambda value, wanted: value not in wanted,
    "StringLike": lambda value, wanted: value is not None and any(_like(one, value) for one in wanted),
    "StringNotLike": lambda value, wanted: value is None or not any(_like(one, value) for one in wanted),
    "ArnEquals": lambda value, wanted: value is not None and any(_is_resource(one, value) for one in wanted),
    "ArnLike": lambda value, wanted: value is not None and any(_is_resource(one, value) for one in wanted),
    "Bool": lambda value, wanted: value is not None and value.lower() in [one.lower() for one in wanted],
}


def _like(pattern: str, text: str) -> bool:
    expression = "".join({"*": ".*", "?": "."}.get(character, re.escape(character)) for character in pattern)
    return re.fullmatch(expression, text, re.DOTALL) is not None


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]
