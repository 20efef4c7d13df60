from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
import requests

from gateway.transport import (
    BadAnswer,
    ConnectionLost,
    DeadlineExceeded,
    Http1Adapter,
    ReadTimedOut,
    Timeouts,
    UpstreamSession,
)
from tests.transport.scripted import DEADLINE, OK, Peer, outbound, saying, scripted

PATIENT = Timeouts(5, 5)
BOTH = True  # transports; see conftest.py
SHORT = Timeouts(5, 0.3)
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
LARGE = b"x" * (16 * 1024 * 1024)  # more than both sockets' buffers take


def test_the_bytes_of_a_request_are_those_it_was_given(session: UpstreamSession) -> None:
    """Head and body reach the upstream byte for byte, and nothing else does."""
    with scripted() as upstream:
        request = outbound(upstream, "PATCH", "/a%2Fb//?", b"\x00\xff", (("x-A", "\xe9"),))
        session.forward(request, PATIENT).close()
    host = upstream.origin.authority.encode()
    assert upstream.received == (
        b"PATCH /a%2Fb//? HTTP/1.1\r\nHost: " + host + b"\r\n"
        b"x-A: \xe9\r\nContent-Length: 2\r\n\r\n\x00\xff"
    )


@pytest.mark.parametrize("size", [1, 65535, 65536, 65537, 3_000_000])
def test_bodies_of_any_size_arrive_whole(session: UpstreamSession, size: int) -> None:
    """Small ones go out with the head, large ones in pieces; every byte arrives."""
    body = bytes(range(256)) * (size // 256) + b"y" * (size % 256)
    with scripted() as upstream:
        request = outbound(upstream, "POST", "/", body)
        assert session.forward(request, PATIENT).content == b"ok"
        assert upstream.received == request.head + body
        session.forward(outbound(upstream), PATIENT).close()
    assert len(upstream.peers) == 1


def test_an_answer_to_a_refused_upload_is_delivered(
    session: UpstreamSession, adapter: Http1Adapter
) -> None:
    """An upstream that answers 413 without reading on is heard; its connection is not reused."""

    def refuse(peer: Peer) -> None:
        peer.head()
        peer.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig")
        peer.until_gone()

    with scripted(refuse) as upstream:
        response = session.forward(outbound(upstream, "POST", "/", LARGE), PATIENT)
        assert (response.status_code, response.content) == (413, b"big")
        assert adapter.snapshot()[upstream.url].idle == 0


@pytest.mark.parametrize("how", ["close", "reset"])
def test_an_answer_before_the_upstream_breaks_the_upload_is_delivered(
    session: UpstreamSession, how: str
) -> None:
    """Refused and closed while we are still sending: what it said before counts."""

    def refuse(peer: Peer) -> None:
        peer.head()
        peer.send(b"HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno")
        if how == "reset":
            # Closing with unread bytes is what makes the kernel send a reset.
            peer.half_close()

    with scripted(refuse) as upstream:
        response = session.forward(outbound(upstream, "POST", "/", LARGE), PATIENT)
        assert (response.status_code, response.content) == (403, b"no")


def test_an_answer_made_of_the_request_as_it_comes(session: UpstreamSession) -> None:
    """A 200 that begins early does not stop the upload: it may depend on the rest of it."""
    seen: list[int] = []

    def echo(peer: Peer) -> None:
        peer.head()
        peer.send(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n")
        peer.body(len(LARGE))
        seen.append(len(LARGE))
        peer.send(b"received")
        peer.until_closed()

    with scripted(echo) as upstream:
        response = session.forward(outbound(upstream, "POST", "/", LARGE), PATIENT)
        assert (response.content, seen) == (b"received", [len(LARGE)])


def test_an_answer_before_a_reset_is_delivered(session: UpstreamSession) -> None:
    """It began while we were still sending, then the connection broke: what came, counts."""

    def script(peer: Peer) -> None:
        peer.head()
        peer.send(b"HTTP/1.1 202 Enough\r\nContent-Length: 2\r\n\r\nok")
        peer.body(8 * 1024 * 1024)  # so that it is heard before the rest makes a reset

    with scripted(script) as upstream:
        response = session.forward(outbound(upstream, "POST", "/", LARGE), PATIENT)
        assert (response.status_code, response.content) == (202, b"ok")


def test_nonsense_ends_an_upload_at_once(session: UpstreamSession) -> None:
    """Not only when the upstream's silence has lasted long enough."""

    def script(peer: Peer) -> None:
        peer.head()
        peer.send(b"hello\r\n\r\n")
        peer.until_gone()

    with scripted(script) as upstream:
        began = time.monotonic()
        with pytest.raises(BadAnswer):
            session.forward(outbound(upstream, "POST", "/", LARGE), PATIENT)
        assert time.monotonic() - began < 2


def test_a_half_closed_upstream_ends_an_upload_at_once(session: UpstreamSession) -> None:
    """It can answer no more, so there is nothing to send for."""

    def script(peer: Peer) -> None:
        peer.head()
        peer.half_close()
        peer.until_gone()

    with scripted(script) as upstream:
        began = time.monotonic()
        with pytest.raises(ConnectionLost) as caught:
            session.forward(outbound(upstream, "POST", "/", LARGE), PATIENT)
        assert time.monotonic() - began < 2
    assert caught.value.phase == "send"


def test_an_upload_may_take_longer_than_the_read_timeout(session: UpstreamSession) -> None:
    """Silence is what is timed: an upstream that reads slowly but steadily is not silent."""
    longest = 1.0

    def script(peer: Peer) -> None:
        peer.head()
        tick = threading.Event()
        for _ in range(16):
            tick.wait(longest / 8)
            peer.body(len(LARGE) // 16)
        peer.send(OK)
        peer.until_closed()

    with scripted(script) as upstream:
        began = time.monotonic()
        request = outbound(upstream, "POST", "/", LARGE)
        assert session.forward(request, Timeouts(5, longest)).content == b"ok"
        assert time.monotonic() - began > longest


def test_an_upstream_that_reads_nothing_times_out(session: UpstreamSession) -> None:
    """Silence while sending has the read time-out too, and says that it was in sending."""
    with (
        scripted(Peer.until_gone) as upstream,
        pytest.raises(requests.ReadTimeout) as caught,
    ):
        session.forward(outbound(upstream, "POST", "/", LARGE), SHORT)
    assert caught.value.phase == "send"  # type: ignore[attr-defined]


def _trickle(peer: Peer, start: bytes, piece: bytes) -> None:
    peer.request()
    peer.send(start)
    while True:
        peer.send(piece)
        if _closed_within(peer, 0.05):
            return


def _closed_within(peer: Peer, seconds: float) -> bool:
    peer.sock.settimeout(seconds)
    try:
        return not peer.sock.recv(1)
    except TimeoutError:
        peer.sock.settimeout(DEADLINE)
        return False


@pytest.mark.parametrize(
    ("start", "piece"),
    [
        pytest.param(b"", b"", id="silence"),
        pytest.param(b"", b"HTTP/1.1 100 Continue\r\n\r\n", id="endless 100s"),
        pytest.param(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n", id="endless fields"),
        pytest.param(b"HTTP/1.1 200 OK\r\nX: ", b"y", id="endless value"),
    ],
)
@pytest.mark.parametrize(
    ("timeouts", "error"),
    [
        pytest.param(SHORT, ReadTimedOut, id="read"),
        pytest.param(Timeouts(5, 5, 0.3), DeadlineExceeded, id="total"),
    ],
)
def test_the_whole_head_has_one_deadline(
    session: UpstreamSession, start: bytes, piece: bytes, timeouts: Timeouts, error: type
) -> None:
    """Trickling does not outlive the read time-out, nor the total."""
    with scripted(lambda peer: _trickle(peer, start, piece)) as upstream:
        began = time.monotonic()
        with pytest.raises(requests.ReadTimeout) as caught:
            session.forward(outbound(upstream), timeouts)
        took = time.monotonic() - began
    assert type(caught.value) is error
    assert caught.value.phase == "head"
    assert 0.25 < took < 2


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(lambda peer: peer.request() and None, id="closed"),
        pytest.param(lambda peer: peer.request() and peer.reset(), id="reset"),
        pytest.param(lambda peer: peer.request() and peer.half_close(), id="half-closed"),
        pytest.param(saying(b"HTTP/1.1 100 Continue\r\n\r\n", close=True), id="after a 100"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_connection_closed_without_an_answer_is_lost(
    session: UpstreamSession, script: Callable[[Peer], None], method: str
) -> None:
    """No answer is ConnectionLost, never an empty 200; a first use is not tried again."""
    with scripted(script) as upstream:
        with pytest.raises(ConnectionLost) as caught:
            session.forward(outbound(upstream, method), PATIENT)
        assert len(upstream.peers) == 1
    assert isinstance(caught.value, requests.ConnectionError)
    assert caught.value.request is not None


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n", id="head without its end"),
        pytest.param(b"HTTP/1.1 200 OK", id="half a status line"),
        pytest.param(b"H", id="one byte"),
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\nHT", id="after a 100"),
    ],
)
@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_head_that_breaks_off_is_bad(session: UpstreamSession, answer: bytes, how: str) -> None:
    """Never a 200 with an empty body."""

    def script(peer: Peer) -> None:
        peer.answer(answer)
        if how == "reset":
            peer.reset()

    with scripted(script) as upstream, pytest.raises(requests.ConnectionError) as caught:
        session.forward(outbound(upstream), PATIENT)
    # A reset may overtake the bytes before it.
    assert type(caught.value) is BadAnswer or how == "reset"


BAD_ANSWERS = {
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n",
    "no colon": b"HTTP/1.1 200 OK\r\nContent-Length 0\r\n\r\n",
    "bare CR in a value": b"HTTP/1.1 200 OK\r\nX: y\rContent-Length: 0\r\n\r\n",
    "nonsense": b"hello\r\n\r\n",
    "LF only": b"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
    "101": b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n",
    "large head": b"HTTP/1.1 200 OK\r\nX: " + b"x" * 65536 + b"\r\n\r\n",
    "bytes after the end": OK + b"x",
    "a second answer": OK + OK,
    "a body on 204": b"HTTP/1.1 204 No\r\nContent-Length: 2\r\n\r\nok",
    "bytes after the last chunk": CHUNKED + b"0\r\n\r\nx",
    "bad chunk": CHUNKED + b"zz\r\n",
}


@pytest.mark.parametrize("answer", [pytest.param(v, id=k) for k, v in BAD_ANSWERS.items()])
def test_a_bad_answer_costs_its_connection(
    session: UpstreamSession, adapter: Http1Adapter, answer: bytes
) -> None:
    """It is refused at once, and the next request goes over another connection."""

    def script(peer: Peer) -> None:
        peer.answer(OK if peer.number else answer)
        peer.until_closed()

    with scripted(script) as upstream:
        with pytest.raises(BadAnswer) as caught:
            session.forward(outbound(upstream), PATIENT)
        assert isinstance(caught.value, requests.ConnectionError)
        assert adapter.snapshot()[upstream.url].idle == 0
        assert session.forward(outbound(upstream), PATIENT).content == b"ok"
        assert len(upstream.peers) == 2


def test_a_body_on_an_answer_to_head_is_bad(session: UpstreamSession) -> None:
    """Content-Length there is about a GET; bytes behind it belong to nobody."""
    with scripted(saying(OK)) as upstream, pytest.raises(BadAnswer):
        session.forward(outbound(upstream, "HEAD"), PATIENT)
