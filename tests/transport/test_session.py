from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
import requests
import responses
from requests.adapters import HTTPAdapter

from gateway.transport import (
    Http1Adapter,
    Origin,
    OutboundRequest,
    Timeouts,
    UpstreamSession,
)
from gateway.transport.stock import StockAdapter
from tests.transport.scripted import DEADLINE, OK, Peer, outbound, saying, scripted

PATIENT = Timeouts(5, 5)
BOTH = True  # transports; see conftest.py


def test_nothing_is_added_to_a_plain_request(session: UpstreamSession) -> None:
    """Host, and what the caller gave: no User-Agent, Accept-Encoding, Connection …"""
    with scripted() as upstream:
        assert session.get(upstream.url + "/a?b=c", headers={"X": "y"}).text == "ok"
    host = upstream.origin.authority.encode()
    assert upstream.received == b"GET /a?b=c HTTP/1.1\r\nHost: " + host + b"\r\nX: y\r\n\r\n"


@pytest.mark.parametrize("adapter", [Http1Adapter, StockAdapter, HTTPAdapter])
@pytest.mark.parametrize("status", [200, 302])
def test_cookies_are_neither_kept_nor_sent(adapter: type[Any], status: int) -> None:
    """One client's cookie never reaches another client's request, on any way to send one."""
    head = b"HTTP/1.1 %d X\r\nSet-Cookie: a=secret; Path=/\r\nLocation: /\r\n" % status

    def script(peer: Peer) -> None:
        while True:
            peer.answer(head + b"Content-Length: 0\r\n\r\n")

    with scripted(script) as upstream, UpstreamSession(adapter()) as session:
        for _ in range(2):
            for response in (
                session.get(upstream.url, timeout=5),
                session.send(outbound(upstream), timeout=5),
                session.forward(outbound(upstream), PATIENT),
            ):
                assert response.headers["Set-Cookie"] == "a=secret; Path=/"
                assert adapter is HTTPAdapter or len(response.cookies) == 0
                response.close()
        assert len(session.cookies) == 0
    assert upstream.received.count(b"GET / HTTP/1.1") == 6
    assert b"ookie" not in upstream.received
    assert b"secret" not in upstream.received


def test_a_forwarded_request_takes_no_cookie_from_the_session(session: UpstreamSession) -> None:
    """Not even one that somebody put there: it is final."""
    with scripted() as upstream:
        session.cookies.set("mine", "secret")
        session.forward(outbound(upstream), PATIENT).close()
        session.send(outbound(upstream), timeout=5).close()
    assert b"secret" not in upstream.received


def test_netrc_and_proxy_variables_are_not_read(
    session: UpstreamSession, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The environment adds no credentials and leads nowhere else."""
    netrc = tmp_path / "netrc"
    netrc.write_text("default login me password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with scripted() as upstream:
        assert session.get(upstream.url).text == "ok"
        session.forward(outbound(upstream), PATIENT).close()
    assert b"uthorization" not in upstream.received


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_passed_through(session: UpstreamSession, status: int) -> None:
    """Neither followed nor prepared, and their body is left to be streamed."""
    head = f"HTTP/1.1 {status} Moved\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 5\r\n\r\n"
    with scripted(saying(head.encode())) as upstream:
        for call in (
            lambda: session.forward(outbound(upstream), PATIENT),
            lambda: session.get(upstream.url, stream=True, timeout=5),
            lambda: session.send(outbound(upstream), stream=True, timeout=5),
        ):
            response = call()
            # Its five bytes have not come: had anybody read the body, this would hang.
            assert (response.status_code, response.next, response.history) == (status, None, [])
            assert not response.raw.complete
            assert list(session.resolve_redirects(response, response.request)) == []
            response.close()
        assert len(upstream.peers) == 3


def test_hooks_are_called(session: UpstreamSession) -> None:
    """requests' own extension point works for both kinds of request."""
    seen: list[int] = []
    with scripted() as upstream:
        request = outbound(upstream)
        request.register_hook("response", lambda r, *_, **__: seen.append(r.status_code))
        session.forward(request, PATIENT).close()
        session.get(upstream.url, hooks={"response": lambda r, *_, **__: seen.append(1)})
    assert seen == [200, 1]


def test_send_reads_the_body_unless_streaming(session: UpstreamSession) -> None:
    """As requests does."""
    with scripted(lambda peer: [peer.answer() for _ in range(2)] and None) as upstream:
        assert session.send(outbound(upstream))._content == b"ok"
        response = session.send(outbound(upstream), stream=True)
        assert response._content is False
        assert response.elapsed.total_seconds() > 0
        response.close()


def test_only_prepared_requests_are_sent(session: UpstreamSession) -> None:
    """The same misuse, the same exception as in requests."""
    with pytest.raises(ValueError, match="PreparedRequests"):
        session.send(requests.Request("GET", "http://live/"))  # type: ignore[arg-type]


def test_one_adapter_serves_all_schemes() -> None:
    """And nothing else is reachable."""
    adapter = Http1Adapter()
    session = UpstreamSession(adapter)
    for url in ("http://a/", "HTTPS://a/", "http+unix:///run/a"):
        assert session.get_adapter(url) is adapter
    with pytest.raises(requests.exceptions.InvalidSchema):
        session.get("ftp://a/")


def test_the_adapter_of_requests_works_with_the_same_request() -> None:
    """Repeats, target and body arrive as well; its time-outs are two."""
    with UpstreamSession(HTTPAdapter()) as session, scripted() as upstream:
        fields = (("X", "1"), ("X", "2"), ("Accept-Encoding", "br"), ("User-Agent", "u"))
        request = outbound(upstream, "POST", "/a%2Fb;c?q=1&&", b"body", fields)
        response = session.forward(request, Timeouts(5, 5, 5))
        assert response.content == b"ok"
        bodyless = outbound(upstream, "GET", "/", fields=fields)
        session.forward(bodyless, Timeouts(5, 5, 5)).close()
    host = upstream.origin.authority.encode()
    assert upstream.received == (
        b"POST /a%2Fb;c?q=1&& HTTP/1.1\r\nHost: " + host + b"\r\nX: 1\r\nX: 2\r\n"
        b"Accept-Encoding: br\r\nUser-Agent: u\r\nContent-Length: 4\r\n\r\nbody"
        b"GET / HTTP/1.1\r\nHost: " + host + b"\r\nX: 1\r\nX: 2\r\n"
        b"Accept-Encoding: br\r\nUser-Agent: u\r\n\r\n"
    )


def test_our_adapter_works_in_a_stock_session() -> None:
    """Mounted on requests.Session it behaves like any transport adapter."""
    with requests.Session() as session, scripted() as upstream:
        session.trust_env = False
        session.mount("http://", Http1Adapter())
        assert session.post(upstream.url, data=b"x", timeout=5).text == "ok"


@pytest.mark.parametrize("adapter", [Http1Adapter, StockAdapter])
def test_the_responses_library_can_stand_in(adapter: type[Any]) -> None:
    """With target=: answers have the same shape as real ones, repeats included."""
    target = f"{adapter.__module__}.{adapter.__name__}.send"
    origin = Origin.parse("http://live")
    request = OutboundRequest("POST", origin, "/a?b=1", [("Host", "live")], b"{}")
    with responses.RequestsMock(target=target) as mock, UpstreamSession(adapter()) as session:
        mock.post("http://live/a?b=1", body=b"hi", status=201, headers={"X": "y"})
        response = session.forward(request, PATIENT)
        assert (response.status_code, response.headers["X"]) == (201, "y")
        assert ("X", "y") in response.raw.fields
        assert list(response.raw.stream()) == [b"hi"]
        assert response.raw.complete


@pytest.mark.parametrize("made", [Http1Adapter, StockAdapter])
def test_closing_the_session_closes_connections(made: type[Any]) -> None:
    """Session.close() closes everything idle."""
    closed = threading.Event()

    def script(peer: Peer) -> None:
        peer.answer(OK)
        peer.until_closed()
        closed.set()

    adapter = made()
    with scripted(script) as upstream:
        with UpstreamSession(adapter) as session:
            session.forward(outbound(upstream), PATIENT).close()
            assert adapter.snapshot()[upstream.url].idle == 1
        assert all(pool.idle == 0 for pool in adapter.snapshot().values())
        assert closed.wait(DEADLINE)
