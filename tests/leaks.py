"""Canaries: made-up secrets, and the search for them in everything that can be printed, kept or sent.

`assert_no_canary(text, canary)` looks through a text. `assert_no_canary_in_error(error, canary)` looks through an
exception: its words, its pickle, its chain, its traceback with locals, and the objects that its frames reach.
"""

from __future__ import annotations

import base64
import contextlib
import io
import json
import pickle
import shlex
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FrameType, FunctionType, ModuleType, TracebackType
from urllib.parse import quote, quote_plus

import estate_config
import estate_config_providers
from estate_config import Settings

PART = 8
"""Characters in a row that give a secret away."""

PLAIN = "kq7ZvXw2Lr9TbN4mHc"
QUOTED = 'p"Wd\'8xQz\\Rk3`Hy$J2"v'
LINES = "Gm5tYc2R\nJw8bVx4K\r\nQ"
FOREIGN = "ზღვა7Üñ漢字Zk9მთები🔑q"
CANARIES = (PLAIN, QUOTED, LINES, FOREIGN)

_OURS = tuple(
    str(Path(folder).resolve()) for package in (estate_config, estate_config_providers) for folder in package.__path__
)


def parts(canary: str) -> set[str]:
    """Return every text that gives a canary away: its parts, also read backwards, and those of its encodings."""
    raw = canary.encode()
    spelled = {
        canary,
        canary[::-1],
        quote(canary, safe=""),
        quote(canary),
        quote_plus(canary),
        json.dumps(canary)[1:-1],
        json.dumps(canary, ensure_ascii=False)[1:-1],
        repr(canary)[1:-1],
        ascii(canary)[1:-1],
        repr(raw)[2:-1],
        shlex.quote(canary),
        raw.hex(),
        *_base64(raw),
    }
    return {text[start : start + PART] for text in spelled for start in range(max(1, len(text) - PART + 1))}


def _base64(raw: bytes) -> Iterator[str]:
    """The characters that a secret alone decides, at each of the three offsets it may stand at."""
    for offset in range(3):
        coded = base64.b64encode(b"\0" * offset + raw).decode().rstrip("=")
        alone = coded[(0, 2, 3)[offset] : len(coded) if (offset + len(raw)) % 3 == 0 else -1]
        yield alone
        yield alone.replace("+", "-").replace("/", "_")


def assert_no_canary(text: str, canary: str, where: str = "the text") -> None:
    """Fail if `text` has the canary, eight characters of it in a row, or as much of one of its encodings."""
    __tracebackhide__ = True
    for part in parts(canary):
        assert part not in text, f"{where} shows {part!r} of the canary"


def assert_no_canary_in_error(error: BaseException, canary: str) -> None:
    """Fail if the canary can be got at from an exception that left the core."""
    __tracebackhide__ = True
    for name, text in shown_by_error(error):
        assert_no_canary(text, canary, name)


def shown_by_error(error: BaseException) -> Iterator[tuple[str, str]]:
    """Yield all that an exception shows, with the name of the place: words, pickle, chain, frames."""
    for one in chain_of(error):
        kind = type(one).__name__
        notes = getattr(one, "__notes__", ())
        yield f"{kind}: its words", f"{one} {one!r} {one.args!r} {vars(one)!r} {notes!r}"
        yield f"{kind}: what it holds", _reach((one.args, vars(one), notes))
        with contextlib.suppress(pickle.PicklingError, TypeError, AttributeError):
            yield f"{kind}: its pickle", pickle.dumps(one, 0).decode("latin-1")
        trace = _our_part(one.__traceback__)
        yield f"{kind}: its traceback with locals", _with_locals(one, trace)
        yield f"{kind}: its traceback by rich", _by_rich(one, trace)
        for frame, _ in traceback.walk_tb(one.__traceback__):
            if _is_ours(frame):
                yield f"{kind}: the locals of {frame.f_code.co_qualname}", _reach(dict(frame.f_locals))


def chain_of(error: BaseException) -> list[BaseException]:
    """Return an exception with its causes, contexts and group members."""
    found: list[BaseException] = []
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is not None and all(one is not other for other in found):
            found.append(one)
            waiting += [one.__cause__, one.__context__, *getattr(one, "exceptions", ())]
    return found


def _is_ours(frame: FrameType) -> bool:
    return str(Path(frame.f_code.co_filename).resolve()).startswith(_OURS)


def _our_part(trace: TracebackType | None) -> TracebackType | None:
    """The traceback from the first frame of ours on: those before are the test's, which holds the canary."""
    while trace is not None and not _is_ours(trace.tb_frame):
        trace = trace.tb_next
    return trace


def _with_locals(error: BaseException, trace: TracebackType | None) -> str:
    return "".join(traceback.TracebackException(type(error), error, trace, capture_locals=True).format(chain=False))


def _by_rich(error: BaseException, trace: TracebackType | None) -> str:
    from rich.console import Console
    from rich.traceback import Traceback

    out = io.StringIO()
    alone = type(error).__new__(type(error), *error.args)  # without its chain, whose frames are looked at one by one
    shown = Traceback.from_exception(type(error), alone, trace, show_locals=True, locals_max_string=10_000)
    Console(file=out, width=400).print(shown)
    return out.getvalue()


def _reach(start: object) -> str:
    """Return the `repr` of everything that can be reached: through containers, and the `__dict__` of plain objects."""
    texts: list[str] = []
    seen: set[int] = set()
    kept: list[object] = []  # so that no id is given out twice
    waiting = [start]
    while waiting:
        one = waiting.pop()
        if id(one) in seen or isinstance(one, type | ModuleType | FunctionType):
            continue
        seen.add(id(one))
        kept.append(one)
        if isinstance(one, Mapping):
            waiting += [*one.keys(), *one.values()]
        elif isinstance(one, list | tuple | set | frozenset):
            waiting += one
        else:
            texts.append(repr(one))
            # An instance that was loaded holds its values: that is what it is for. One that failed to must hold none.
            loaded = isinstance(one, Settings) and hasattr(one, "__estate__")
            waiting += vars(one).values() if hasattr(one, "__dict__") and not loaded else ()
    return "\n".join(texts)
