"""The key of a sealed file: out of a mounted file or from a provider, whatever these do."""

from __future__ import annotations

import base64
import os
import subprocess
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from estate_config import file_key
from estate_config.errors import Code, ProviderError
from estate_config.file_key import key_from, key_in
from estate_config.model import DataKey, Deadline, Failed
from tests.leaks import PLAIN, assert_no_canary

CONTEXT = {"service": "ai", "environment": "production"}


def refusal(answer: DataKey | Failed) -> Failed:
    assert isinstance(answer, Failed)
    assert answer.hint.startswith("cannot be used without its key: ")
    return answer


class TestInAFile:
    def test_it_is_what_the_command_makes_that_a_missing_one_names(self, tmp_path: Path) -> None:
        path = tmp_path / "key"
        failed = refusal(key_in(path)(None))
        assert (failed.code, "is not there" in failed.hint) == (Code.MISSING, True)
        _, _, command = failed.fix.rpartition("made by: ")
        subprocess.run(["sh", "-c", command], check=True)
        made = key_in(path)(None)
        assert isinstance(made, DataKey)
        assert (len(made.key), made.wrapped) == (32, b"")
        assert key_in(path)(b"") == made

    @pytest.mark.parametrize("text", ["", PLAIN, base64.b64encode(b"x" * 16).decode(), "é", "=" * 44])
    def test_another_text_is_none_and_is_not_shown(self, tmp_path: Path, text: str) -> None:
        path = tmp_path / "key"
        path.write_text(text, "utf-8")
        failed = refusal(key_in(path)(None))
        assert (failed.code, "is not 32 bytes in base64" in failed.hint) == (Code.MALFORMED, True)
        assert_no_canary(repr(failed), PLAIN)

    def test_what_is_no_file_holds_nobody_up(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "key")
        failed = refusal(key_in(tmp_path / "key")(None))
        assert f"{tmp_path / 'key'} is a FIFO" in failed.hint


class Keeper:
    """Keeps keys as a test says."""

    def __init__(self, hook: Callable[[bytes | None], Any]) -> None:
        self.hook = hook
        self.asked: list[tuple[str, Mapping[str, str]]] = []

    def data_key(self, name: str, context: Mapping[str, str], wrapped: bytes | None, deadline: Deadline) -> DataKey:
        self.asked.append((name, context))
        assert 0 < deadline.remaining() <= 5
        key: DataKey = self.hook(wrapped)
        return key


def key_of(hook: Callable[[bytes | None], Any], wrapped: bytes | None = None) -> DataKey | Failed:
    return key_from(Keeper(hook), "vendor", "alias/cache", CONTEXT)(wrapped)


class TestFromAProvider:
    def test_it_is_told_what_the_key_is_for(self) -> None:
        keeper = Keeper(lambda wrapped: DataKey(b"k" * 32, wrapped or b"new"))
        ask = key_from(keeper, "vendor", "alias/cache", CONTEXT)
        assert (ask(None), ask(b"old")) == (DataKey(b"k" * 32, b"new"), DataKey(b"k" * 32, b"old"))
        assert keeper.asked == [("alias/cache", CONTEXT)] * 2

    def test_what_it_cannot_do_it_says_in_its_own_words(self) -> None:
        def denied(wrapped: bytes | None) -> None:
            raise ProviderError(Code.DENIED, "may not", "let it")

        failed = refusal(key_of(denied))
        assert (failed.code, failed.fix) == (Code.DENIED, "let it")
        assert failed.hint.endswith(": vendor may not")

    def test_whatever_else_it_raises_shows_nothing(self) -> None:
        def broken(wrapped: bytes | None) -> None:
            raise RuntimeError(PLAIN)

        failed = refusal(key_of(broken))
        assert (failed.code, "vendor raised RuntimeError in " in failed.hint) == (Code.PLUGIN, True)
        assert_no_canary(repr(failed), PLAIN)

    @pytest.mark.parametrize("made", [None, b"k" * 32, DataKey(b"short")])
    def test_what_is_no_key_is_the_fault_of_its_makers(self, made: object) -> None:
        failed = refusal(key_of(lambda _: made))
        assert (failed.code, "gives none of 32 bytes" in failed.hint) == (Code.PLUGIN, True)

    def test_one_that_hangs_is_left_behind(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(file_key, "_PATIENCE", 0.05)
        released = threading.Event()
        try:
            failed = refusal(key_of(lambda _: released.wait()))
        finally:
            released.set()
        assert (failed.code, "did not answer within 0.05 seconds" in failed.hint) == (Code.UNAVAILABLE, True)


def test_a_key_is_not_shown() -> None:
    assert_no_canary(repr(DataKey(PLAIN.encode())), PLAIN)
