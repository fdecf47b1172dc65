"""Telling those who asked when a field has a new value: after the swap, outside any lock, in order."""

from __future__ import annotations

import inspect
import logging
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from estate_config.live.state import Call, State, state_of
from estate_config.redaction import where
from estate_config.settings import Settings
from estate_config.suggest import did_you_mean

S = TypeVar("S", bound=Settings)

log = logging.getLogger("estate_config")

_PATIENCE = 5.0
"""Seconds that a refresh waits for calls which another thread has begun."""


def on_change(instance: S, field: str, function: Callable[[S], object]) -> Callable[[], None]:
    """Call `function` with the new version, a complete instance, whenever the value of `field` has changed.

    It is called after the swap, in the thread that made it (the watching one, mostly), outside any lock, in the order
    of the swaps and of asking. What it raises is logged by its type, and stops no other; `sys.exit` ends nothing there
    either (`os.kill(os.getpid(), signal.SIGTERM)` does). A nested field stands for all its fields. Returns how to end
    it. Raises `TypeError` for an instance that is not lazy or a coroutine function (hand it to your loop:
    `lambda new: asyncio.run_coroutine_threadsafe(f(new), loop)`), `ValueError` for a name that is no field.
    """
    state = state_of(instance)
    known = [item.field for item in type(instance).__estate_settings__]
    if not any(_is_within(name, field) for name in known):
        raise ValueError(f"{type(instance).__name__} has no field {field!r}" + did_you_mean(field, known))
    if inspect.iscoroutinefunction(function):
        raise TypeError("a coroutine function needs a loop: lambda new: asyncio.run_coroutine_threadsafe(f(new), loop)")
    entry: tuple[str, Callable[[Any], object]] = (field, function)
    state.callbacks.append(entry)

    def end() -> None:
        if entry in state.callbacks:
            state.callbacks.remove(entry)

    return end


def call_back(state: State) -> None:
    """Make the calls that are due, unless another thread is at it: then wait until it has made ours, but not for ever.

    Called in a callback, it returns at once: its own calls are made when that one is done.
    """
    me = threading.get_ident()
    with state.calling:
        if state.caller == me or (not state.calls and state.caller is None):
            return
        if state.caller is not None:
            state.calling.wait_for(lambda: state.caller is None, _PATIENCE)
            return
        state.caller = me
    try:
        while (call := _next(state, me)) is not None:
            try:
                _make(state, call)
            finally:
                _take_off(state, call)
    except BaseException:  # an interruption: the next change finds somebody to make its calls
        with state.calling:
            _leave(state)
        raise


def _next(state: State, me: int) -> Call | None:
    """Return the call that is due, or leave: in one step, so that nobody adds one that is never made."""
    with state.calling:
        if state.caller != me:
            return None  # this thread has forked in a call: in the child, others make what is left
        if state.calls:
            return state.calls[0]
        _leave(state)
        return None


def _take_off(state: State, call: Call) -> None:
    """Only when it is made: a child that is forked meanwhile has to make it for itself."""
    with state.calling:
        if state.calls and state.calls[0] is call:
            state.calls.popleft()


def _leave(state: State) -> None:
    state.caller = None
    state.calling.notify_all()


def _make(state: State, call: Call) -> None:
    for field, function in tuple(state.callbacks):
        if any(_is_within(name, field) for name in call.fields):
            try:
                function(call.version)
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # noqa: BLE001 - a user's function may raise anything, and others wait
                log.error("on_change %s raised %s in %s", field, type(error).__name__, where(error))  # noqa: TRY400 - a traceback may show values


def _is_within(name: str, field: str) -> bool:
    return name == field or name.startswith(f"{field}.")
