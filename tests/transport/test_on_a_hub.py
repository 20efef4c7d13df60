"""The transport where requests take turns on one thread: each wait lets the others run."""

from __future__ import annotations

import select
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from threading import Event, Thread
from typing import Any

import pytest

pytest.importorskip("greenlet")

from gateway.transport import (
    AnswerCutShort,
    ConnectFailed,
    ConnectionLost,
    ConnectTimedOut,
    DeadlineExceeded,
    Origin,
    OutboundRequest,
    PoolExhausted,
    ReadTimedOut,
    Timeouts,
    UpstreamSession,
)
from gateway.transport.adapter import Http1Adapter
from gateway.transport.addresses import Address, Addresses
from gateway.transport.budget import Budget
from gateway.transport.connection import Connection
from gateway.transport.dial import Dialer
from gateway.transport.pool import Pool, PoolRules
from gateway.waiting import Gate, give_way
from tests.support.certificates import Certificates
from tests.support.turning import Turning
from tests.support.waiting import wait_for as eventually
from tests.transport.scripted import DEADLINE, OK, Peer, outbound, scripted

PATIENT = Timeouts(DEADLINE, DEADLINE)


@pytest.fixture
def turning() -> Iterator[Turning]:
    turning = Turning()
    yield turning
    turning.close()


@pytest.fixture
def adapter() -> Iterator[Http1Adapter]:
    adapter = Http1Adapter()
    yield adapter
    assert all(pool.busy == pool.waiting == 0 for pool in adapter.snapshot().values())
    adapter.abort()


class Call:
    """One request, in a greenlet: what came of it, and after how many seconds."""

    def __init__(
        self,
        turning: Turning,
        adapter: Http1Adapter,
        request: OutboundRequest,
        timeouts: Timeouts = PATIENT,
        **more: Any,
    ) -> None:
        self._session = UpstreamSession(adapter)
        self._request, self._timeouts, self._more = request, timeouts, more
        self._began = time.monotonic()
        self.seconds = 0.0
        self.content = b""
        self.error: Exception | None = None
        self.over = False
        turning.start(self._run)

    def _run(self) -> None:
        try:
            answer = self._session.forward(self._request, self._timeouts, **self._more)
            self.content = answer.content
        except Exception as error:  # noqa: BLE001 - what came of it
            self.error = error
        self.seconds = time.monotonic() - self._began
        self.over = True


def test_others_are_answered_while_one_waits_for_an_answer(
    turning: Turning, adapter: Http1Adapter
) -> None:
    """For its head, and for its body."""
    go_on = [Event(), Event()]

    def late(peer: Peer) -> None:
        peer.head()
        assert go_on[0].wait(DEADLINE)
        peer.send(OK[:-1])
        assert go_on[1].wait(DEADLINE)
        peer.send(OK[-1:])
        peer.until_closed()

    with scripted(late) as slow, scripted() as quick:
        first = Call(turning, adapter, outbound(slow))
        for event in go_on:
            other = Call(turning, adapter, outbound(quick))
            turning.turn_until(lambda other=other: other.over)
            assert other.content == b"ok"
            assert not first.over
            event.set()
        turning.turn_until(lambda: first.over)
        assert first.content == b"ok"


def test_others_are_answered_while_a_name_is_looked_up(turning: Turning) -> None:
    """However many want that name: a resolver cannot be interrupted, and has one thread."""
    asked: list[str] = []
    may_answer = Event()

    def lookup(host: str, port: int, **_: object) -> list[tuple[Any, ...]]:
        asked.append(host)
        assert may_answer.wait(DEADLINE)
        return [(socket.AF_INET, 1, 6, "", ("127.0.0.1", port))]

    adapter = Http1Adapter(lookup=lookup)
    with scripted() as upstream:
        origin = Origin.parse(f"http://live:{upstream.port}")
        named = OutboundRequest("GET", origin, "/", [("Host", "live")], b"")
        waiting = [Call(turning, adapter, named) for _ in range(40)]
        other = Call(turning, adapter, outbound(upstream))
        turning.turn_until(lambda: other.over)
        assert other.content == b"ok"
        assert not any(each.over for each in waiting)
        assert asked == ["live"]
        may_answer.set()
        turning.turn_until(lambda: all(each.over for each in waiting))
        assert {each.content for each in waiting} == {b"ok"}
        adapter.abort()


def test_others_are_answered_while_one_waits_for_a_connection(turning: Turning) -> None:
    """Of a pool that has no more; it gets the one that is given back."""
    go_on = Event()

    def late(peer: Peer) -> None:
        peer.head()
        assert go_on.wait(DEADLINE)
        peer.send(OK)
        while True:
            peer.answer()

    adapter = Http1Adapter(pool_size=1, checkout_timeout=DEADLINE)
    with scripted(late) as slow, scripted() as quick:
        has_it = Call(turning, adapter, outbound(slow))
        wants_it = [Call(turning, adapter, outbound(slow)) for _ in range(3)]
        other = Call(turning, adapter, outbound(quick))
        turning.turn_until(lambda: other.over)
        assert other.content == b"ok"
        assert not has_it.over
        assert not any(each.over for each in wants_it)
        go_on.set()
        turning.turn_until(lambda: all(each.over for each in wants_it))
        assert [each.content for each in (has_it, *wants_it)] == [b"ok"] * 4
        assert len(slow.peers) == 1
        adapter.abort()


def test_who_waits_for_a_connection_keeps_its_place(turning: Turning) -> None:
    """Though another was faster than it, just when it was its turn."""
    order: list[str] = []
    gates: list[Gate] = []
    with scripted() as upstream:
        addresses = Addresses(upstream.origin, max_age=9, clock=time.monotonic, lookup=_no_lookup)
        dialer = Dialer(upstream.origin, addresses, None)
        pool = Pool(dialer, PoolRules(1, 60, DEADLINE, 60), time.monotonic)

        def holds() -> None:
            for _ in range(2):
                connection = pool.checkout(Budget(PATIENT, time.monotonic))
                order.append("holds")
                gates.append(Gate())
                gates[-1].wait(DEADLINE)
                pool.release(connection)

        def waits(name: str) -> None:
            connection = pool.checkout(Budget(PATIENT, time.monotonic))
            order.append(name)
            pool.release(connection)

        turning.start(holds)
        turning.turn_until(lambda: gates)
        for name in ("first", "second"):
            turning.hub.start(waits, name)
        gates[0].let_pass()
        turning.turn()
        assert order == ["holds", "holds"]
        gates[1].let_pass()
        turning.turn_until(lambda: len(order) == 4)
        pool.close()
    assert order[2:] == ["first", "second"]


def _no_lookup(*_: object, **__: object) -> list[tuple[Any, ...]]:
    raise AssertionError("an address is not looked up")


def test_one_that_gets_no_connection_is_told_in_time(turning: Turning) -> None:
    """And is not waited for by the one that is given back then."""
    go_on = Event()

    def late(peer: Peer) -> None:
        peer.head()
        assert go_on.wait(DEADLINE)
        peer.send(OK)
        peer.until_closed()

    adapter = Http1Adapter(pool_size=1, checkout_timeout=0.1)
    with scripted(late) as slow:
        has_it = Call(turning, adapter, outbound(slow))
        wants_it = Call(turning, adapter, outbound(slow))
        turning.turn_until(lambda: wants_it.over)
        assert isinstance(wants_it.error, PoolExhausted)
        assert 0.1 <= wants_it.seconds < 1.0
        (pool,) = adapter.snapshot().values()
        assert (pool.busy, pool.idle, pool.waiting) == (1, 0, 0)
        go_on.set()
        turning.turn_until(lambda: has_it.over)
        assert has_it.content == b"ok"
        (pool,) = adapter.snapshot().values()
        assert (pool.busy, pool.idle, pool.waiting) == (0, 1, 0)
        adapter.abort()


@pytest.mark.parametrize(
    ("said", "timeouts", "error"),
    [
        (b"", Timeouts(DEADLINE, 0.3), ReadTimedOut),
        (OK[:20], Timeouts(DEADLINE, 0.3), ReadTimedOut),
        (OK[:-1], Timeouts(DEADLINE, 0.3), ReadTimedOut),
        (OK[:-1], Timeouts(DEADLINE, DEADLINE, 0.3), DeadlineExceeded),
    ],
    ids=["no head", "half a head", "half a body", "in all"],
)
def test_time_outs_hold(
    turning: Turning,
    adapter: Http1Adapter,
    said: bytes,
    timeouts: Timeouts,
    error: type[Exception],
) -> None:
    """At their time, with others that come and go meanwhile."""

    def silent(peer: Peer) -> None:
        peer.answer(said)
        peer.until_closed()

    with scripted(silent) as upstream, scripted() as quick:
        call = Call(turning, adapter, outbound(upstream), timeouts)
        while not call.over:
            other = Call(turning, adapter, outbound(quick))
            turning.turn_until(lambda other=other: other.over)
            turning.turn(0.02)
        assert isinstance(call.error, error)
        assert 0.3 <= call.seconds < 1.0


def test_connecting_has_its_time_out(turning: Turning, adapter: Http1Adapter) -> None:
    """To one whose backlog is full: nothing happens to that socket, ever."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        inside = []
        for _ in range(4):
            inside.append(socket.socket())
            inside[-1].setblocking(False)
            inside[-1].connect_ex(("127.0.0.1", port))
        origin = Origin.parse(f"http://127.0.0.1:{port}")
        request = OutboundRequest("GET", origin, "/", [("Host", "x")], b"")
        call = Call(turning, adapter, request, Timeouts(0.3, DEADLINE))
        turning.turn_until(lambda: call.over)
        for each in inside:
            each.close()
    assert isinstance(call.error, ConnectTimedOut)
    assert 0.3 <= call.seconds < 1.0


def test_what_happens_to_another_connects_nobody(turning: Turning) -> None:
    """Who had the descriptor before may be told of late: a connection is there when it can be
    written to."""
    done: list[object] = []
    connection = Connection(time.monotonic)
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        crowd = [socket.socket() for _ in range(4)]
        for each in crowd:
            each.setblocking(False)
            each.connect_ex(full.getsockname())

        def connect() -> None:
            try:
                connection.open(Address(socket.AF_INET, full.getsockname()), time.monotonic() + 0.2)
            except Exception as error:  # noqa: BLE001 - what came of it
                done.append(type(error).__name__)
            else:
                done.append("connected")

        turning.start(connect)
        turning.hub.happened(connection.fileno(), select.POLLIN)
        turning.turn_until(lambda: done)
        for each in crowd:
            each.close()
    assert done == ["Expired"]


ABORTED: dict[str, Callable[[Peer], None]] = {
    "head": lambda peer: peer.head() and peer.until_gone(),
    "body": lambda peer: peer.answer(OK[:-1]) and peer.until_gone(),
}


@pytest.mark.parametrize("script", ABORTED.values(), ids=ABORTED)
def test_closing_for_good_ends_a_wait(
    turning: Turning, adapter: Http1Adapter, script: Callable[[Peer], None]
) -> None:
    """From another thread, while the hub's sleeps: a worker that ends waits for nobody."""
    with scripted(script) as upstream:
        call = Call(turning, adapter, outbound(upstream))
        (pool,) = adapter._pools.values()
        eventually(lambda: turning.turn() or (pool._busy and upstream.received), "the request")
        turning.turn()
        Thread(target=adapter.abort).start()
        turning.turn_until(lambda: call.over)
        assert isinstance(call.error, ConnectionLost | AnswerCutShort)
        assert call.seconds < DEADLINE / 2


def test_closing_for_good_ends_waiting_for_a_connection(turning: Turning) -> None:
    """It will not get one any more."""
    adapter = Http1Adapter(pool_size=1, checkout_timeout=DEADLINE)
    with scripted(lambda peer: peer.head() and peer.until_gone()) as upstream:
        calls = [Call(turning, adapter, outbound(upstream)) for _ in range(2)]
        Thread(target=adapter.abort).start()
        turning.turn_until(lambda: all(call.over for call in calls))
        assert isinstance(calls[1].error, ConnectFailed)
        assert calls[1].seconds < DEADLINE / 2


def test_an_answer_that_comes_as_fast_as_it_is_decrypted_lets_others_run(
    turning: Turning, certificates: Certificates
) -> None:
    """Reading it never has to wait, and so would be all that happens on this thread."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(*certificates.server)
    records = 20
    body = b"x" * 16384 * records
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
    said = Event()
    turns = 0
    adapter = Http1Adapter()

    def say(peer: Peer) -> None:
        peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 * len(body))
        peer.answer(head + body)
        said.set()
        peer.until_closed()

    def others() -> None:
        nonlocal turns
        while not call.over:
            turns += 1
            give_way()

    with scripted(say, tls=server) as upstream:
        origin = Origin.parse(f"https://localhost:{upstream.port}")
        request = OutboundRequest("GET", origin, "/", [("Host", "localhost")], b"")
        call = Call(turning, adapter, request, verify=certificates.ca)
        # Until it has asked, and then not: so that all of the answer is there.
        eventually(lambda: upstream.received or turning.turn(), "the request")
        assert said.wait(DEADLINE)
        turning.start(others)
        turning.turn_until(lambda: call.over)
        assert len(call.content) == len(body)
        adapter.abort()
    assert turns >= records // 2
