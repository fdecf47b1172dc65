"""`python -m services.etl` runs the job once, `python -m services.etl serve` once an hour until it is stopped.

Exit codes: 0 done, 69 try again later, 77 a key is refused, 78 configuration.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time

from estate_config import load_or_exit, watch
from services.database import DatabaseUnavailableError, connect
from services.etl import board, job
from services.etl.secrets_manager import secrets_manager
from services.etl.settings import settings

PAUSE = 3600.0
"""Seconds from the end of one run to the next."""


def main(words: list[str]) -> int:
    """Run the job, once or again and again; progress goes to stderr."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
    logging.getLogger("estate_config").setLevel(logging.INFO)
    load_or_exit(settings)
    return _serve() if words == ["serve"] else _run()


def _serve() -> int:
    watch(settings)  # each run takes the values of its time
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    while not stop.is_set():
        _run()  # it has said what went wrong, and the next run may go better
        stop.wait(PAUSE)
    return os.EX_OK


def _run() -> int:
    start = time.monotonic()
    try:
        with board.client_of(
            str(settings.kreb_base_url), secrets_manager.get_kreb_api_key(), settings.kreb_timeout.total_seconds()
        ) as client:
            pages = board.pages(client, settings.page_size)
            total = job.load(pages, connect(secrets_manager.get_database_url()), _say)
    except DatabaseUnavailableError as error:
        return _failed(str(error), os.EX_UNAVAILABLE)
    except board.BoardError as error:
        return _failed(str(error), os.EX_UNAVAILABLE if error.again else os.EX_NOPERM)
    _say(f"{total} listings loaded in {time.monotonic() - start:.1f} s")
    return os.EX_OK


def _say(line: str) -> None:
    sys.stderr.write(f"etl: {line}\n")


def _failed(message: str, code: int) -> int:
    _say(f"nothing was loaded: {message}")
    return code


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
