"""A flood of errors is not a flood of log lines."""

from __future__ import annotations

import logging

import pytest

from gateway.throttle import ThrottledLog


def test_only_a_burst_passes_in_each_interval(caplog: pytest.LogCaptureFixture) -> None:
    """And the next record says how many were left out."""
    now = [0.0]
    log = ThrottledLog(logging.getLogger("t"), burst=2, interval=10, clock=lambda: now[0])
    with caplog.at_level(logging.WARNING, "t"):
        for n in range(5):
            log.log(logging.WARNING, "failure %d", n)
        now[0] = 10.0
        log.log(logging.WARNING, "failure %d", 5)
    assert [r.getMessage() for r in caplog.records] == [
        "failure 0",
        "failure 1",
        "failure 5 (3 more like it were not logged)",
    ]
