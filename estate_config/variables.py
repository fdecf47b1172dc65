"""The variables of a program that is run with the settings of services: declared names, spelled as `env` reads them.

What holds values here returns; nothing raises with a value in its frame.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from estate_config.chains import link_to
from estate_config.environments import Environment, Estate
from estate_config.errors import Code, ConfigurationError, LoadInfo, Problem
from estate_config.loading import keep, log_warnings
from estate_config.redaction import Hidden
from estate_config.resolve import Answer, Link, place_of
from estate_config.services import attempted
from estate_config.settings import Settings
from estate_config.shapes import Shape, shaped
from estate_config.spelling import spelled

_POINTER = "_FILE"
"""`NAME_FILE` says where the value of NAME is, for the provider `env` as for many programs."""


@dataclass(frozen=True, slots=True)
class _Variable:
    service: str
    name: str
    value: bytes | None = field(repr=False)
    """None: the setting has no value, and the program is to find none."""


def environment_with(
    estate: Estate, chosen: Environment, services: Sequence[str]
) -> Hidden[dict[bytes, bytes]] | list[ConfigurationError]:
    """Return what this process has in its environment, with the settings of the services in it; or what is wrong.

    A declared name without a value is taken out, so that an old one does not reach the program; and so is `NAME_FILE`,
    which would stand against the value. What did not stop a load is logged, as at a start.
    """
    try:
        link = link_to("env", estate, chosen)
    except ConfigurationError as error:
        return [error]
    variables: list[_Variable] = []
    errors: list[ConfigurationError] = []
    for service in services:
        attempt, instance = attempted(estate, service, chosen)
        if instance is not None:
            attempt.warnings += keep(instance)
            log_warnings(attempt)
            made = [_variable(service, answer, instance, link) for answer in attempt.answers.values()]
            variables += [one for one in made if isinstance(one, _Variable)]
            attempt.problems += [one for one in made if isinstance(one, Problem)]
        if attempt.problems:
            errors.append(attempt.error())
    if problems := list(_disagreements(variables)):
        errors.append(ConfigurationError(problems, info=LoadInfo(environment=chosen.name)))
    return errors or Hidden(_merged(variables))


def _variable(service: str, answer: Answer, instance: Settings, link: Link) -> _Variable | Problem:
    place = place_of(link, link.key(answer.setting))
    name = place.text
    if place.wrong:
        message = "has no name that a variable can have"
        return Problem(answer.setting.field, Code.SCHEMA, message, fix='name it in the schema: env="NAME"')
    text = _text(answer, instance)
    value = text.encode(errors="surrogatepass") if isinstance(text, str) else text
    if value is None or b"\0" not in value:
        return _Variable(service, name, value)
    message = f"has a zero byte in it, which the variable {name} cannot hold"
    fix = "let the program load it itself, or read it from a mounted file"
    return Problem(answer.setting.field, Code.MALFORMED, message, tuple(answer.asked), fix)


def _text(answer: Answer, instance: Settings) -> str | bytes | None:
    """A text goes on as it was found, but a list as JSON; anything else as it is spelled."""
    found = answer.found.value if answer.found is not None else None
    if isinstance(found, str):
        shape = answer.setting.shape
        return json.dumps(shaped(found, shape), ensure_ascii=False) if shape is Shape.LIST else found
    value: object = instance
    for step in answer.setting.path:
        value = getattr(value, step, None)
    return spelled(value)


def _disagreements(variables: Sequence[_Variable]) -> Iterator[Problem]:
    first: dict[str, _Variable] = {}
    for one in variables:
        other = one if one.value is None else first.setdefault(one.name, one)
        if other.value != one.value:
            message = f"{other.service} and {one.service} have different values for the variable {one.name}"
            yield Problem("", Code.SCHEMA, message, fix="run the program with one of them")


def _merged(variables: Sequence[_Variable]) -> dict[bytes, bytes]:
    merged = dict(os.environb)
    for one in variables:
        merged.pop(os.fsencode(one.name), None)
        merged.pop(os.fsencode(one.name + _POINTER), None)
    return merged | {os.fsencode(one.name): one.value for one in variables if one.value is not None}
