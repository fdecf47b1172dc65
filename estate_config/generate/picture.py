"""The chain of an environment as a picture: inline SVG, in the colours of the page that it stands in."""

from __future__ import annotations

from html import escape

from estate_config.generate.catalogue import EnvironmentEntry
from estate_config.generate.wording import CHAIN_END, one_line

_CHAR, _HEIGHT, _PAD, _TOP = 8.2, 48.0, 14.0, 10.0
"""Width of a character, height of a box, room within it and above it, in pixels at 13 px of a monospaced font."""


def picture(environment: EnvironmentEntry) -> str:
    """Return the SVG: a box for each provider in order, an arrow for what leads to the next one, and the end."""
    parts, at = [], 1.0
    for link in environment.chain:
        provider, title = one_line(link.provider), one_line(link.title)
        width = _width(provider, title)
        parts += [
            _box(at, width, 6),
            _text(at + width / 2, 21, provider, "name"),
            _text(at + width / 2, 38, title, "quiet"),
        ]
        at += width
        why = " or ".join(["absent", *link.next_on])
        width = _width(why)
        tip = at + width
        parts += [
            _text(at + width / 2, 18, why, "quiet"),
            f'<path d="M{at + 5:g} {_TOP + _HEIGHT / 2:g} H{tip - 5:g} m-7 -5 l7 5 l-7 5"/>',
        ]
        at = tip
    width = _width(CHAIN_END)
    parts += [_box(at, width, _HEIGHT / 2), _text(at + width / 2, 29, CHAIN_END, "")]
    names = ", then ".join(one_line(link.provider) for link in environment.chain)
    label = escape(f"Chain of {one_line(environment.name)}: {names}, then {CHAIN_END}")
    whole, height = at + width + 1, _HEIGHT + 2 * _TOP
    size = f'width="{whole:g}" height="{height:g}" viewBox="0 0 {whole:g} {height:g}"'
    return f'<svg role="img" aria-label="{label}" {size}>{"".join(parts)}</svg>'


def _width(*lines: str) -> float:
    return max(map(len, lines)) * _CHAR + 2 * _PAD


def _box(x: float, width: float, radius: float) -> str:
    return f'<rect x="{x:g}" y="{_TOP:g}" width="{width:g}" height="{_HEIGHT:g}" rx="{radius:g}"/>'


def _text(x: float, y: float, words: str, kind: str) -> str:
    return f'<text x="{x:g}" y="{_TOP + y:g}" class="{kind}">{escape(words)}</text>'
