"""Spans of a running gateway arrive at a collector."""

from __future__ import annotations

from tests.support.gateway import gateway
from tests.support.upstream import Upstream, upstream
from tests.support.waiting import wait_for


def test_a_workers_spans_arrive_also_the_last_ones() -> None:
    """Sent by a thread of the worker, made after its fork; what waits goes out when it stops."""
    with upstream() as live, upstream() as shadow, upstream() as collector:
        config = f"""
            [live]
            url = "{live.url}"
            [[shadows]]
            url = "{shadow.url}"
            [server]
            workers = 1
            [tracing]
            endpoint = "{collector.url}/v1/traces"
            service = "edge-under-test"
        """
        quick = {"OTEL_BSP_SCHEDULE_DELAY": "50"}
        with gateway(config=config, env=quick) as running, running.client() as client:
            assert client.request("GET", "/first").body == b"ok"
            wait_for(lambda: b"/first" in _received(collector), "the spans")
            assert client.request("GET", "/last").body == b"ok"
            assert running.stop() == 0
            assert b"/last" in _received(collector)
            assert b"edge-under-test" in _received(collector)
        for running_upstream in (live, shadow):
            assert all(request.values("traceparent") for request in running_upstream.taken())


def _received(collector: Upstream) -> bytes:
    return b"".join(request.body for request in collector.taken())
