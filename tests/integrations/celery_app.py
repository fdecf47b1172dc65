"""A Celery app as a service has one: run by the tests in a worker of its own, with its broker in a file."""

from __future__ import annotations

import os
from pathlib import Path

from celery import Celery
from pydantic import SecretStr

from estate_config import Settings, lazy, secret
from estate_config.integrations.celery import watch_in_workers


class WorkerSettings(Settings):
    board_token: SecretStr = secret("board/token")


settings = lazy(WorkerSettings)

folder = Path(os.environ["BROKER_FOLDER"])
# Not kombu's transport of files: a worker that reads a message while it is written ends.
app = Celery("worker", broker=f"sqla+sqlite:///{folder / 'messages.db'}")
app.conf.update(result_backend=f"file://{folder / 'results'}")
watch_in_workers(settings, every=0.2)


@app.task
def told() -> tuple[int, str]:
    """Return who answers, and the token that it has."""
    return os.getpid(), settings.board_token.get_secret_value()
