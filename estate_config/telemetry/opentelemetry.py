"""OpenTelemetry: a span for each question to a provider, and metrics of reads, versions, ages. No value in any.

Needs `pip install 'estate-config[opentelemetry]'`; the SDK and its exporters are the service's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta

try:
    from opentelemetry.context import Context
    from opentelemetry.metrics import CallbackOptions, MeterProvider, Observation, get_meter
    from opentelemetry.trace import Status, StatusCode, TracerProvider, get_current_span, get_tracer
except ImportError:
    raise ImportError("OpenTelemetry is not installed: pip install 'estate-config[opentelemetry]'") from None

from estate_config import __version__
from estate_config.observing import Event, Fetched, Read, Refused, Swapped, observe
from estate_config.settings import Settings, lazies_of
from estate_config.telemetry.figures import Figure, Figures, figures_of

_NAME = "estate_config"
_NANOSECONDS = 1_000_000_000
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds; OpenTelemetry's own boundaries are meant for milliseconds."""


def instrument(
    *, tracer_provider: TracerProvider | None = None, meter_provider: MeterProvider | None = None
) -> Callable[[], None]:
    """Make spans and metrics of all settings of this process from now on; return how to end that.

    Without providers, those that the service has set for all. Gauges are of lazy instances, as far as they are loaded.
    """
    spans, counts = _Spans(tracer_provider), _Counts(meter_provider)
    ends = [observe(spans.on_event), observe(counts.on_event)]

    def end() -> None:
        counts.is_over = True
        for one in ends:
            one()

    return end


def _whose(one: Event | Figures) -> dict[str, str]:
    return {"service": one.service, "environment": one.environment}


class _Spans:
    def __init__(self, provider: TracerProvider | None) -> None:
        self._tracer = get_tracer(_NAME, __version__, provider)

    def on_event(self, event: Event) -> None:
        """A span of the time that a provider took, a child of the one in which the settings were asked for."""
        if not isinstance(event, Fetched):
            return
        facts: dict[str, str | int] = {
            **_whose(event),
            "provider": event.provider,
            "settings": event.settings,
            "outcome": event.outcome,
        }
        began = event.at - timedelta(seconds=event.seconds)
        span = self._tracer.start_span(
            "estate_config.fetch",
            context=Context() if _is_over() else None,
            attributes={f"{_NAME}.{name}": fact for name, fact in facts.items()},
            start_time=int(began.timestamp() * _NANOSECONDS),
        )
        if event.outcome != "answered":
            span.set_status(Status(StatusCode.ERROR, event.outcome))
        span.end(int(event.at.timestamp() * _NANOSECONDS))


def _is_over() -> bool:
    """Whether the span of this context has ended: a watch goes on in the context that it was begun in."""
    return getattr(get_current_span(), "end_time", None) is not None


class _Counts:
    def __init__(self, provider: MeterProvider | None) -> None:
        self.is_over = False
        meter = get_meter(_NAME, __version__, provider)
        self._reads = meter.create_counter("estate_config.reads", "{read}", "Settings that a provider was asked for")
        self._failures = meter.create_counter("estate_config.read.failures", "{read}", "Reads that failed, by outcome")
        self._seconds = meter.create_histogram(
            "estate_config.fetch.duration",
            "s",
            "Time that a provider took",
            explicit_bucket_boundaries_advisory=_BUCKETS,
        )
        self._swaps = meter.create_counter("estate_config.swaps", "{version}", "New versions that are in use")
        self._refused = meter.create_counter("estate_config.refused", "{version}", "New versions that were refused")
        for name, unit, words, of in (
            ("ready", "1", "1 while the service may be sent requests", lambda one: one.ready),
            ("degraded", "1", "1 while it serves and something is wrong", lambda one: one.degraded),
        ):
            meter.create_observable_gauge(f"estate_config.{name}", [self._of_each(of)], unit, words)
        for name, unit, words, figure in (
            ("setting.age", "s", "Since the store last confirmed a value", lambda one: one.age),
            ("rotation.due", "d", "Days until a rotation is due", lambda one: one.rotation_due),
        ):
            meter.create_observable_gauge(f"estate_config.{name}", [self._of_fields(figure)], unit, words)

    def on_event(self, event: Event) -> None:
        whose = _whose(event)
        if isinstance(event, Read):
            self._reads.add(1, {**whose, "provider": event.provider})
            if event.failed:
                self._failures.add(1, {**whose, "provider": event.provider, "outcome": event.outcome})
        elif isinstance(event, Fetched):
            self._seconds.record(event.seconds, {**whose, "provider": event.provider, "outcome": event.outcome})
        elif isinstance(event, Swapped):
            self._swaps.add(1, whose)
        elif isinstance(event, Refused):
            self._refused.add(1, whose)

    def _figures(self) -> Iterator[Figures]:
        if not self.is_over:  # OpenTelemetry goes on calling
            for instance in lazies_of(Settings):
                figures = figures_of(instance)
                if figures is not None:
                    yield figures

    def _of_each(self, of: Callable[[Figures], bool]) -> Callable[[CallbackOptions], Iterable[Observation]]:
        return lambda _: [Observation(int(of(one)), _whose(one)) for one in self._figures()]

    def _of_fields(self, of: Callable[[Figure], float | None]) -> Callable[[CallbackOptions], Iterable[Observation]]:
        def observations(_: CallbackOptions) -> Iterator[Observation]:
            for one in self._figures():
                for item in one.settings:
                    value = of(item)
                    if value is not None:
                        yield Observation(value, {**_whose(one), "field": item.field})

        return observations
