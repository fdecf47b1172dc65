"""The scan: every text against every rule."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from estate_config.chains import chain_in, declared
from estate_config.environments import Environment, Estate
from estate_config.errors import Problem
from estate_config.generate.files import is_ours
from estate_config.loading import answers_of
from estate_config.redaction import Hidden
from estate_config.scanning.finding import Finding
from estate_config.scanning.patterns import credentials, leftovers, without_leftovers
from estate_config.scanning.texts import Text
from estate_config.scanning.values import Marks, marks_of
from estate_config.services import schema_of
from estate_config.validate import failures

_ALLOWED = "pragma: allowlist secret"
_BY_NAME = "Secret Keyword"
"""What detect-secrets knows by a name beside it only: a generated file is full of names, as of the keys of a Secret."""


@dataclass(slots=True)
class Scan:
    """What came of a scan."""

    findings: list[Finding] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    """Files that are too large."""
    unreadable: dict[str, str] = field(default_factory=dict)
    """Files and folders that could not be read, with the reason: what stands in them is not known."""
    looked_at: int = 0


def current_values(estate: Estate, services: Iterable[str], environment: Environment) -> tuple[Marks, list[Problem]]:
    """Return the marks of all secrets that services have now, and the problems of those that could not be read.

    Raises `ConfigurationError` for a schema or a chain that is wrong.
    """
    values: list[tuple[str, object]] = []
    problems: list[Problem] = []
    for service in services:
        cls = schema_of(estate, service)
        settings = [item for item in declared(cls) if item.secret]
        answers = answers_of(settings, chain_in(cls, estate, environment), Hidden({})).answers
        problems += failures(answers)
        values += [(a.found.origin.place, a.found.value) for a in answers.values() if a.found is not None]
    return marks_of(values), problems


def scanned(texts: Iterable[Text], marks: Marks) -> Scan:
    """Look through texts for current values, for known examples and for what looks like a credential."""
    scan = Scan()
    for text in texts:
        if text.unreadable:
            scan.unreadable[text.name] = text.unreadable
            continue
        if text.content is None:
            scan.left_out.append(text.name)
            continue
        scan.looked_at += 1
        scan.findings += _in(text.name, text.content, marks)
    return scan


def _in(name: str, content: str, marks: Marks) -> list[Finding]:
    lines = content.splitlines()
    found = {(one.line, one.rule): one for one in _all(name, content, marks)}
    known = {line for line, rule in found if rule in ("current-value", "known-example")}
    return [
        one
        for (line, rule), one in sorted(found.items())
        if _ALLOWED not in lines[line - 1] and (line not in known or rule in ("current-value", "known-example"))
    ]


def _all(name: str, content: str, marks: Marks) -> Iterator[Finding]:
    ours = is_ours(Path(name), content.encode())
    text = without_leftovers(content) if ours else content  # estate writes them where a value has to be put in
    for line, kind in credentials(text, name):
        if ours and kind == _BY_NAME:
            continue
        fix = f"move it to a store and declare it with secret(); where it is none, end the line with `# {_ALLOWED}`"
        yield Finding(name, line, kind.lower().replace(" ", "-"), f"looks like a credential: {kind}", fix)
    for line in leftovers(text):
        fix = "declare it with secret(), and take the value from the store"
        yield Finding(name, line, "known-example", "holds a value that everybody knows", fix)
    for line, place in marks.found_in(content):
        fix = "remove it, from git's history too, and rotate the secret: whoever reads this file has it"
        yield Finding(name, line, "current-value", f"holds the current value of {place}", fix)
