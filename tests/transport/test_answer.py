from __future__ import annotations

import gc
import threading
import time
import tracemalloc

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.transport import (
    AnswerCutShort,
    BadAnswer,
    DeadlineExceeded,
    Http1Adapter,
    ReadTimedOut,
    Timeouts,
    UpstreamSession,
)
from tests.transport.scripted import DEADLINE, OK, Peer, outbound, saying, scripted

PATIENT = Timeouts(5, 5)
BOTH = True  # transports; see conftest.py
CLOSING = b"HTTP/1.1 200 OK\r\nConnection: x, close\r\nContent-Length: 2\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def test_the_answer_shows_its_head_as_received(session: UpstreamSession) -> None:
    """Status, reason, version and every field in order, repeats and casing included."""
    head = b"HTTP/1.1 404 Not Here\r\nset-Cookie: a\r\nContent-Length: 0\r\nSet-Cookie: b \r\n\r\n"
    with scripted(saying(head)) as upstream:
        answer = session.forward(outbound(upstream), PATIENT).raw
    assert (answer.status, answer.reason, answer.version) == (404, "Not Here", 11)
    assert answer.fields == [("set-Cookie", "a"), ("Content-Length", "0"), ("Set-Cookie", "b")]
    assert (answer.content_length, answer.complete, answer.trailers) == (0, True, [])


@pytest.mark.parametrize(
    ("method", "answer", "length"),
    [
        pytest.param("HEAD", b"200 OK\r\nContent-Length: 500", 500, id="HEAD"),
        pytest.param("HEAD", b"200 OK\r\nTransfer-Encoding: chunked", None, id="HEAD, chunked"),
        pytest.param("HEAD", b"200 OK", None, id="HEAD without length"),
        pytest.param("GET", b"204 No Content\r\nContent-Length: 5", 5, id="204"),
        pytest.param("GET", b"304 Not Modified\r\nContent-Length: 5", 5, id="304"),
        pytest.param("GET", b"204 No Content", None, id="204 without length"),
    ],
)
def test_answers_without_a_body_end_with_their_head(
    session: UpstreamSession, method: str, answer: bytes, length: int | None
) -> None:
    """No byte is waited for, the length stays in the fields, the connection is reused."""
    with scripted(
        lambda p: p.answer(b"HTTP/1.1 " + answer + b"\r\n\r\n") and p.answer()
    ) as upstream:
        first = session.forward(outbound(upstream, method), PATIENT)
        assert (first.raw.complete, first.raw.content_length, first.content) == (True, length, b"")
        assert session.forward(outbound(upstream), PATIENT).content == b"ok"
        assert len(upstream.peers) == 1


@pytest.mark.parametrize(
    ("answer", "close", "content", "version"),
    [
        pytest.param(OK, False, b"ok", 11, id="length"),
        pytest.param(CHUNKED + b"2\r\nok\r\n0\r\n\r\n", False, b"ok", 11, id="chunked"),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\nok", True, b"ok", 11, id="until close"),
        pytest.param(b"HTTP/1.0 200 OK\r\n\r\nok", True, b"ok", 10, id="1.0 until close"),
        pytest.param(b"HTTP/1.0 " + OK[9:], False, b"ok", 10, id="1.0 length"),
        pytest.param(CLOSING, False, b"ok", 11, id="close"),
        pytest.param(b"HTTP/1.1 102 Wait\r\n\r\n" + OK, False, b"ok", 11, id="after a 102"),
    ],
)
@pytest.mark.parametrize("bytewise", [False, True], ids=["at once", "byte by byte"])
def test_every_framing_delivers_its_body(
    session: UpstreamSession,
    adapter: Http1Adapter,
    answer: bytes,
    close: bool,
    content: bytes,
    version: int,
    bytewise: bool,
) -> None:
    """Whole and complete, however it is cut; reused only if both sides keep the connection."""

    def script(peer: Peer) -> None:
        peer.request()
        for at in range(0, len(answer), 1 if bytewise else len(answer)):
            peer.send(answer[at : at + (1 if bytewise else len(answer))])
        if not close:
            peer.answer()

    with scripted(script) as upstream:
        response = session.forward(outbound(upstream), PATIENT)
        assert (response.content, response.raw.complete) == (content, True)
        assert response.raw.version == version
        kept = not close and version == 11 and answer is not CLOSING
        assert adapter.snapshot()[upstream.url].idle == kept


def test_trailers_are_kept_apart(session: UpstreamSession) -> None:
    """They are there once the body is complete, and are no header fields."""
    with scripted(saying(CHUNKED + b"2\r\nok\r\n0\r\nX-Sum: 1\r\nX-Sum: 2\r\n\r\n")) as upstream:
        response = session.forward(outbound(upstream), PATIENT)
        assert response.content == b"ok"
    assert response.raw.trailers == [("X-Sum", "1"), ("X-Sum", "2")]
    assert "X-Sum" not in response.headers


@pytest.mark.parametrize(
    ("head", "framed"),
    [
        pytest.param(CHUNKED, b"7\r\n%b\r\n", id="chunked"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n", b"%b", id="length"),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\n", b"%b", id="until close"),
    ],
)
def test_an_event_is_seen_before_the_next_is_sent(
    session: UpstreamSession, head: bytes, framed: bytes
) -> None:
    """Pieces come out as they arrive: nothing waits to fill a buffer."""
    seen = threading.Event()

    def script(peer: Peer) -> None:
        peer.answer(head)
        peer.send(framed % b"data: 1")
        assert seen.wait(DEADLINE)
        peer.send(framed % b"data: 2" + (b"0\r\n\r\n" if head is CHUNKED else b""))

    with scripted(script) as upstream:
        parts = session.forward(outbound(upstream), PATIENT).raw.stream(65536)
        assert next(parts) == b"data: 1"
        seen.set()
        assert list(parts) == [b"data: 2"]


@pytest.mark.parametrize("amt", [1, 3, 65536, None])
def test_pieces_are_never_larger_than_asked_for(session: UpstreamSession, amt: int | None) -> None:
    """Also where more has arrived already; nothing is lost between pieces."""
    with scripted(saying(CHUNKED + b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n")) as upstream:
        parts = list(session.forward(outbound(upstream), PATIENT).raw.stream(amt))
    assert b"".join(parts) == b"hello world"
    assert all(parts)
    assert max(map(len, parts)) <= (amt or 11)


def test_read_takes_what_is_there_or_all(session: UpstreamSession) -> None:
    """Like a file: up to so much, then the rest, then nothing."""
    with scripted(saying(OK)) as upstream:
        answer = session.forward(outbound(upstream), PATIENT).raw
        assert (answer.read(1), answer.read(), answer.read(), answer.read(1)) == (
            b"o",
            b"k",
            b"",
            b"",
        )


@pytest.mark.parametrize(
    ("fields", "wire", "close"),
    [
        pytest.param(b"Content-Length: 10\r\n", b"abcdefghij", False, id="length"),
        pytest.param(
            b"Transfer-Encoding: chunked\r\n",
            b"1\r\na\r\n5;x=y\r\nbcdef\r\n4\r\nghij\r\n0\r\nA: b\r\n\r\n",
            False,
            id="chunked",
        ),
        pytest.param(b"", b"abcdefghij", True, id="until close"),
    ],
)
def test_the_bytes_on_the_wire_are_counted(
    session: UpstreamSession, fields: bytes, wire: bytes, close: bool
) -> None:
    """With all framing, without the head: what came with it, then what came later."""
    seen = threading.Event()

    def script(peer: Peer) -> None:
        peer.answer(b"HTTP/1.1 102 Wait\r\n\r\nHTTP/1.1 200 OK\r\n" + fields + b"\r\n" + wire[:6])
        assert seen.wait(DEADLINE)
        peer.send(wire[6:])
        if not close:
            peer.until_closed()

    with scripted(script) as upstream:
        answer = session.forward(outbound(upstream), PATIENT).raw
        assert answer.wire_bytes == 6
        first = answer.read1(100)
        assert answer.wire_bytes == 6
        seen.set()
        assert first + answer.read() == b"abcdefghij"
        assert (answer.wire_bytes, answer.complete) == (len(wire), True)


def test_an_encoded_body_is_not_touched(session: UpstreamSession) -> None:
    """Whatever Content-Encoding says, the bytes are passed on as they came."""
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x00\x00"
    with scripted(saying(head)) as upstream:
        response = session.forward(outbound(upstream), PATIENT)
        assert b"".join(response.raw.stream(decode_content=True)) == b"\x1f\x8b\x00\x00"


BROKEN = {
    "length": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok",
    "length, nothing came": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
    "in a chunk": CHUNKED + b"5\r\nok",
    "between chunks": CHUNKED + b"2\r\nok\r\n",
    "before the last line": CHUNKED + b"2\r\nok\r\n0\r\n",
    "in the trailers": CHUNKED + b"0\r\nA: b\r\n",
}


@pytest.mark.parametrize("answer", [pytest.param(v, id=k) for k, v in BROKEN.items()])
@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_body_that_breaks_off_is_never_complete(
    session: UpstreamSession, adapter: Http1Adapter, answer: bytes, how: str
) -> None:
    """Closed or reset: an exception, for good, and the connection is thrown away."""
    read = threading.Event()

    def script(peer: Peer) -> None:
        peer.answer(answer)
        if how == "reset":
            assert read.wait(DEADLINE)
            peer.reset()

    with scripted(script) as upstream:
        response = session.forward(outbound(upstream), PATIENT)
        read.set()
        for _ in range(2):
            with pytest.raises(AnswerCutShort) as caught:
                list(response.raw.stream())
            assert isinstance(caught.value, requests.exceptions.ChunkedEncodingError)
        assert not response.raw.complete
        assert adapter.snapshot()[upstream.url][:2] == (0, 0)


def test_a_reset_does_not_end_a_body_without_length(session: UpstreamSession) -> None:
    """Only a proper close is the end of such a body."""
    read = threading.Event()

    def script(peer: Peer) -> None:
        peer.answer(b"HTTP/1.1 200 OK\r\n\r\nok")
        assert read.wait(DEADLINE)
        peer.reset()

    with scripted(script) as upstream:
        parts = session.forward(outbound(upstream), PATIENT).raw.stream()
        assert next(parts) == b"ok"
        read.set()
        with pytest.raises(AnswerCutShort):
            next(parts)


@pytest.mark.parametrize(
    ("timeouts", "error"),
    [
        pytest.param(Timeouts(5, 0.2), ReadTimedOut, id="silence"),
        pytest.param(Timeouts(5, 5, 0.3), DeadlineExceeded, id="total"),
    ],
)
def test_a_body_that_pauses_times_out(
    session: UpstreamSession, timeouts: Timeouts, error: type
) -> None:
    """Silence between two reads, and the end of the total, break a stream off."""
    with scripted(saying(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok")) as upstream:
        answer = session.forward(outbound(upstream), timeouts).raw
        with pytest.raises(requests.ReadTimeout) as caught:
            answer.read()
    assert type(caught.value) is error
    assert caught.value.phase == "body"
    assert not answer.complete


def test_the_total_ends_a_body_that_never_pauses(session: UpstreamSession) -> None:
    """A byte every few milliseconds is no silence; the total ends it all the same."""

    def script(peer: Peer) -> None:
        peer.answer(b"HTTP/1.1 200 OK\r\n\r\n")
        tick = threading.Event()
        while True:
            peer.send(b"x")
            tick.wait(0.01)

    with scripted(script) as upstream:
        began = time.monotonic()
        answer = session.forward(outbound(upstream), Timeouts(5, 5, 0.3)).raw
        with pytest.raises(DeadlineExceeded):
            answer.read()
    assert 0.25 < time.monotonic() - began < 2


def test_pauses_shorter_than_the_read_timeout_are_fine(session: UpstreamSession) -> None:
    """The read time-out counts silence, not the whole body."""

    def script(peer: Peer) -> None:
        peer.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n")
        tick = threading.Event()
        for _ in range(6):
            tick.wait(0.1)
            peer.send(b"x")

    with scripted(script) as upstream:
        assert session.forward(outbound(upstream), Timeouts(5, 0.5)).content == b"x" * 6


@pytest.mark.parametrize(
    "rest",
    [
        pytest.param(b"3\r\nabcd", id="no CR LF behind a chunk"),
        pytest.param(b"xyz\r\n", id="no chunk size"),
        pytest.param(b"0\r\n\r\nHTTP/1.1 200 OK", id="bytes after the end"),
    ],
)
def test_a_body_that_turns_bad_is_bad(
    session: UpstreamSession, adapter: Http1Adapter, rest: bytes
) -> None:
    """Framing that breaks after the head was passed on still costs the connection."""
    go_on = threading.Event()

    def script(peer: Peer) -> None:
        peer.answer(CHUNKED + b"2\r\nok\r\n")
        assert go_on.wait(DEADLINE)
        peer.send(rest)
        peer.until_closed()

    with scripted(script) as upstream:
        parts = session.forward(outbound(upstream), PATIENT).raw.stream()
        assert next(parts) == b"ok"
        go_on.set()
        with pytest.raises(BadAnswer):
            list(parts)
        assert adapter.snapshot()[upstream.url][:2] == (0, 0)


def test_an_answer_left_early_is_not_complete(
    session: UpstreamSession, adapter: Http1Adapter
) -> None:
    """close() in mid-body throws the connection away, and reading on does not end cleanly."""
    with scripted(saying(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok")) as upstream:
        response = session.forward(outbound(upstream), PATIENT)
        parts = response.raw.stream()
        assert next(parts) == b"ok"
        response.close()
        assert adapter.snapshot()[upstream.url][:2] == (0, 0)
        with pytest.raises(AnswerCutShort):
            next(parts)


def test_the_connection_is_free_as_soon_as_the_last_byte_is_in(
    session: UpstreamSession, adapter: Http1Adapter
) -> None:
    """A slow reader of a complete answer holds no connection."""
    with scripted() as upstream:
        answer = session.forward(outbound(upstream), PATIENT).raw
        assert adapter.snapshot()[upstream.url][:2] == (0, 1)
        assert answer.read() == b"ok"


def test_an_answer_that_is_dropped_gives_its_place_back() -> None:
    """Forgotten without close(): the pool has its connection back at the next checkout."""
    adapter = Http1Adapter(pool_size=1, checkout_timeout=5)
    with (
        UpstreamSession(adapter) as session,
        scripted(saying(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")) as upstream,
    ):
        response = session.forward(outbound(upstream), PATIENT)
        del response
        gc.collect()
        began = time.monotonic()
        session.forward(outbound(upstream), PATIENT).close()
        assert time.monotonic() - began < 2


def test_a_large_answer_takes_little_memory(session: UpstreamSession) -> None:
    """64 MB stream through in pieces; at no time is more than a few of them held."""
    size, block = 64 * 1024 * 1024, b"x" * 65536

    def script(peer: Peer) -> None:
        peer.answer(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        for _ in range(size // len(block)):
            peer.send(block)
        peer.until_closed()

    with scripted(script) as upstream:
        answer = session.forward(outbound(upstream), PATIENT).raw
        tracemalloc.start()
        try:
            total = sum(map(len, answer.stream()))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert (total, answer.complete) == (size, True)
    assert peak < 1024 * 1024


WIRES = [
    pytest.param(OK, b"ok", id="length"),
    pytest.param(CHUNKED + b"2;x\r\nok\r\n0\r\nT: 1\r\n\r\n", b"ok", id="chunked"),
    pytest.param(
        b"HTTP/1.1 103 A\r\nL: x\r\n\r\nHTTP/1.1 200 OK\r\nA: b\r\n\r\nok", b"ok", id="close"
    ),
]


@pytest.mark.parametrize(("wire", "content"), WIRES)
@settings(
    deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(cuts=st.lists(st.integers(1, 60), max_size=5))
def test_any_split_over_a_socket_gives_the_same_answer(
    session: UpstreamSession, wire: bytes, content: bytes, cuts: list[int]
) -> None:
    """However the network cuts an answer, the same one is read."""
    places = sorted({cut for cut in cuts if cut < len(wire)})

    def script(peer: Peer) -> None:
        peer.request()
        for start, end in zip([0, *places], [*places, len(wire)], strict=True):
            peer.send(wire[start:end])

    with scripted(script) as upstream:
        response = session.forward(outbound(upstream), PATIENT)
        assert (response.status_code, response.content) == (200, content)
        assert response.raw.complete


@settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(
        st.sampled_from([b"HTTP/1.1 200 OK\r\n", b"\r\n", b"Content-Length: 2\r\n", b"ok", b"\x00"])
        | st.sampled_from([b"Transfer-Encoding: chunked\r\n", b"2\r\nok\r\n", b"0\r\n\r\n"])
        | st.binary(max_size=4),
        max_size=8,
    )
)
def test_arbitrary_bytes_raise_nothing_of_their_own(
    session: UpstreamSession, pieces: list[bytes]
) -> None:
    """Whatever an upstream says before it closes: an answer, or one of requests' exceptions."""
    wire = b"".join(pieces)
    with scripted(saying(wire, close=True)) as upstream:
        try:
            response = session.forward(outbound(upstream), PATIENT)
            content = response.raw.read()
        except requests.RequestException:
            return
    assert response.raw.complete
    assert wire.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\n\r\n" in wire
    assert content in wire
