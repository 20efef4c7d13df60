"""Metrics by prometheus-client, right across the workers of one gateway.

In multiprocess mode every worker writes memory-mapped files in a folder, and
whoever serves ``/metrics`` adds them up. The files are named by a worker's
slot, not by its process id: a new worker continues the counters of the one it
replaces, so the number of files does not grow with every reload.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, values
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from gateway.metrics import METRICS, Metrics
from gateway.shadow.outcome import Outcome
from gateway.shadow.pool import PoolSnapshot

CONTENT_TYPE = CONTENT_TYPE_LATEST

# From well under the gateway's own cost to the default read time-out.
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
# Clients choose methods; labels must not grow with what they choose.
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_GAUGE_MODES: dict[str, Literal["livemax", "livemostrecent"]] = {
    "gateway_shadow_oldest_seconds": "livemax",
    "gateway_shadow_percent": "livemostrecent",
}


def use_slot(slot: int) -> None:
    """Name this process's files by ``slot``. Before the first metric is made, after fork."""
    values.ValueClass = values.MultiProcessValue(lambda: slot)  # type: ignore[no-untyped-call]


def forget_gauges(folder: Path, slot: int) -> None:
    """Remove what a dead worker's gauges last said; its counters stay."""
    for file in folder.glob(f"gauge_live*_{slot}.db"):
        file.unlink(missing_ok=True)


def exposition(folder: Path) -> bytes:
    """The Prometheus text of all workers whose files are in ``folder``."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=str(folder))  # type: ignore[no-untyped-call]
    return generate_latest(registry)


class PrometheusMetrics(Metrics):
    """One process's metrics.

    Threads: any thread may call; prometheus-client's own lock guards each value.
    """

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        made = {name: self._make(name) for name in METRICS}
        self._requests = _Children(made["gateway_requests_total"])
        self._duration = made["gateway_request_duration_seconds"]
        self._upstream = made["gateway_upstream_duration_seconds"]
        self._inflight = made["gateway_inflight_requests"]
        self._body_bytes = made["gateway_body_bytes"]
        self._outcomes = _Children(made["gateway_shadow_requests_total"])
        self._answers = _Children(made["gateway_shadow_answers_total"])
        self._shadow_duration = _Children(made["gateway_shadow_duration_seconds"])
        self._taken = _Children(made["gateway_shadow_live_total"])
        self._queued = made["gateway_shadow_queue_requests"]
        self._active = made["gateway_shadow_active_requests"]
        self._bytes = made["gateway_shadow_queue_bytes"]
        self._oldest = made["gateway_shadow_oldest_seconds"]
        self._percent = made["gateway_shadow_percent"]
        self._breaker = made["gateway_shadow_breaker_open"]

    def _make(self, name: str) -> Any:
        kind, labels, text = METRICS[name]
        if kind == "counter":
            return Counter(name, text, labels, registry=self.registry)
        if kind == "histogram":
            return Histogram(name, text, labels, registry=self.registry, buckets=_BUCKETS)
        mode = _GAUGE_MODES.get(name, "livesum")
        return Gauge(name, text, labels, registry=self.registry, multiprocess_mode=mode)  # type: ignore[arg-type]

    def request_started(self) -> None:
        self._inflight.inc()

    def request_ended(
        self, method: str, status: int, seconds: float, upstream_seconds: float | None
    ) -> None:
        self._inflight.dec()
        self._requests(method if method in _METHODS else "OTHER", str(status)).inc()
        self._duration.observe(seconds)
        if upstream_seconds is not None:
            self._upstream.observe(upstream_seconds)

    def shadow_answered(self, shadow: str, status: int, seconds: float) -> None:
        self._answers(shadow, str(status)).inc()
        self._shadow_duration(shadow).observe(seconds)

    def shadow_outcome(self, shadow: str, outcome: Outcome) -> None:
        self._outcomes(shadow, outcome.outcome, outcome.reason).inc()

    def shadow_taken(self, shadow: str, live: str) -> None:
        self._taken(shadow, live).inc()

    def body_bytes(self, held: int) -> None:
        self._body_bytes.set(held)

    def pool(self, snapshot: PoolSnapshot) -> None:
        self._queued.set(snapshot.queued)
        self._active.set(snapshot.active)
        self._bytes.set(snapshot.queued_bytes)
        self._oldest.set(snapshot.oldest_seconds)

    def shadow_state(self, shadow: str, percent: float, breaker_open: bool) -> None:
        self._percent.labels(shadow).set(percent)
        self._breaker.labels(shadow).set(breaker_open)


class _Children:
    """A metric's labelled children, looked up without the library's lock and checks."""

    def __init__(self, metric: Any) -> None:
        self._labels: Callable[..., Any] = metric.labels
        self._known: dict[tuple[str, ...], Any] = {}

    def __call__(self, *values: str) -> Any:
        child = self._known.get(values)
        if child is None:
            child = self._known[values] = self._labels(*values)
        return child
