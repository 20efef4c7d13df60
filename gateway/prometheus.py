"""Metrics by prometheus-client, right across the workers of one gateway.

In multiprocess mode every worker writes memory-mapped files in a folder, and
whoever serves ``/metrics`` adds them up. The files are named by a worker's
slot, not by its process id: a new worker continues the counters of the one it
replaces, so the number of files does not grow with every reload.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, values
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from gateway.exchange import Exchange
from gateway.introduction import DEFAULT_ROUTE
from gateway.isolation.difference import Interval
from gateway.metrics import METRICS, Metrics
from gateway.process import ProcessFigures
from gateway.shadow.outcome import Outcome
from gateway.shadow.pool import PoolSnapshot
from gateway.slot_values import SlotFiles, SlotValue, value_class

CONTENT_TYPE = CONTENT_TYPE_LATEST

# From well under the gateway's own cost to the default read time-out.
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
# Clients choose methods; labels must not grow with what they choose.
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# Names come and go in a credential file; what is counted by name does not grow with them.
_MOST_IDENTITIES = 1000
_GAUGE_MODES: dict[str, Literal["livemax", "livemostrecent"]] = {
    "gateway_shadow_oldest_seconds": "livemax",
    "gateway_shadow_percent": "livemostrecent",
    # Every worker tells what all of them have measured.
    "gateway_isolation_requests": "livemostrecent",
    "gateway_isolation_latency_seconds": "livemostrecent",
    "gateway_isolation_errors": "livemostrecent",
}


def use_slot(slot: int) -> None:
    """Name this process's files by ``slot``. Before the first metric is made, after fork."""
    values.ValueClass = value_class(SlotFiles(slot))


def forget_gauges(folder: Path, slot: int) -> None:
    """Remove what a dead worker's gauges last said; its counters stay."""
    for file in folder.glob(f"gauge_live*_{slot}.db"):
        file.unlink(missing_ok=True)


def exposition(folder: Path, told: Mapping[str, Mapping[str, float]] | None = None) -> bytes:
    """The Prometheus text of all workers whose files are in ``folder``.

    ``told``: gauges of the gateway as a whole, name to label value to value.
    """
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=str(folder))  # type: ignore[no-untyped-call]
    counted = {family.name for family in registry.collect()}
    registry.register(_Told(told or {}))
    registry.register(_Unused(counted | set(told or {})))
    return generate_latest(registry)


def gauge_by_label(folder: Path, name: str, label: str) -> dict[str, float]:
    """One gauge of all workers whose files are in ``folder``: its values by one of its labels."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=str(folder))  # type: ignore[no-untyped-call]
    samples = (sample for metric in registry.collect() for sample in metric.samples)
    return {each.labels[label]: each.value for each in samples if each.name == name}


class _Told(Collector):
    """Gauges whose values somebody tells."""

    def __init__(self, told: Mapping[str, Mapping[str, float]]) -> None:
        self._told = told

    def collect(self) -> Iterator[GaugeMetricFamily]:
        for name, by_label in self._told.items():
            _, labels, text, _ = METRICS[name]
            family = GaugeMetricFamily(name, text, labels=labels)
            for label, value in by_label.items():
                family.add_metric([label] if labels else [], value)
            yield family


class _Unused(Collector):
    """Declared, and nothing to tell yet: a name and its help, so that it can be found."""

    def __init__(self, used: set[str]) -> None:
        self._used = used

    def collect(self) -> Iterator[Metric]:
        for name, (kind, _, text, _) in METRICS.items():
            family = name.removesuffix("_total") if kind == "counter" else name
            if family not in self._used:
                yield Metric(family, text, kind)


class PrometheusMetrics(Metrics):
    """One process's metrics.

    Threads: any thread may call. Each number has a lock of its own, or one with all
    others of the process, that is held for an addition.
    """

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        self._worker = str(getattr(values.ValueClass, "slot", 0))
        self._cpu_seconds = 0.0
        made = {name: self._make(name) for name, told in METRICS.items() if told.by == "worker"}
        self._requests = _Counters(made["gateway_requests_total"])
        self._durations = _Histograms(made["gateway_request_duration_seconds"])
        self._upstreams = _Histograms(made["gateway_upstream_duration_seconds"])
        self._shed = _Counters(made["gateway_shed_total"])
        self._refusals = _Counters(made["gateway_refusals_total"])
        self._authenticated = _Counters(made["gateway_authenticated_total"])
        self._validation_reports = _Counters(made["gateway_validation_reports_total"])
        self._store_errors = made["gateway_rate_limit_store_errors_total"]
        self._forgotten = made["gateway_rate_limit_forgotten_total"]
        self._inflight = made["gateway_inflight_requests"]._value
        self._outcomes = _Outcomes(made["gateway_shadow_requests_total"])
        self._answers = _Counters(made["gateway_shadow_answers_total"])
        self._shadow_durations = _Histograms(made["gateway_shadow_duration_seconds"])
        self._taken = _Counters(made["gateway_shadow_live_total"])
        self._verdicts = _Counters(made["gateway_verdicts_total"])
        self._compared = _Counters(made["gateway_compared_total"])
        self._hook_failures = _Counters(made["gateway_hook_failures_total"])
        self._exceeded = _Counters(made["gateway_isolation_exceeded_total"])
        self._log_lost = made["gateway_access_log_lost_total"]
        self._store_failures = made["gateway_store_errors_total"]
        self._store_lost = _Counters(made["gateway_store_lost_total"])
        self._recorded = made["gateway_recorded_total"]
        self._record_lost = _Counters(made["gateway_record_lost_total"])
        self._cpu = made["gateway_worker_cpu_seconds_total"].labels(self._worker)
        self._gauges = {name: metric for name, metric in made.items() if type(metric) is Gauge}

    def _make(self, name: str) -> Any:
        kind, labels, text, _ = METRICS[name]
        if kind == "counter":
            return Counter(name, text, labels, registry=self.registry)
        if kind == "histogram":
            return Histogram(name, text, labels, registry=self.registry, buckets=_BUCKETS)
        mode = _GAUGE_MODES.get(name, "livesum")
        return Gauge(name, text, labels, registry=self.registry, multiprocess_mode=mode)  # type: ignore[arg-type]

    def request_started(self) -> None:
        self._inflight.inc(1)

    def request_ended(self, method: str, exchange: Exchange, seconds: float) -> None:
        self._inflight.inc(-1)
        route = exchange.route or DEFAULT_ROUTE
        known = method if method in _METHODS else "OTHER"
        self._requests[known, _status(exchange.status or 500), route](1)
        self._durations[route,](seconds)
        if exchange.upstream_seconds is not None and exchange.upstream is not None:
            self._upstreams[exchange.upstream,](exchange.upstream_seconds)
        if exchange.refused is not None:
            self._refusals[exchange.refused](1)

    def shadow_answered(self, shadow: str, status: int, seconds: float) -> None:
        self._answers[shadow, _status(status)](1)
        self._shadow_durations[shadow,](seconds)

    def shadow_outcome(self, shadow: str, outcome: Outcome) -> None:
        self._outcomes[shadow, outcome](1)

    def shadow_taken(self, shadow: str, live: str) -> None:
        self._taken[shadow, live](1)

    def authenticated(self, scheme: str, identity: str) -> None:
        known = self._authenticated
        if len(known) >= _MOST_IDENTITIES and (scheme, identity) not in known:
            identity = "other"
        known[scheme, identity](1)

    def authentication_stale(self, source: str, stale: bool) -> None:
        self._gauges["gateway_authentication_stale"].labels(source).set(stale)

    def access_log_lost(self, lines: int) -> None:
        self._log_lost.inc(lines)

    def validation_reported(self, route: str | None, reason: str) -> None:
        self._validation_reports[route or DEFAULT_ROUTE, reason](1)

    def rate_limit_store_error(self) -> None:
        self._store_errors.inc()

    def rate_limit_forgotten(self) -> None:
        self._forgotten.inc()

    def shed(self, reason: str, count: int) -> None:
        self._shed[reason,](count)

    def admission(self, limit: int, waiting: int) -> None:
        self._gauges["gateway_admission_limit"].set(limit)
        self._gauges["gateway_waiting_requests"].set(waiting)

    def body_bytes(self, held: int) -> None:
        self._gauges["gateway_body_bytes"].set(held)

    def pool(self, snapshot: PoolSnapshot) -> None:
        gauges = self._gauges
        gauges["gateway_shadow_queue_requests"].set(snapshot.queued)
        gauges["gateway_shadow_active_requests"].set(snapshot.active)
        gauges["gateway_shadow_queue_bytes"].set(snapshot.queued_bytes)
        gauges["gateway_shadow_oldest_seconds"].set(snapshot.oldest_seconds)

    def shadow_state(self, shadow: str, percent: float, breaker_open: bool) -> None:
        self._gauges["gateway_shadow_percent"].labels(shadow).set(percent)
        self._gauges["gateway_shadow_breaker_open"].labels(shadow).set(breaker_open)

    def verdict(self, shadow: str, verdict: str, reason: str, counts_as: str, number: int) -> None:
        self._verdicts[shadow, verdict, reason](number)
        self._compared[shadow, counts_as](number)

    def comparison(self, waiting: int, held: int) -> None:
        self._gauges["gateway_comparison_waiting"].set(waiting)
        self._gauges["gateway_comparison_bytes"].set(held)

    def hook_failed(self, hook: str, number: int) -> None:
        self._hook_failures[hook,](number)

    def isolation(
        self, mirrored: int, held_out: int, latency: Interval | None, errors: Interval | None
    ) -> None:
        requests = self._gauges["gateway_isolation_requests"]
        requests.labels("mirrored").set(mirrored)
        requests.labels("held_out").set(held_out)
        for name, interval in (("latency_seconds", latency), ("errors", errors)):
            if interval is not None:
                for bound, value in interval._asdict().items():
                    self._gauges[f"gateway_isolation_{name}"].labels(bound).set(value)

    def isolation_exceeded(self, budget: str) -> None:
        self._exceeded[budget,](1)

    def store_failed(self) -> None:
        self._store_failures.inc()

    def store_lost(self, what: str, number: int) -> None:
        self._store_lost[what,](number)

    def recorded(self, number: int) -> None:
        self._recorded.inc(number)

    def record_lost(self, reason: str, number: int) -> None:
        self._record_lost[reason,](number)

    def process(self, figures: ProcessFigures) -> None:
        for name in ("resident_bytes", "open_fds", "max_fds", "threads"):
            gauge = self._gauges[f"gateway_worker_{name}"].labels(self._worker)
            gauge.set(getattr(figures, name))
        # The worker that was in this slot before has counted too: this one adds to it.
        self._cpu.inc(figures.cpu_seconds - self._cpu_seconds)
        self._cpu_seconds = figures.cpu_seconds


def _status(status: int) -> int:
    """Upstreams choose statuses, and an odd one may choose many: the odd ones are one."""
    return status if 100 <= status < 600 else 0


class _Children(dict[tuple[Any, ...], Callable[[float], None]]):
    """How to count for each combination of labels; looked up without the library's checks."""

    def __init__(self, metric: Any) -> None:
        super().__init__()
        self._metric = metric

    def __missing__(self, labels: tuple[Any, ...]) -> Callable[[float], None]:
        made = self[labels] = self._adder(*labels)
        return made

    def _adder(self, *labels: Any) -> Callable[[float], None]:
        raise NotImplementedError


class _Counters(_Children):
    def _adder(self, *labels: Any) -> Callable[[float], None]:
        add: Callable[[float], None] = self._metric.labels(*labels)._value.inc
        return add


class _Outcomes(_Counters):
    """Looked up by the outcome itself; its words are worked out once."""

    def _adder(self, *labels: Any) -> Callable[[float], None]:
        shadow, outcome = labels
        return super()._adder(shadow, outcome.outcome, outcome.reason)


class _Histograms(_Children):
    def _adder(self, *labels: Any) -> Callable[[float], None]:
        child = self._metric.labels(*labels)
        total, buckets = child._sum, child._buckets
        if isinstance(total, SlotValue):
            return total.with_one_of(buckets, _bucket)

        def observe(amount: float) -> None:
            total.inc(amount)
            buckets[_bucket(amount)].inc(1)

        return observe


def _bucket(amount: float) -> int:
    """A bucket has what is at most its bound; the last one, +Inf, has no bound here."""
    return bisect_left(_BUCKETS, amount)
