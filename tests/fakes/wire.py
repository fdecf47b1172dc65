"""The way to a server on loopback: passes bytes on, until a test holds them back or cuts the way."""

from __future__ import annotations

import socket
from contextlib import suppress
from threading import Event, Thread
from types import TracebackType
from typing import Self


class Wire:
    """`with Wire(port) as wire:` and the server is at `wire.url`, too."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._open = Event()
        self._open.set()
        self._ends: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads = [Thread(target=self._accept, daemon=True)]
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def hold(self) -> None:
        """Let nothing more through, in either direction."""
        self._open.clear()

    def stop(self) -> None:
        """Cut everything; nobody listens any more."""
        for end in (self._listener, *self._ends):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        self._open.set()
        for thread in self._threads:
            thread.join(5)

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._port))
                self._ends += [client, server]
                for one, other in ((client, server), (server, client)):
                    self._threads.append(Thread(target=self._pass_on, args=(one, other), daemon=True))
                    self._threads[-1].start()

    def _pass_on(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while data := one.recv(65_536):
                self._open.wait()
                other.sendall(data)
            other.shutdown(socket.SHUT_WR)
