"""The reader alone: bytes in any pieces become the same requests, at a linear cost."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from gunicorn.config import Config
from gunicorn.http.errors import ParseException
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BodyTooLarge, Refusal
from gateway.server.limits import Limits
from gateway.server.reader import RequestReader
from gateway.server.refusal import Refused, refusal_for
from gateway.server.stock import frozen

PEER = ("192.0.2.1", 4711)


class Budget:
    """Counts what is reserved."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.used = 0

    def reserve(self, size: int) -> bool:
        if self.used + size > self.size:
            return False
        self.used += size
        return True

    def release(self, size: int) -> None:
        self.used -= size


def limits(**changed: object) -> Limits:
    made = Limits()
    for name, value in changed.items():
        setattr(made, name, value)
    return made


def reader(parser: str = "auto", **changed: object) -> RequestReader:
    cfg = Config()
    cfg.set("http_parser", parser)
    return RequestReader(frozen(cfg), limits(**changed), PEER)


def head(*fields: bytes, line: bytes = b"POST /x HTTP/1.1") -> bytes:
    return b"\r\n".join([line, b"Host: a", *fields, b"", b""])


def counted(body: bytes) -> bytes:
    return head(b"Content-Length: %d" % len(body)) + body


def chunked(body: bytes, size: int, trailers: bytes = b"", extension: bytes = b"") -> bytes:
    parts = [body[i : i + size] for i in range(0, len(body), size)]
    coded = b"".join(b"%x%b\r\n%b\r\n" % (len(p), extension, p) for p in parts)
    return head(b"Transfer-Encoding: chunked") + coded + b"0\r\n" + trailers + b"\r\n"


SENT = {"counted": counted(b"x" * 60), "chunked": chunked(b"x" * 60, 10)}
FRAMINGS = pytest.mark.parametrize("sent", SENT.values(), ids=SENT)


def requests(reader: RequestReader, pieces: list[bytes]) -> list[tuple[str, bytes]]:
    """The requests that come of the pieces, each answered as soon as it is complete."""
    found = []
    for piece in pieces:
        ready = reader.feed(piece)
        while ready:
            found.append((reader.request.uri, reader.content.read()))  # type: ignore[union-attr]
            reader.drop()
            ready = reader.next()
    return found


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in pairwise(edges) if a < b]


STREAM = b"".join(
    [
        b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n",
        counted(b"\r\n\r\nGET /not HTTP/1.1\r\n\r\n"),
        chunked(b"0\r\n\r\n" * 9, 7, b"X-Sum: 1\r\nX-More: 2\r\n", b';a="\\"";b'),
        chunked(b"", 1),
        counted(b""),
        b"\r\nPUT /b HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nend",
    ]
)
EXPECTED = [
    ("/a", b""),
    ("/x", b"\r\n\r\nGET /not HTTP/1.1\r\n\r\n"),
    ("/x", b"0\r\n\r\n" * 9),
    ("/x", b""),
    ("/x", b""),
    ("/b", b"end"),
]


@pytest.mark.parametrize("parser", ["fast", "python"])
@given(places=st.lists(st.integers(0, 2000), max_size=12))
def test_pieces_do_not_matter(parser: str, places: list[int]) -> None:
    """Pipelined requests of every framing are the same wherever the stream was cut."""
    assert requests(reader(parser), cut(STREAM, places)) == EXPECTED


def test_a_byte_at_a_time() -> None:
    """The finest cut, and nothing is left over."""
    slow = reader()
    assert requests(slow, [STREAM[i : i + 1] for i in range(len(STREAM))]) == EXPECTED
    assert slow.idle


@given(body=st.binary(max_size=400), size=st.integers(1, 50))
def test_chunk_sizes_do_not_matter(body: bytes, size: int) -> None:
    """A chunked body is its content, whatever the chunks."""
    assert requests(reader(), [chunked(body, size)]) == [("/x", body)]


@given(junk=st.binary(max_size=200), places=st.lists(st.integers(0, 200), max_size=4))
def test_junk_never_becomes_a_request_and_never_breaks_the_reader(
    junk: bytes, places: list[int]
) -> None:
    """Whatever follows a chunked head: a body, more to come, or a refusal; no other error."""
    pieces = [head(b"Transfer-Encoding: chunked"), *cut(junk, places)]
    status = 0
    try:
        assert all(len(body) < len(junk) for _, body in requests(reader(), pieces))
    except (ParseException, Refusal) as error:
        status = refusal_for(error).status
    assert status == 0 or 400 <= status < 500 or status == 501


MALFORMED = {
    "bad-size": b"xyz\r\n\r\n",
    "negative-size": b"-5\r\nhello\r\n0\r\n\r\n",
    "prefixed-size": b"0x5\r\nhello\r\n0\r\n\r\n",
    "underscore-in-size": b"1_0\r\n0123456789abcdef\r\n0\r\n\r\n",
    "space-after-size": b"5 \r\nhello\r\n0\r\n\r\n",
    "no-size": b"\r\nhello\r\n0\r\n\r\n",
    "bare-lf": b"5\nhello\n0\n\r\n",
    "no-crlf-after-chunk": b"5\r\nhelloXX0\r\n\r\n",
    "bad-extension": b"5;a=\x01\r\nhello\r\n0\r\n\r\n",
    "forbidden-trailer": b"0\r\nContent-Length: 5\r\n\r\n",
    "trailer-without-colon": b"0\r\nnothing\r\n\r\n",
    "endless-size-line": b"5;" + b"a" * 9000,
    "endless-trailers": b"0\r\n" + b"X-A: b\r\n" * 9000,
}


@pytest.mark.parametrize("sent", MALFORMED.values(), ids=MALFORMED)
def test_malformed_chunks_are_refused(sent: bytes) -> None:
    """At the latest when the body would be complete; no other body is ever handed on."""
    receiver = reader()
    with pytest.raises((ParseException, Refused)) as caught:
        requests(receiver, [head(b"Transfer-Encoding: chunked") + sent])
    assert refusal_for(caught.value).status in (400, 431)


@pytest.mark.parametrize(
    "sent",
    [
        head(b"Content-Length: 101"),
        chunked(b"x" * 101, 200),
        chunked(b"x" * 101, 10),
        head(b"Transfer-Encoding: chunked") + b"ffffffffffffffffffff\r\n",
    ],
    ids=["counted", "one-chunk", "many-chunks", "announced-chunk"],
)
def test_a_body_over_the_limit_is_not_kept(sent: bytes) -> None:
    """The request is handed on at once, to be refused; reading its body says why it cannot be."""
    receiver = reader(max_body_bytes=100)
    assert receiver.feed(sent)
    with pytest.raises(BodyTooLarge):
        receiver.content.read()  # type: ignore[union-attr]
    with pytest.raises(BodyTooLarge):
        receiver.content.readline()  # type: ignore[union-attr]
    assert receiver.request.must_close
    assert receiver.received == 0


@FRAMINGS
def test_a_body_at_the_limit_is_kept(sent: bytes) -> None:
    """The limit is for content; chunk framing has its own."""
    assert requests(reader(max_body_bytes=60), [sent]) == [("/x", b"x" * 60)]


def test_chunk_framing_has_a_limit() -> None:
    """Extensions are no way around the bound of a body."""
    receiver = reader(max_chunk_overhead_bytes=1000)
    assert receiver.feed(chunked(b"x" * 40, 1, extension=b";" + b"e" * 40))
    with pytest.raises(BodyTooLarge):
        receiver.content.read()  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("sent", "status"),
    [(b"GET /" + b"x" * 70_000, 414), (head(b"X: y" * 20_000)[:-2], 431)],
    ids=["line", "fields"],
)
def test_an_endless_head_is_refused_before_it_ends(sent: bytes, status: int) -> None:
    """gunicorn alone would keep 800 KB of it."""
    with pytest.raises(Refused) as caught:
        reader().feed(sent)
    assert caught.value.status == status


@pytest.mark.parametrize("parser", ["fast", "python"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"], ids=["all", "one"])
def test_bare_line_feeds_are_refused_at_once(parser: str, end: bytes) -> None:
    """Not after a deadline: the head looks complete to some, so it must not wait."""
    with pytest.raises((ParseException, Refused)) as caught:
        reader(parser).feed(b"GET / HTTP/1.1%bHost: a\n%b" % (end, end))
    assert refusal_for(caught.value).status == 400


def test_continue_is_wanted_only_for_a_body_that_will_be_read() -> None:
    """An application that refuses by Content-Length shall not have asked for the body first."""
    expect = b"Expect: 100-continue"
    wanted = reader()
    assert not wanted.feed(head(expect, b"Content-Length: 5"))
    assert wanted.wants_continue
    refused = reader(max_body_bytes=4)
    assert refused.feed(head(expect, b"Content-Length: 5"))
    assert not refused.wants_continue
    empty = reader()
    assert empty.feed(head(expect, b"Content-Length: 0"))
    assert not empty.wants_continue


@FRAMINGS
def test_bytes_are_reserved_while_a_body_is_held(sent: bytes) -> None:
    """From its announcement or arrival until the request is dropped, complete or not."""
    budget = Budget(200)
    receiver = reader(budget=budget)
    assert not receiver.feed(sent[:-20])
    assert budget.used >= 40
    assert receiver.feed(sent[-20:])
    assert budget.used >= 60
    receiver.drop()
    assert budget.used == 0


@FRAMINGS
def test_a_body_the_budget_has_no_room_for_is_refused(sent: bytes) -> None:
    """503 at once, with Retry-After, and nothing stays reserved."""
    budget = Budget(50)
    receiver = reader(budget=budget)
    with pytest.raises(Refused) as caught:
        receiver.feed(sent)
    assert (caught.value.status, caught.value.headers) == (503, (("Retry-After", "1"),))
    receiver.drop()
    assert budget.used == 0


@pytest.mark.parametrize("framing", ["counted", "chunked"])
def test_large_bodies_cost_linear_time(framing: str) -> None:
    """Eight times the bytes take about eight times as long, not sixty-four times."""

    def seconds(size: int) -> float:
        body = b"x" * size
        sent = counted(body) if framing == "counted" else chunked(body, 200)
        pieces = [sent[i : i + 1000] for i in range(0, len(sent), 1000)]
        began = time.process_time()
        assert requests(reader(), pieces) == [("/x", body)]
        return time.process_time() - began

    small = min(seconds(100_000) for _ in range(3))
    assert seconds(800_000) < small * 24


@pytest.mark.parametrize("parser", ["auto", "python"])
@pytest.mark.parametrize("trusted", [{}, {"X-FORWARDED-PROTO": "https"}], ids=["nobody", "proxies"])
def test_frozen_settings_trust_as_gunicorns_do(trusted: dict[str, str], parser: str) -> None:
    """With nothing to be trusted with, nobody's address is looked at; else only the listed."""
    cfg = Config()
    cfg.set("http_parser", parser)
    cfg.set("forwarder_headers", "SCRIPT_NAME" if trusted else "")
    cfg.set("secure_scheme_headers", trusted)
    sent = b"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Proto: https\r\nSCRIPT_NAME: /x\r\n\r\n"
    for peer, proxy in (("127.0.0.1", True), ("192.0.2.1", False), ("no address", False)):
        requests = []
        for settings in (cfg, frozen(cfg)):
            receiver = RequestReader(settings, Limits(), (peer, 1))
            assert receiver.feed(sent)
            requests.append((receiver.request.scheme, receiver.request.headers))
        assert requests[0] == requests[1]
        assert requests[0][0] == ("https" if proxy and trusted else "http")
