"""Plays RDS in front of the embedded AWS, which runs no database: its instances are said to be on this machine."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from tools.proxy import Proxy, in_front_of

_ADDRESS = re.compile(rb"<Address>[^<]+</Address>")


@contextmanager
def rds_in_front_of(aws_url: str) -> Iterator[str]:
    """Yield the URL of an RDS whose instances have the address 127.0.0.1, and else are what the account says."""

    class Handler(Proxy):
        content_type = "text/xml"

        def do_POST(self) -> None:  # noqa: N802 - the name is http.server's
            status, answer = self.forward(self.body())
            self.send(status, _ADDRESS.sub(b"<Address>127.0.0.1</Address>", answer))

    with in_front_of(aws_url, Handler) as url:
        yield url
