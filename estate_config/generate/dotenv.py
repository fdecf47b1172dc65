"""The example of a `.env` file: every variable that the services read from one, what it is for, and no value.

A placeholder has one of two forms, and no real value has: `your-` and the logical name (`your-openai-api-key`), with
more words where a text has to be longer, or, where the type asks for a URL, one with the user `user` and the password
`password`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from estate_config.generate.catalogue import Catalogue, EnvironmentEntry, SettingEntry
from estate_config.generate.files import RefusedError
from estate_config.generate.wording import one_line
from estate_config.naming import variable_name
from estate_config.shapes import Shape, members_of

_PROVIDER = "dotenv"
_FORMS = {
    Shape.LIST: "parts between commas, or a JSON list",
    Shape.OBJECT: "a JSON object",
    Shape.DURATION: "90d, 1h30m, 250ms, or seconds",
}


def dotenv(catalogue: Catalogue, mark: str) -> str:
    """Return the example file: first what has to be filled in, then, commented out, what has a default.

    It is for the default environment, or else for the first one, whose chain has `dotenv`. Raises `RefusedError` where
    there is none.
    """
    environment = _environment(catalogue)
    variables = _variables(catalogue, environment.name)
    required = [block for name, entries in variables if (block := _required(name, entries))]
    optional = [block for name, entries in variables if (block := _optional(name, entries))]
    use = f"# For the environment {one_line(environment.name)}. Copy it, close it, and put real values in:"
    parts = [f"# {mark}", f"{use}\n#     [ -e .env ] || cp .env.example .env && chmod 600 .env"]
    if required:
        parts += ["# === To be filled in ===", *required]
    if optional:
        parts += ["# === Not needed: what holds without them ===", *optional]
    return "\n\n".join(parts) + "\n"


def _environment(catalogue: Catalogue) -> EnvironmentEntry:
    able = [entry for entry in catalogue.environments if entry.link(_PROVIDER) is not None]
    if not able:
        raise RefusedError(
            f"no environment reads .env files: none has {_PROVIDER} in its chain",
            f'put "{_PROVIDER}" into the chain of the environment for laptops, in estate.toml',
        )
    return next((entry for entry in able if entry.is_default), able[0])


def _variables(catalogue: Catalogue, environment: str) -> list[tuple[str, list[SettingEntry]]]:
    """The variables in order of first use, each with the settings that are read from it."""
    found: dict[str, list[SettingEntry]] = {}
    for entry in catalogue.settings:
        for stop in entry.looked_for[environment].stops:
            if stop.provider == _PROVIDER:
                name = variable_name(stop.key.name) if stop.key.address is None else stop.key.address
                found.setdefault(name, []).append(entry)
    return [(name, entries) for name, entries in found.items() if re.fullmatch(r"[^\s=#'\"]+", name)]


def _required(name: str, entries: Sequence[SettingEntry]) -> str:
    needed = max((entry for entry in entries if entry.required), key=_least, default=None)
    if needed is None:
        return ""
    return f"{_comment(entries)}\n{name}={quoted(needed.examples[0] if needed.examples else placeholder(needed))}"


def _optional(name: str, entries: Sequence[SettingEntry]) -> str:
    if any(entry.required for entry in entries):
        return ""
    text = next((entry.default_text for entry in entries if entry.default_text is not None), None)
    return f"{_comment(entries)}\n# {name}={'' if text is None else quoted(text)}"


def _comment(entries: Sequence[SettingEntry]) -> str:
    """What a person has to know of a variable, a line for each thing; several services may read it."""
    entry = entries[0]
    services = dict.fromkeys(one_line(reader.service) for reader in entries)
    lines = list(dict.fromkeys(reader.description for reader in entries if reader.description))
    kind = "Secret, " if any(reader.secret for reader in entries) else ""
    lines.append(f"{kind}{_type(entry)}; read by {', '.join(services)}")
    if entry.default is not None and entry.default_text is None and not entry.required:
        lines.append(f"Without it: {entry.default}")
    if entry.parts and not any(reader.required for reader in entries):
        lines.append(f"Without it: built from {', '.join(entry.parts)}")
    if entry.examples and not entry.required:
        lines.append(f"For example: {', '.join(map(one_line, entry.examples))}")
    return "\n".join(f"# {one_line(line)}" for line in lines)


def _type(entry: SettingEntry) -> str:
    words = ", ".join((entry.type, *entry.constraints))
    form = _FORMS.get(entry.setting.shape)
    return f"{words} ({form})" if form else words


def placeholder(entry: SettingEntry) -> str:
    """Return what stands for a value that has to be put in."""
    name = "your-" + re.sub(r"[^a-z0-9]+", "-", entry.name.lower()).strip("-")
    schemes = [scheme for member in members_of(entry.setting.info.annotation) for scheme in _schemes(member)]
    if not schemes:
        return _long_enough(name, _least(entry))
    scheme = "postgresql" if "postgresql" in schemes else schemes[0]
    return f"{scheme}://user:password@localhost/{name}"


def _least(entry: SettingEntry) -> int:
    """The characters that a text has to have at least; of a list it would be items."""
    lengths = (getattr(item, "min_length", None) for item in entry.setting.info.metadata)
    is_text = entry.setting.shape in (Shape.TEXT, Shape.BINARY)
    return max((length or 0 for length in lengths if is_text), default=0)


def _long_enough(name: str, least: int) -> str:
    if len(name) >= least:
        return name
    words = f"{name}-at-least-{least}-characters"
    return words + "-and-more" * -(-max(least - len(words), 0) // len("-and-more"))


def _schemes(member: Any) -> Iterable[str]:
    """The schemes that a URL type takes."""
    if not isinstance(member, type) or not hasattr(member, "_constraints"):
        return []
    allowed = member._constraints.allowed_schemes  # noqa: SLF001 - pydantic tells them nowhere else
    return allowed or ["https"]


_PLAIN = re.compile(r"(?!=)[A-Za-z0-9_./:@%+,=-]*")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def quoted(value: str) -> str:
    """Return a value as it stands after `NAME=`, on one line, in quotes where it needs them."""
    if _PLAIN.fullmatch(value):
        return value
    if not re.search(r"['\\\n\r]", value):
        return f"'{value}'"
    return '"' + "".join(_ESCAPES.get(char, char) for char in value) + '"'
