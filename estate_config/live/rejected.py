"""What to do when a credential is refused: look for a newer one, once for all threads together, and run again."""

from __future__ import annotations

import asyncio
import functools
import inspect
import math
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Generic, ParamSpec, Self, TypeVar, cast

from estate_config.live.refreshing import Allowed, asked_of, fields_of, spread, taken
from estate_config.live.state import state_of
from estate_config.settings import Settings, concrete, loaded, record_of

S = TypeVar("S", bound=Settings)
P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

EVERY = 2.0
"""Seconds between two looks for the same field: a password that stays wrong must not become a storm of reads."""


class retry_on_rejected(Generic[S]):  # noqa: N801 - read as a verb, as `use` is
    """Run something again with a newer credential when the one in use is refused.

    A decorator, for functions and coroutine functions::

        @retry_on_rejected(settings, "database_url", exceptions=(psycopg.OperationalError,))
        def orders() -> list[Order]: ...

    and a loop around a block::

        for attempt in retry_on_rejected(settings, "database_url", exceptions=(psycopg.OperationalError,)):
            with attempt:
                connection = psycopg.connect(settings.database_url)

    Name all fields that belong together, a user and its password: they are read together. They are read again once for
    all threads together, and no more than once in `every` seconds. If the store has nothing newer, the stages that the
    schema accepts are tried (`secret(..., accepts=("AWSPENDING",))`). Otherwise the original exception is raised, as it
    is after a second refusal.

    Raises `TypeError` for an instance that is not lazy, `ValueError` for a name that is no field.
    """

    def __init__(
        self, instance: S, field: str, *others: str, exceptions: tuple[type[BaseException], ...], every: float = EVERY
    ) -> None:
        self._instance = instance
        self._state = state_of(instance)
        self._fields = (field, *others)
        for name in self._fields:
            if not fields_of(type(instance), name):
                raise ValueError(f"{type(instance).__name__} has no field {name!r}")
        self._settings = [item for name in self._fields for item in fields_of(type(instance), name)]
        self._parts = asked_of(type(instance), self._fields)
        self._exceptions = exceptions
        self._every = every

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        if inspect.iscoroutinefunction(function):
            return cast("Callable[P, R]", self._awaiting(function))

        @functools.wraps(function)
        def again(*args: P.args, **kwargs: P.kwargs) -> R:
            seen = concrete(self._instance)
            try:
                return function(*args, **kwargs)
            except self._exceptions:
                if not self.renewed(seen):
                    raise
            return function(*args, **kwargs)

        return again

    def _awaiting(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        async def again(*args: Any, **kwargs: Any) -> Any:
            seen = await self.aseen()
            try:
                return await function(*args, **kwargs)
            except self._exceptions:
                if not await self.arenewed(seen):
                    raise
            return await function(*args, **kwargs)

        return again

    def __iter__(self) -> Iterator[_Attempt[S]]:
        first = _Attempt(self)
        yield first
        if first.is_to_be_repeated:
            yield _Attempt(self, last=True)

    def refuses(self, error: BaseException | None) -> bool:
        """Whether this is how a refused credential shows."""
        return isinstance(error, self._exceptions)

    def seen(self) -> S:
        """Return the version of now."""
        return concrete(self._instance)

    async def aseen(self) -> S:
        """As `seen`; what is not loaded yet is loaded off the event loop."""
        seen = loaded(self._instance)
        return await _off_the_loop(concrete, self._instance) if seen is None else seen

    async def arenewed(self, seen: S) -> bool:
        """As `renewed`, off the event loop."""
        return await _off_the_loop(self.renewed, seen)

    def renewed(self, seen: S) -> bool:
        """Whether there is another value now than `seen` has. Looks for one, if nobody else has just done so."""
        with self._state.rejecting:  # one looks for all who come meanwhile
            found = self._differs(seen)
            looks = not found and self._is_due()
            if looks:
                found = self._looked(seen)
        if looks or found:  # a pool is to know of a new credential before it is asked for a connection again
            spread(self._instance, changed=looks and concrete(self._instance) is not seen)
        return found

    def _is_due(self) -> bool:
        return time.monotonic() - self._state.rejected.get(self._fields, -math.inf) >= self._every

    def _looked(self, seen: S) -> bool:
        """Look for another value in the store: the current one, and at the stages that the schema accepts."""
        stages = self._stages()
        try:
            if self._read_current(seen) or any(self._tried(stage, seen) for stage in stages):
                return True
            return bool(stages) and self._read_current(seen)  # the label may have moved between the questions
        finally:  # only now: those who waited for a store that hangs have their answer
            self._state.rejected[self._fields] = time.monotonic()

    def _read_current(self, seen: S) -> bool:
        """Read what is current, be it older: what is in use was refused, and may be of a stage that came to nothing."""
        is_staged = any(self._stage_of(item.field) in item.declaration.accepts for item in self._parts)
        taken(self._instance, self._fields, Allowed(older=is_staged))
        return self._differs(seen)

    def _stage_of(self, name: str) -> str | None:
        record = record_of(self._instance)
        return None if record is None else record.settings[name].stage

    def _stages(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(stage for item in self._parts for stage in item.declaration.accepts))

    def _tried(self, stage: str, seen: S) -> bool:
        fields = {item.field: stage for item in self._parts if stage in item.declaration.accepts}
        taken(self._instance, list(fields), Allowed(stages=fields))
        return self._differs(seen)

    def _differs(self, seen: S) -> bool:
        now = concrete(self._instance)
        return now is not seen and any(_at(now, item.path) != _at(seen, item.path) for item in self._settings)


class _Attempt(Generic[S]):
    """One run of a block: a refusal in the first is not raised where there is a newer credential."""

    def __init__(self, retry: retry_on_rejected[S], *, last: bool = False) -> None:
        self._retry = retry
        self._last = last
        self.is_to_be_repeated = False

    def __enter__(self) -> Self:
        self._seen = self._retry.seen()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if not self._last and self._retry.refuses(error):
            self.is_to_be_repeated = self._retry.renewed(self._seen)
        return self.is_to_be_repeated


async def _off_the_loop(work: Callable[[T], R], given: T) -> R:
    """Do it in a thread, where the loop is one of asyncio's; under another one, here: it stands still for that long."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return work(given)
    return await asyncio.to_thread(work, given)


def _at(values: object, path: tuple[str, ...]) -> object:
    for name in path:
        values = getattr(values, name, None)
    return values
