"""`SettingsCollector`, scraped as Prometheus does it: over HTTP, in its text format; and no value."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.request import urlopen

import pytest
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.parser import text_string_to_metric_families

from estate_config import lazy, load, refresh
from estate_config.errors import Code
from estate_config.model import Failed, Found, Origin
from estate_config.telemetry.prometheus import SettingsCollector
from tests.doubles import Shelf, estate, spec_of
from tests.leaks import assert_no_canary
from tests.live.conftest import offers_of
from tests.live.doubles import BEGINNING, UNREACHABLE, Store
from tests.telemetry.schemas import CANARY, Metered
from tests.unit.conftest import Offer


class Scraped:
    """A process that Prometheus scrapes."""

    def __init__(self) -> None:
        self.settings = lazy(Metered)
        self.collector = SettingsCollector(self.settings)
        registry = CollectorRegistry()
        registry.register(self.collector)
        self.server, self.thread = start_http_server(0, "127.0.0.1", registry)

    def text(self) -> str:
        with urlopen(f"http://127.0.0.1:{self.server.server_port}/metrics", timeout=10) as answer:
            text: str = answer.read().decode()
        return text

    def values(self, name: str, *labels: str) -> dict[tuple[str, ...], float]:
        """Return the numbers of a metric by those of its labels."""
        return {
            tuple(sample.labels[label] for label in labels): sample.value
            for family in text_string_to_metric_families(self.text())
            for sample in family.samples
            if sample.name == f"estate_config_{name}"
        }

    def load(self, offer: Offer, store: Store) -> None:
        offer(spec_of(store.name, store, offers=offers_of(store)))
        load(self.settings, config=estate(store.name))


@pytest.fixture
def scraped() -> Iterator[Scraped]:
    scraped = Scraped()
    yield scraped
    scraped.collector.end()
    scraped.server.shutdown()
    scraped.server.server_close()
    scraped.thread.join()


def test_reads_failures_swaps_and_refused_versions_are_counted_from_the_first_load_on(
    scraped: Scraped, offer: Offer
) -> None:
    store = Store(token="t", workers="1")
    scraped.load(offer, store)
    store.put("token", CANARY)
    refresh(scraped.settings)
    store.put("workers", CANARY)
    refresh(scraped.settings)
    store.failing["token"] = Failed(Code.DENIED, "may not be read")
    refresh(scraped.settings, "token")
    assert scraped.values("reads_total", "service", "environment", "provider", "outcome") == {
        ("Metered", "here", "store", "found"): 6,
        ("Metered", "here", "store", "absent"): 3,
        ("Metered", "here", "store", "DENIED"): 1,
    }
    assert scraped.values("read_failures_total", "provider", "outcome") == {("store", "DENIED"): 1}
    assert scraped.values("swaps_total", "service") == {("Metered",): 1}
    assert scraped.values("refused_total", "service") == {("Metered",): 1}
    assert_no_canary(scraped.text(), CANARY)


def test_age_version_and_rotation_are_shown_of_each_field(scraped: Scraped, offer: Offer) -> None:
    scraped.load(offer, Store(token=CANARY))
    assert scraped.values("setting_info", "field", "provider", "version", "stage") == {
        ("token", "store", "v1", "CURRENT"): 1
    }
    ((field,), age), *others = scraped.values("setting_age_seconds", "field").items()
    assert (field, others) == ("token", [])
    assert 0 <= age < 60
    due = BEGINNING + timedelta(minutes=1, days=90) - datetime.now(UTC)
    assert scraped.values("rotation_due_days", "field") == {
        ("token",): pytest.approx(due / timedelta(days=1), abs=0.01)
    }
    assert_no_canary(scraped.text(), CANARY)


def test_a_new_version_takes_the_place_of_the_old_one(scraped: Scraped, offer: Offer) -> None:
    store = Store(token="t")
    scraped.load(offer, store)
    store.put("token", "t2")
    refresh(scraped.settings)
    assert scraped.values("setting_info", "field", "version") == {("token", "v2"): 1}


@pytest.mark.parametrize("version", ["with words in it", "x" * 129, 'quo"te', "line\nline"])
def test_a_version_that_is_no_id_is_no_label(version: str, scraped: Scraped, offer: Offer) -> None:
    shelf = Shelf("store", {"token": Found("t", Origin("store", "store:token", version))})
    offer(spec_of("store", shelf))
    load(scraped.settings, config=estate("store"))
    assert scraped.values("setting_info", "field", "version") == {("token", ""): 1}


def test_ready_live_and_degraded_are_there_once_it_is_loaded(scraped: Scraped, offer: Offer) -> None:
    assert scraped.values("ready") == {}
    store = Store(token="t")
    scraped.load(offer, store)
    assert [scraped.values(name) for name in ("live", "ready", "degraded")] == [{(): 1}, {(): 1}, {(): 0}]
    store.down = UNREACHABLE
    refresh(scraped.settings)
    assert [scraped.values(name) for name in ("live", "ready", "degraded")] == [{(): 1}, {(): 1}, {(): 1}]


def test_a_scrape_loads_nothing_and_asks_nobody(scraped: Scraped, offer: Offer) -> None:
    shelf = Shelf("store", {"token": "t"})
    offer(spec_of("store", shelf))
    scraped.text()
    assert shelf.asked == []
    load(scraped.settings, config=estate("store"))
    scraped.text()
    assert len(shelf.asked) == 1


def test_without_it_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "estate_config.telemetry.prometheus")
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(ImportError, match=r"pip install 'estate-config\[prometheus\]'"):
        import estate_config.telemetry.prometheus  # noqa: F401 - it is this import that fails


def test_nobody_imports_either_of_the_two_who_does_not_ask_for_it() -> None:
    code = (
        "import sys, estate_config.telemetry.audit, estate_config.live, estate_config.cli.app\n"
        "print(sorted({'opentelemetry', 'prometheus_client'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "[]\n"
