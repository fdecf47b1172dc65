"""What a verb prints: text for people, or one JSON document; and what is wrong before there is any service to ask."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import typer

from estate_config.cli.options import Format

if TYPE_CHECKING:
    from estate_config.errors import ConfigurationError

T = TypeVar("T")

PROBLEMS = 1
"""The exit code where something is wrong with what was looked at."""
_VERSION = 8
"""Characters of a version that are shown: enough to tell two apart."""


def say(text: str, *, end: str = "\n") -> None:
    """Print a text and see to it that it is out: who reads may have gone, and a verb ends with that."""
    try:
        sys.stdout.write(f"{text}{end}")
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        from estate_config.report import discard

        discard(sys.stdout)
        sys.stderr.write(f"estate: what it prints cannot be written: {error.strerror}\n")
        raise typer.Exit(PROBLEMS) from None


def say_json(document: dict[str, Any]) -> None:
    """Print the one JSON document of a verb."""
    say(json.dumps(document, ensure_ascii=False, indent=2))


def say_each(items: Iterable[T], text: Callable[[T], str]) -> list[T]:
    """Print the text of each item as soon as it is there, longer ones apart from the others; return the items."""
    said: list[T] = []
    before = ""
    for item in items:
        block = text(item)
        say(f"\n{block}" if before and "\n" in before + block else block)
        said.append(item)
        before = block
    return said


def colored() -> bool:
    """Whether stdout is to be coloured."""
    from estate_config.report import wants_color

    return wants_color(sys.stdout)


def fail(error: ConfigurationError, output: Format | None) -> NoReturn:
    """Print what is wrong with the estate itself, on stderr without a form, and exit."""
    if output is None:
        from estate_config.report import print_to_stderr

        print_to_stderr([error])
    elif output is Format.JSON:
        say_json({"ok": False, **error.as_json()})
    else:
        say(error.as_text(color=colored()))
    raise typer.Exit(PROBLEMS)


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows of cells, the first one their head, as aligned lines; a column with nothing below its head is left
    out, and with no row below the head there are no lines.
    """
    kept = [index for index in range(len(rows[0])) if any(row[index] for row in rows[1:])]
    widths = {index: max(len(row[index]) for row in rows) for index in kept}
    lines = ["  ".join(f"{row[index]:<{widths[index]}}" for index in kept).rstrip() for row in rows]
    return lines if kept else []


def version_text(stage: str | None, version: str | None) -> str:
    """Return a stage and the beginning of a version, as far as there are any: `AWSCURRENT 0f3a91c2…`."""
    cut = version if version is None or len(version) <= _VERSION else f"{version[:_VERSION]}…"
    return " ".join(filter(None, [stage, cut]))


def age_text(seconds: float) -> str:
    """Return a length of time in the unit that fits: `3 min`."""
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


@contextmanager
def progress(words: str) -> Iterator[None]:
    """Say on stderr what is being waited for, if that is a terminal, until it is done."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(words):
        yield
