"""A Celery app as a service has one: run by the tests in a worker of its own, with its broker in a folder."""

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

app = Celery("worker", broker="filesystem://")
folder = Path(os.environ["BROKER_FOLDER"])
app.conf.broker_transport_options = {
    "data_folder_in": str(folder),
    "data_folder_out": str(folder),
    "control_folder": str(folder / "control"),
    "polling_interval": 0.05,
}
app.conf.update(result_backend=f"file://{folder / 'results'}")
watch_in_workers(settings, every=0.2)


@app.task
def told() -> tuple[int, str]:
    """Return who answers, and the token that it has."""
    return os.getpid(), settings.board_token.get_secret_value()
