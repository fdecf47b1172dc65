"""The search for canaries finds what it is there to find: else every test that relies on it proves nothing."""

from __future__ import annotations

import base64
import json
import shlex
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest

from estate_config.errors import Code, ConfigurationError, Problem
from tests import leaks
from tests.leaks import CANARIES, PLAIN, assert_no_canary, assert_no_canary_in_error


@pytest.mark.parametrize("canary", CANARIES)
@pytest.mark.parametrize(
    "spell",
    [
        str,
        repr,
        ascii,
        json.dumps,
        shlex.quote,
        lambda text: quote(text, safe=""),
        lambda text: text[::-1],
        lambda text: text[3:11],
        lambda text: text.encode().hex(),
        lambda text: base64.b64encode(text.encode()).decode(),
        lambda text: base64.b64encode(b"user:" + text.encode() + b"@host").decode(),
        lambda text: base64.urlsafe_b64encode(b"us:" + text.encode()).decode(),
        lambda text: f"postgresql://u:{quote(text)}@h/d",
    ],
)
def test_a_canary_is_found_however_it_is_spelled(canary: str, spell: Callable[[str], str]) -> None:
    with pytest.raises(AssertionError, match="shows"):
        assert_no_canary(f"before {spell(canary)} after", canary)


@pytest.mark.parametrize("canary", CANARIES)
def test_a_text_without_it_passes(canary: str) -> None:
    assert_no_canary("nothing to see but " + canary[:7], canary)


class _Holder:
    def __init__(self, value: str) -> None:
        self.inner = [{"deep": (value,)}]

    def __repr__(self) -> str:
        return "<holder>"


def _with_cause() -> BaseException:
    error = RuntimeError("x")
    error.__cause__ = ValueError(PLAIN)
    return error


def _with_context() -> BaseException:
    error = RuntimeError("x")
    error.__context__ = ValueError(PLAIN)
    return error


def _with_note() -> BaseException:
    error = RuntimeError("x")
    error.add_note(PLAIN)
    return error


def _with_attribute() -> BaseException:
    error = RuntimeError("x")
    error.held = _Holder(PLAIN)  # type: ignore[attr-defined]  # that is the leak
    return error


@pytest.mark.parametrize(
    "make",
    [
        lambda: RuntimeError(PLAIN),
        lambda: RuntimeError(_Holder(PLAIN)),
        lambda: ExceptionGroup("x", [ValueError(PLAIN)]),
        lambda: ConfigurationError([Problem("x", Code.INVALID, PLAIN)]),
        _with_cause,
        _with_context,
        _with_note,
        _with_attribute,
    ],
)
def test_a_canary_is_found_wherever_an_exception_holds_it(make: Callable[[], BaseException]) -> None:
    with pytest.raises(AssertionError, match="shows"):
        assert_no_canary_in_error(make(), PLAIN)


@pytest.mark.parametrize(
    "local", [PLAIN, _Holder(PLAIN), {PLAIN: 1}, [(PLAIN,)]], ids=["text", "object", "key", "list"]
)
def test_a_canary_is_found_in_the_locals_of_our_frames(
    local: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leaks, "_OURS", (str(tmp_path),))
    namespace: dict[str, object] = {}
    file = str(tmp_path / "made_up.py")
    exec(compile("def go(kept):\n    raise RuntimeError('x')\n", file, "exec"), namespace)
    with pytest.raises(RuntimeError) as caught:
        namespace["go"](local)  # type: ignore[operator]  # it is a function
    with pytest.raises(AssertionError, match="shows"):
        assert_no_canary_in_error(caught.value, PLAIN)
