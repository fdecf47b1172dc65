"""`python -m services.ai` serves, `python -m services.ai worker` works through what is waiting.

Both start complete and valid, or end with exit code 78 and a report of all that is wrong.
"""

from __future__ import annotations

import logging
import signal
import sys
import threading

from estate_config import load_or_exit, watch
from services.ai.settings import settings


def main(words: list[str]) -> None:
    """Serve, or work, until stopped."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
    # only these two: at debug level the SDKs' own loggers write whole responses, secrets included
    logging.getLogger("estate_config").setLevel(logging.INFO)
    load_or_exit(settings)
    watch(settings)
    logging.getLogger("estate_config").setLevel(settings.log_level.upper())
    logging.getLogger("services").setLevel(settings.log_level.upper())

    if words == ["worker"]:
        _work()
    else:
        _serve()


def _serve() -> None:
    import uvicorn

    from services.ai.app import create_app

    uvicorn.run(
        create_app(settings), host=settings.listen_host, port=settings.listen_port, log_level=settings.log_level
    )


def _work() -> None:
    from services.ai.describer import client_of
    from services.ai.worker import work

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with client_of(settings) as client:
        work(client, settings.openai_model, stop, _say)


def _say(line: str) -> None:
    sys.stderr.write(f"ai worker: {line}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
