"""Metrics across processes, with files that do not grow in number."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gateway.prometheus import exposition, forget_gauges

WORKER = """
import sys
from gateway.prometheus import PrometheusMetrics, use_slot
from gateway.shadow.outcome import Outcome
from gateway.shadow.pool import PoolSnapshot
use_slot(int(sys.argv[1]))
metrics = PrometheusMetrics()
metrics.request_started()
metrics.request_started()
metrics.request_ended("BREW", 418, 0.5, None)
metrics.shadow_outcome("s", Outcome.DROPPED_QUEUE_FULL)
metrics.shadow_answered("s", 503, 0.5)
metrics.pool(PoolSnapshot(1, 2, 3, 4.0, 5, 6))
metrics.shadow_state("s", 10, True)
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
        'gateway_requests_total{method="OTHER",status="418"} 3.0',
        'gateway_shadow_requests_total{outcome="dropped",reason="queue_full",shadow="s"} 3.0',
        'gateway_shadow_answers_total{shadow="s",status="503"} 3.0',
        'gateway_shadow_duration_seconds_count{shadow="s"} 3.0',
        "gateway_inflight_requests 2.0",
        "gateway_shadow_queue_bytes 6.0",
        "gateway_shadow_oldest_seconds 4.0",
        'gateway_shadow_percent{shadow="s"} 10.0',
        'gateway_shadow_breaker_open{shadow="s"} 2.0',
        "gateway_request_duration_seconds_count 3.0",
    ):
        assert line in lines


@pytest.mark.parametrize("slot", [0, 1])
def test_a_dead_workers_gauges_are_forgotten_and_nobody_elses(tmp_path: Path, slot: int) -> None:
    """Its counters stay."""
    names = ["gauge_livesum_0.db", "gauge_livesum_1.db", "counter_0.db", "counter_1.db"]
    for name in names:
        (tmp_path / name).touch()
    forget_gauges(tmp_path, slot)
    left = {file.name for file in tmp_path.iterdir()}
    assert left == set(names) - {f"gauge_livesum_{slot}.db"}
