"""Requests two parsers could read differently: refused, with the connection closed."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.server.conftest import Server, serving
from tests.support.client import BrokenAnswer

NEXT = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"


def post(*fields: bytes, body: bytes = b"", line: bytes = b"POST / HTTP/1.1") -> bytes:
    return b"\r\n".join([line, b"Host: a", *fields, b"", b""]) + body


MALFORMED = {
    "length-and-chunked": post(
        b"Content-Length: 5", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"
    ),
    "chunked-and-length": post(
        b"Transfer-Encoding: chunked", b"Content-Length: 5", body=b"0\r\n\r\n"
    ),
    "two-lengths": post(b"Content-Length: 5", b"Content-Length: 6", body=b"hello"),
    "same-length-twice": post(b"Content-Length: 5", b"Content-Length: 5", body=b"hello"),
    "length-list": post(b"Content-Length: 5, 5", body=b"hello"),
    "signed-length": post(b"Content-Length: +5", body=b"hello"),
    "negative-length": post(b"Content-Length: -5", body=b"hello"),
    "hexadecimal-length": post(b"Content-Length: 0x5", body=b"hello"),
    "underscored-length": post(b"Content-Length: 1_0", body=b"0123456789"),
    "superscript-length": post("Content-Length: ²".encode(), body=b"he"),
    "empty-length": post(b"Content-Length:", body=b"hello"),
    "folding": post(b"X-A: b", b" c"),
    "folded-length": post(b"Content-Length:", b" 5", body=b"hello"),
    "bare-lf-line": b"POST / HTTP/1.1\nHost: a\r\n\r\n",
    "bare-lf-field": b"POST / HTTP/1.1\r\nHost: a\nContent-Length: 5\r\n\r\nhello",
    "bare-lf-end": b"POST / HTTP/1.1\r\nHost: a\r\n\nX: y\r\n\r\n",
    "bare-cr": post(b"X-A: b\rContent-Length: 5", body=b"hello"),
    "unknown-coding": post(b"Transfer-Encoding: xchunked", body=b"0\r\n\r\n"),
    "quoted-coding": post(b'Transfer-Encoding: "chunked"', body=b"0\r\n\r\n"),
    "coding-with-tab": post(b"Transfer-Encoding:\x0bchunked", body=b"0\r\n\r\n"),
    "chunked-twice": post(b"Transfer-Encoding: chunked, chunked", body=b"0\r\n\r\n"),
    "chunked-not-last": post(b"Transfer-Encoding: chunked, gzip", body=b"0\r\n\r\n"),
    "two-codings": post(
        b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity", body=b"0\r\n\r\n"
    ),
    "identity": post(b"Transfer-Encoding: identity", b"Content-Length: 5", body=b"hello"),
    "chunked-in-1.0": post(
        b"Transfer-Encoding: chunked", body=b"0\r\n\r\n", line=b"POST / HTTP/1.0"
    ),
    "nul-in-value": post(b"X-A: b\0c"),
    "nul-in-name": post(b"X\0A: b"),
    "space-before-colon": post(b"Content-Length : 5", body=b"hello"),
    "tab-before-colon": post(b"Transfer-Encoding\t: chunked", body=b"0\r\n\r\n"),
    "no-colon": post(b"Content-Length 5"),
    "empty-name": post(b": 5"),
    "space-before-first-field": b"POST / HTTP/1.1\r\n X: y\r\nHost: a\r\n\r\n",
    "two-hosts": post(b"Host: b"),
    "no-version": b"GET /\r\nHost: a\r\n\r\n",
    "version-2": post(line=b"GET / HTTP/2.0"),
    "version-junk": post(line=b"GET / HTTP/1.1x"),
    "control-in-target": post(line=b"GET /a\x01b HTTP/1.1"),
    "two-empty-lines": b"\r\n\r\n" + post(),
    "not-http": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "unknown-expectation": post(b"Expect: miracles"),
    "bad-chunk-size": post(b"Transfer-Encoding: chunked", body=b"5x\r\nhello\r\n0\r\n\r\n"),
    "endless-chunk-size": post(b"Transfer-Encoding: chunked", body=b"5;" + b"a" * 9000),
    "chunk-without-crlf": post(b"Transfer-Encoding: chunked", body=b"5\r\nhello0\r\n\r\n\r\n"),
    "long-line": post(line=b"GET /" + b"x" * 8200 + b" HTTP/1.1"),
    "long-field": post(b"X-A: " + b"b" * 8200),
    "many-fields": post(*[b"X-A: b"] * 101),
}
STATUS = {
    "long-line": 414,
    "long-field": 431,
    "many-fields": 431,
    "unknown-expectation": 417,
}
# gunicorn's parsers differ in which of the two they say; both are right (RFC 9112 section 6.1).
EITHER = {"unknown-coding", "quoted-coding", "coding-with-tab"}


@pytest.fixture(scope="module", params=["fast", "python"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """Both of gunicorn's parsers."""
    if request.param == "fast":
        pytest.importorskip("gunicorn_h1c")
    folder = tmp_path_factory.mktemp(request.param)
    with serving(folder, http_parser=request.param) as running:
        yield running


@pytest.mark.parametrize("name", MALFORMED)
def test_it_is_refused_and_nothing_after_it_is_read(name: str, server: Server) -> None:
    """One answer, problem+json, a close; the request hidden behind it is never answered."""
    with server.client() as client:
        client.send(MALFORMED[name] + NEXT)
        answer = client.answer()
        assert answer.status in ({400, 501} if name in EITHER else {STATUS.get(name, 400)})
        assert answer.values("Content-Type") == ["application/problem+json"]
        assert answer.values("Connection") == ["close"]
        document = json.loads(answer.body)
        assert document["status"] == answer.status
        assert "Content-Length" not in document["detail"]  # nothing of the request is echoed
        with pytest.raises((BrokenAnswer, ConnectionResetError)):
            client.answer()


def test_the_application_saw_none_of_them(server: Server) -> None:
    """Neither what was refused nor what hid behind it."""
    assert set(server.counts()["started"]) == {"counts"}
    assert "Traceback" not in server.output


WELL_FORMED = {
    "one-empty-line-first": (b"\r\n" + post(b"Content-Length: 2", body=b"ok"), "ok"),
    "chunk-extension": (
        post(b"Transfer-Encoding: chunked", body=b'2;a="b;c"\r\nok\r\n0;x\r\n\r\n'),
        "ok",
    ),
    "upper-case-coding": (post(b"TRANSFER-ENCODING: Chunked", body=b"2\r\nok\r\n0\r\n\r\n"), "ok"),
    "leading-zeros": (post(b"Content-Length: 0002", body=b"ok"), "ok"),
    "no-space-after-colon": (post(b"Content-Length:2", body=b"ok"), "ok"),
    "body-on-get": (post(b"Content-Length: 2", body=b"ok", line=b"GET / HTTP/1.1"), "ok"),
}


@pytest.mark.parametrize(("sent", "body"), WELL_FORMED.values(), ids=WELL_FORMED)
def test_unusual_but_well_formed_requests_are_not_refused(
    sent: bytes, body: str, server: Server
) -> None:
    """The other side: strict is not the same as picky."""
    with server.client() as client:
        client.send(sent + NEXT.replace(b"smuggled", b"counts"))
        assert json.loads(client.answer().body)["body"] == body
        assert client.answer().status == 200
