"""Prometheus: reads, failures, versions, ages, when a rotation is due; for any registry of `prometheus_client`.

Needs `pip install 'estate-config[prometheus]'`.
"""

from __future__ import annotations

from collections.abc import Iterator

try:
    from prometheus_client import Counter
    from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
    from prometheus_client.registry import Collector
except ImportError:
    raise ImportError("prometheus_client is not installed: pip install 'estate-config[prometheus]'") from None

from estate_config.observing import Event, Read, Refused, Swapped, observe
from estate_config.settings import Settings
from estate_config.telemetry.figures import figures_of

_WHOSE = ("service", "environment")
_FIELD = (*_WHOSE, "field")
_READ = (*_WHOSE, "provider", "outcome")


class SettingsCollector(Collector):
    """The figures of settings: `REGISTRY.register(SettingsCollector(settings))`.

    One for all instances of a process, made before they are loaded, so that the first reads are counted too. It loads
    nothing: what is not loaded has no figures yet.
    """

    def __init__(self, *instances: Settings) -> None:
        self._instances = instances
        self._reads = Counter("estate_config_reads", "Settings that a provider was asked for", _READ, registry=None)
        self._failures = Counter("estate_config_read_failures", "Reads that failed", _READ, registry=None)
        self._swaps = Counter("estate_config_swaps", "New versions that are in use", _WHOSE, registry=None)
        self._refused = Counter("estate_config_refused", "New versions that were refused", _WHOSE, registry=None)
        self.end = observe(self._on_event)
        """Count no more; what was counted stays."""

    def _on_event(self, event: Event) -> None:
        whose = (event.service, event.environment)
        if isinstance(event, Read):
            self._reads.labels(*whose, event.provider, event.outcome).inc()
            if event.failed:
                self._failures.labels(*whose, event.provider, event.outcome).inc()
        elif isinstance(event, Swapped):
            self._swaps.labels(*whose).inc()
        elif isinstance(event, Refused):
            self._refused.labels(*whose).inc()

    def collect(self) -> Iterator[Metric]:
        """Yield the figures of now, as a registry asks for them."""
        for counter in (self._reads, self._failures, self._swaps, self._refused):
            yield from counter.collect()
        yield from self._gauges()

    def _gauges(self) -> Iterator[Metric]:
        live = GaugeMetricFamily("estate_config_live", "0 once the watching thread has ended", labels=_WHOSE)
        ready = GaugeMetricFamily("estate_config_ready", "1 while the service may be sent requests", labels=_WHOSE)
        degraded = GaugeMetricFamily("estate_config_degraded", "1 while something is wrong", labels=_WHOSE)
        age = GaugeMetricFamily("estate_config_setting_age_seconds", "Since a value was confirmed", labels=_FIELD)
        due = GaugeMetricFamily("estate_config_rotation_due_days", "Until a rotation is due", labels=_FIELD)
        info = InfoMetricFamily("estate_config_setting", "Where a value came from", labels=_FIELD)
        for one in filter(None, map(figures_of, self._instances)):
            whose = (one.service, one.environment)
            for gauge, flag in ((live, one.live), (ready, one.ready), (degraded, one.degraded)):
                gauge.add_metric(whose, int(flag))
            for item in one.settings:
                age.add_metric((*whose, item.field), item.age)
                info.add_metric(
                    (*whose, item.field), {"provider": item.provider, "version": item.version, "stage": item.stage}
                )
                if item.rotation_due is not None:
                    due.add_metric((*whose, item.field), item.rotation_due)
        yield from (live, ready, degraded, age, due, info)
