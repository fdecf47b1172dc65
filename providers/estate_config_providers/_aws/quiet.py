"""Keeps values out of botocore's log: at DEBUG it writes the bodies of requests and answers.

While a call of ours runs, botocore's loggers drop what this thread says to them. Other threads, and other clients in
this one, log as before; no level, handler or formatter is touched. All of botocore's lines are dropped, not those known
to hold a body: a line that a later botocore adds must not be the one that leaks. What happened is in our own log.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_calling: ContextVar[bool] = ContextVar("estate_config_aws_calling", default=False)


class _Hush(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        del record
        return not _calling.get()


_HUSH = _Hush()


@contextmanager
def hushed() -> Iterator[None]:
    """Within the block, botocore logs nothing in this thread."""
    for name in tuple(logging.root.manager.loggerDict):  # a filter is not inherited: each logger needs it
        if name == "botocore" or name.startswith("botocore."):
            logging.getLogger(name).addFilter(_HUSH)  # once: the same filter is not added again
    token = _calling.set(True)
    try:
        yield
    finally:
        _calling.reset(token)
