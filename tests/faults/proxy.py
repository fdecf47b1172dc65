"""The way to a server, on which everything may go wrong that goes wrong with networks."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Self

_RESET = struct.pack("ii", 1, 0)


class Proxy:
    """`with Proxy(port) as way:` and the server is at `way.url`, too; what is set counts for bytes from then on."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._ends: list[socket.socket] = []
        self._lock = threading.Lock()
        self.port = 0
        self.cut_after: int | None = None
        """Bytes of an answer after which the next connection is reset, once."""
        self.cuts_again = False
        """Cut every connection there, and not only one."""
        self.cuts_orderly = False
        """End it as a server does that has said all, instead of resetting it."""
        self.pause = 0.0
        """Seconds before each byte of an answer."""
        self.silent = threading.Event()
        """Take connections and bytes, and pass nothing on."""
        self.instead: bytes | None = None
        """What the client gets instead of an answer."""
        self.open()
        self.url = f"http://127.0.0.1:{self.port}"

    def open(self) -> None:
        """Listen, where nobody listened."""
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def close(self) -> None:
        """Listen no more, and cut what there is: the next connection is refused."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def cut(self) -> None:
        """Reset every connection that there is."""
        with self._lock:
            ends, self._ends = self._ends, []
        for end in ends:
            _reset(end)

    def mend(self) -> None:
        """Be a plain way again."""
        self.cut_after, self.pause, self.instead = None, 0.0, None
        self.cuts_again = self.cuts_orderly = False
        self.silent.clear()
        self.cut()
        if self._listener.fileno() == -1:
            self.open()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.silent.clear()
        self.close()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                try:
                    server = socket.create_connection(("127.0.0.1", self._to))
                except OSError:
                    _reset(client)
                    continue
                with self._lock:
                    is_over = listener.fileno() == -1  # closed meanwhile: nobody would cut these any more
                    self._ends += [] if is_over else [client, server]
                if is_over:
                    _reset(client)
                    _reset(server)
                    return
                threading.Thread(target=self._there, args=(client, server), daemon=True).start()
                threading.Thread(target=self._back, args=(server, client), daemon=True).start()

    def _there(self, client: socket.socket, server: socket.socket) -> None:
        with _reset_together(server):
            while data := client.recv(65_536):
                if self.instead is not None:
                    client.sendall(self.instead)
                    _reset(server)
                    client.close()
                    return
                if not self.silent.is_set():
                    server.sendall(data)
            server.shutdown(socket.SHUT_WR)

    def _back(self, server: socket.socket, client: socket.socket) -> None:
        with _reset_together(client):
            while data := server.recv(65_536):
                if self.cut_after is not None:
                    client.sendall(data[: self.cut_after])
                    self.cut_after = self.cut_after if self.cuts_again else None
                    if self.cuts_orderly:
                        client.shutdown(socket.SHUT_RDWR)
                    _reset(client)
                    return
                for piece in [data[start : start + 1] for start in range(len(data))] if self.pause else [data]:
                    time.sleep(self.pause)
                    client.sendall(piece)
            client.shutdown(socket.SHUT_WR)


@contextmanager
def _reset_together(other: socket.socket) -> Iterator[None]:
    """Reset the other end, too, when one is reset."""
    try:
        yield
    except OSError:
        _reset(other)


def _reset(end: socket.socket) -> None:
    with suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        end.shutdown(socket.SHUT_RD)  # wakes who reads it; in both directions, it would be an orderly end
    end.close()
