"""What the adapter over urllib3 does by itself; the rest is in the tests of both transports."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
import requests
from urllib3 import exceptions as urllib3_errors

from gateway.transport import (
    BadAnswer,
    ConnectFailed,
    DeadlineExceeded,
    PoolExhausted,
    Timeouts,
    TlsFailed,
    TransportError,
    UpstreamSession,
)
from gateway.transport.budget import Budget
from gateway.transport.stock import StockAdapter
from gateway.transport.stock.call import Call
from gateway.transport.stock.failures import translated
from tests.support.waiting import wait_for
from tests.transport.scripted import DEADLINE, OK, Peer, outbound, saying, scripted

PATIENT = Timeouts(5, 5)


@pytest.fixture
def adapter() -> Iterator[StockAdapter]:
    made = StockAdapter()
    yield made
    made.abort()


@pytest.fixture
def session(adapter: StockAdapter) -> Iterator[UpstreamSession]:
    with UpstreamSession(adapter) as session:
        yield session


def test_a_connection_is_used_for_a_limited_time() -> None:
    """So that names are resolved again, and what moved away is found."""
    with UpstreamSession(StockAdapter(max_age=0.05)) as session, scripted() as upstream:
        began = time.monotonic()
        while len(upstream.peers) < 3:
            assert session.forward(outbound(upstream), PATIENT).content == b"ok"
            assert time.monotonic() - began < DEADLINE
        assert time.monotonic() - began > 0.09


def test_bytes_behind_an_answer_spoil_the_connection(session: UpstreamSession) -> None:
    """Also those that came with the answer, which no poll sees any more."""

    def script(peer: Peer) -> None:
        peer.answer(
            OK if peer.number else OK + b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nstolen"
        )
        peer.until_closed()

    with scripted(script) as upstream:
        for _ in range(2):
            assert session.forward(outbound(upstream), PATIENT).content == b"ok"
        assert len(upstream.peers) == 2


def test_an_answer_sent_into_an_idle_connection_is_not_the_next_ones(
    session: UpstreamSession, adapter: StockAdapter
) -> None:
    """It is closed when it is looked at."""
    go_on, gone = threading.Event(), threading.Event()

    def script(peer: Peer) -> None:
        peer.answer()
        if peer.number == 0:
            assert go_on.wait(DEADLINE)
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nstolen")
            gone.set()
        peer.until_closed()

    with scripted(script) as upstream:
        session.forward(outbound(upstream), PATIENT).close()
        go_on.set()
        assert gone.wait(DEADLINE)
        pools = adapter.poolmanager.pools
        pool = pools[next(iter(pools.keys()))]
        wait_for(lambda: not pool.pool.queue[-1].is_connected, "the bytes to arrive")
        assert session.forward(outbound(upstream), PATIENT).content == b"ok"
        assert len(upstream.peers) == 2


def test_the_total_is_also_for_a_connection_that_is_waited_for() -> None:
    """Not the checkout time on top of it."""
    adapter = StockAdapter(pool_size=1, checkout_timeout=60)
    with UpstreamSession(adapter) as session, scripted(saying(OK[:-2])) as upstream:
        held = session.forward(outbound(upstream), PATIENT)
        began = time.monotonic()
        with pytest.raises((DeadlineExceeded, PoolExhausted)):
            session.forward(outbound(upstream), Timeouts(5, 5, 0.2))
        assert time.monotonic() - began < 2
        held.close()
    assert "0 busy" in repr(adapter)


def test_unix_sockets_are_refused(session: UpstreamSession) -> None:
    """As a caller's mistake: the settings have refused them before."""
    with pytest.raises(requests.exceptions.InvalidURL, match="no Unix sockets"):
        session.get("http+unix://%2Frun%2Fapp.sock/")


def test_an_upstream_that_trickles_has_no_more_time_than_the_total(
    session: UpstreamSession,
) -> None:
    """Head, chunk sizes and body alike, though there is never a pause."""

    def script(peer: Peer) -> None:
        peer.answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            for byte in b"1\r\nx\r\n":
                peer.send(bytes([byte]))
                threading.Event().wait(0.01)

    with scripted(script) as upstream:
        began = time.monotonic()
        with pytest.raises(DeadlineExceeded):
            session.forward(outbound(upstream), Timeouts(5, 5, 0.4)).content  # noqa: B018
        assert 0.35 < time.monotonic() - began < 2


def call_in(phase: str) -> Call:
    with scripted() as upstream:
        call = Call(outbound(upstream), Budget(Timeouts(1, 1, 1), time.monotonic))
    call.phase = phase  # type: ignore[assignment]
    return call


@pytest.mark.parametrize(
    ("error", "phase", "meaning"),
    [
        (urllib3_errors.EmptyPoolError(None, "x"), "checkout", PoolExhausted),  # type: ignore[arg-type]
        (urllib3_errors.NewConnectionError(None, "x"), "connect", ConnectFailed),  # type: ignore[arg-type]
        (urllib3_errors.SSLError("x"), "connect", TlsFailed),
        (FileNotFoundError("no such file"), "checkout", TlsFailed),
        (urllib3_errors.InvalidHeader("two lengths"), "head", BadAnswer),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_failures_have_one_meaning(
    error: BaseException, phase: str, meaning: type[TransportError]
) -> None:
    """By what was raised, and how far the call had come."""
    made = translated(error, call_in(phase))
    assert type(made) is meaning
    assert made.nothing_sent == (phase in {"checkout", "connect"})
