"""`estate watch`: how the settings of services stand, and what happens to them, as it happens."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from estate_config.cli.asked import environment_of, estate_and_services
from estate_config.cli.options import EnvironmentName, Format, Output, Services
from estate_config.cli.output import PROBLEMS, age_text, colored, progress, say, table, version_text

if TYPE_CHECKING:
    from estate_config.environments import Environment, Estate
    from estate_config.errors import ConfigurationError
    from estate_config.live import Health, Watch
    from estate_config.live.overview import Happening, Standing

_HEAD = ("setting", "kind", "from", "place", "version", "age", "next check")
_TICK = 0.5
"""Seconds between two pictures."""
_SHOWN = 5
"""Lines of what happened last, below the tables."""

Every = Annotated[
    float,
    typer.Option("--every", metavar="SECONDS", min=0.1, max=86_400, help="How often the stores are looked at, about."),
]


def watch(
    services: Services = None,
    environment: EnvironmentName = None,
    every: Every = 300,
    output: Output = Format.TEXT,
) -> None:
    """Show versions, ages and next checks of services, live.

    Loads the services in this process, and looks for new values as they do, until Ctrl-C. On a terminal it is a table;
    elsewhere a line for each setting, and then one for each change.
    """
    from estate_config.errors import ConfigurationError

    try:
        estate, names = estate_and_services(services)
        chosen = environment_of(estate, environment)
    except ConfigurationError as error:
        wrong = error
    else:
        _show(_watched(estate, names, chosen, every, output), output)
        return
    _fail([wrong], output)


def _show(watches: dict[str, Watch], output: Format) -> None:
    if output is Format.JSON:
        _say_documents(watches)
    elif sys.stdout.isatty() and os.environ.get("TERM") != "dumb":
        _draw(watches)
    else:
        _say_lines(watches)


def _watched(
    estate: Estate, names: list[str], environment: Environment, every: float, output: Format
) -> dict[str, Watch]:
    """Return each service, watched; print the reports of those that cannot start, if there are any, and exit."""
    from estate_config import watch
    from estate_config.errors import ConfigurationError
    from estate_config.services import live

    instances, errors = {}, []
    for name in names:
        try:
            with progress(f"loading {name}"):
                instances[name] = live(estate, name, environment)
        except ConfigurationError as error:
            errors.append(error)
    if not errors:
        return {name: watch(instance, every=every) for name, instance in instances.items()}
    return _fail(errors, output)


def _fail(errors: Sequence[ConfigurationError], output: Format) -> NoReturn:
    if output is Format.JSON:
        say("\n".join(_line({"event": "failed", "ok": False, **error.as_json()}) for error in errors))
    else:
        say("\n\n".join(error.as_text(color=colored()) for error in errors))
    raise typer.Exit(PROBLEMS)


# --- a picture, again and again ---------------------------------------------------------------------------------------


def _draw(watches: dict[str, Watch]) -> None:
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    from estate_config.live.overview import Happenings

    logging.getLogger("estate_config").setLevel(logging.CRITICAL)  # the picture has it, and lines would break it
    happenings, last = Happenings(watches), deque[str](maxlen=_SHOWN)
    with Live(console=Console(highlight=False), auto_refresh=False) as picture:
        while True:
            blocks = ["\n".join(_picture(name, one)) for name, one in watches.items()]
            text = "\n\n".join([*blocks, *filter(None, ["\n".join(last)])])
            picture.update(Text(text, no_wrap=True, overflow="ellipsis"), refresh=True)
            last.extend(_happened(one, watches) for one in happenings.wait(_TICK))


def _picture(name: str, watched: Watch) -> list[str]:
    from estate_config.live import health
    from estate_config.live.overview import standings

    now = health(watched.instance)
    rows = [_HEAD, *map(_row, standings(watched))]
    return [f"{name}: {_word(now)}", *(f"  {line}" for line in (*table(rows), *now.reasons))]


def _row(item: Standing) -> tuple[str, ...]:
    return (
        item.field,
        "secret" if item.secret else "",
        item.provider,
        item.place,
        version_text(item.stage, item.version),
        "" if item.age is None else age_text(item.age),
        "" if item.next_check is None else f"in {age_text(item.next_check)}",
    )


# --- a line for each change ----------------------------------------------------------------------------------------


def _say_lines(watches: dict[str, Watch]) -> None:
    from estate_config.live import health
    from estate_config.live.overview import Happenings, standings

    happenings = Happenings(watches)
    for name, one in watches.items():
        say("\n".join(f"{name} {_origin(item)}" for item in standings(one)))
        say(f"{name} {_word(health(one.instance))}")
    while True:
        for happening in happenings.wait(_TICK):
            say(_happened(happening, watches))


def _origin(item: Standing) -> str:
    version = version_text(item.stage, item.version)
    return f"{item.field}: {item.provider}, {item.place}" + (f", {version}" if version else "")


def _happened(happening: Happening, watches: dict[str, Watch]) -> str:
    from estate_config.live.overview import standings
    from estate_config.observing import Refused, Swapped

    what = happening.what
    if isinstance(what, Swapped):
        new = [_origin(item) for item in standings(watches[happening.service]) if item.field in what.fields]
        text = f"new {'; '.join(new)}"
    elif isinstance(what, Refused):
        text = "a new version is refused: " + "; ".join(
            f"{problem.code} {problem.field}: {problem.message}" for problem in what.problems
        )
    else:
        text = "; ".join([_word(what), *what.reasons])
    return f"{happening.at.astimezone():%H:%M:%S} {happening.service} {text}"


def _word(now: Health) -> str:
    if not now.live:
        return "no longer watched"
    if not now.ready:
        return "not ready"
    return "degraded" if now.degraded else "fine"


# --- for machines -----------------------------------------------------------------------------------------------------


def _say_documents(watches: dict[str, Watch]) -> None:
    from estate_config.live import health
    from estate_config.live.overview import Happenings, standings

    happenings = Happenings(watches)
    for name, one in watches.items():
        settings = [item.as_json() for item in standings(one)]
        say(
            _line({"event": "watched", "service": name, "settings": settings, "health": health(one.instance).as_json()})
        )
    while True:
        for happening in happenings.wait(_TICK):
            say(_line(_document(happening, watches)))


def _document(happening: Happening, watches: dict[str, Watch]) -> dict[str, Any]:
    from estate_config.live.overview import standings
    from estate_config.observing import Refused, Swapped

    what = happening.what
    head = {"service": happening.service, "at": happening.at.isoformat()}
    if isinstance(what, Swapped):
        new = [item.as_json() for item in standings(watches[happening.service]) if item.field in what.fields]
        return {"event": "swapped", **head, "settings": new}
    if isinstance(what, Refused):
        problems = [{"field": one.field, "code": one.code, "message": one.message} for one in what.problems]
        return {"event": "refused", **head, "problems": problems}
    return {"event": "health", **head, "health": what.as_json()}


def _line(document: dict[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False)
