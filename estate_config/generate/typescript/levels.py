"""A schema, level by level, as nested models are: the interface, and the reader of zod."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from estate_config.errors import Code, Problem
from estate_config.generate.catalogue import ServiceEntry, SettingEntry
from estate_config.generate.typescript.types import NotInTypeScriptError, Typed, key, refusals, typed, whole
from estate_config.generate.wording import duration_words, one_line
from estate_config.handmade import has_own_sources
from estate_config.shapes import model_type

_INDENT = "  "


@dataclass(frozen=True, slots=True)
class Member:
    """One field: a setting, or another level."""

    doc: str
    found: Typed
    """Of a level, only what comes after it: that it may be null, its default."""
    level: Level | None = None


@dataclass(frozen=True, slots=True)
class Level:
    """The fields of one model."""

    members: Mapping[str, Member]

    def interface(self, name: str, doc: str) -> str:
        """Return the interface with this name."""
        return f"{_comment(doc, '')}export interface {name} {self._type('')}"

    def _type(self, indent: str) -> str:
        inner = indent + _INDENT
        lines = []
        for name, member in self.members.items():
            kind = (member.level._type(inner) if member.level else "") + member.found.type  # noqa: SLF001 - its own
            lines.append(f"{_comment(member.doc, inner)}{inner}readonly {key(name)}: {kind};\n")
        return f"{{\n{''.join(lines)}{indent}}}"

    def reader(self, indent: str) -> str:
        """Return what makes the interface of what is found."""
        inner = indent + _INDENT
        lines = []
        for name, member in self.members.items():
            reader = (member.level.reader(inner) if member.level else "") + member.found.reader
            lines.append(f"{inner}{key(name)}: {reader},\n")
        return f"z.object({{\n{''.join(lines)}{indent}}})"


def _comment(doc: str, indent: str) -> str:
    words = one_line(doc).replace("*/", "*\\/")
    return f"{indent}/** {words} */\n" if words else ""


def levels_of(service: ServiceEntry, problems: list[Problem]) -> Level:
    """Return the levels of a service's schema; what has no like in TypeScript is added to `problems`."""
    if has_own_sources(service.cls):
        message = "settings_customise_sources names sources of Python, which TypeScript cannot ask"
        problems.append(Problem("", Code.SCHEMA, message, fix="put providers into the chain in estate.toml"))
    entries = {entry.setting.path: entry for entry in service.settings}
    return _Walk(entries, problems).level(service.cls, ())


@dataclass(frozen=True, slots=True)
class _Walk:
    entries: Mapping[tuple[str, ...], SettingEntry]
    problems: list[Problem]

    def level(self, cls: type[BaseModel], path: tuple[str, ...]) -> Level:
        self.problems.extend(Problem(".".join(path), Code.SCHEMA, one.why, fix=one.fix) for one in refusals(cls))
        return Level({name: self._member(info, (*path, name)) for name, info in cls.model_fields.items()})

    def _member(self, info: FieldInfo, path: tuple[str, ...]) -> Member:
        entry = self.entries.get(path)
        nested = model_type(info.annotation) if entry is None else None
        level = self.level(nested, path) if nested is not None else None
        secret = any(one.secret for at, one in self.entries.items() if at[: len(path)] == path)
        try:
            found = typed(info, secret=secret) if entry else whole(Typed("", ""), info, secret=secret)
        except NotInTypeScriptError as error:
            self.problems.append(Problem(".".join(path), Code.SCHEMA, error.why, fix=error.fix))
            found = Typed("never", "z.never()")
        return Member(_doc(entry) if entry else info.description or "", found, level)


def _doc(entry: SettingEntry) -> str:
    """What a reader of the code wants to know of a setting."""
    words = [f"`{entry.name}`"]
    words += ["secret"] if entry.secret else []
    words += [f"of {entry.owner}"] if entry.owner else []
    words += [f"rotates every {duration_words(entry.rotates)}"] if entry.rotates else []
    words += ["in milliseconds"] if entry.setting.shape == "duration" else []
    about = f"{entry.description.rstrip('.')}: " if entry.description else ""
    return f"{about}{', '.join(words)}."
