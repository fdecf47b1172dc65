"""What is in use is on disk too, where it is asked for: new values at once, confirmed ones from time to time."""

from __future__ import annotations

import base64
import logging
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from estate_config import Code, Problem, Settings, explain, lazy, load, refresh, secret, watch
from estate_config.contract import Prober
from estate_config.last_known_good import LastKnownGood
from estate_config.model import Failed
from estate_config.resolve import Answer
from tests.doubles import estate, spec_of
from tests.live.conftest import HangUp
from tests.live.doubles import UNREACHABLE, ProbedStore, Store, wait_until
from tests.unit.conftest import Offer, offer  # noqa: F401 - a fixture

SOON = 0.05
FILE = Path("Service.lkg")


class Service(Settings):
    token: str = secret("token")
    other: str | None = secret("other", default=None)


Started = Callable[..., Service]


@pytest.fixture
def started(offer: Offer, tmp_path: Path) -> Started:  # noqa: F811 - the fixture
    """Start the service on a store, and keep its last known good."""
    (tmp_path / "key").write_bytes(base64.b64encode(b"k" * 32))

    def start(store: Store, **words: Any) -> Service:
        offer(spec_of("store", store, remote=True, offers=(Prober,) if isinstance(store, ProbedStore) else ()))
        table = estate("env", "store")
        table["environments"]["here"]["last_known_good"] = {"file": "{service}.lkg", "key": "file:key", **words}
        return load(lazy(Service), config=table)

    return start


def after_a_restart(started: Started, store: Store, **words: Any) -> Service:
    store.down = UNREACHABLE
    settings = started(store, **words)
    store.down = None
    return settings


def test_trap_14_a_new_value_is_there_after_a_restart_too(started: Started) -> None:
    store = Store(token="t1")
    settings = started(store)
    store.put("token", "t2")
    store.put("other", "o2")
    refresh(settings, "token")
    assert after_a_restart(started, store).token == "t2"
    assert after_a_restart(started, store).other is None


def test_what_is_not_new_is_not_written_again_at_each_look(started: Started) -> None:
    store = ProbedStore(token="t1")
    settings = started(store)
    before = FILE.read_bytes()
    refresh(settings)
    with watch(settings, every=SOON):
        wait_until(lambda: store.probes > 3)
    assert FILE.read_bytes() == before


def test_what_is_confirmed_stays_young_on_disk(started: Started) -> None:
    store = ProbedStore(token="t1")
    settings = started(store, max_age=1)
    fetched_at = explain(settings)["token"].fetched_at
    with watch(settings, every=SOON):
        time.sleep(1.2)  # as long as the file would be good for without it
        wait_until(lambda: store.probes > 3)
    later = after_a_restart(started, store, max_age=1)
    assert (later.token, explain(later)["token"].fetched_at) == ("t1", fetched_at)


def test_what_cannot_be_confirmed_grows_old(started: Started) -> None:
    store = ProbedStore(token="t1")
    settings = started(store, max_age=1)
    store.down = UNREACHABLE
    refresh(settings)
    before = FILE.read_bytes()
    time.sleep(0.2)  # a tenth of its age, and more
    refresh(settings)
    assert FILE.read_bytes() == before


def test_a_service_that_started_from_disk_reads_what_the_store_has_as_soon_as_it_is_back(started: Started) -> None:
    store = ProbedStore(token="t1")
    started(store)
    before = FILE.read_bytes()
    settings = after_a_restart(started, store)
    assert explain(settings)["token"].degraded
    with watch(settings, every=SOON):
        wait_until(lambda: not explain(settings)["token"].degraded)
        store.put("token", "t2")
        wait_until(lambda: settings.token == "t2")
        wait_until(lambda: FILE.read_bytes() != before)
    assert after_a_restart(started, store).token == "t2"


def test_trap_15_what_the_store_has_taken_away_is_off_the_disk_until_it_gives_it_again(
    started: Started, caplog: pytest.LogCaptureFixture
) -> None:
    store = ProbedStore(token="t1")
    settings = started(store)
    with watch(settings, every=SOON):
        store.failing["token"] = Failed(Code.DENIED, "may not be read")
        wait_until(lambda: not FILE.exists())
        assert settings.token == "t1"
        before = store.probes
        wait_until(lambda: store.probes > before + 2)
        assert sum("the last known good is removed" in message for message in caplog.messages) == 1
        del store.failing["token"]
        wait_until(FILE.exists)
    assert after_a_restart(started, store).token == "t1"


def test_what_stands_in_the_way_is_said_once_and_the_new_value_is_in_use(
    started: Started, caplog: pytest.LogCaptureFixture
) -> None:
    store = Store(token="t1")
    settings = started(store)
    FILE.unlink()
    FILE.mkdir()
    for number in (2, 3):
        store.put("token", f"t{number}")
        refresh(settings)
    assert settings.token == "t3"
    warnings = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    assert [message for message in warnings if "the last known good is not kept" in message] == warnings
    assert len(warnings) == 1
    FILE.rmdir()
    store.put("token", "t4")
    refresh(settings)
    assert after_a_restart(started, store).token == "t4"


def test_a_signal_may_come_while_it_is_written_and_the_file_has_the_version_of_its_handler(
    started: Started, hang_up: HangUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(token="t1")
    settings = started(store)
    send, keep = hang_up(settings), LastKnownGood.keep

    def interrupted(self: LastKnownGood, answers: Mapping[str, Answer], as_of: datetime | None = None) -> list[Problem]:
        if settings.token == "t2":
            store.put("token", "t3")
            send()
        return keep(self, answers, as_of)

    monkeypatch.setattr(LastKnownGood, "keep", interrupted)
    store.put("token", "t2")
    refresh(settings)
    assert settings.token == "t3"
    assert after_a_restart(started, store).token == "t3"
