"""The document as one HTML page that needs nothing else: search, filters, links into it, light and dark, print.

Style and script are files beside this one. The page's own content-security policy allows these two by their hash and
nothing else, no request above all. Every text of a schema is escaped.
"""

from __future__ import annotations

import hashlib
import json
import re
from base64 import b64encode
from collections.abc import Iterable, Sequence
from html import escape
from importlib.resources import files

from estate_config.generate.catalogue import (
    Catalogue,
    EnvironmentEntry,
    LookedFor,
    PlaceEntry,
    SecretEntry,
    ServiceEntry,
    SettingEntry,
)
from estate_config.generate.picture import picture
from estate_config.generate.wording import duration_words, one_line, rotation_words

_POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'"
_RULE = "The first provider that has a setting gives it. Only absent, and what an arrow says besides, leads on."


def html(catalogue: Catalogue, mark: str) -> str:
    """Return the whole page, ending in a newline; `mark` says how it was made."""
    style, script = _beside("page.css"), _beside("page.js")
    policy = f"{_POLICY}; style-src '{_hash(style)}'; script-src '{_hash(script)}'"
    return f"""<!doctype html>
<!-- {_text(mark)} -->
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Settings and secrets</title>
<style>{style}</style>
</head>
<body>
<a class="away" href="#services">To the settings</a>
<header>
<h1>Settings and secrets</h1>
<button id="theme" type="button" aria-pressed="false" data-script hidden>Dark</button>
</header>
<search data-script hidden>
{_filters(catalogue)}
<p role="status"></p>
</search>
<main>
{_contents(catalogue)}
{_environments(catalogue)}
<section id="services" data-holds>
<h2>Services</h2>
{"".join(map(_service, catalogue.services))}</section>
{_secrets(catalogue.secrets)}
</main>
<footer><p>{_text(mark)}</p></footer>
<script>{script}</script>
</body>
</html>
"""


def _beside(name: str) -> str:
    return (files("estate_config.generate") / "page" / name).read_text("utf-8")


def _hash(content: str) -> str:
    return f"sha256-{b64encode(hashlib.sha256(content.encode()).digest()).decode()}"


def _filters(catalogue: Catalogue) -> str:
    services = [(service.name, service.name) for service in catalogue.services]
    environments = [(entry.name, entry.name) for entry in catalogue.environments]
    secrets = [("*", "all secrets"), ("!", "no secrets"), *((entry.name, entry.name) for entry in catalogue.secrets)]
    return f"""<form id="filters" autocomplete="off">
<label>Search<input name="q" type="search" aria-keyshortcuts="/" placeholder="press / to search"></label>
{_select("service", "Service", services)}
{_select("environment", "Environment", environments)}
{_select("secret", "Secret", secrets)}
<button type="reset">Show all</button>
</form>"""


def _select(name: str, label: str, options: Iterable[tuple[str, str]]) -> str:
    shown = "".join(f'<option value="{_text(value)}">{_text(words)}</option>' for value, words in options)
    return f'<label>{label}<select name="{name}"><option value="">all</option>{shown}</select></label>'


def _contents(catalogue: Catalogue) -> str:
    links = [("environments", "Environments")]
    links += [(_id("service", service.name), service.name) for service in catalogue.services]
    links += [("secrets", "Secrets")] if catalogue.secrets else []
    items = "".join(f'<li><a href="#{target}">{_text(words)}</a></li>' for target, words in links)
    return f'<nav aria-label="Contents"><ul>{items}</ul></nav>'


# --- environments ----------------------------------------------------------------------------------------------------


def _environments(catalogue: Catalogue) -> str:
    variables = ", ".join(map(_code, catalogue.environment_variables))
    first = f"<p>The first of {variables} that is set names the environment.</p>" if variables else ""
    entries = "".join(map(_environment, catalogue.environments))
    return f'<section id="environments">\n<h2>Environments</h2>\n{first}<p>{_RULE}</p>\n{entries}</section>'


def _environment(environment: EnvironmentEntry) -> str:
    default = _badge("default") if environment.is_default else ""
    only = [f"{_code(link.provider)} serves secrets only. " for link in environment.chain if link.secrets_only]
    here = _id("environment", environment.name)
    return f"""<section id="{here}" data-environment="{_text(environment.name)}">
<h3><a href="#{here}">{_text(environment.name)}</a>{default}</h3>
<figure>{picture(environment)}</figure>
<p class="quiet">{"".join(only)}A load may take {environment.deadline:g} seconds.</p>
</section>
"""


# --- services --------------------------------------------------------------------------------------------------------


def _service(service: ServiceEntry) -> str:
    here = _id("service", service.name)
    summary = f"<p>{_text(service.summary)}</p>" if service.summary else ""
    reads = dict.fromkeys(entry.name for entry in service.secrets)
    secrets = ", ".join(map(_secret_link, reads)) or "none"
    return f"""<section id="{here}" data-holds>
<h3><a href="#{here}">{_text(service.name)}</a></h3>
{summary}<p class="quiet">{_code(service.target)}. Secrets that it reads: {secrets}.</p>
{"".join(map(_setting, service.settings))}</section>
"""


def _setting(entry: SettingEntry) -> str:
    here = _setting_id(entry)
    badges = (_badge("secret") if entry.secret else "") + (_badge("required") if entry.required else "")
    description = f"<p>{_text(entry.description)}</p>" if entry.description else ""
    secret = f' data-name="{_text(entry.name)}"' if entry.secret else ""
    rows = "".join(_row(name, looked_for) for name, looked_for in entry.looked_for.items())
    return f"""<article class="setting" id="{here}" data-services="{_json([entry.service])}"{secret}>
<h4><a class="mono" href="#{here}">{_text(entry.field)}</a>{badges}</h4>
{description}{_facts(entry)}
{_table(f"Where {entry.service} looks for {entry.field}, and what holds without it", rows)}
</article>
"""


def _facts(entry: SettingEntry) -> str:
    facts = [
        (
            "name",
            f'<a href="#{_id("secret", entry.name)}">{_code(entry.name)}</a>' if entry.secret else _code(entry.name),
        ),
        ("type", _code(", ".join((entry.type, *entry.constraints)))),
        ("default", _code(entry.default or "")),
        ("for example", ", ".join(map(_code, entry.examples))),
        ("built from", ", ".join(map(_code, entry.parts))),
        ("empty", "is a value" if entry.allow_empty else ""),
        ("owner", _text(entry.owner)),
        ("rotation", rotation_words(entry.rotates)),
        ("may be old", duration_words(entry.max_stale) if entry.max_stale else ""),
    ]
    return f"<dl>{''.join(f'<div><dt>{term}</dt><dd>{words}</dd></div>' for term, words in facts if words)}</dl>"


def _row(environment: str, looked_for: LookedFor) -> str:
    stops = "".join(f"<li>{_text(stop.provider)} {_code(stop.place)}</li>" for stop in looked_for.stops)
    commands = [command for stop in looked_for.stops for command in (stop.fix, stop.change) if command]
    fixes = "\n".join(dict.fromkeys(commands))
    how = f"<details><summary>How to set it</summary><pre>{escape(fixes)}</pre></details>" if fixes else ""
    absent = (f"<strong>{looked_for.absent}</strong>: " if looked_for.absent else "") + _text(looked_for.absent_words)
    return _cells(environment, f"<ol>{stops}</ol>{how}" if stops else "nobody is asked", absent)


# --- secrets ---------------------------------------------------------------------------------------------------------


def _secrets(secrets: Sequence[SecretEntry]) -> str:
    if not secrets:
        return ""
    return f'<section id="secrets" data-holds>\n<h2>Secrets</h2>\n{"".join(map(_secret, secrets))}</section>'


def _secret(secret: SecretEntry) -> str:
    here = _id("secret", secret.name)
    readers = ", ".join(
        f'<a href="#{_setting_id(entry)}">{_text(entry.service)}: {_code(entry.field)}</a>' for entry in secret.readers
    )
    places: dict[str, list[PlaceEntry]] = {}
    for place in secret.places:
        places.setdefault(place.environment, []).append(place)
    rows = "".join(_cells(environment, *_places(found)) for environment, found in places.items())
    who = f'data-services="{_json(secret.services)}" data-name="{_text(secret.name)}"'
    return f"""<article class="secret" id="{here}" {who}>
<h3><a class="mono" href="#{here}">{_text(secret.name)}</a></h3>
<p>Read by {readers}.</p>
{_table(f"Where {secret.name} is, and for whom", rows)}
</article>
"""


def _places(places: Iterable[PlaceEntry]) -> tuple[str, str]:
    shown = [f"<li>{_text(place.provider)} {_code(place.place)}</li>" for place in places]
    readers = dict.fromkeys(service for place in places for service in place.services)
    return f"<ol>{''.join(shown)}</ol>", f"for {', '.join(map(_text, readers))}"


# --- parts -----------------------------------------------------------------------------------------------------------


def _table(label: str, rows: str) -> str:
    return f'<table aria-label="{_text(label)}"><tbody>\n{rows}</tbody></table>'


def _cells(environment: str, middle: str, last: str) -> str:
    name = _text(environment)
    return f'<tr data-environment="{name}"><th scope="row">{name}</th><td>{middle}</td><td>{last}</td></tr>\n'


def _badge(words: str) -> str:
    return f' <span class="badge {words}">{words}</span>'


def _code(words: str) -> str:
    return f"<code>{_text(words)}</code>" if words else ""


def _text(words: str) -> str:
    return escape(one_line(words))


def _json(names: Iterable[str]) -> str:
    return escape(json.dumps([one_line(name) for name in names]))


def _setting_id(entry: SettingEntry) -> str:
    return f"{_slug(entry.service)}/{_slug(entry.field)}"


def _id(kind: str, name: str) -> str:
    """An id that no setting's can be: those have no colon."""
    return f"{kind}:{_slug(name)}"


def _secret_link(name: str) -> str:
    return f'<a href="#{_id("secret", name)}">{_code(name)}</a>'


def _slug(name: str) -> str:
    """A name as it may stand in an id and in a link, a different one for every name."""
    return re.sub(r"[^A-Za-z0-9_.-]", lambda found: "/" if found[0] == "/" else f"~{ord(found[0]):x}~", name)
