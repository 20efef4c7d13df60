"""More than one worker takes on: who waits, who is refused, and how."""

from __future__ import annotations

import json
import signal
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from threading import Event

import pytest

from tests.support.client import Answer
from tests.support.gateway import GatewayProcess, gateway
from tests.support.upstream import OK, Act, Received, upstream
from tests.support.waiting import wait_for

FULL = """
[live]
url = "{live}"
[server]
workers = 1
threads = 4
[admission]
mode = "fixed"
limit = 1
longest_wait = "{wait}"
[[routes]]
path = "/health"
priority = "high"
"""


class Door:
    """A live upstream that holds every answer until it is told to go on."""

    def __init__(self) -> None:
        self.go = Event()
        self.order: list[bytes] = []

    def __call__(self, request: Received) -> Act:
        self.order.append(request.target)
        self.go.wait(20)
        return OK


def ask(running: GatewayProcess, target: str) -> Answer:
    with running.client() as client:
        return client.request("GET", target)


def taken(door: Door, count: int) -> None:
    wait_for(lambda: len(door.order) == count, f"{count} requests at live")


def test_who_waits_too_long_gets_503_while_the_admitted_are_answered() -> None:
    """A problem document with Retry-After; the connection is kept; it is counted."""
    door = Door()
    with upstream(door) as live, ThreadPoolExecutor(4) as threads:
        config = FULL.format(live=live.url, wait="200ms")
        with gateway(config=config) as running, running.client() as client:
            first = threads.submit(ask, running, "/first")
            taken(door, 1)
            refused = client.request("GET", "/second")
            assert refused.status == 503
            assert refused.values("Retry-After") == ["1"]
            assert refused.values("Content-Type") == ["application/problem+json"]
            assert json.loads(refused.body)["request_id"]
            door.go.set()
            assert first.result().status == 200
            wait_for(lambda: running.metric("gateway_shed_total", reason="overloaded") == 1, "it")
            assert running.metric("gateway_admission_limit") == 1


def test_a_head_request_is_refused_without_a_body() -> None:
    """RFC 9110 section 9.3.2."""
    door = Door()
    with upstream(door) as live, ThreadPoolExecutor(4) as threads:
        config = FULL.format(live=live.url, wait="100ms")
        with gateway(config=config) as running:
            first = threads.submit(ask, running, "/first")
            taken(door, 1)
            with running.client() as client:
                assert client.request("HEAD", "/second").status == 503
                assert client.closed(), "nothing follows the head"
            door.go.set()
            first.result()
            wait_for(lambda: ask(running, "/third").status == 200, "a place")


def test_those_who_wait_go_in_by_priority() -> None:
    """A health check before what came earlier; nothing else by a path through its route."""
    door = Door()
    with upstream(door) as live, ThreadPoolExecutor(4) as threads:
        config = FULL.format(live=live.url, wait="20s")
        with gateway(config=config) as running:
            waiting: list[Future[Answer]] = []
            for target in ("/first", "/health/../second", "/health"):
                waiting.append(threads.submit(ask, running, target))
                taken(door, 1)
                queued = len(waiting) - 1
                wait_for(
                    lambda queued=queued: running.metric("gateway_waiting_requests") == queued,
                    "the request to wait",
                )
            door.go.set()
            assert [call.result().status for call in waiting] == [200, 200, 200]
    assert door.order == [b"/first", b"/health", b"/health/../second"]


def test_health_and_metrics_are_answered_while_nothing_is_admitted() -> None:
    """The admin listener is another process."""
    door = Door()
    with upstream(door) as live, ThreadPoolExecutor(4) as threads:
        config = FULL.format(live=live.url, wait="20s")
        with gateway(config=config) as running:
            calls = [threads.submit(ask, running, f"/{number}") for number in range(4)]
            taken(door, 1)
            assert running.get("/healthz")[0] == 200
            assert running.get("/readyz")[0] == 200
            door.go.set()
            assert {call.result().status for call in calls} == {200}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_request_on_a_kept_connection_is_refused_while_draining(number: int) -> None:
    """Once idle connections are being closed: 503, Retry-After, and a close."""
    door = Door()
    with upstream(door) as live, ThreadPoolExecutor(4) as threads:
        with gateway("--live", live.url, "--workers", "1") as running:
            slow = threads.submit(ask, running, "/slow")
            taken(door, 1)
            with running.client() as client, running.client() as idle:
                client.send(b"GET / HTTP/1.1\r\nHost: a\r\nX: ")
                running.process.send_signal(number)
                assert idle.closed(), "what is idle is closed after a while"
                client.send(b"y\r\n\r\n")
                refused = client.answer("GET")
                assert refused.status == 503
                assert refused.values("Retry-After") == ["1"]
                assert refused.values("Connection") == ["close"]
                assert client.closed()
            door.go.set()
            assert slow.result().status == 200


@pytest.mark.parametrize(
    ("extra", "most"),
    [
        pytest.param("", 256, id="where they take no thread"),
        pytest.param('transport = "urllib3"', 64, id="where each takes one"),
    ],
)
def test_a_slow_upstream_has_as_many_requests_as_connections(extra: str, most: int) -> None:
    """Unless the settings say how many: nobody is refused because live takes its time."""
    pytest.importorskip("greenlet")
    door = Door()
    asked = b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n"
    with (
        upstream(door) as live,
        gateway("--live", live.url, "--workers", "1", config=extra) as running,
        ExitStack() as stack,
    ):
        assert running.metric("gateway_admission_limit") == most
        clients = [stack.enter_context(running.client()) for _ in range(min(most, 100))]
        for client in clients:
            client.send(asked)
        taken(door, len(clients))
        door.go.set()
        assert {client.answer().status for client in clients} == {200}
