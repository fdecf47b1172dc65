"""Celery: a worker starts complete and valid, or not at all, and its processes are given new values as they come."""

from __future__ import annotations

from typing import Any

from celery.signals import worker_init

from estate_config.live import watch
from estate_config.live.watching import EVERY
from estate_config.loading import load_or_exit
from estate_config.settings import Settings


def watch_in_workers(settings: Settings, *, every: float = EVERY) -> None:
    """Load a lazy instance and watch it when a worker starts, before it forks; each process watches on by itself.

    To be called where the app is made. It loads nothing in a process that only sends tasks. A worker whose settings are
    not complete prints the report and exits with 78. `every` is that of `watch`.
    """

    def start(**_: Any) -> None:
        load_or_exit(settings)
        watch(settings, every=every)

    worker_init.connect(start, weak=False)
