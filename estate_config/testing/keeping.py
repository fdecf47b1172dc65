"""Standard tests of secrecy and of failure: no value where none belongs, and no failure taken for absence."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from estate_config.contract import Provider
from estate_config.errors import Code, ProviderError
from estate_config.model import Failed
from estate_config.testing.kit import (
    CANARY,
    Kit,
    fail,
    fetch,
    outcome_of,
    require,
    require_found,
    require_value,
    require_values,
    within,
)
from estate_config.testing.shelf import Shelf

_DEADLINE = 0.5


class Keeping(Kit):
    """What goes wrong is said in the provider's own words, in time, and without a value."""

    def test_no_repr_holds_a_value(self, shelf: Shelf, provider: Provider) -> None:
        """Neither that of the options, nor of the provider, before and after a fetch."""
        key = self.key("one")
        shelf.put(key, CANARY)
        options = shelf.spec.options.model_validate(dict(shelf.options))
        shown = {"options": f"{options!r} {options}", "place": repr(provider.locate(key)), "before": repr(provider)}
        answers = fetch(provider, [key])
        shown |= {"origin": repr(require_found(answers, key).origin), "answers": repr(answers)}
        shown |= {"after": f"{provider!r} {provider} {shelf.spec!r}"}
        for what, text in shown.items():
            require(CANARY not in text, f"the repr of the provider's {what} holds a value")

    def test_no_log_line_and_no_output_holds_a_value(
        self,
        shelf: Shelf,
        provider: Provider,
        caplog: pytest.LogCaptureFixture,
        capfd: pytest.CaptureFixture[str],
    ) -> None:
        """Not at DEBUG either, nor in what an SDK logs."""
        key = self.key("one")
        shelf.put(key, CANARY)
        with caplog.at_level(logging.DEBUG):
            require_value(fetch(provider, [key]), key, CANARY)
        for record in caplog.records:
            told = f"{record.getMessage()} {record.__dict__!r}"
            require(CANARY not in told, f"the logger {record.name!r} writes a value ({record.levelname})")
        require(CANARY not in "".join(capfd.readouterr()), "fetch prints a value")

    def test_a_key_that_cannot_be_answered_fails_alone(self, shelf: Shelf, provider: Provider) -> None:
        """`Failed`, never absent: absent would let a weaker provider answer. The other keys keep their values."""
        if shelf.spoil is None:
            pytest.skip("this shelf has no way to spoil one key")
        values = self.put_some(shelf)
        spoilt = self.key("spoilt")
        shelf.put(spoilt, CANARY)
        shelf.spoil(spoilt)
        answers = dict(fetch(provider, [spoilt, *values]))
        _require_failed(answers.pop(spoilt, None))
        require_values(answers, values)

    def test_a_store_that_cannot_answer_at_all_raises_a_provider_error(self, shelf: Shelf, provider: Provider) -> None:
        """And nothing of an SDK's travels with it: its errors may hold values."""
        if shelf.ruin is None:
            pytest.skip("this shelf has no way to ruin the whole store")
        key = self.key("one")
        shelf.put(key, CANARY)
        fetch(provider, [key])
        shelf.ruin()
        outcome = outcome_of(lambda: fetch(provider, [key]))
        if not isinstance(outcome, BaseException):
            fail("the whole store is out of reach, and fetch answered: raise ProviderError")
        _require_clean(outcome)

    def test_a_store_that_hangs_is_left_at_the_deadline(self, shelf: Shelf, provider: Provider) -> None:
        """With a failure, not with silence."""
        if shelf.hang is None:
            pytest.skip("this shelf has no way to hang")
        key = self.key("one")
        shelf.put(key, CANARY)
        fetch(provider, [key])  # imports and connections are not what is timed
        shelf.hang(key)
        outcome = within(_DEADLINE, lambda deadline: provider.fetch([key], deadline))
        if isinstance(outcome, BaseException):
            _require_clean(outcome)
        else:
            _require_failed(outcome.get(key))

    def test_closing_twice_is_fine(self, shelf: Shelf) -> None:
        """Used or unused."""
        key = self.key("one")
        shelf.put(key, CANARY)
        unused, used = shelf.build(), shelf.build()
        fetch(used, [key])
        for provider in (unused, unused, used, used):
            provider.close()

    def test_a_fetch_after_close_works_or_says_so(self, shelf: Shelf, provider: Provider) -> None:
        """It answers again, or raises `ProviderError`."""
        key = self.key("one")
        shelf.put(key, CANARY)
        fetch(provider, [key])
        provider.close()
        outcome = outcome_of(lambda: fetch(provider, [key]))
        if isinstance(outcome, BaseException):
            _require_clean(outcome)
        else:
            require_value(outcome, key, CANARY)


def _require_failed(answer: object) -> None:
    __tracebackhide__ = True
    if not isinstance(answer, Failed):
        fail(f"a key that cannot be answered was {'found' if answer else 'left out'}: answer with Failed")
    require(isinstance(answer.code, Code) and answer.hint.strip(), "Failed needs a Code, and a hint of what is wrong")
    require(CANARY not in repr(answer), "Failed holds a value")


def _require_clean(error: BaseException) -> None:
    __tracebackhide__ = True
    if not isinstance(error, ProviderError):
        fail(f"{type(error).__name__} left fetch: only ProviderError may, raised `from None`")
    require(isinstance(error.code, Code) and error.hint.strip(), "ProviderError needs a Code, and a hint")
    require(error.__cause__ is None, "ProviderError has a __cause__: raise it `from None`")
    for one in _chain(error):
        root = type(one).__module__.partition(".")[0]
        ours = isinstance(one, ProviderError) or root == "builtins"
        require(ours, f"an error of the SDK's travels along as __context__: {root}; raise outside of `except`")
        require(CANARY not in f"{one!r} {one} {vars(one)!r}", f"the {type(one).__name__} that left fetch holds a value")
        for function, local, shown in _locals(one):
            require(CANARY not in shown, f"the local {local!r} of {function}, which raises, holds a value")


def _chain(error: BaseException) -> Iterator[BaseException]:
    one: BaseException | None = error
    while one is not None:
        yield one
        one = one.__cause__ or one.__context__


def _locals(error: BaseException) -> Iterator[tuple[str, str, str]]:
    """Give function, name and repr of the locals that a tool would record, the kit's own frames left out."""
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if Path(code.co_filename).parent != Path(__file__).parent:
            for name, value in trace.tb_frame.f_locals.items():
                yield code.co_qualname, name, repr(value)
        trace = trace.tb_next
