from __future__ import annotations

import io
import threading
from collections.abc import Iterator

import pytest
import requests

from gateway.transport import UpstreamSession
from tests.transport.scripted import DEADLINE, OK, Peer, scripted

BODIES = {
    "none": (None, b"Content-Length: 0\r\n\r\n"),
    "bytes": (b"ab", b"Content-Length: 2\r\n\r\nab"),
    "text": ("é", b"Content-Length: 2\r\n\r\n\xc3\xa9"),
    "form": ({"a": "b"}, b"x-www-form-urlencoded\r\n\r\na=b"),
    "file": (io.BytesIO(b"abc"), b"Content-Length: 3\r\n\r\nabc"),
    "iterable": (iter([b"ab", b"", "c"]), b"chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"),
}


@pytest.mark.parametrize(("data", "expected"), [pytest.param(*v, id=k) for k, v in BODIES.items()])
def test_bodies_of_requests_are_framed(
    session: UpstreamSession, data: object, expected: bytes
) -> None:
    """Whatever requests takes as data goes out, with a length or in chunks."""

    def script(peer: Peer) -> None:
        peer.until(lambda seen: len(seen) if seen.endswith(expected) else 0)
        peer.send(OK)

    with scripted(script) as upstream:
        assert session.post(upstream.url, data=data, timeout=5).text == "ok"  # type: ignore[arg-type]


@pytest.mark.parametrize("pieces", [[b"abc"], [b"a"]], ids=["longer", "shorter"])
def test_a_body_that_is_not_as_long_as_announced_is_refused(
    session: UpstreamSession, pieces: list[bytes]
) -> None:
    """More bytes would be read as a second request, fewer would hang the upstream."""
    ended = threading.Event()

    def script(peer: Peer) -> None:
        peer.until_closed()
        ended.set()

    with scripted(script) as upstream:
        request = requests.Request("POST", upstream.url, data=iter(pieces)).prepare()
        del request.headers["Transfer-Encoding"]
        request.headers["Content-Length"] = "2"
        with pytest.raises(ValueError, match="2 bytes"):
            session.send(request, timeout=5)
        assert ended.wait(DEADLINE)
    assert b"abc" not in upstream.received


def test_an_exception_of_the_body_is_the_callers(session: UpstreamSession) -> None:
    """It comes out as it is, and the connection with half a request is thrown away."""

    def failing() -> Iterator[bytes]:
        yield b"a"
        raise LookupError("mine")

    with scripted(Peer.until_closed) as upstream, pytest.raises(LookupError, match="mine"):
        session.post(upstream.url, data=failing(), timeout=5)


def test_credentials_in_the_url_become_a_field(session: UpstreamSession) -> None:
    """As requests does it; they are no part of the Host."""
    with scripted() as upstream:
        session.get(upstream.url.replace("//", "//me:pw@"), timeout=5)
    assert b"Authorization: Basic bWU6cHc=\r\n" in upstream.received
    assert b"Host: " + upstream.origin.authority.encode() + b"\r\n" in upstream.received


def test_a_host_of_the_callers_stays(session: UpstreamSession) -> None:
    """And is not sent twice."""
    with scripted() as upstream:
        session.get(upstream.url, headers={"host": "mine"}, timeout=5)
    assert upstream.received.lower().count(b"host: ") == 1
    assert b"host: mine\r\n" in upstream.received


def test_unix_urls_work_for_plain_requests(
    session: UpstreamSession, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The socket's path is the escaped host."""
    path = str(tmp_path_factory.mktemp("s") / "up.sock")
    with scripted(unix=path) as upstream:
        assert session.get(upstream.origin.address + "/a?b", timeout=5).text == "ok"
        assert upstream.received.startswith(b"GET /a?b HTTP/1.1\r\n")


def test_a_request_that_was_not_prepared_is_refused(session: UpstreamSession) -> None:
    """requests' own exception for a missing URL."""
    adapter = session.get_adapter("http://a/")
    with pytest.raises(requests.exceptions.MissingSchema):
        adapter.send(requests.PreparedRequest())
