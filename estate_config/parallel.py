"""The same work for many items at once, and never waiting past the deadline."""

from __future__ import annotations

import contextlib
import contextvars
import queue
import threading
from collections.abc import Callable, Iterable
from typing import TypeVar

from estate_config.model import Deadline

T = TypeVar("T")
R = TypeVar("R")


def at_once(work: Callable[[T], R], items: Iterable[T], deadline: Deadline, limit: int = 16) -> dict[T, R]:
    """Return `work(item)` for each item, by up to `limit` threads; an item that did not make it in time is left out.

    The first exception that `work` raises is raised here. The threads are daemons: one that hangs is left behind, and
    does not keep the interpreter from exiting.
    """
    waiting: queue.SimpleQueue[T] = queue.SimpleQueue()
    done: queue.SimpleQueue[tuple[T, R | None, BaseException | None]] = queue.SimpleQueue()
    count = 0
    for item in dict.fromkeys(items):
        waiting.put(item)
        count += 1
    for number in range(min(limit, count)):
        context = contextvars.copy_context()
        threading.Thread(
            target=context.run, args=(_serve, work, waiting, done), name=f"estate-config-{number}", daemon=True
        ).start()
    results: dict[T, R] = {}
    try:
        for _ in range(count):
            item, result, error = done.get(timeout=max(deadline.remaining(), 0.001))
            if error is not None:
                raise error
            results[item] = result  # type: ignore[assignment]  # there was no error, so there is a result
    except queue.Empty:
        pass  # the deadline is over: what is not there by now is left out
    finally:
        _drain(waiting)  # nothing more is begun
    return results


def _drain(waiting: queue.SimpleQueue[T]) -> None:
    with contextlib.suppress(queue.Empty):
        while True:
            waiting.get_nowait()


def _serve(
    work: Callable[[T], R],
    waiting: queue.SimpleQueue[T],
    done: queue.SimpleQueue[tuple[T, R | None, BaseException | None]],
) -> None:
    while True:
        try:
            item = waiting.get_nowait()
        except queue.Empty:
            return
        try:
            done.put((item, work(item), None))
        except BaseException as error:  # noqa: BLE001 - it is raised again where the results are waited for
            done.put((item, None, error))
