from __future__ import annotations

import httptools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.transport import BadAnswer
from gateway.transport.codec import MAX_INFORMATIONAL, Head, HeadReader, parse_head

LIMIT = 65536


def head_of(*lines: bytes) -> bytes:
    return b"\r\n".join(lines) + b"\r\n\r\n"


def read(data: bytes, limit: int = LIMIT) -> Head | None:
    return HeadReader(limit).feed(data)


def test_fields_are_kept_as_received() -> None:
    """Order, repeats, casing and latin-1 bytes stay; only the space around values goes."""
    head = parse_head(
        head_of(
            b"HTTP/1.1 200 All  good\xe9",
            b"sEt-Cookie: a=1",
            b"X-Empty:",
            b"Set-Cookie:  \t b=2; path=/ \t",
            b"X-Bytes: \xff\xa0 inner  space",
            b"X-NBSP: \xa0",
        )
    )
    assert (head.status, head.reason, head.version) == (200, "All  goodé", 11)
    assert head.fields == [
        ("sEt-Cookie", "a=1"),
        ("X-Empty", ""),
        ("Set-Cookie", "b=2; path=/"),
        ("X-Bytes", "ÿ\xa0 inner  space"),
        ("X-NBSP", "\xa0"),
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        pytest.param(b"HTTP/1.1 204 No Content", "No Content", id="usual"),
        pytest.param(b"HTTP/1.1 204 ", "", id="empty"),
        pytest.param(b"HTTP/1.1 204", "", id="left out with its space"),
        pytest.param(b"HTTP/1.1 204 a\tb", "a\tb", id="tab"),
    ],
)
def test_the_reason_may_be_empty(line: bytes, reason: str) -> None:
    """Many servers send none, some not even the space before it."""
    assert parse_head(head_of(line)).reason == reason


@pytest.mark.parametrize(
    ("lines", "keep_alive"),
    [
        pytest.param((b"HTTP/1.1 200 OK",), True, id="1.1"),
        pytest.param((b"HTTP/1.1 200 OK", b"Connection: close"), False, id="close"),
        pytest.param((b"HTTP/1.1 200 OK", b"connection: foo , CLOSE"), False, id="in a list"),
        pytest.param(
            (b"HTTP/1.1 200 OK", b"Connection: foo", b"Connection: close"), False, id="in a repeat"
        ),
        pytest.param((b"HTTP/1.1 200 OK", b"Connection: closed"), True, id="only similar"),
        pytest.param((b"HTTP/1.0 200 OK",), False, id="1.0"),
        pytest.param((b"HTTP/1.0 200 OK", b"Connection: keep-alive"), False, id="1.0 kept alive"),
    ],
)
def test_what_keeps_a_connection(lines: tuple[bytes, ...], keep_alive: bool) -> None:
    """Connection: close counts wherever it is listed; an HTTP/1.0 connection is never kept."""
    assert parse_head(head_of(*lines)).keep_alive is keep_alive


@pytest.mark.parametrize(
    ("field", "length", "chunked"),
    [
        pytest.param(b"Content-Length: 0", 0, False, id="zero"),
        pytest.param(b"content-length:\t0012 ", 12, False, id="leading zeros"),
        pytest.param(b"Content-Length: 999999999999999999", 10**18 - 1, False, id="largest"),
        pytest.param(b"Transfer-Encoding: chunked", None, True, id="chunked"),
        pytest.param(b"transfer-encoding: Chunked", None, True, id="chunked, other case"),
        pytest.param(b"X: y", None, False, id="neither"),
    ],
)
def test_framing_is_read(field: bytes, length: int | None, chunked: bool) -> None:
    """Content-Length and chunked, in any case, decide the framing."""
    head = parse_head(head_of(b"HTTP/1.1 200 OK", field))
    assert (head.length, head.chunked) == (length, chunked)


BAD_FIELDS = {
    "two equal lengths": b"Content-Length: 1\r\nContent-Length: 1",
    "two lengths": b"Content-Length: 1\r\ncontent-length: 2",
    "list of lengths": b"Content-Length: 1, 1",
    "length and chunked": b"Content-Length: 1\r\nTransfer-Encoding: chunked",
    "chunked and length": b"Transfer-Encoding: chunked\r\nContent-Length: 1",
    "negative length": b"Content-Length: -1",
    "plus": b"Content-Length: +1",
    "hex": b"Content-Length: 0x10",
    "huge": b"Content-Length: 1000000000000000000",
    "float": b"Content-Length: 1.0",
    "underscore": b"Content-Length: 1_0",
    "no number": b"Content-Length: ",
    "superscript two": b"Content-Length: \xb2",
    "gzip": b"Transfer-Encoding: gzip",
    "gzip, chunked": b"Transfer-Encoding: gzip, chunked",
    "identity": b"Transfer-Encoding: identity",
    "chunked twice": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    "chunked, chunked": b"Transfer-Encoding: chunked, chunked",
    "vertical tab in the coding": b"Transfer-Encoding: \x0bchunked",
    "empty coding": b"Transfer-Encoding:",
    "no colon": b"Content-Length 5",
    "space before the colon": b"X : y",
    "tab before the colon": b"X\t: y",
    "no name": b": y",
    "obs-fold": b"X: y\r\n z",
    "obs-fold of a length": b"Content-Length:\r\n 5",
    "leading space": b" X: y",
    "bare CR": b"X: y\rZ: a",
    "bare LF": b"X: y\nZ: a",
    "NUL": b"X: y\x00",
    "control byte": b"X: \x01",
    "escape": b"X: \x1b[31m",
    "DEL": b"X: \x7f",
    "control byte in a name": b"X\x01: y",
    "umlaut in a name": b"X\xe4: y",
    "separator in a name": b"X(y): z",
}


@pytest.mark.parametrize("lines", [pytest.param(v, id=k) for k, v in BAD_FIELDS.items()])
def test_doubtful_fields_are_refused(lines: bytes) -> None:
    """Whatever another reader could take differently makes the whole answer bad."""
    with pytest.raises(BadAnswer):
        read(head_of(b"HTTP/1.1 200 OK", lines))


BAD_STATUS_LINES = {
    "HTTP/2.0": b"HTTP/2.0 200 OK",
    "HTTP/1.2": b"HTTP/1.2 200 OK",
    "HTTP/0.9": b"HTTP/0.9 200 OK",
    "HTTP/1.10": b"HTTP/1.10 200 OK",
    "HTTP/1": b"HTTP/1 200 OK",
    "lower case": b"http/1.1 200 OK",
    "other protocol": b"ICY 200 OK",
    "099": b"HTTP/1.1 099 OK",
    "600": b"HTTP/1.1 600 OK",
    "999": b"HTTP/1.1 999 OK",
    "two digits": b"HTTP/1.1 20 OK",
    "four digits": b"HTTP/1.1 2000 OK",
    "letters": b"HTTP/1.1 2OO OK",
    "sign": b"HTTP/1.1 +20 OK",
    "two spaces": b"HTTP/1.1  200 OK",
    "tab": b"HTTP/1.1\t200 OK",
    "no space": b"HTTP/1.1 200OK",
    "leading empty line": b"\r\nHTTP/1.1 200 OK",
    "leading space": b" HTTP/1.1 200 OK",
    "control byte in the reason": b"HTTP/1.1 200 O\x01K",
    "NUL in the reason": b"HTTP/1.1 200 O\x00K",
    "bare CR in the reason": b"HTTP/1.1 200 O\rK",
    "no status": b"HTTP/1.1",
    "a request": b"GET / HTTP/1.1",
}


@pytest.mark.parametrize("line", [pytest.param(v, id=k) for k, v in BAD_STATUS_LINES.items()])
def test_doubtful_status_lines_are_refused(line: bytes) -> None:
    """HTTP/1.0 or 1.1, a status from 100 to 599, a printable reason: nothing else."""
    with pytest.raises(BadAnswer):
        read(head_of(line, b"Content-Length: 0"))


def test_transfer_encoding_in_an_http_1_0_answer_is_refused() -> None:
    """RFC 9112 section 6.1: its framing is faulty."""
    with pytest.raises(BadAnswer):
        parse_head(head_of(b"HTTP/1.0 200 OK", b"Transfer-Encoding: chunked"))


@pytest.mark.parametrize(
    "begun",
    [
        pytest.param(b"HTTP/1.1 200 OK\n", id="LF after the status line"),
        pytest.param(b"HTTP/1.1 200 OK\r\nX: y\n\n", id="LF LF at the end"),
        pytest.param(b"HTTP/1.1 200 OK\rX", id="bare CR"),
        pytest.param(b"SSH-2.0", id="other protocol"),
        pytest.param(b"\r\n", id="empty line"),
        pytest.param(b"HTTP/3", id="version that will not come right"),
    ],
)
@pytest.mark.parametrize("step", [1, 1000], ids=["byte by byte", "at once"])
def test_nonsense_is_refused_before_its_head_ends(begun: bytes, step: int) -> None:
    """An upstream that speaks something else is told apart from a slow one at once."""
    reader = HeadReader(LIMIT)
    with pytest.raises(BadAnswer):  # noqa: PT012
        for at in range(0, len(begun), step):
            assert reader.feed(begun[at : at + step]) is None


@pytest.mark.parametrize("ended", [True, False], ids=["complete", "endless"])
def test_a_head_larger_than_the_limit_is_refused(ended: bool) -> None:
    """64 KB and no more, whether its end has come or not; exactly the limit passes."""
    start = b"HTTP/1.1 200 OK\r\nX: "
    fitting = start + b"x" * (LIMIT - len(start) - 4) + b"\r\n\r\n"
    assert read(fitting) is not None
    larger = start + b"x" * (LIMIT - len(start) - 3) + b"\r\n\r\n"
    with pytest.raises(BadAnswer, match="larger"):
        read(larger if ended else larger[:-4] + b"xxxx")


def test_informational_answers_are_skipped() -> None:
    """The client gets the final answer, not a 100, 102 or 103 before it."""
    reader = HeadReader(LIMIT)
    informational = b"HTTP/1.1 103 Early\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
    assert reader.feed(informational) is None
    head = reader.feed(b"HTTP/1.1 200 OK\r\n\r\nbody")
    assert head is not None
    assert (head.status, head.fields, reader.rest) == (200, [], b"body")


def test_endless_informational_answers_are_refused() -> None:
    """A bounded number of them is skipped."""
    one = b"HTTP/1.1 100 Continue\r\n\r\n"
    assert read(one * MAX_INFORMATIONAL + b"HTTP/1.1 200 OK\r\n\r\n") is not None
    with pytest.raises(BadAnswer, match="informational"):
        read(one * (MAX_INFORMATIONAL + 1))


def test_switching_protocols_is_refused() -> None:
    """Nothing here asked for another protocol."""
    with pytest.raises(BadAnswer, match="101"):
        read(head_of(b"HTTP/1.1 101 Switching", b"Upgrade: x", b"Connection: upgrade"))


_TOKEN = st.text("abcXYZ0-_!~", min_size=1, max_size=8)
_VALUE = st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=12
)
_FRAMING = {"content-length", "transfer-encoding", "connection"}
_FIELDS = st.lists(
    st.tuples(_TOKEN.filter(lambda n: n.lower() not in _FRAMING), _VALUE), max_size=6
)


@given(st.integers(200, 599), _VALUE, _FIELDS, st.binary(max_size=30), st.data())
def test_any_split_of_a_head_reads_the_same(
    status: int, reason: str, fields: list[tuple[str, str]], rest: bytes, data: st.DataObject
) -> None:
    """However the bytes are cut, the same head and the same bytes behind it come out."""
    lines = [f"{name}:{value}\r\n" for name, value in fields]
    head = f"HTTP/1.1 100 \r\n\r\nHTTP/1.1 {status} {reason}\r\n{''.join(lines)}\r\n".encode(
        "latin-1"
    )
    cuts = sorted(data.draw(st.lists(st.integers(1, len(head) - 1), max_size=8)))
    reader = HeadReader(LIMIT)
    wire = head + rest
    for start, end in zip([0, *cuts], [*cuts, len(wire)], strict=True):
        if start < end:
            found = reader.feed(wire[start:end])
    assert found is not None
    assert (found.status, found.reason) == (status, reason.strip(" \t"))
    assert found.fields == [(name, value.strip(" \t")) for name, value in fields]
    assert reader.rest == rest


class _Oracle:
    """What llhttp makes of the same bytes."""

    def __init__(self) -> None:
        self.fields: list[tuple[str, str]] = []
        self.complete = False

    def on_header(self, name: bytes, value: bytes) -> None:
        self.fields.append((name.decode("latin-1"), value.decode("latin-1").strip(" \t")))

    def on_headers_complete(self) -> None:
        self.complete = True


_PIECES = st.sampled_from(
    [
        *(
            b"\r\n",
            b"\n",
            b"\r",
            b" ",
            b"\t",
            b":",
            b"\x00",
            b"\x0b",
            b"\xff",
            b"0",
            b"1",
            b",",
            b"a",
        ),
        *(b"Content-Length:", b"Transfer-Encoding:", b"chunked", b"Connection: close", b"X: y"),
    ]
)


@given(st.lists(_PIECES, max_size=12).map(b"".join))
def test_what_is_accepted_a_second_parser_reads_the_same(middle: bytes) -> None:
    """llhttp refuses nothing that passes here, and sees the same status and fields."""
    wire = b"HTTP/1.1 200 OK\r\n" + middle + b"\r\n\r\n"
    try:
        head = parse_head(wire)
    except BadAnswer:
        return
    oracle = _Oracle()
    parser = httptools.HttpResponseParser(oracle)
    parser.feed_data(wire)
    assert oracle.complete
    assert (parser.get_status_code(), oracle.fields) == (head.status, head.fields)


@given(st.lists(st.one_of(_PIECES, st.just(b"HTTP/1.1 200 OK\r\n"), st.binary(max_size=5))))
def test_arbitrary_bytes_are_a_head_or_bad(pieces: list[bytes]) -> None:
    """Reading raises BadAnswer and nothing else, and never finds a head without its end."""
    reader = HeadReader(200)
    seen = b""
    try:
        for piece in filter(None, pieces):
            seen += piece
            if reader.feed(piece) is not None:
                break
    except BadAnswer:
        return
    if reader.head is not None:
        assert b"\r\n\r\n" in seen
        assert seen.startswith(b"HTTP/1.")
