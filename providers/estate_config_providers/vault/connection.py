"""One call to the server by hvac, within the deadline, tried again where that helps. Imported at the first fetch."""

from __future__ import annotations

import re
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import hvac
from hvac.adapters import RawAdapter
from hvac.exceptions import VaultError
from requests import RequestException, Response, Session
from requests.adapters import HTTPAdapter

from estate_config.jitter import between
from estate_config.model import Deadline
from estate_config.redaction import Hidden
from estate_config_providers.vault.failures import NOT_VAULT, Trouble, of_error, of_status
from estate_config_providers.vault.server import Server
from estate_config_providers.vault.session import THREADS

_CONNECT, _READ = 2.0, 5.0
"""Seconds to connect and to wait for an answer; never more than what is left of the deadline."""
_PATIENCE = 3.0
"""Seconds to go on trying where nobody listens on any address: long enough for a server that is being restarted, short
enough for a person who mistyped it."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0
"""Seconds at most between two tries: the first time, and ever."""
_LAST = 0.1
"""Seconds before the deadline in which nothing is tried any more: why it failed says more than that it is late."""
_INDEX = "X-Vault-Index"
"""What a write or a login has brought a cluster to. Sent along, the node that is asked next is one that knows of it."""
_REDIRECTS = frozenset({301, 302, 307, 308})

Call = Callable[[hvac.Client], Any]
"""A method of hvac's, given a client."""
NO_TOKEN = Hidden("")


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer with a status below 300, or a 404."""

    status: int
    body: bytes = field(repr=False)
    token: Hidden[str] = NO_TOKEN
    """The one that was asked with: what is leased dies with it."""

    @property
    def is_not_found(self) -> bool:
        return self.status == HTTPStatus.NOT_FOUND


class Connection:
    """The open connections to one server, for all threads of one process."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._http = Session()
        self._http.verify, self._http.cert = server.verify, server.cert
        pool = HTTPAdapter(pool_connections=len(server.addresses), pool_maxsize=THREADS, max_retries=0)
        self._http.mount("https://", pool)
        self._http.mount("http://", pool)
        self._best = 0
        if server.verify is False:
            _silence(server)

    def close(self) -> None:
        self._http.close()

    def ask(
        self, call: Call, deadline: Deadline, token: Hidden[str] = NO_TOKEN, *, once: bool = False
    ) -> Reply | Trouble:
        """Return the answer to a call. With `once`, it is not asked again if the server may have acted already."""
        patience, pause = Deadline(_PATIENCE), _FIRST_PAUSE
        while True:
            answer = self._round(call, deadline, token, once=once)
            if isinstance(answer, Reply) or not answer.again or (once and answer.acted):
                return answer
            if not answer.acted and not answer.status and not patience.remaining():
                return answer
            left = deadline.remaining()
            if left < _LAST:
                return answer
            # Full jitter: those who failed together do not come back together.
            time.sleep(between(0, min(pause, left / 2)))
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _round(self, call: Call, deadline: Deadline, token: Hidden[str], *, once: bool) -> Reply | Trouble:
        """Ask the nodes in turn, that which answered last first; what a node says goes before that one is not there."""
        count = len(self._server.addresses)
        said: Trouble | None = None
        for number in range(self._best, self._best + count):
            answer = self._once(self._server.addresses[number % count], call, deadline, token)
            if isinstance(answer, Reply) or not answer.again or (once and answer.acted):
                self._best = number % count
                return answer
            if said is None or answer.status:
                said = answer
        assert said is not None  # noqa: S101 - there is at least one address
        return said

    def _once(
        self, address: str, call: Call, deadline: Deadline, token: Hidden[str], *, led: bool = False
    ) -> Reply | Trouble:
        left = max(deadline.remaining(), 0.05)
        try:
            response: Response = call(
                hvac.Client(
                    address,
                    token.reveal(),
                    verify=self._server.verify,
                    timeout=(min(_CONNECT, left), min(_READ, left)),  # type: ignore[arg-type]  # requests takes both
                    allow_redirects=False,
                    session=self._http,
                    adapter=RawAdapter,
                    namespace=self._server.namespace,
                    ignore_exceptions=True,
                )
            )
        except (RequestException, VaultError) as error:
            return of_error(error)
        if _INDEX in response.headers:  # a node that has not yet what was written answers 412 (OpenBao: 429)
            self._http.headers[_INDEX] = response.headers[_INDEX]
        if response.status_code in _REDIRECTS:
            active = _base(address, response.headers.get("Location", ""))
            return NOT_VAULT if led or active is None else self._once(active, call, deadline, token, led=True)
        if response.ok or response.status_code == HTTPStatus.NOT_FOUND:
            return Reply(response.status_code, response.content, token)
        return of_status(response.status_code, response.content)


def _silence(server: Server) -> None:
    """Let the report say once what urllib3 would say of each call: that certificates are not looked at."""
    for address in server.addresses:
        host = re.escape(urlsplit(address).hostname or "")
        warnings.filterwarnings("ignore", f"Unverified HTTPS request is being made to host '{host}'")


def _base(asked: str, location: str) -> str | None:
    """Return the address of the active node that a standby leads to; None where it leads out of TLS."""
    here, there = urlsplit(asked), urlsplit(location)
    if not there.netloc or there.scheme not in {"https", here.scheme}:
        return None
    return f"{there.scheme}://{there.netloc}"
