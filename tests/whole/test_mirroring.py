"""Isolated: whatever the shadow does, live is answered as if it were not there."""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Iterator
from threading import Event, Thread

import pytest

from tests.support.client import BrokenAnswer
from tests.support.gateway import GatewayProcess, gateway
from tests.support.upstream import OK, Act, Received, Upstream, reset, stalled, upstream
from tests.support.waiting import wait_for

VARIANTS = True  # see conftest.py


@pytest.fixture
def hold() -> Iterator[Event]:
    """Set to let stalled upstreams go; set in any case at the end."""
    event = Event()
    yield event
    event.set()


def test_the_client_never_gets_anything_of_the_shadow(
    running: GatewayProcess, live: Upstream, shadow: Upstream
) -> None:
    """Whichever is faster, and whatever it answers."""
    shadow.script = lambda r: b"HTTP/1.1 500 S\r\nX-Shadow: 1\r\nContent-Length: 6\r\n\r\nshadow"

    def slow(request: Received) -> Iterator[bytes]:
        shadow.arrived.wait(0.05)
        yield OK

    with running.client() as client:
        for script in (slow, lambda request: OK):
            live.script = script
            for _ in range(20):
                answer = client.request("GET", "/")
                assert (answer.line, answer.fields, answer.body) == (
                    "HTTP/1.1 200 OK",
                    [("Content-Length", "2")],
                    b"ok",
                )
    wait_for(lambda: len(shadow.taken()) == 40, "all copies")


def test_the_copy_completes_although_the_client_hung_up(
    running: GatewayProcess, live: Upstream, shadow: Upstream, hold: Event
) -> None:
    """In the middle of live's answer; the shadow's deadline is its own."""

    def streaming(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        while not hold.wait(0.01):
            connection.sendall(b"x" * 1000)

    answered_shadow = Event()

    def late(request: Received) -> Iterator[bytes]:
        yield OK[:10]
        hold.wait(5)
        yield OK[10:]
        answered_shadow.set()

    live.script = lambda request: streaming
    shadow.script = late
    with running.client() as client:
        client.send(b"POST /gone HTTP/1.1\r\nHost: g\r\nContent-Length: 3\r\n\r\nabc")
        client.head()
        client.socket.recv(100)
    wait_for(shadow.taken, "the copy")
    hold.set()
    assert answered_shadow.wait(5)
    assert shadow.taken()[0].body == b"abc"


def test_requests_go_on_on_one_connection_while_the_shadow_stalls(
    running: GatewayProcess, live: Upstream, shadow: Upstream, hold: Event
) -> None:
    """The second and third request on a kept connection too, where nginx waits for its mirror.
    All of them together within what a single copy's time-out takes."""
    shadow.script = lambda request: lambda connection: stalled(connection, hold)
    began = time.monotonic()
    with running.client(timeout=1.5) as client:
        for _ in range(50):
            assert client.request("POST", "/", body=b"x" * 1000).body == b"ok"
    assert len(live.taken()) == 50
    assert time.monotonic() - began < 2  # [[shadows]] timeout


def test_uploads_go_on_while_the_shadow_reads_nothing(hold: Event) -> None:
    """More than the sockets between us and the shadow can hold."""
    with upstream() as live, socket.create_server(("127.0.0.1", 0)) as deaf:
        config = f"""
            [live]
            url = "{live.url}"
            [[shadows]]
            url = "http://127.0.0.1:{deaf.getsockname()[1]}"
            timeout = "1s"
        """
        with gateway("--workers", "1", config=config) as running:
            body = b"x" * (8 << 20)
            with running.client(timeout=5) as client:
                for _ in range(5):
                    assert client.request("PUT", "/", body=body).body == b"ok"
            ledger = running.settled(5)
        assert all(len(r.body) == len(body) for r in live.taken())
    assert set(ledger) <= {"failed timed_out", "dropped bytes_full"}


@pytest.mark.parametrize(
    ("bound", "body", "reason"),
    [
        ("max_queue = 2", b"", "dropped queue_full"),
        ('max_queue_bytes = "1KiB"', b"x" * 300, "dropped bytes_full"),
    ],
    ids=["requests", "bytes"],
)
def test_a_saturated_pool_drops_copies_at_once(
    bound: str, body: bytes, reason: str, hold: Event
) -> None:
    """Counted with their reason; live answers every request meanwhile."""
    with (
        upstream() as live,
        upstream(lambda request: lambda connection: stalled(connection, hold)) as shadow,
    ):
        config = f"""
            [live]
            url = "{live.url}"
            [[shadows]]
            url = "{shadow.url}"
            timeout = "60s"
            [mirror]
            threads = 2
            {bound}
        """
        with gateway("--workers", "1", config=config) as running:
            with running.client() as client:
                for _ in range(30):
                    assert client.request("POST", "/", body=body).body == b"ok"
            dropped = wait_for(
                lambda: running.ledger().get(reason, 0) >= 26 and running.ledger(), "the drops"
            )
            wait_for(lambda: running.metric("gateway_shadow_active_requests") == 2, "gauges")
            assert running.metric("gateway_shadow_oldest_seconds") > 0
            hold.set()
            ledger = running.settled(30)
    assert set(dropped) == {reason}
    assert sum(ledger.values()) == 30


FAULTS: dict[str, Act] = {
    "ok": OK,
    "error": b"HTTP/1.1 500 E\r\nContent-Length: 0\r\n\r\n",
    "reset": reset,
    "closed": None,
    "garbage": b"garbage\r\n\r\n",
    "bad-chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "cut-short": [b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc", b""],
    "stalled": lambda connection: stalled(connection, Event(), 1.0),
}


def test_the_ledger_sums_to_the_live_requests_after_every_fault() -> None:
    """Every live request ends in exactly one outcome per shadow, refused ones included."""
    chance = random.Random(7)
    with (
        upstream(lambda r: FAULTS[chance.choice(["ok", "error", "reset", "garbage"])]) as live,
        upstream(lambda r: FAULTS[chance.choice(list(FAULTS))]) as shadow,
        socket.socket() as closed,
    ):
        closed.bind(("127.0.0.1", 0))
        config = f"""
            [request]
            max_body = "10KiB"
            [live]
            url = "{live.url}"
            [[shadows]]
            name = "all"
            url = "{shadow.url}"
            timeout = "300ms"
            [[shadows]]
            name = "some"
            url = "{shadow.url}"
            percent = 30
            routes = ["/a"]
            methods = ["GET", "POST"]
            max_body = "1KiB"
            timeout = "300ms"
            mirror_refused = false
            [[shadows]]
            name = "down"
            url = "http://127.0.0.1:{closed.getsockname()[1]}"
            breaker_failures = 5
            [[routes]]
            path = "/private"
            mirror = false
            [mirror]
            threads = 3
            max_queue = 5
            max_queue_bytes = "4KiB"
        """
        with gateway(config=config) as running:
            for off in (False, True):
                threads = [Thread(target=_mixed_traffic, args=(running, n)) for n in range(6)]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
                if not off:
                    assert running.post("/api/shadows/some", {"off": True})[0] == 200
                    wait_for(
                        lambda: running.metric("gateway_shadow_percent", shadow="some") == 0,
                        "one shadow to be off",
                    )
            wait_for(lambda: running.metric("gateway_inflight_requests") == 0, "every request")
            total = running.metric("gateway_requests_total")
            ledgers = {name: running.settled(int(total), name) for name in ("all", "some", "down")}
            assert running.metric("gateway_requests_total") == total
            assert running.metric("gateway_inflight_requests") == 0
    assert total >= 2 * 6 * 45
    for name, ledger in ledgers.items():
        assert sum(ledger.values()) == total, (name, ledger)
    seen = {key for ledger in ledgers.values() for key in ledger}
    assert {
        "answered",
        "skipped route",
        "skipped method",
        "skipped sampled_out",
        "skipped too_large",
        "skipped refused",
        "skipped live_refused",
        "skipped switched_off",
        "dropped queue_full",
        "dropped bytes_full",
        "dropped breaker_open",
        "failed connect",
        "failed timed_out",
        "failed reset",
        "failed bad_answer",
    } <= seen


def _mixed_traffic(running: GatewayProcess, seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(45):
        method = chance.choice(["GET", "POST", "PUT"])
        target = chance.choice(["/a/1", "/b", "/private/x"])
        body = b"x" * chance.choice([0, 10, 2000, 20_000])
        with running.client() as client:
            try:
                client.request(method, target, body=body)
            except (BrokenAnswer, ConnectionResetError):
                pass
    for _ in range(5):
        with running.client() as client:  # which leaves before it is answered
            client.send(b"GET /a/1 HTTP/1.1\r\nHost: g\r\n\r\n")


def test_a_copy_is_never_truncated_and_never_sent_twice(
    running: GatewayProcess, live: Upstream, shadow: Upstream
) -> None:
    """A kept connection that closes under the copy is a failure, not a reason to try again,
    though the method is one that live would be asked twice with."""
    answered: set[int] = set()

    def once(request: Received) -> Act:
        if request.connection in answered:
            return None
        answered.add(request.connection)
        return OK

    shadow.script = once
    with running.client() as client:
        for _ in range(10):
            client.request("PUT", "/", body=b"x" * 5000)
            running.quiet()
    assert [len(r.body) for r in shadow.taken()] == [5000] * 10
    assert len(answered) < 10


def test_what_became_of_the_request_on_the_live_side_is_counted_apart(
    running: GatewayProcess, live: Upstream, shadow: Upstream
) -> None:
    """Answered, refused and abandoned ones, also when the copy was offered long before."""

    def counts() -> dict[str, float]:
        name = "gateway_shadow_live_total"
        return {k: running.metric(name, live=k) for k in ("answered", "refused", "abandoned")}

    def endless(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        while True:
            connection.sendall(b"x" * 1000)

    before = counts()
    for act in (OK, b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", endless):
        live.script = lambda request, act=act: act  # type: ignore[misc]
        with running.client() as client:
            client.send(b"GET / HTTP/1.1\r\nHost: g\r\n\r\n")
            client.head()
    wait_for(lambda: sum(counts().values()) == sum(before.values()) + 3, "all three")
    assert counts() == {key: number + 1 for key, number in before.items()}
