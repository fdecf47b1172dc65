"""How long one call may take, and what is tried again."""

from __future__ import annotations

from typing import Any

from estate_config.model import Deadline

_CALL = 5.0
"""Seconds that one call may take, tried again and again; never more than what is left of the deadline."""
_SHARE = 0.8
"""Of what is left: at the deadline nobody waits any more to hear what kept Google from answering."""


def seconds(deadline: Deadline) -> float:
    return min(_CALL, max(deadline.remaining() * _SHARE, 0.05))


def retry(deadline: Deadline) -> Any:
    """Return the client's own retry, for what may be over in a moment."""
    from google.api_core import exceptions
    from google.api_core.retry import Retry, if_exception_type

    transient = if_exception_type(
        exceptions.ServiceUnavailable, exceptions.ResourceExhausted, exceptions.InternalServerError
    )
    return Retry(predicate=transient, initial=0.1, maximum=2.0, timeout=seconds(deadline))
