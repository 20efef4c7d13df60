from __future__ import annotations

import gc
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
import requests

from gateway.transport import (
    AnswerCutShort,
    ConnectFailed,
    ConnectionLost,
    Http1Adapter,
    PoolExhausted,
    ReadTimedOut,
    Timeouts,
    Transport,
    UpstreamSession,
)
from gateway.transport.budget import Budget
from gateway.transport.stock import StockAdapter
from tests.support.transports import ONLY_OURS
from tests.support.waiting import wait_for
from tests.transport.scripted import DEADLINE, OK, Peer, outbound, saying, scripted

PATIENT = Timeouts(5, 5)
BOTH = True  # transports; see conftest.py
Maker = Callable[..., Transport]
ADAPTERS = pytest.mark.parametrize("made", [Http1Adapter, StockAdapter], ids=["gateway", "urllib3"])


def test_requests_share_a_kept_connection(session: UpstreamSession, adapter: Http1Adapter) -> None:
    """One connection carries request after request, each with its own answer."""

    def script(peer: Peer) -> None:
        for number in range(20):
            peer.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n%02d" % number)

    with scripted(script) as upstream:
        answers = [session.forward(outbound(upstream), PATIENT).content for _ in range(20)]
        assert answers == [b"%02d" % number for number in range(20)]
        assert adapter.snapshot() == {upstream.url: (0, 1, 0, 1, 19)}
        assert repr(adapter).endswith("Adapter [1 upstreams | 0 busy, 1 idle]>")


def _closing_at_the_second_request(peer: Peer) -> None:
    """Answers the first connection's first request; reads its second and closes."""
    peer.answer()
    if peer.number == 0:
        peer.request()
        return
    peer.until_closed()


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"])
def test_an_idempotent_request_survives_a_stale_connection(
    session: UpstreamSession, method: str
) -> None:
    """Reused, closed before a byte of answer: sent once more, over a new connection."""

    def script(peer: Peer) -> None:
        if peer.number == 0:
            peer.answer()
            peer.request()
            return
        peer.answer(b"HTTP/1.1 204 No Content\r\n\r\n")
        peer.until_closed()

    with scripted(script) as upstream:
        session.forward(outbound(upstream), PATIENT).close()
        response = session.forward(outbound(upstream, method, body=b"x"), PATIENT)
        assert response.status_code == 204
        assert [peer.received.count(b" HTTP/1.1\r\n") for peer in upstream.peers] == [2, 1]


@pytest.mark.parametrize("method", ["POST", "PATCH", "LOCK", "get"])
def test_other_requests_are_never_sent_twice(session: UpstreamSession, method: str) -> None:
    """The upstream may have acted on the first one."""
    with scripted(_closing_at_the_second_request) as upstream:
        session.forward(outbound(upstream), PATIENT).close()
        with pytest.raises(ConnectionLost):
            session.forward(outbound(upstream, method), PATIENT)
        assert len(upstream.peers) == 1


def test_a_retry_takes_a_new_connection_not_another_idle_one(
    session: UpstreamSession, adapter: Http1Adapter
) -> None:
    """After a restart of the upstream all idle connections are stale."""

    def script(peer: Peer) -> None:
        if peer.number < 2:
            peer.request()
            return
        peer.answer()
        peer.until_closed()

    with scripted(script) as upstream:
        pool = adapter._pool(upstream.origin, True, None)
        idle = [pool.checkout(Budget(PATIENT, time.monotonic)) for _ in range(2)]
        wait_for(lambda: len(upstream.peers) == 2, "both to be accepted")
        for connection in idle:
            pool.release(connection)
        assert session.forward(outbound(upstream), PATIENT).content == b"ok"
        assert len(upstream.peers) == 3


def test_there_is_one_retry_and_no_more(session: UpstreamSession) -> None:
    """The second connection is new: what happens on it is the answer."""

    def script(peer: Peer) -> None:
        if peer.number == 0:
            peer.answer()
        peer.request()

    with scripted(script) as upstream:
        session.forward(outbound(upstream), PATIENT).close()
        with pytest.raises(ConnectionLost):
            session.forward(outbound(upstream), PATIENT)
        assert len(upstream.peers) == 2


def test_a_retry_that_cannot_connect_does_not_hide_the_first_try(session: UpstreamSession) -> None:
    """It failed to connect, but the request had been sent before: that is what is said."""

    def script(peer: Peer) -> None:
        peer.answer()
        peer.request()
        upstream.refuse()

    with scripted(script) as upstream:
        session.forward(outbound(upstream), PATIENT).close()
        with pytest.raises(ConnectionLost) as caught:
            session.forward(outbound(upstream), PATIENT)
    assert not caught.value.nothing_sent
    assert isinstance(caught.value.__cause__, ConnectFailed)


@pytest.mark.parametrize(
    "failing",
    [
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n", id="after a 100"),
        pytest.param(b"HTTP/1.1 200", id="after a part of the head"),
        pytest.param(b"nonsense\r\n\r\n", id="after nonsense"),
    ],
)
def test_nothing_is_sent_twice_once_an_answer_has_begun(
    session: UpstreamSession, failing: bytes
) -> None:
    """A byte of answer shows that the request got there."""

    def script(peer: Peer) -> None:
        peer.answer()
        peer.answer(failing)

    with scripted(script) as upstream:
        session.forward(outbound(upstream), PATIENT).close()
        with pytest.raises(requests.ConnectionError):
            session.forward(outbound(upstream), PATIENT)
        assert len(upstream.peers) == 1


def test_a_time_out_is_not_retried(session: UpstreamSession) -> None:
    """A reused connection that stays silent is slow, not stale."""

    def script(peer: Peer) -> None:
        peer.answer()
        peer.until_closed()

    with scripted(script) as upstream:
        session.forward(outbound(upstream), PATIENT).close()
        with pytest.raises(ReadTimedOut):
            session.forward(outbound(upstream), Timeouts(5, 0.1))
        assert len(upstream.peers) == 1


def test_retries_can_be_switched_off() -> None:
    """As shadows do: a copy is never sent twice, whatever its method."""
    with (
        UpstreamSession(Http1Adapter(retry_stale=False)) as session,
        scripted(_closing_at_the_second_request) as upstream,
    ):
        session.forward(outbound(upstream), PATIENT).close()
        with pytest.raises(ConnectionLost):
            session.forward(outbound(upstream), PATIENT)
        assert len(upstream.peers) == 1


@ONLY_OURS
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_upstream_that_closes_idle_connections_is_no_error(
    session: UpstreamSession, adapter: Http1Adapter, method: str
) -> None:
    """What closed while it was idle is noticed before it is used, for any method."""
    closed = threading.Event()

    def script(peer: Peer) -> None:
        peer.answer()
        peer.sock.close()
        closed.set()

    with scripted(script) as upstream:
        for _ in range(3):
            closed.clear()
            assert session.forward(outbound(upstream, method), PATIENT).content == b"ok"
            assert closed.wait(DEADLINE)
            pool = adapter._pools[next(iter(adapter._pools))]
            wait_for(lambda: pool._idle[0].stale(), "the close to arrive")  # noqa: B023
        assert len(upstream.peers) == 3


@ONLY_OURS
def test_bytes_nobody_asked_for_never_become_an_answer(
    session: UpstreamSession, adapter: Http1Adapter
) -> None:
    """An answer sent into an idle connection is not served to the next request."""
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
        pool = adapter._pools[next(iter(adapter._pools))]
        wait_for(lambda: pool._idle[0].stale(), "the bytes to arrive")
        assert session.forward(outbound(upstream), PATIENT).content == b"ok"
        assert len(upstream.peers) == 2


@ADAPTERS
def test_pools_are_kept_apart(made: Maker) -> None:
    """By origin and TLS options: a connection verified one way is not used another way."""
    with (
        scripted() as one,
        scripted() as two,
        UpstreamSession(adapter := made()) as session,
    ):
        for upstream in (one, two):
            session.forward(outbound(upstream), PATIENT).close()
        session.forward(outbound(one), PATIENT, verify=False).close()
        assert (len(one.peers), len(two.peers)) == (2, 1)
        assert len(adapter.snapshot()) == 3


@ADAPTERS
def test_a_full_pool_refuses_after_the_checkout_time(made: Maker) -> None:
    """A bounded wait, and the exception says that nothing was sent."""
    adapter = made(pool_size=1, checkout_timeout=0.1)
    with (
        UpstreamSession(adapter) as session,
        scripted(saying(b"HTTP/1.1 200 OK\r\n\r\n")) as upstream,
    ):
        held = session.forward(outbound(upstream), PATIENT)
        with pytest.raises(PoolExhausted) as caught:
            session.forward(outbound(upstream), PATIENT)
        assert caught.value.nothing_sent
        held.close()


@ADAPTERS
def test_many_threads_share_one_adapter(made: Maker) -> None:
    """Every thread gets its own answer; connections stay within the bound and come back."""
    adapter = made(pool_size=4, checkout_timeout=DEADLINE)

    def script(peer: Peer) -> None:
        while True:
            body = peer.request().partition(b"\r\n\r\n")[2]
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))

    with (
        UpstreamSession(adapter) as session,
        scripted(script) as upstream,
        ThreadPoolExecutor(16) as threads,
    ):

        def call(number: int) -> bool:
            body = b"%d" % number
            return session.forward(outbound(upstream, "POST", "/", body), PATIENT).content == body

        assert all(threads.map(call, range(400)))
        state = adapter.snapshot()[upstream.url]
        assert len(upstream.peers) <= 4
        assert (state.busy, state.waiting, state.idle) == (0, 0, len(upstream.peers))


@ONLY_OURS
def test_close_lets_calls_finish(adapter: Http1Adapter) -> None:
    """Idle connections go at once, busy ones with their answer; new calls still work."""
    go_on = threading.Event()

    def script(peer: Peer) -> None:
        peer.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
        assert go_on.wait(DEADLINE)
        peer.send(b"ok")
        peer.until_closed()

    with scripted(script) as upstream:
        session = UpstreamSession(adapter)
        response = session.forward(outbound(upstream), PATIENT)
        session.close()
        go_on.set()
        assert response.content == b"ok"
        assert session.forward(outbound(upstream), PATIENT).content == b"ok"
        assert adapter.snapshot()[upstream.url][:2] == (0, 0)


@pytest.mark.parametrize(
    ("script", "error"),
    [
        pytest.param(Peer.until_closed, ConnectionLost, id="waiting for the head"),
        pytest.param(saying(b"HTTP/1.1 200 OK\r\n\r\nok"), AnswerCutShort, id="body until close"),
        pytest.param(
            saying(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok"), AnswerCutShort, id="body"
        ),
    ],
)
@ADAPTERS
def test_abort_ends_calls_in_progress_at_once(
    made: Maker, script: Callable[[Peer], None], error: type[Exception]
) -> None:
    """Wherever they wait; what was cut off is never taken for complete."""
    adapter = made()
    streaming = threading.Event()

    def call() -> bytes:
        response = session.forward(outbound(upstream), Timeouts(60, 60))
        streaming.set()
        return response.content

    with (
        UpstreamSession(adapter) as session,
        scripted(script) as upstream,
        ThreadPoolExecutor(1) as threads,
    ):
        called = threads.submit(call)
        if error is AnswerCutShort:
            assert streaming.wait(DEADLINE)
        else:
            wait_for(lambda: upstream.received.endswith(b"\r\n\r\n"), "the request to arrive")
        began = time.monotonic()
        adapter.abort()
        with pytest.raises(error):
            called.result(5)
        assert time.monotonic() - began < 1
        assert all(state[:2] == (0, 0) for state in adapter.snapshot().values())
        with pytest.raises(ConnectFailed, match="closed"):
            session.forward(outbound(upstream), PATIENT)


@ADAPTERS
def test_nothing_leaks_over_failing_calls(made: Maker, descriptors: Callable[[], int]) -> None:
    """Descriptors and threads are as many as before, whatever went wrong in between."""
    scripts: dict[str, Callable[[Peer], None]] = {
        "closed": lambda peer: peer.request() and None,
        "reset": lambda peer: peer.request() and peer.reset(),
        "nonsense": saying(b"hello\r\n\r\n"),
        "cut short": saying(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", close=True),
        "surplus": saying(OK + OK),
        "silent": Peer.until_closed,
    }
    gc.collect()
    before, threads = descriptors(), threading.active_count()
    for name, script in scripts.items():
        with UpstreamSession(made(pool_size=1)) as session:
            with scripted(script) as upstream:
                for _ in range(5 if name == "silent" else 25):
                    # urllib3 does not mind what comes behind an answer.
                    with suppress(requests.RequestException):
                        session.forward(outbound(upstream), Timeouts(1, 0.02)).content  # noqa: B018
                        assert (made, name) == (StockAdapter, "surplus")
            for _ in range(25):
                with pytest.raises(ConnectFailed):
                    session.forward(outbound(upstream), Timeouts(1, 1))
    assert (descriptors(), threading.active_count()) == (before, threads)


def test_importing_it_starts_and_opens_nothing() -> None:
    """So that a worker may import before it forks and construct afterwards."""
    code = (
        "import os, threading\n"
        "before = len(os.listdir('/dev/fd'))\n"
        "from gateway.transport import Http1Adapter, UpstreamSession\n"
        "UpstreamSession(Http1Adapter())\n"
        "print(len(os.listdir('/dev/fd')) - before, threading.active_count())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.stdout.split(), done.stderr) == (["0", "1"], "")


@ONLY_OURS
def test_an_interrupted_call_gives_its_connection_up(
    session: UpstreamSession, adapter: Http1Adapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also by what is no Exception (a worker's time-out, a killed greenlet)."""
    from gateway.transport.connection import Connection

    def interrupted(self: Connection, until: float) -> bytes:
        raise KeyboardInterrupt

    with scripted() as upstream:
        monkeypatch.setattr(Connection, "receive", interrupted)
        with pytest.raises(KeyboardInterrupt):
            session.forward(outbound(upstream), PATIENT)
        assert adapter.snapshot()[upstream.url][:2] == (0, 0)
