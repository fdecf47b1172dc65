"""Standard tests of values: what was put comes back, to the byte."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import settings as how
from hypothesis import strategies as st

from estate_config.contract import Provider
from estate_config.testing.kit import Kit, fetch, require_value
from estate_config.testing.shelf import Shelf

_LOOKS_LIKE_SOMETHING_ELSE = (
    "0123",
    "true",
    "null",
    "1e3",
    " spaces around ",
    '{"a": [1, "two"]}',
    "a,b",
    'it\'s "quoted" `twice`',
    "back\\slash \\n",
    "$HOME ${HOME} $(id) %(a)s %s {a} {{ a }} @format {env[HOME]}",
    "#hash # comment",
    "a=b;c&d|e<f>g",
    "one\r\ntwo\r",
)


class Holding(Kit):
    """Text is text and bytes are bytes; nothing is guessed, filled in or cleaned up."""

    def _comes_back(self, shelf: Shelf, provider: Provider, value: str | bytes) -> None:
        __tracebackhide__ = True
        key = self.key("value", binary=isinstance(value, bytes))
        shelf.put(key, value)
        require_value(fetch(provider, [key]), key, value)

    def test_text_that_looks_like_something_else_stays_text(self, shelf: Shelf, provider: Provider) -> None:
        """A PIN keeps its zero, a password its dollar sign."""
        for value in _LOOKS_LIKE_SOMETHING_ELSE:
            if not set(value) & set(self.cannot_hold):
                self._comes_back(shelf, provider, value)

    def test_unicode_comes_back(self, shelf: Shelf, provider: Provider) -> None:
        """Beyond one byte, beyond two, and combined; not normalised either."""
        self._comes_back(shelf, provider, "pässwörd 비밀번호 🔑 e\u0301 é")

    def test_newlines_come_back(self, shelf: Shelf, provider: Provider) -> None:
        """A private key has them, and ends in one."""
        if "\n" in self.cannot_hold:
            pytest.skip("this store cannot hold a newline")
        self._comes_back(shelf, provider, "one\ntwo\n\nthree\n")

    def test_an_empty_value_is_found(self, shelf: Shelf, provider: Provider) -> None:
        """Empty is not absent: what becomes of it is not the provider's to say."""
        if not self.empty_values:
            pytest.skip("this store cannot tell an empty value from none")
        self._comes_back(shelf, provider, "")

    def test_the_largest_value_comes_back(self, shelf: Shelf, provider: Provider) -> None:
        """64 KiB, where the store does not hold less."""
        self._comes_back(shelf, provider, ("0123456789abcdef" * (self.largest // 16 + 1))[: self.largest])

    def test_binary_comes_back(self, shelf: Shelf, provider: Provider) -> None:
        """Every byte, also where it is no text, and a newline at the end."""
        if not self.binary:
            pytest.skip("this store holds no bytes that are not text")
        self._comes_back(shelf, provider, self._without_unholdable(bytes(range(256)) + b"\n"))

    def test_any_text_comes_back(self, shelf: Shelf, provider: Provider) -> None:
        """Round trip of made-up texts."""
        characters = st.characters(codec="utf-8", exclude_characters=self.cannot_hold)

        @how(max_examples=self.examples, deadline=None, database=None, derandomize=True)
        @given(st.text(characters, min_size=0 if self.empty_values else 1))
        def round_trip(text: str) -> None:
            self._comes_back(shelf, provider, text)

        round_trip()

    def test_any_bytes_come_back(self, shelf: Shelf, provider: Provider) -> None:
        """Round trip of made-up bytes."""
        if not self.binary:
            pytest.skip("this store holds no bytes that are not text")

        @how(max_examples=self.examples, deadline=None, database=None, derandomize=True)
        @given(st.binary().map(self._without_unholdable).filter(lambda raw: self.empty_values or raw))
        def round_trip(raw: bytes) -> None:
            self._comes_back(shelf, provider, raw)

        round_trip()

    def _without_unholdable(self, raw: bytes) -> bytes:
        return raw.translate(None, self.cannot_hold.encode())
