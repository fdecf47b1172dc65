"""Workers of Celery, with processes of their own, in which new values appear."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integrations.conftest import Mounted, wait_until

ROOT = Path(__file__).parents[2]
WORKER = [sys.executable, "-m", "celery", "-A", "tests.integrations.celery_app", "worker"]
OPTIONS = ["--pool=prefork", "--concurrency=2", "--without-gossip", "--without-mingle", "--without-heartbeat"]


@pytest.fixture
def environment(tmp_path: Path, mounted: Mounted) -> dict[str, str]:
    (tmp_path / "broker" / "results").mkdir(parents=True)
    (tmp_path / "estate.toml").write_text(
        'default_environment = "here"\n[environments.here]\nchain = ["files"]\n'
        f'[providers.files]\nfolder = "{mounted.folder}"\n'
    )
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "PYTHONPATH": str(ROOT),
        "BROKER_FOLDER": str(tmp_path / "broker"),
        "ESTATE_CONFIG": str(tmp_path / "estate.toml"),
    }


@pytest.fixture
def app(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """The app in a process that only sends tasks: it needs no settings, and loads none."""
    monkeypatch.setenv("BROKER_FOLDER", environment["BROKER_FOLDER"])
    from tests.integrations import celery_app

    return celery_app


@pytest.fixture
def worker(environment: dict[str, str], mounted: Mounted, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    mounted.put(board_token="first")
    with (tmp_path / "worker.log").open("wb") as log:
        process = subprocess.Popen(
            [*WORKER, *OPTIONS], cwd=tmp_path, env=environment, stdout=log, stderr=log, start_new_session=True
        )
        try:
            yield process
        finally:
            os.killpg(process.pid, signal.SIGKILL)  # with its children; to be told to end takes it five seconds
            process.wait(20)


@pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning")  # of kombu's messages in SQLite
def test_each_process_of_a_worker_is_given_new_values(
    worker: subprocess.Popen[bytes], app: Any, mounted: Mounted
) -> None:
    def answers() -> dict[int, str]:
        results = [app.told.delay() for _ in range(8)]
        return dict(result.get(timeout=60) for result in results)

    assert set(answers().values()) == {"first"}
    mounted.put(board_token="second")
    wait_until(lambda: set((now := answers()).values()) == {"second"} and len(now) == 2, 20)


def test_a_worker_whose_settings_are_not_complete_does_not_start(environment: dict[str, str], tmp_path: Path) -> None:
    done = subprocess.run(
        [*WORKER, *OPTIONS], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, "MISSING  board_token" in done.stderr) == (78, True), done.stderr
