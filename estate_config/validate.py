"""From answers to a valid instance, or to problems. Pydantic's own `ValidationError` never leaves: it holds inputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticUndefined, SchemaValidator, core_schema
from pydantic_core.core_schema import ErrorType

from estate_config.describe import declared
from estate_config.errors import Asked, Code, Problem
from estate_config.known_examples import is_known_example
from estate_config.model import Failed, Found, Origin
from estate_config.redaction import where
from estate_config.resolve import Answer
from estate_config.schema import Setting, default_of, sibling
from estate_config.shapes import MalformedError, model_type, shaped
from estate_config.templates import placeholders, render

_OWN_WORDS = frozenset({"value_error", "assertion_error"})
_PYDANTICS = frozenset(get_args(ErrorType))
_SAFE = {
    "string_too_short": "is too short",
    "string_too_long": "is too long",
    "string_pattern_mismatch": "does not match the pattern",
    "url_parsing": "is not a URL",
    "url_scheme": "is a URL of another scheme",
    "url_type": "is not a URL",
    "int_parsing": "is not a whole number",
    "float_parsing": "is not a number",
    "decimal_parsing": "is not a number",
    "bool_parsing": "is neither true nor false",
    "literal_error": "is none of the values that are allowed",
    "enum": "is none of the values that are allowed",
}


def fill_templates(answers: Mapping[str, Answer]) -> None:
    """Build the fields that no provider has and that have a template, from the fields it names.

    None in a nested field whose default stands: what is built from defaults alone is not found.
    """
    for answer in answers.values():
        if answer.setting.declaration.template is not None and not _stands_by_default(answer, answers):
            _fill(answer, answers)


def _fill(answer: Answer, answers: Mapping[str, Answer]) -> str | None:
    """Return the text of a field for use in a template, building it first where it has a template of its own."""
    template = answer.setting.declaration.template
    if answer.found is None and answer.failed is None and template is not None:
        names = [sibling(answer.setting, name) for name in placeholders(template)]
        parts = [part for name in names if (part := _fill(answers[name], answers)) is not None]
        if binary := [name for name in names if _is_no_text(answers[name])]:
            hint = f"cannot be built: {', '.join(binary)} is binary, and no text in UTF-8"
            answer.failed = Failed(Code.MALFORMED, hint, "leave it out of the template")
        elif len(parts) == len(names):
            place = "built from " + ", ".join(dict.fromkeys(names))
            answer.found = Found(render(template, parts), Origin("template", place))
            answer.asked.append(Asked("template", place, "found"))
    if answer.found is not None:
        return _text(answer.found.value)
    if answer.failed is not None:
        return None
    default = default_of(answer.setting)
    return None if default is None or default is PydanticUndefined else _text(default)


def _is_no_text(answer: Answer) -> bool:
    if answer.found is None or not isinstance(answer.found.value, bytes):
        return False
    try:
        answer.found.value.decode()
    except UnicodeDecodeError:
        return True
    return False


def _text(value: Any) -> str:
    plain = value.get_secret_value() if hasattr(value, "get_secret_value") else value
    plain = plain.value if isinstance(plain, Enum) else plain
    if isinstance(plain, bool):
        return str(plain).lower()  # as it is written everywhere but in Python
    return plain.decode("utf-8", "replace") if isinstance(plain, bytes) else str(plain)


def missing(answers: Mapping[str, Answer]) -> list[Problem]:
    """Return the problems of the chain: what failed, and what is required and nowhere."""
    problems = {problem.field: problem for problem in failures(answers)}
    lacking = [answer for answer in answers.values() if _is_lacking(answer, answers)]
    problems |= {a.setting.field: _missing(a) for a in lacking if a.setting.declaration.template is None}
    for answer in lacking:
        names = _unbuilt_from(answer, answers)
        if names and not any(name in problems for name in names):  # else it is a consequence of those
            message = f"no provider has it, and it cannot be built: {', '.join(dict.fromkeys(names))} has no value"
            problems[answer.setting.field] = _problem(answer, Code.MISSING, message, _puts(answer))
    return [problems[name] for name in answers if name in problems]


def failures(answers: Mapping[str, Answer]) -> list[Problem]:
    """Return the problems of what could not be answered."""
    return [_failure(answer) for answer in answers.values() if answer.failed is not None]


def _failure(answer: Answer) -> Problem:
    assert answer.failed is not None  # noqa: S101 - callers ask first
    return _problem(answer, answer.failed.code, answer.failed.hint, answer.failed.fix)


def _is_lacking(answer: Answer, answers: Mapping[str, Answer]) -> bool:
    needed = answer.setting.required and not _stands_by_default(answer, answers)
    return needed and answer.found is None and answer.failed is None


def _unbuilt_from(answer: Answer, answers: Mapping[str, Answer]) -> list[str]:
    """The fields without a value that a template needs, through templates of templates."""
    template = answer.setting.declaration.template
    if template is None:
        return [answer.setting.field] if default_of(answer.setting) in (None, PydanticUndefined) else []
    names = [sibling(answer.setting, name) for name in placeholders(template)]
    return [deep for name in names if answers[name].found is None for deep in _unbuilt_from(answers[name], answers)]


def _stands_by_default(answer: Answer, answers: Mapping[str, Answer]) -> bool:
    """Whether an enclosing nested field has a default, and none of its fields was found."""
    return any(
        all(other.found is None for name, other in answers.items() if other.setting.path[: len(parent)] == parent)
        for parent in answer.setting.optional_parents
    )


def _missing(answer: Answer) -> Problem:
    if not answer.asked:
        why = "no provider of the chain serves settings that are no secrets"
        limit = answer.setting.declaration.providers
        if limit is not None:
            why = f"only {', '.join(limit)} may be asked, and the chain has none of them"
        if limit == ():
            why = "nobody may be asked: its providers= is empty"
        return _problem(
            answer, Code.MISSING, why, "give it a default, or put the provider into the chain in estate.toml"
        )
    if answer.was_empty:
        return _problem(answer, Code.EMPTY, "is empty, and an empty text is no value here", _puts(answer))
    return _problem(answer, Code.MISSING, "no provider of the chain has it", _puts(answer))


def _puts(answer: Answer) -> str:
    """How to put a value where it was looked for, a line for each provider that was asked."""
    places = zip(answer.asked, answer.places, strict=False)
    fixes = ((step.outcome == "empty" and place.change) or place.fix for step, place in places)
    return "\n".join(fix for fix in fixes if fix)


def _problem(answer: Answer, code: Code, message: str, fix: str) -> Problem:
    return Problem(answer.setting.field, code, message, tuple(answer.asked), fix)


def known_examples(answers: Mapping[str, Answer]) -> list[Problem]:
    """Return a problem for each secret that has the value of an example."""
    message = "has the value of an example, which this environment forbids"
    return [
        _problem(answer, Code.PLACEHOLDER, message, _put(answer))
        for answer in answers.values()
        if answer.setting.secret
        and answer.found is not None
        and answer.found.origin.provider != "template"  # what is wrong with its parts is said there
        and is_known_example(_text(answer.found.value), answer.setting.info.examples or ())
    ]


def inputs(answers: Mapping[str, Answer]) -> tuple[dict[str, Any], list[Problem]]:
    """Return what pydantic is given, nested as the schema is, and the problems of texts that have not their shape."""
    values: dict[str, Any] = {}
    problems = []
    for answer in answers.values():
        setting = answer.setting
        if answer.found is None:
            if not setting.optional_parents:
                _inside(values, setting.path)
            continue
        value = answer.found.value
        if isinstance(value, str):
            try:
                value = shaped(value, setting.shape)
            except MalformedError as error:
                problems.append(_problem(answer, Code.MALFORMED, str(error), _put(answer)))
                continue
        _inside(values, setting.path)[setting.path[-1]] = value
    return values, problems


def _inside(values: dict[str, Any], path: Sequence[str]) -> dict[str, Any]:
    for step in path[:-1]:
        values = values.setdefault(step, {})
    return values


def _put(answer: Answer) -> str:
    """How to put a good value where the bad one was found."""
    found_by = answer.found.origin.provider if answer.found else ""
    if found_by == "template" and answer.found:
        return f"correct the values it is {answer.found.origin.place}, or the template"
    for step, place in zip(answer.asked, answer.places, strict=False):
        if step.provider == found_by:
            return place.change or place.fix
    return ""


def validate(
    instance: BaseModel, values: dict[str, Any], answers: Mapping[str, Answer], reported: set[str]
) -> list[Problem]:
    """Validate `values` into `instance`; return what is wrong, without what is `reported` already.

    What a validator raises besides `ValueError` and `AssertionError` is a problem too, named by its type and line.
    """
    try:
        made = type(instance).__pydantic_validator__.validate_python(
            values, self_instance=instance, by_alias=True, by_name=True
        )
    except ValidationError as error:
        details = [_detail(item) for item in error.errors(include_input=False, include_url=False)]
    except Exception as error:  # noqa: BLE001 - a validator of the user's may raise anything
        broken = f"a validator or a default_factory raised {type(error).__name__} in {where(error)}"
        return [Problem("", Code.INVALID, broken, fix="correct it: a validator raises ValueError for a bad value")]
    else:
        return [] if made is instance else [_lost(type(instance))]
    found = [_invalid(item, answers, reported) for item in details]
    # each once, though several items of a list may be wrong in the same way
    problems = list(dict.fromkeys(problem for problem in found if problem and problem.field not in reported))
    wrong = reported | {problem.field for problem in problems}
    problems = [problem for problem in problems if wrong.isdisjoint(_parts(problem.field, answers))]
    if not problems and not reported:  # never take an instance for valid that pydantic refused
        return [Problem("", Code.INVALID, f"is no valid {type(instance).__name__}: {_kinds(details)}")]
    return problems


def _lost(cls: type[BaseModel]) -> Problem:
    """What pydantic warns of: a value that such a validator means to put right would not be."""
    message = f"a validator of {cls.__name__} as a whole returns something else than self, which is lost"
    return Problem("", Code.INVALID, message, fix="let it return self; put values right in a validator of the field")


def wrong_defaults(cls: type[BaseModel], settings: Sequence[Setting]) -> list[Problem]:
    """Return a problem for each default that its own type refuses, with no other value there.

    What a validator of the user's says, or raises, is left aside, since it may look at values that are not here; so is
    whether a path exists, which another machine says otherwise. No setting's `default_factory` is called.
    """
    answers = {item.field: Answer(item) for item in settings}
    made = {item.path for item in settings if item.info.default_factory is not None}
    paths = dict.fromkeys(item.optional_parents[0] if item.optional_parents else item.path for item in settings)
    details = [detail for path in paths if path not in made for detail in _default_details(cls, path)]
    own = [one for one in details if one[1] in _PYDANTICS - _OWN_WORDS]
    found = [problem for one in own if (problem := _invalid(one, answers, set()))]
    return [problem for problem in found if problem.field in answers]


def _default_details(cls: type[BaseModel], path: Sequence[str]) -> list[tuple[tuple[int | str, ...], str, str, str]]:
    """Return what is wrong with a field's default; nothing where a validator of the user's raises what it likes."""
    try:
        _alone(cls, path).validate_python({})
    except ValidationError as error:
        details = [_detail(item) for item in error.errors(include_input=False, include_url=False)]
    except Exception:  # noqa: BLE001 - a validator may raise anything without the values that it looks for
        return []
    else:
        return []
    return [((*path[:-1], *loc), kind, message, raised_in) for loc, kind, message, raised_in in details]


def _alone(cls: type[BaseModel], path: Sequence[str]) -> SchemaValidator:
    """Return the validator of one field without those beside it: what one of them raises would hide the others."""
    for step in path[:-1]:
        cls = model_type(cls.model_fields[step].annotation) or cls
    schema: Any = cls.__pydantic_core_schema__
    definitions: list[Any] = []
    config = None
    while schema["type"] != "model-fields":
        definitions = schema.get("definitions", definitions)
        config = schema.get("config", config)
        known = {one["ref"]: one for one in definitions}
        schema = known[schema["schema_ref"]] if schema["type"] == "definition-ref" else schema["schema"]
    field = core_schema.model_fields_schema({path[-1]: schema["fields"][path[-1]]})
    return SchemaValidator(core_schema.definitions_schema(field, definitions), config)


def _parts(field_name: str, answers: Mapping[str, Answer]) -> Iterator[str]:
    """The fields that a value was built from, through templates of templates: what is wrong with them is said there."""
    answer = answers.get(field_name)
    if answer is None or answer.found is None or answer.found.origin.provider != "template":
        return
    for name in placeholders(answer.setting.declaration.template or ""):
        part = sibling(answer.setting, name)
        yield part
        yield from _parts(part, answers)


def _kinds(details: Sequence[tuple[tuple[int | str, ...], str, str, str]]) -> str:
    return ", ".join(sorted({kind for _, kind, _, _ in details}))


def _detail(item: Any) -> tuple[tuple[int | str, ...], str, str, str]:
    """Return loc, type, message, and where a validator of the user's raised it. The exception itself stays behind."""
    error = item.get("ctx", {}).get("error")
    return item["loc"], item["type"], item["msg"], where(error) if isinstance(error, BaseException) else ""


def _invalid(
    detail: tuple[tuple[int | str, ...], str, str, str],
    answers: Mapping[str, Answer],
    reported: set[str],
) -> Problem | None:
    loc, kind, message, raised_in = detail
    answer = _answer_at(loc, answers)
    if answer is None:
        if kind == "missing" or any(_below(loc, name) for name in reported):
            return None  # a consequence of what is reported already
        nested = any(a.setting.path[: len(loc)] == loc for a in answers.values())
        name = ".".join(str(step) for step in loc) if nested else ""
        return Problem(name, Code.INVALID, _refused(raised_in), fix="make the values agree, or correct the validator")
    if kind == "missing" and len(loc) == len(answer.setting.path):
        return None
    words = _words(
        answer.setting, kind, message, raised_in, secrets_near=any(a.setting.secret for a in answers.values())
    )
    fix = _put(answer)
    if answer.found is None:
        words, fix = f"its default: {words}", "correct the default in the schema"
    return _problem(answer, Code.INVALID, words, fix)


def _below(loc: tuple[int | str, ...], field_name: str) -> bool:
    return tuple(field_name.split("."))[: len(loc)] == loc


def _answer_at(loc: tuple[int | str, ...], answers: Mapping[str, Answer]) -> Answer | None:
    """The setting that an error is about. Longer locs are cut: what comes after may be a key out of the value."""
    return next((a for a in answers.values() if loc[: len(a.setting.path)] == a.setting.path), None)


def _words(setting: Setting, kind: str, message: str, raised_in: str, *, secrets_near: bool) -> str:
    """Say what is wrong with a value, in pydantic's words only where they cannot hold a secret."""
    if kind in _OWN_WORDS or kind not in _PYDANTICS:
        if setting.secret or secrets_near:  # a validator sees the fields before it, and may put them into its words
            return _refused(raised_in) if raised_in else f"is no valid {declared(setting.info)}"
        return message.removeprefix("Value error, ").removeprefix("Assertion failed, ")
    if setting.secret:
        return f"{_SAFE.get(kind, 'is not valid')} (declared: {declared(setting.info)})"
    return message if message[1:2].isupper() else f"{message[0].lower()}{message[1:]}"  # JSON, URL


def _refused(raised_in: str) -> str:
    return f"refused by {raised_in or 'a validator'}; its words are not shown, they may hold a value"
