"""`instrument()`, seen through the exporters of the real SDK: spans, counts, gauges, and no value."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import HistogramDataPoint, InMemoryMetricReader, NumberDataPoint
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from estate_config import ConfigurationError, refresh, watch
from estate_config.errors import Code
from estate_config.model import Failed
from estate_config.telemetry.opentelemetry import instrument
from tests.leaks import assert_no_canary
from tests.live.conftest import Live
from tests.live.doubles import BEGINNING, UNREACHABLE, Store, wait_until
from tests.telemetry.schemas import CANARY, Metered


class Seen:
    """What the SDK has exported."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.reader = InMemoryMetricReader()
        self.meters = MeterProvider([self.reader])
        self.end = instrument(tracer_provider=self.tracers, meter_provider=self.meters)

    def points(self, name: str) -> list[NumberDataPoint | HistogramDataPoint]:
        data = self.reader.get_metrics_data()
        return [
            point  # type: ignore[misc]  # no exponential histogram is made
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == f"estate_config.{name}"
            for point in metric.data.data_points
        ]

    def values(self, name: str, *labels: str) -> dict[tuple[object, ...], float]:
        """Return the numbers of a metric by those of its attributes; other tests' instances may be there still."""
        return {
            tuple((point.attributes or {}).get(label) for label in labels): point.value
            for point in self.points(name)
            if isinstance(point, NumberDataPoint) and (point.attributes or {}).get("service") == Metered.__name__
        }


@pytest.fixture
def seen() -> Iterator[Seen]:
    seen = Seen()
    yield seen
    seen.end()
    seen.tracers.shutdown()
    seen.meters.shutdown()


def test_a_question_to_a_provider_is_a_span_of_its_time_within_that_of_who_asked(seen: Seen, live: Live) -> None:
    with seen.tracers.get_tracer("service").start_as_current_span("start") as parent:
        live(Metered, Store(token=CANARY))
    span, outer = seen.exporter.get_finished_spans()
    assert (span.name, span.status.status_code) == ("estate_config.fetch", StatusCode.UNSET)
    assert dict(span.attributes or {}) == {
        "estate_config.service": "Metered",
        "estate_config.environment": "here",
        "estate_config.provider": "store",
        "estate_config.settings": 3,
        "estate_config.outcome": "answered",
    }
    assert span.parent is not None
    assert span.parent.span_id == parent.get_span_context().span_id
    times = [outer.start_time, span.start_time, span.end_time, outer.end_time]
    assert all(time is not None for time in times)
    assert times == sorted(time or 0 for time in times)
    assert_no_canary(span.to_json() + outer.to_json(), CANARY)


def test_what_a_watch_asks_is_no_part_of_the_span_that_it_was_begun_in(seen: Seen, live: Live) -> None:
    settings = live(Metered, Store(token="t"))
    with seen.tracers.get_tracer("service").start_as_current_span("start"):
        watching = watch(settings, every=0.05)
    with watching:
        wait_until(lambda: len(seen.exporter.get_finished_spans()) > 3)
    first, *_, last = seen.exporter.get_finished_spans()
    assert (first.name, last.name) == ("estate_config.fetch", "estate_config.fetch")
    assert last.parent is None


def test_a_provider_that_could_not_answer_is_an_error(seen: Seen, live: Live) -> None:
    store = Store(token="t")
    store.down = UNREACHABLE
    with pytest.raises(ConfigurationError):
        live(Metered, store)
    (span,) = seen.exporter.get_finished_spans()
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, "UNAVAILABLE")


def test_reads_failures_swaps_and_refused_versions_are_counted(seen: Seen, live: Live) -> None:
    store = Store(token="t", workers="1")
    settings = live(Metered, store)
    store.put("token", CANARY)
    refresh(settings)
    store.put("workers", CANARY)
    refresh(settings)
    store.failing["token"] = Failed(Code.DENIED, "may not be read")
    refresh(settings, "token")
    assert seen.values("reads", "service", "environment", "provider") == {("Metered", "here", "store"): 10}
    assert seen.values("read.failures", "provider", "outcome") == {("store", "DENIED"): 1}
    assert seen.values("swaps", "service") == {("Metered",): 1}
    assert seen.values("refused", "service") == {("Metered",): 1}
    (histogram,) = seen.points("fetch.duration")
    assert isinstance(histogram, HistogramDataPoint)
    assert (histogram.count, dict(histogram.attributes or {})["outcome"]) == (4, "answered")
    assert next(iter(histogram.explicit_bounds)) == 0.005
    assert_no_canary(str(seen.reader.get_metrics_data()), CANARY)


def test_ages_and_rotations_that_are_due_are_gauges_of_each_field(seen: Seen, live: Live) -> None:
    settings = live(Metered, Store(token="t", workers="2"))
    ages = seen.values("setting.age", "service", "field")
    assert set(ages) == {("Metered", "token"), ("Metered", "workers")}
    assert all(0 <= age < 60 for age in ages.values())
    due = BEGINNING + timedelta(minutes=1, days=90) - datetime.now(UTC)
    assert seen.values("rotation.due", "field") == {("token",): pytest.approx(due / timedelta(days=1), abs=0.01)}
    assert settings.token == "t"


def test_ready_and_degraded_are_gauges_of_each_instance(seen: Seen, live: Live) -> None:
    store = Store(token="t")
    settings = live(Metered, store)
    assert (seen.values("ready"), seen.values("degraded")) == ({(): 1}, {(): 0})
    store.down = UNREACHABLE
    refresh(settings)
    assert (seen.values("ready"), seen.values("degraded")) == ({(): 1}, {(): 1})


def test_it_can_be_ended(seen: Seen, live: Live) -> None:
    seen.end()
    settings = live(Metered, Store(token="t"))
    assert seen.exporter.get_finished_spans() == ()
    assert (seen.values("reads"), seen.values("setting.age")) == ({}, {})
    assert settings.token == "t"


def test_without_it_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "estate_config.telemetry.opentelemetry")
    monkeypatch.setitem(sys.modules, "opentelemetry.metrics", None)
    with pytest.raises(ImportError, match=r"pip install 'estate-config\[opentelemetry\]'"):
        import estate_config.telemetry.opentelemetry  # noqa: F401 - it is this import that fails
