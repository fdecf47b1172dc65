"""How things stand with a service's secrets in an environment, told without reading a value of any remote store.

The chain is asked by the rules of a load, with each provider's `probe` in the place of its `fetch`. A provider of this
machine, which has no probe, is asked for its values, and they are dropped at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from estate_config.chains import chain_in, declared
from estate_config.contract import Prober, Provider
from estate_config.environments import Environment, Estate
from estate_config.errors import Asked, Code, LoadInfo, Problem
from estate_config.model import Deadline, Failed, Found, Key, Notice, Origin, Place, Status
from estate_config.resolve import Answer, Link, resolve
from estate_config.settings import Settings
from estate_config.validate import missing


@dataclass(frozen=True, slots=True)
class Finding:
    """How things stand with one secret."""

    field: str
    outcome: str
    """`found`, `default`, `template`, `absent`, or the name of a `Code`."""
    provider: str = ""
    place: str = ""
    version: str | None = None
    changed_at: datetime | None = None
    notices: tuple[str, ...] = ()
    """What is not as it should be though it is there."""

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON-ready data, the time in ISO 8601."""
        return {**asdict(self), "changed_at": self.changed_at.isoformat() if self.changed_at else None}


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """How things stand with all secrets of a service."""

    info: LoadInfo
    findings: tuple[Finding, ...]
    problems: tuple[Problem, ...]
    """What would stop its start, as far as can be told without the values."""
    warnings: tuple[Problem, ...] = ()


def diagnosed(cls: type[Settings], estate: Estate, environment: Environment) -> Diagnosis:
    """Return how things stand with the secrets of a class in an environment.

    Raises `ConfigurationError` for what is wrong with the chain itself.
    """
    chain = chain_in(cls, estate, environment)
    probes = {link.name: _Probing(link) for link in chain.links}
    links = [replace(link, provider=probes[link.name]) for link in chain.links]
    resolution = resolve(declared(cls), links, Deadline(chain.deadline))
    answers = resolution.answers
    findings = [_finding(answer, probes) for answer in answers.values() if answer.setting.secret]
    noticed = [_warning(name, probe, notice) for probe in probes.values() for name, notice in probe.noticed()]
    return Diagnosis(chain.info, tuple(findings), tuple(missing(answers)), (*resolution.warnings, *noticed))


@dataclass
class _Probing:
    """A provider that answers with how things stand instead of with values."""

    link: Link
    seen: dict[str, Status] = field(default_factory=dict)
    """By field."""

    @property
    def inner(self) -> Provider:
        return self.link.provider

    def noticed(self) -> Iterator[tuple[str, Notice]]:
        """Yield what is not as it should be, with the field it is about."""
        return ((name, notice) for name, status in self.seen.items() for notice in status.notices)

    def locate(self, key: Key) -> Place:
        return self.inner.locate(key)

    def fetch(self, keys: Sequence[Key], deadline: Deadline) -> Mapping[Key, Found | Failed]:
        try:
            if isinstance(self.inner, Prober) and Prober in self.link.spec.offers:
                return {key: self._said(key, answer) for key, answer in self.inner.probe(keys, deadline).items()}
            if self.link.spec.remote:
                return dict.fromkeys(keys, _CANNOT_TELL)
            answers = self.inner.fetch(keys, deadline)
            return {key: _without_value(answer) for key, answer in answers.items()}
        finally:
            self.inner.close()

    def close(self) -> None:
        """It was closed when it had been asked."""

    def _said(self, key: Key, answer: Status | Failed) -> Found | Failed:
        if not isinstance(answer, Status):
            return answer  # a failure; or nonsense, which is seen where answers are checked
        self.seen[key.field] = answer
        if answer.may_read is False:
            return Failed(Code.DENIED, "exists, and may not be read by this identity", "give it the right to read it")
        return Found(True, Origin(self.link.name, answer.place, answer.version))


_CANNOT_TELL = Failed(
    Code.UNAVAILABLE, "cannot be told without reading its value", "run `estate check`, which does read it"
)


def _without_value(answer: Found | Failed) -> Found | Failed:
    if isinstance(answer, Failed):
        return answer
    is_empty = isinstance(answer.value, str | bytes) and not answer.value
    return replace(answer, value="" if is_empty else True)


def _finding(answer: Answer, probes: Mapping[str, _Probing]) -> Finding:
    setting = answer.setting
    if answer.found is not None:
        origin = answer.found.origin
        status = probes[origin.provider].seen.get(setting.field) if origin.provider in probes else None
        return Finding(
            setting.field,
            "found",
            origin.provider,
            origin.place,
            origin.version,
            status.changed_at if status else None,
            tuple(notice.message for notice in status.notices) if status else (),
        )
    last = next((step for step in reversed(answer.asked) if step.outcome != "not asked"), Asked("", "", "absent"))
    if answer.failed is not None:
        return Finding(setting.field, answer.failed.code.value, last.provider, last.place)
    if setting.declaration.template is not None:
        return Finding(setting.field, "template")
    return Finding(setting.field, "absent" if setting.required else "default", last.provider, last.place)


def _warning(field_name: str, probe: _Probing, notice: Notice) -> Problem:
    asked = Asked(probe.link.name, notice.place, notice.code.value)
    return Problem(field_name, notice.code, notice.message, (asked,), notice.fix)
