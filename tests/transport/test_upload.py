from __future__ import annotations

import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator

import pytest
import requests

from gateway.transport import (
    AnswerCutShort,
    BadAnswer,
    DeadlineExceeded,
    Http1Adapter,
    ReadTimedOut,
    Timeouts,
    UpstreamSession,
)
from tests.transport.scripted import DEADLINE, OK, Peer, outbound, scripted

PATIENT = Timeouts(5, 5)
SHORT = Timeouts(5, 0.3)
HEAD = b"HTTP/1.1 200 OK\r\n"
BLOCK = bytes(range(256)) * 4096  # 1 MiB
LARGE = BLOCK * 32  # far more than all sockets' buffers take

FRAMINGS = {
    "length": (b"Content-Length: %d\r\n\r\n" % len(LARGE), b"%b", b""),
    "chunked": (b"Transfer-Encoding: chunked\r\n\r\n", None, b"0\r\n\r\n"),
    "until close": (b"\r\n", b"%b", b""),
}


def _framed(data: bytes, form: bytes | None) -> bytes:
    return form % data if form is not None else b"%x\r\n%b\r\n" % (len(data), data)


@pytest.mark.parametrize(
    ("fields", "form", "end"), [pytest.param(*v, id=k) for k, v in FRAMINGS.items()]
)
def test_an_echo_of_any_size_comes_back_whole(
    session: UpstreamSession,
    adapter: Http1Adapter,
    fields: bytes,
    form: bytes | None,
    end: bytes,
) -> None:
    """An upstream that answers with what it reads, as it reads it, waits for nobody:
    32 MB go through, in constant memory, and the connection is as good as any other.
    """

    def echo(peer: Peer) -> None:
        peer.small_buffers()
        peer.head()
        peer.send(HEAD + fields)
        for piece in peer.pieces(len(LARGE)):
            peer.send(_framed(piece, form))
        peer.send(end)
        if fields != b"\r\n":
            peer.answer()
            peer.until_closed()

    with scripted(echo) as upstream:
        request = outbound(upstream, "POST", "/", LARGE)
        tracemalloc.start()
        try:
            answer = session.forward(request, PATIENT).raw
            at = 0
            for piece in answer.stream():
                assert piece == LARGE[at : at + len(piece)]
                at += len(piece)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert (at, answer.complete) == (len(LARGE), True)
        assert peak < 8 * 1024 * 1024
        if fields != b"\r\n":
            assert adapter.snapshot()[upstream.url].idle == 1
            assert session.forward(outbound(upstream), PATIENT).content == b"ok"
            assert len(upstream.peers) == 1


def test_a_body_made_while_sending_is_echoed_too(session: UpstreamSession) -> None:
    """Not only bodies that are there as a whole."""

    def echo(peer: Peer) -> None:
        peer.small_buffers()
        peer.head()
        peer.send(HEAD + b"Content-Length: %d\r\n\r\n" % len(LARGE))
        for piece in peer.pieces(len(LARGE)):
            peer.send(piece)
        peer.until_closed()

    with scripted(echo) as upstream:
        fields = {"Content-Length": str(len(LARGE))}
        body = (BLOCK for _ in range(32))
        response = session.post(upstream.url, data=body, headers=fields, timeout=5, stream=True)
        assert sum(map(len, response.raw.stream())) == len(LARGE)


def test_the_head_is_returned_while_the_request_is_still_sent(session: UpstreamSession) -> None:
    """An upstream may want to be heard before it reads on."""
    heard = threading.Event()

    def script(peer: Peer) -> None:
        peer.small_buffers()
        peer.head()
        peer.send(HEAD + b"Content-Length: 4\r\n\r\nab")
        assert heard.wait(DEADLINE)
        peer.body(len(LARGE))
        peer.send(b"cd")
        peer.until_closed()

    with scripted(script) as upstream:
        parts = session.forward(outbound(upstream, "POST", "/", LARGE), PATIENT).raw.stream()
        assert next(parts) == b"ab"
        heard.set()
        assert list(parts) == [b"cd"]


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(OK, id="with a body"),
        pytest.param(b"HTTP/1.1 204 Done\r\n\r\n", id="without a body"),
    ],
)
def test_an_answer_that_ends_first_does_not_cut_the_upload(
    session: UpstreamSession, adapter: Http1Adapter, answer: bytes
) -> None:
    """Accepted early and read to the end: every byte arrives, and the connection is kept."""
    read = threading.Event()

    def script(peer: Peer) -> None:
        peer.small_buffers()
        peer.head()
        peer.send(answer)
        peer.body(len(LARGE))
        read.set()
        peer.until_closed()

    with scripted(script) as upstream:
        response = session.forward(outbound(upstream, "POST", "/", LARGE), PATIENT)
        assert response.content == answer.partition(b"\r\n\r\n")[2]
        assert read.wait(DEADLINE)
        assert adapter.snapshot()[upstream.url].idle == 1


def _stops(peer: Peer) -> None:
    peer.until_gone()


def _half_closes(peer: Peer) -> None:
    peer.half_close()
    peer.until_gone()


def _talks(peer: Peer) -> None:
    peer.body(1 << 20)
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
    peer.until_gone()


@pytest.mark.parametrize(
    ("then", "slow"),
    [
        pytest.param(_stops, True, id="stops reading"),
        pytest.param(_half_closes, False, id="half-closes"),
        pytest.param(lambda peer: peer.body(1 << 20), False, id="reads on and closes"),
        pytest.param(lambda peer: peer.reset(), False, id="resets"),
        pytest.param(_talks, False, id="answers once more"),
    ],
)
def test_an_answer_that_ends_first_is_an_answer_all_the_same(
    session: UpstreamSession, adapter: Http1Adapter, then: Callable[[Peer], None], slow: bool
) -> None:
    """Whatever it does with the rest of the request: what it said is delivered at once, the
    end after the read time-out at the latest, and the connection is thrown away.
    """
    taken = threading.Event()

    def script(peer: Peer) -> None:
        peer.small_buffers()
        peer.head()
        peer.send(OK)
        assert taken.wait(DEADLINE)
        then(peer)

    with scripted(script) as upstream:
        began = time.monotonic()
        timeouts = SHORT if slow else PATIENT
        answer = session.forward(outbound(upstream, "POST", "/", LARGE), timeouts).raw
        parts = answer.stream()
        assert next(parts) == b"ok"
        assert answer.complete
        taken.set()
        assert list(parts) == []
        assert time.monotonic() - began < 2
        assert adapter.snapshot()[upstream.url][:2] == (0, 0)


def test_an_answer_that_is_left_ends_the_upload(
    session: UpstreamSession, adapter: Http1Adapter
) -> None:
    """close() waits for nothing, also where the answer is complete and the request is not."""

    def script(peer: Peer) -> None:
        peer.small_buffers()
        peer.head()
        peer.send(OK)
        peer.until_gone()

    with scripted(script) as upstream:
        response = session.forward(outbound(upstream, "POST", "/", LARGE), PATIENT)
        assert response.raw.read(2) == b"ok"
        response.close()
        assert adapter.snapshot()[upstream.url][:2] == (0, 0)
        assert response.raw.read() == b""


def _silent(peer: Peer) -> None:
    peer.until_gone()


def _trickling(peer: Peer) -> None:
    tick = threading.Event()
    while True:
        peer.send(b"x")
        tick.wait(0.01)


def _echoing(peer: Peer) -> None:
    tick = threading.Event()
    for piece in peer.pieces(len(LARGE)):
        peer.send(piece[:1])
        tick.wait(0.02)


def _flooding(peer: Peer) -> None:
    while True:
        peer.send(b"x" * 65536)


@pytest.mark.parametrize(
    ("then", "timeouts", "error"),
    [
        pytest.param(_silent, SHORT, ReadTimedOut, id="silence"),
        pytest.param(_silent, Timeouts(5, 5, 0.3), DeadlineExceeded, id="silence, total"),
        pytest.param(_trickling, Timeouts(5, 5, 0.3), DeadlineExceeded, id="trickle, total"),
        pytest.param(_echoing, Timeouts(5, 5, 0.3), DeadlineExceeded, id="slow echo, total"),
        pytest.param(_flooding, Timeouts(5, 5, 0.3), DeadlineExceeded, id="flood, total"),
    ],
)
def test_deadlines_hold_while_both_sides_send(
    session: UpstreamSession,
    adapter: Http1Adapter,
    then: Callable[[Peer], None],
    timeouts: Timeouts,
    error: type,
) -> None:
    """Silence is neither reading nor sending; the total ends everything."""

    def script(peer: Peer) -> None:
        peer.small_buffers()
        peer.head()
        peer.send(HEAD + b"Content-Length: 99999999999\r\n\r\nx")
        then(peer)

    with scripted(script) as upstream:
        began = time.monotonic()
        answer = session.forward(outbound(upstream, "POST", "/", LARGE), timeouts).raw
        slower = threading.Event()  # than a flood: there is always something to read
        parts = iter(lambda: slower.wait(0.01) or answer.read1(), b"")
        with pytest.raises(requests.ReadTimeout) as caught:
            all(time.monotonic() - began < 3 for _ in parts)
        assert 0.25 < time.monotonic() - began < 2
        assert (type(caught.value), caught.value.phase) == (error, "body")
        assert adapter.snapshot()[upstream.url][:2] == (0, 0)


@pytest.mark.parametrize("side", ["reads", "sends"])
def test_an_upstream_that_does_one_of_the_two_is_not_silent(
    session: UpstreamSession, side: str
) -> None:
    """Steady progress in either direction keeps the other one's silence from counting."""

    def script(peer: Peer) -> None:
        peer.small_buffers()
        peer.head()
        size = 10 if side == "sends" else 1
        peer.send(HEAD + b"Content-Length: %d\r\n\r\n" % size)
        tick = threading.Event()
        if side == "sends":
            for _ in range(10):
                tick.wait(0.1)
                peer.send(b"x")
            peer.body(len(LARGE))
        else:
            for at in range(32):
                if at % 4 == 0:
                    tick.wait(0.1)
                peer.body(1 << 20)
            peer.send(b"x")
        peer.until_closed()

    with scripted(script) as upstream:
        began = time.monotonic()
        response = session.forward(outbound(upstream, "POST", "/", LARGE), Timeouts(5, 0.6))
        assert response.content.strip(b"x") == b""
        assert time.monotonic() - began > 0.6


@pytest.mark.parametrize(
    ("rest", "error"),
    [pytest.param(b"zz\r\n", BadAnswer, id="bad"), pytest.param(b"", AnswerCutShort, id="cut")],
)
def test_a_body_that_breaks_while_the_request_is_sent_is_broken(
    session: UpstreamSession, adapter: Http1Adapter, rest: bytes, error: type
) -> None:
    """At once, and never an answer: the same verdicts as after the last byte of the request."""
    taken = threading.Event()

    def script(peer: Peer) -> None:
        peer.small_buffers()
        peer.head()
        peer.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n")
        assert taken.wait(DEADLINE)
        peer.send(rest)
        peer.half_close()
        peer.until_gone()

    with scripted(script) as upstream:
        began = time.monotonic()
        parts = session.forward(outbound(upstream, "POST", "/", LARGE), PATIENT).raw.stream()
        assert next(parts) == b"ok"
        taken.set()
        with pytest.raises(error):
            list(parts)
        assert time.monotonic() - began < 2
        assert adapter.snapshot()[upstream.url][:2] == (0, 0)


def test_a_body_that_cannot_be_made_is_the_callers_error(
    session: UpstreamSession, adapter: Http1Adapter
) -> None:
    """Also when the answer has begun, or has ended: nothing is passed off as sent."""

    def script(peer: Peer) -> None:
        peer.small_buffers()
        peer.head()
        peer.send(OK)
        peer.until_closed()

    def body() -> Iterator[bytes]:
        yield LARGE
        raise OSError("the disk is gone")

    with scripted(script) as upstream:
        with pytest.raises(OSError, match="the disk is gone"):
            session.post(upstream.url, data=body(), timeout=5)
        assert adapter.snapshot()[upstream.url][:2] == (0, 0)


def test_abort_ends_an_upload_whose_answer_is_complete(
    session: UpstreamSession, adapter: Http1Adapter
) -> None:
    """A gateway that stops does not wait for an upstream that reads nothing."""

    def script(peer: Peer) -> None:
        peer.small_buffers()
        peer.head()
        peer.send(OK)
        peer.until_gone()

    with scripted(script) as upstream:
        answer = session.forward(outbound(upstream, "POST", "/", LARGE), PATIENT).raw
        assert answer.read(2) == b"ok"
        timer = threading.Timer(0.1, adapter.abort)
        timer.start()
        began = time.monotonic()
        assert answer.read() == b""
        assert time.monotonic() - began < 2
        timer.join()
