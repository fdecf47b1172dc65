"""The document in Markdown: environments with a picture of each chain, services with their settings, and secrets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from estate_config.generate.catalogue import (
    Catalogue,
    EnvironmentEntry,
    PlaceEntry,
    SecretEntry,
    ServiceEntry,
    SettingEntry,
)
from estate_config.generate.wording import CHAIN_END, one_line, rotation_words


def markdown(catalogue: Catalogue, mark: str) -> str:
    """Return the whole document, ending in a newline; `mark` says how it was made."""
    blocks = [f"<!-- {_in_comment(mark)} -->", "# Settings and secrets", "## Environments"]
    blocks.append(_choice(catalogue))
    for environment in catalogue.environments:
        blocks += _environment(environment)
    blocks.append("## Services")
    for service in catalogue.services:
        blocks += _service(service, catalogue)
    blocks += ["## Secrets", *_secrets(catalogue)]
    return "\n\n".join(blocks) + "\n"


def _choice(catalogue: Catalogue) -> str:
    variables = ", ".join(map(code, catalogue.environment_variables))
    default = next((code(entry.name) for entry in catalogue.environments if entry.is_default), "")
    if not variables:
        return f"It is always {default}, unless the command names another one."
    without = f"Without that, it is {default}." if default else "There is no default."
    return f"The first of {variables} that is set names the environment. {without}"


def _environment(environment: EnvironmentEntry) -> list[str]:
    seconds = f"A load may take {environment.deadline:g} seconds."
    only = [code(link.provider) for link in environment.chain if link.secrets_only]
    secrets_only = f" {' and '.join(only)} {'serves' if len(only) == 1 else 'serve'} secrets only." if only else ""
    return [f"### {text(environment.name)}", _picture(environment), seconds + secrets_only]


def _picture(environment: EnvironmentEntry) -> str:
    """The chain as a flow chart of Mermaid, which GitHub and GitLab draw."""
    lines = ["```mermaid", "flowchart LR"]
    for number, link in enumerate(environment.chain):
        lines.append(f'  p{number}["{_label(link.provider)}<br>{_label(link.title)}"]')
    lines.append(f'  end_(["{_label(CHAIN_END)}"])')
    for number, link in enumerate(environment.chain):
        target = f"p{number + 1}" if link is not environment.chain[-1] else "end_"
        lines.append(f'  p{number} -- "{" or ".join(["absent", *link.next_on])}" --> {target}')
    return "\n".join([*lines, "```"])


def _service(service: ServiceEntry, catalogue: Catalogue) -> list[str]:
    environments = [environment.name for environment in catalogue.environments]
    about = [f"{code(service.target)}" + (f": {text(service.summary)}" if service.summary else "")]
    reads = ", ".join(code(entry.name) for entry in service.secrets)
    return [
        f"### {text(service.name)}",
        *about,
        f"It reads {'the secrets ' + reads if reads else 'no secrets'}.",
        table(
            ("setting", "kind", "type", "required", "default", "description", "owner", "rotation"),
            (_declared(entry) for entry in service.settings),
        ),
        f"Where {text(service.name)} looks, in this order, and what it means when nobody has it:",
        table(("setting", *map(text, environments)), (_looked_for(entry, environments) for entry in service.settings)),
    ]


def _declared(entry: SettingEntry) -> Sequence[str]:
    details = [text(entry.description)] if entry.description else []
    if entry.examples:
        details.append("For example " + ", ".join(map(code, entry.examples)))
    if entry.allow_empty:
        details.append("May be empty")
    return (
        code(entry.field),
        "secret" if entry.secret else "setting",
        code(", ".join((entry.type, *entry.constraints))),
        "yes" if entry.required else "no",
        code(entry.default) if entry.default is not None else "",
        "<br>".join(details),
        text(entry.owner),
        rotation_words(entry.rotates),
    )


def _looked_for(entry: SettingEntry, environments: Sequence[str]) -> Sequence[str]:
    cells = []
    for name in environments:
        found = entry.looked_for[name]
        lines = [f"{text(stop.provider)}: {code(stop.place)}" for stop in found.stops]
        lines.append(text(f"{found.absent}: {found.absent_words}" if found.absent else found.absent_words))
        cells.append("<br>".join(lines))
    return (code(entry.field), *cells)


def _secrets(catalogue: Catalogue) -> list[str]:
    if not catalogue.secrets:
        return ["There are none."]
    services = [service.name for service in catalogue.services]
    environments = [environment.name for environment in catalogue.environments]
    return [
        "Who reads which secret, and as which setting:",
        table(("secret", *map(text, services)), (_readers(secret, services) for secret in catalogue.secrets)),
        "Where each of them is looked for:",
        table(("secret", *map(text, environments)), (_places(secret, environments) for secret in catalogue.secrets)),
    ]


def _readers(secret: SecretEntry, services: Sequence[str]) -> Sequence[str]:
    cells = [", ".join(code(entry.field) for entry in secret.readers if entry.service == name) for name in services]
    return (code(secret.name), *cells)


def _places(secret: SecretEntry, environments: Sequence[str]) -> Sequence[str]:
    cells = ["<br>".join(_place(p, secret) for p in secret.places if p.environment == name) for name in environments]
    return (code(secret.name), *cells)


def _place(place: PlaceEntry, secret: SecretEntry) -> str:
    only = "" if place.services == secret.services else f" ({', '.join(map(text, place.services))})"
    return f"{text(place.provider)}: {code(place.place)}{only}"


# --- words of the schema, so that they stay words --------------------------------------------------------------------


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of cells that are Markdown already."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell or ' ' for cell in line)} |" for line in lines)


_SPECIAL = re.compile(r"[\\`*_\[\]#~$]")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "&#124;"}
_FIRST = re.compile(r"^(?:[-+=]|\d+(?=[.)]))")
"""What would begin a list or underline a heading."""


def text(words: str) -> str:
    """Return words that show as they are, in a paragraph, a heading or a cell: no markup, no HTML, no mention."""
    line = one_line(words)
    escaped = "".join(_ENTITIES.get(char) or _SPECIAL.sub(r"\\\g<0>", char) for char in line)
    return _FIRST.sub(_escape_first, escaped)


def _escape_first(found: re.Match[str]) -> str:
    return f"&#{ord(found[0][0])};{found[0][1:]}"


def code(words: str) -> str:
    """Return words as code, "" for none. What a code span in a table cannot hold goes into an element, as entities."""
    line = one_line(words)
    if not line:
        return ""
    if re.search(r"[`|\\]", line):
        return f"<code>{''.join(char if char.isalnum() or char == ' ' else f'&#{ord(char)};' for char in line)}</code>"
    return f"`{line}`"


def _label(words: str) -> str:
    """Words in a quoted label of Mermaid: what means something to it goes in as a numbered entity."""
    return "".join(char if char.isalnum() or char in " -_/.,:()" else f"#{ord(char)};" for char in one_line(words))


def _in_comment(words: str) -> str:
    return words.replace(">", "&gt;")
