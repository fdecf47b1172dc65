"""Calls in somebody's name, for many secrets at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from estate_config.errors import Code
from estate_config.model import Deadline
from estate_config.parallel import at_once
from estate_config_providers.vault.failures import Trouble
from estate_config_providers.vault.login import Login

if TYPE_CHECKING:
    from estate_config_providers.vault.connection import Call, Connection, Reply

T = TypeVar("T")
R = TypeVar("R")

THREADS = 16
"""Calls at the same time, each over a connection of its own."""


@dataclass(frozen=True, slots=True)
class Session:
    """One server, and who asks it."""

    connection: Connection
    login: Login

    def call(self, call: Call, deadline: Deadline) -> Reply | Trouble:
        """Return the answer to a call with a token. A token that is over is replaced, once."""
        token = self.login.token(self.connection, deadline)
        if isinstance(token, Trouble):
            return token
        answer = self.connection.ask(call, deadline, token.value)
        if not isinstance(answer, Trouble) or answer.code is not Code.DENIED:
            return answer
        fresh = self.login.after_refusal(token, self.connection, deadline)
        if fresh is None:
            return answer
        return fresh if isinstance(fresh, Trouble) else self.connection.ask(call, deadline, fresh.value)


def for_each(work: Callable[[T], R], items: Iterable[T], deadline: Deadline) -> dict[T, R | Trouble]:
    """Return what `work` says of each secret or lease, all at the same time; of those that are late, that they are."""
    wanted = list(dict.fromkeys(items))
    done = at_once(work, wanted, deadline, THREADS)
    hint = f"did not answer within {deadline.seconds:g} seconds"
    late = Trouble(Code.UNAVAILABLE, hint, "vault status shows whether it answers at all", whole=True)
    return {item: done.get(item, late) for item in wanted}


def raise_if_whole(said: Iterable[object]) -> None:
    """Raise `ProviderError` if nothing could be said of any secret, for a reason that is the server's."""
    troubles = [one for one in said if isinstance(one, Trouble) and one.whole]
    if troubles and len(troubles) == len(list(said)):
        raise max(troubles, key=lambda one: one.status).error()
