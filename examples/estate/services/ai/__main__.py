"""`python -m services.ai`: start complete and valid, or end with exit code 78 and a report of all that is wrong."""

from __future__ import annotations

import logging
import sys

from estate_config import load_or_exit
from services.ai.settings import settings


def main() -> None:
    """Serve until stopped."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
    # only these two: at debug level the SDKs' own loggers write whole responses, secrets included
    logging.getLogger("estate_config").setLevel(logging.INFO)
    load_or_exit(settings)
    logging.getLogger("estate_config").setLevel(settings.log_level.upper())
    logging.getLogger("services").setLevel(settings.log_level.upper())

    import uvicorn

    from services.ai.app import create_app

    uvicorn.run(
        create_app(settings), host=settings.listen_host, port=settings.listen_port, log_level=settings.log_level
    )


if __name__ == "__main__":
    main()
