"""The report: what a person reads at 3 a.m., and the one line of a good start."""

from __future__ import annotations

import contextlib
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, TextIO

from estate_config.errors import Asked, Code, ConfigurationError, LoadInfo, Problem

if TYPE_CHECKING:
    from estate_config.resolve import Answer

_RED, _YELLOW, _DIM, _BOLD, _END = "\x1b[31m", "\x1b[33m", "\x1b[2m", "\x1b[1m", "\x1b[0m"


def wants_color(stream: TextIO) -> bool:
    """Whether to colour what goes to a stream: only on a terminal, and not under `NO_COLOR` (no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def print_to_stderr(errors: Iterable[ConfigurationError]) -> None:
    """Print reports, if stderr still takes them: it may be closed or full, and the exit code must be the right one."""
    stream: TextIO | None = sys.stderr
    if stream is None:  # it was closed when the process began
        return
    try:
        said = "\n\n".join(error.as_text(color=wants_color(stream)) for error in errors)
        encoding = stream.encoding or "utf-8"
        stream.write(said.encode(encoding, "backslashreplace").decode(encoding) + "\n")
        stream.flush()
    except (OSError, ValueError):  # full, unread, closed
        discard(stream)


def discard(stream: TextIO) -> None:
    """Let what a stream still holds go nowhere: it would be written at the exit, and make its code 120."""
    with contextlib.suppress(OSError, ValueError):
        number, nowhere = stream.fileno(), os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, number)
        os.close(nowhere)


def text(error: ConfigurationError, *, color: bool = False) -> str:
    """Return the report of a failed load as text, without a newline at its end."""
    paint = _paint if color else _plain
    blocks = [_head(error, paint), problems_text(error.problems, color=color)]
    return "\n\n".join(filter(None, [*blocks, warnings_text(error.warnings, color=color)]))


Paint = Callable[[str, str], str]


def _paint(words: str, how: str) -> str:
    return f"{how}{words}{_END}"


def _plain(words: str, how: str) -> str:
    del how
    return words


def _head(error: ConfigurationError, paint: Paint) -> str:
    info = error.info
    count = counted(len(error.problems), "problem")
    what = f"{info.service} cannot start" if info.service else "the configuration cannot be used"
    where = f" in {info.environment}" if info.environment else ""
    lines = [paint(f"{what}{where}: {count}.", _BOLD)]
    if error.warnings:
        lines[0] += f" {counted(len(error.warnings), 'warning')}."
    if info.chain:
        lines.append(paint(chain_line(info), _DIM))
    return "\n".join(lines)


def chain_line(info: LoadInfo) -> str:
    """Return the line that says who was asked, and what file says so."""
    return f"chain: {' → '.join(info.chain)}" + (f"   from {info.config}" if info.config else "")


def _groups(problems: Iterable[Problem]) -> list[list[Problem]]:
    """Problems with one cause and one mend, such as a provider that cannot be reached, stand together."""
    groups: dict[tuple[Code, str, str], list[Problem]] = {}
    for problem in problems:
        groups.setdefault((problem.code, problem.message, problem.fix), []).append(problem)
    return list(groups.values())


def _block(group: list[Problem], paint: Paint, how: str) -> str:
    first = group[0]
    names = ", ".join(problem.field for problem in group if problem.field)
    head = paint(first.code.value, how) + (f"  {paint(names, _BOLD)}" if names else "")
    lines = [head, f"  {first.message}"]
    if len(group) == 1:
        lines += _table(first.places, paint)
    elif len({problem.places for problem in group}) > 1:  # of several, what has the outcome is enough
        lines += _table([step for one in group for step in one.places if step.outcome == one.code], paint)
    if first.fix:
        fixes = first.fix.splitlines()
        lines.append(f"  {paint('fix', _BOLD)}  {fixes[0]}")
        lines += [f"       {line}" for line in fixes[1:]]
    return "\n".join(lines)


def _table(steps: Sequence[Asked], paint: Paint) -> list[str]:
    provider = max((len(step.provider) for step in steps), default=0)
    place = max((len(step.place) for step in steps), default=0)
    return [
        f"    {step.provider:<{provider}}  {step.place:<{place}}  {paint(step.outcome, _DIM)}".rstrip()
        for step in steps
    ]


def success_line(answers: Mapping[str, Answer], info: LoadInfo, seconds: float, title: Callable[[str], str]) -> str:
    """Return the one line of a good start; the providers that answered are the ones named, no value is."""
    found = [(a.setting.secret, a.found.origin.provider) for a in answers.values() if a.found is not None]
    secrets = dict.fromkeys(provider for secret, provider in found if secret)
    named = secrets or dict.fromkeys(provider for _, provider in found)
    what = "Secrets" if secrets else "Settings"
    source = " and ".join(title(provider) for provider in named) or "the schema's defaults"
    where = f"{info.service}, {info.environment}"
    number = len(degraded(answers))
    how = f"loaded, {number} of them degraded," if number else "loaded successfully"
    return f"{what} {how} from {source} ({where}: {_counts(answers, seconds)})"


def fine_line(answers: Mapping[str, Answer], info: LoadInfo, seconds: float) -> str:
    """Return the one line of a check that found nothing wrong, and one for each reason to call values degraded."""
    lines = [f"{info.service} can start in {info.environment}: {_counts(answers, seconds)}"]
    lines += [f"  degraded: {counted(number, 'setting')} {why}" for why, number in Counter(degraded(answers)).items()]
    return "\n".join(lines)


def degraded(answers: Mapping[str, Answer]) -> list[str]:
    """Return why values do not come from where they should, once for each of them."""
    origins = [answer.found.origin for answer in answers.values() if answer.found is not None]
    return [origin.degraded for origin in origins if origin.degraded]


def _counts(answers: Mapping[str, Answer], seconds: float) -> str:
    found = [(a.setting.secret, a.found.origin.provider) for a in answers.values() if a.found is not None]
    origins = Counter(provider for _, provider in found)
    if len(found) < len(answers):
        origins["default"] = len(answers) - len(found)
    parts = [
        f"{counted(sum(secret for secret, _ in found), 'secret')}, {counted(len(answers), 'setting')} in all",
        ", ".join(f"{provider} {number}" for provider, number in origins.items()),
        f"{seconds:.2f} s",
    ]
    return "; ".join(filter(None, parts))


def problems_text(problems: Sequence[Problem], *, color: bool = False) -> str:
    """Return problems as the report shows them, without its head."""
    return _blocks(problems, _RED, color=color)


def warnings_text(warnings: Sequence[Problem], *, color: bool = False) -> str:
    """Return what did not stop a load, as the report shows it."""
    return _blocks(warnings, _YELLOW, color=color)


def _blocks(problems: Sequence[Problem], how: str, *, color: bool) -> str:
    paint = _paint if color else _plain
    return "\n\n".join(_block(group, paint, how) for group in _groups(problems))


def counted(number: int, word: str) -> str:
    """Return a number with its word: `1 secret`, `2 secrets`."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
