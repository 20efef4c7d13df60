"""Metrics across processes, with files that do not grow in number."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from gateway.exchange import Exchange
from gateway.prometheus import PrometheusMetrics, exposition, forget_gauges

WORKER = """
import sys
from gateway.exchange import Exchange, Refused
from gateway.process import ProcessFigures
from gateway.prometheus import PrometheusMetrics, use_slot
from gateway.shadow.outcome import Outcome
from gateway.shadow.pool import PoolSnapshot
use_slot(int(sys.argv[1]))
metrics = PrometheusMetrics()
metrics.request_started()
metrics.request_started()
metrics.request_started()
refused = Exchange("a", 0.0)
refused.status, refused.refused = 418, Refused("validation", "method")
metrics.request_ended("BREW", refused, 0.5)
answered = Exchange("b", 0.0)
answered.status, answered.route = 200, "reports"
answered.upstream, answered.upstream_seconds = "http://live:1", 0.025
metrics.request_ended("GET", answered, 0.0251)
metrics.shadow_outcome("s", Outcome.DROPPED_QUEUE_FULL)
metrics.shadow_answered("s", 99999, 0.5)
metrics.pool(PoolSnapshot(1, 2, 3, 4.0, 5, 6))
metrics.shadow_state("s", 10, True)
metrics.process(ProcessFigures(1000, 1.5, 10, 100, 4))
metrics.process(ProcessFigures(2000, 2.0, 11, 100, 5))
"""


def worker(folder: Path, slot: int) -> None:
    """What a worker process counts, in a process of its own."""
    command = [sys.executable, "-c", WORKER, str(slot)]
    subprocess.run(command, check=True, env={"PROMETHEUS_MULTIPROC_DIR": str(folder)}, timeout=30)


def test_workers_are_added_up_and_a_new_one_goes_on_where_the_old_one_ended(
    tmp_path: Path,
) -> None:
    """Slot 0 twice, one after the other; slot 1 beside it."""
    worker(tmp_path, 0)
    files = sorted(tmp_path.iterdir())
    forget_gauges(tmp_path, 0)
    worker(tmp_path, 0)
    assert sorted(tmp_path.iterdir()) == files
    worker(tmp_path, 1)
    lines = exposition(tmp_path).decode().splitlines()
    for line in (
        'gateway_requests_total{method="OTHER",route="default",status="418"} 3.0',
        'gateway_requests_total{method="GET",route="reports",status="200"} 3.0',
        'gateway_refusals_total{middleware="validation",reason="method"} 3.0',
        'gateway_shadow_requests_total{outcome="dropped",reason="queue_full",shadow="s"} 3.0',
        'gateway_shadow_answers_total{shadow="s",status="0"} 3.0',
        'gateway_shadow_duration_seconds_count{shadow="s"} 3.0',
        "gateway_inflight_requests 2.0",
        "gateway_shadow_queue_bytes 6.0",
        "gateway_shadow_oldest_seconds 4.0",
        'gateway_shadow_percent{shadow="s"} 10.0',
        'gateway_shadow_breaker_open{shadow="s"} 2.0',
        'gateway_request_duration_seconds_count{route="default"} 3.0',
        'gateway_request_duration_seconds_bucket{le="0.025",route="reports"} 0.0',
        'gateway_request_duration_seconds_bucket{le="0.05",route="reports"} 3.0',
        'gateway_upstream_duration_seconds_bucket{le="0.01",upstream="http://live:1"} 0.0',
        'gateway_upstream_duration_seconds_bucket{le="0.025",upstream="http://live:1"} 3.0',
        'gateway_worker_resident_bytes{worker="0"} 2000.0',
        'gateway_worker_open_fds{worker="1"} 11.0',
        'gateway_worker_threads{worker="1"} 5.0',
        'gateway_worker_max_fds{worker="0"} 100.0',
        'gateway_worker_cpu_seconds_total{worker="0"} 4.0',
        'gateway_worker_cpu_seconds_total{worker="1"} 2.0',
    ):
        assert line in lines


def test_what_is_known_of_the_gateway_as_a_whole_is_told_beside(tmp_path: Path) -> None:
    """By who knows it, in the same text."""
    told = {
        "gateway_workers": {"serving": 2, "draining": 1},
        "gateway_reload_successful": {"": 1},
    }
    lines = exposition(tmp_path, told).decode().splitlines()
    assert 'gateway_workers{state="serving"} 2.0' in lines
    assert "# TYPE gateway_workers gauge" in lines
    assert "gateway_reload_successful 1.0" in lines


def test_every_bucket_has_what_is_at_most_its_bound() -> None:
    """In a process alone, too, without any files."""
    registry = CollectorRegistry()
    metrics = PrometheusMetrics(registry)
    exchange = Exchange("id", 0.0)
    for seconds in (0.0, 0.001, 0.0011, 60, 60.1, 1e9):
        metrics.request_started()
        metrics.request_ended("GET", exchange, seconds)

    def upto(bound: str) -> float | None:
        labels = {"route": "default", "le": bound}
        return registry.get_sample_value("gateway_request_duration_seconds_bucket", labels)

    assert [upto(bound) for bound in ("0.001", "0.0025", "60.0", "+Inf")] == [2, 3, 4, 6]
    total = registry.get_sample_value(
        "gateway_requests_total", {"method": "GET", "status": "500", "route": "default"}
    )
    assert total == 6


def test_what_clients_and_upstreams_choose_does_not_make_series() -> None:
    """Any method, any status: the number of children is bounded."""
    metrics = PrometheusMetrics(CollectorRegistry())
    exchange = Exchange("id", 0.0)
    for number in range(600, 3000):
        exchange.status = number
        metrics.request_ended(f"M{number}", exchange, 0.1)
        metrics.shadow_answered("s", number, 0.1)
    assert len(metrics._requests) == len(metrics._answers) == 1


@pytest.mark.parametrize("slot", [0, 1])
def test_a_dead_workers_gauges_are_forgotten_and_nobody_elses(tmp_path: Path, slot: int) -> None:
    """Its counters stay."""
    names = ["gauge_livesum_0.db", "gauge_livesum_1.db", "counter_0.db", "counter_1.db"]
    for name in names:
        (tmp_path / name).touch()
    forget_gauges(tmp_path, slot)
    left = {file.name for file in tmp_path.iterdir()}
    assert left == set(names) - {f"gauge_livesum_{slot}.db"}


def test_names_of_identities_are_bounded() -> None:
    """A credential file changes for years; who is one too many is counted as "other"."""
    metrics = PrometheusMetrics(CollectorRegistry())
    for _ in range(2):
        for number in range(1500):
            metrics.authenticated("api-key", str(number))
    assert len(metrics._authenticated) == 1001
    labels = {"scheme": "api-key", "identity": "other"}
    assert metrics.registry.get_sample_value("gateway_authenticated_total", labels) == 1000
