from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.transport import AnswerCutShort, BadAnswer
from gateway.transport.codec import parse_head
from gateway.transport.framing import Body, BodyUntilClose, ChunkedBody, SizedBody, body_of

LIMIT = 1000
LENGTH, CODING = b"Content-Length: 5", b"Transfer-Encoding: chunked"


def fed(body: Body, wire: bytes, *cuts: int) -> bytes:
    """The body's bytes when the wire is cut there."""
    out = []
    for start, end in zip([0, *cuts], [*cuts, len(wire)], strict=True):
        if start < end:
            out.append(body.feed(wire[start:end]))
    return b"".join(out)


@pytest.mark.parametrize(
    ("method", "head", "kind", "done"),
    [
        pytest.param("HEAD", b"200 OK\r\n" + LENGTH, SizedBody, True, id="HEAD"),
        pytest.param("HEAD", b"200 OK\r\n" + CODING, SizedBody, True, id="HEAD, chunked"),
        pytest.param("GET", b"204 No\r\n" + LENGTH, SizedBody, True, id="204"),
        pytest.param("GET", b"304 No\r\n" + LENGTH, SizedBody, True, id="304"),
        pytest.param("GET", b"200 OK\r\nContent-Length: 0", SizedBody, True, id="empty"),
        pytest.param("GET", b"200 OK\r\n" + LENGTH, SizedBody, False, id="length"),
        pytest.param("GET", b"200 OK\r\n" + CODING, ChunkedBody, False, id="chunked"),
        pytest.param("GET", b"200 OK", BodyUntilClose, False, id="until close"),
    ],
)
def test_the_framing_of_a_body(method: str, head: bytes, kind: type, done: bool) -> None:
    """RFC 9112 section 6.3: what has no body, whatever its fields say; then TE, length, close."""
    body = body_of(parse_head(b"HTTP/1.1 " + head + b"\r\n\r\n"), method, LIMIT)
    assert (type(body), body.done) == (kind, done)


def test_a_sized_body_ends_with_its_last_byte() -> None:
    """Done exactly then; what comes comes out as it is."""
    body = SizedBody(5)
    assert (body.feed(b"abc"), body.done) == (b"abc", False)
    assert (body.feed(b"de"), body.done) == (b"de", True)


@pytest.mark.parametrize("length", [0, 1, 5])
def test_bytes_after_a_sized_body_are_bad(length: int) -> None:
    """One byte too many makes the answer bad, also where there is no body."""
    with pytest.raises(BadAnswer, match="after the end"):
        SizedBody(length).feed(b"x" * (length + 1))


@pytest.mark.parametrize("body", [SizedBody(5), ChunkedBody(LIMIT)], ids=["sized", "chunked"])
def test_an_early_close_cuts_the_body_short(body: Body) -> None:
    """A body that says its length is never taken for complete before it."""
    with pytest.raises(AnswerCutShort):
        body.end()
    assert not body.done


def test_the_close_ends_a_body_without_length() -> None:
    """Only there is the end of the connection the end of the body."""
    body = BodyUntilClose()
    assert (body.feed(b"abc"), body.done) == (b"abc", False)
    assert (body.end(), body.done) == (b"", True)


PARTS = [(b"\r\n1\r\nx\r\n0\r\n\r\n" * 2)[:size] for size in [*range(1, 19), *range(18, 0, -1)]]


def _chunk(data: bytes) -> bytes:
    return (b"%X" if len(data) % 2 else b"%x") % len(data) + b"\r\n" + data + b"\r\n"


CHUNKED = {
    "plain": (b"3\r\nabc\r\n0\r\n\r\n", b"abc", []),
    "empty": (b"0\r\n\r\n", b"", []),
    "several": (b"1\r\na\r\n2\r\nbc\r\n0\r\n\r\n", b"abc", []),
    "hex": (b"A\r\n0123456789\r\nb\r\n0123456789a\r\n0\r\n\r\n", b"01234567890123456789a", []),
    "leading zeros": (b"0003\r\nabc\r\n000\r\n\r\n", b"abc", []),
    "extension": (b"3;a=b\r\nabc\r\n0 ; x\r\n\r\n", b"abc", []),
    "line ends inside": (b"4\r\n\r\n\r\n\r\n0\r\n\r\n", b"\r\n\r\n", []),
    "a row of all small sizes": (b"".join(map(_chunk, PARTS)) + b"0\r\n\r\n", b"".join(PARTS), []),
    "a row with extensions": (
        b"1\r\na\r\n1;x\r\nb\r\n01\r\nc\r\n0001 ;x\r\nd\r\n1\r\ne\r\n0\r\n\r\n",
        b"abcde",
        [],
    ),
    "all digits": (b"000000000000001\r\na\r\n1\r\nb\r\n0\r\n\r\n", b"ab", []),
    "chunks inside a chunk": (
        b"e\r\n1\r\na\r\n0\r\n\r\n!!!\r\n0\r\n\r\n",
        b"1\r\na\r\n0\r\n\r\n!!!",
        [],
    ),
    "trailers": (b"1\r\na\r\n0\r\nX: 1\r\nx:  2 \r\n\r\n", b"a", [("X", "1"), ("x", "2")]),
}


@pytest.mark.parametrize(
    ("wire", "content", "trailers"), [pytest.param(*v, id=k) for k, v in CHUNKED.items()]
)
def test_chunks_are_taken_apart(
    wire: bytes, content: bytes, trailers: list[tuple[str, str]]
) -> None:
    """Content and trailers come out the same whole, byte by byte, and cut anywhere once."""
    for cuts in [(), range(1, len(wire)), *((at,) for at in range(1, len(wire)))]:
        body = ChunkedBody(LIMIT)
        assert fed(body, wire, *cuts) == content
        assert (body.done, list(body.trailers)) == (True, trailers)


BAD_CHUNKS = {
    "not hex": b"g\r\n",
    "no size": b"\r\n",
    "negative": b"-1\r\n",
    "plus": b"+1\r\na\r\n",
    "0x": b"0x1\r\na\r\n",
    "space before the size": b" 1\r\na\r\n",
    "space after the size": b"1 \r\na\r\n",
    "too large": b"1000000000000000\r\n",
    "LF after the size": b"1\na\r\n",
    "CR in the extension": b"1;a\rb\r\na\r\n",
    "control byte in the extension": b"1;\x01\r\na\r\n",
    "extension without end": b"1;" + b"x" * 2000,
    "no CR LF behind the data": b"1\r\nab\r\n",
    "LF behind the data": b"1\r\na\n0\r\n\r\n",
    "CR alone behind the data": b"1\r\na\r0\r\n\r\n",
    "no size in a row": b"1\r\na\r\n1\r\nb\r\n\r\n",
    "too little data in a row": b"1\r\na\r\n2\r\nb\r\n1\r\nc\r\n",
    "too much data in a row": b"1\r\na\r\n2\r\nbcd\r\n1\r\ne\r\n",
    "LF in a row": b"1\r\na\r\n1\nb\r\n1\r\nc\r\n",
    "CR alone in a row": b"1\r\na\r\n1\r\nb\r1\r\nc\r\n",
    "16 digits in a row": b"1\r\na\r\n0000000000000001\r\nb\r\n",
    "bytes after the end": b"0\r\n\r\nx",
    "a second answer": b"0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
    "bytes after trailers": b"0\r\nA: b\r\n\r\nx",
    "trailer without colon": b"0\r\nA\r\n\r\n",
    "folded trailer": b"0\r\nA: b\r\n c\r\n\r\n",
    "control byte in a trailer": b"0\r\nA: \x01\r\n\r\n",
    "length in the trailers": b"0\r\nContent-Length: 5\r\n\r\n",
    "endless trailers": b"0\r\n" + b"A: b\r\n" * 1000,
    "large trailers": b"0\r\n" + b"A: b\r\n" * 1000 + b"\r\n",
}


@pytest.mark.parametrize("wire", [pytest.param(v, id=k) for k, v in BAD_CHUNKS.items()])
@pytest.mark.parametrize("step", [1, 10000], ids=["byte by byte", "at once"])
def test_bad_chunks_are_refused(wire: bytes, step: int) -> None:
    """Whatever two readers could take differently is bad, however it arrives."""
    body = ChunkedBody(LIMIT)
    with pytest.raises(BadAnswer):
        fed(body, wire, *range(step, len(wire), step))


def test_data_comes_out_before_its_chunk_ends() -> None:
    """A server-sent event is passed on at once, although its chunk may be a gigabyte."""
    body = ChunkedBody(LIMIT)
    assert body.feed(b"40000000\r\nevent") == b"event"
    assert body.feed(b" more") == b" more"


def test_a_piece_of_a_chunk_is_passed_on_uncopied() -> None:
    """Large chunks cost no copy for each read."""
    body = ChunkedBody(LIMIT)
    body.feed(b"40000000\r\n")
    piece = b"x" * 65536
    assert body.feed(piece) is piece


@pytest.mark.parametrize(
    "chunk", [b"1\r\nx\r\n", b"02\r\nxx\r\n", b"f\r\n" + b"x" * 15 + b"\r\n"], ids=["1", "2", "15"]
)
def test_a_row_of_small_chunks_costs_a_few_calls(chunk: bytes) -> None:
    """An upstream that sends every byte as a chunk cannot make the gateway work for each."""
    calls = 0

    def count(frame: object, event: str, arg: object) -> None:
        nonlocal calls
        calls += 1

    body, wire = ChunkedBody(LIMIT), chunk * 10_000
    sys.setprofile(count)
    try:
        content = body.feed(wire)
    finally:
        sys.setprofile(None)
    assert content == b"x" * (chunk.count(b"x") * 10_000)
    assert calls < 100


@given(
    st.lists(st.binary(min_size=1, max_size=40), max_size=6),
    st.lists(st.sampled_from([("A", "b"), ("X-Y", "")]), max_size=3),
    st.data(),
)
def test_any_chunking_and_any_split_reads_the_same(
    chunks: list[bytes], trailers: list[tuple[str, str]], data: st.DataObject
) -> None:
    """However the sender chunks and the network cuts, the same content comes out."""
    wire = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    wire += b"0\r\n" + b"".join(f"{n}: {v}\r\n".encode() for n, v in trailers) + b"\r\n"
    cuts = sorted(data.draw(st.lists(st.integers(1, len(wire) - 1), max_size=8)))
    body = ChunkedBody(LIMIT)
    assert fed(body, wire, *cuts) == b"".join(chunks)
    assert (body.done, list(body.trailers)) == (True, trailers)


_ODD = st.sampled_from(
    [b"\r\n", b"\r", b"\n", b"0", b"1", b"a", b";", b" ", b"0\r\n\r\n", b"1\r\na\r\n"]
) | st.sampled_from(
    [b"2\r\n\r\n\r\n", b"01\r\n0\r\n", b"1;\r\na\r\n", b"10\r\n0123456789abcdef\r\n"]
)


@given(st.lists(_ODD, min_size=1, max_size=15))
def test_arbitrary_bytes_are_chunks_or_bad(pieces: list[bytes]) -> None:
    """Only BadAnswer is raised, and the result does not depend on how the bytes are cut."""

    def outcome(parts: list[bytes]) -> object:
        body, content = ChunkedBody(LIMIT), b""
        try:
            for part in parts:
                content += body.feed(part)
        except BadAnswer:
            return "bad"
        return content, body.done

    wire = b"".join(pieces)
    assert (
        outcome(pieces) == outcome([wire]) == outcome([wire[i : i + 1] for i in range(len(wire))])
    )
