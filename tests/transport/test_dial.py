from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import requests

from gateway.transport import (
    ConnectFailed,
    ConnectTimedOut,
    DeadlineExceeded,
    Http1Adapter,
    Origin,
    OutboundRequest,
    Timeouts,
    UpstreamSession,
)
from tests.transport.scripted import outbound, saying, scripted

BOTH = True  # transports; see conftest.py


@contextmanager
def swallowing(host: str = "127.0.0.1", port: int = 0) -> Iterator[int]:
    """The port of a listener whose backlog is full: what connects to it hears nothing."""
    with socket.socket() as listener:
        listener.bind((host, port))
        listener.listen(0)
        fillers = [socket.socket() for _ in range(3)]
        try:
            for filler in fillers:
                filler.setblocking(False)
                filler.connect_ex(listener.getsockname())
            yield listener.getsockname()[1]
        finally:
            for filler in fillers:
                filler.close()


def request_to(url: str) -> OutboundRequest:
    origin = Origin.parse(url)
    return OutboundRequest("POST", origin, "/", [("Host", origin.authority)], b"")


def found(*places: tuple[str, int]) -> Http1Adapter:
    """An adapter for which every name stands for these places."""
    answer = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", place) for place in places]
    return Http1Adapter(lookup=lambda *_, **__: answer)


def closed_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def test_a_refused_connection_says_that_nothing_was_sent(session: UpstreamSession) -> None:
    """Refused is requests' ConnectionError, in phase connect, and names the place."""
    port = closed_port()
    with pytest.raises(ConnectFailed, match=f"127.0.0.1 port {port}") as caught:
        session.forward(request_to(f"http://127.0.0.1:{port}"), Timeouts(5, 5))
    assert isinstance(caught.value, requests.ConnectionError)
    assert (caught.value.phase, caught.value.nothing_sent) == ("connect", True)


def test_a_name_that_does_not_resolve_is_a_failed_connect() -> None:
    """Also one that has no address at all."""

    def nothing(*_: object, **__: object) -> list[tuple[object, ...]]:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    for lookup in (nothing, lambda *_, **__: []):
        with UpstreamSession(Http1Adapter(lookup=lookup)) as session:
            with pytest.raises(ConnectFailed) as caught:
                session.forward(request_to("http://nowhere.invalid"), Timeouts(5, 5))
            assert caught.value.nothing_sent


def test_a_missing_socket_file_is_a_failed_connect(session: UpstreamSession) -> None:
    """The same as a refused port."""
    with pytest.raises(ConnectFailed):
        session.forward(request_to("http+unix:///nonexistent/gateway.sock"), Timeouts(5, 5))


@pytest.mark.parametrize(
    ("timeouts", "error"),
    [
        pytest.param(Timeouts(0.2, 5), ConnectTimedOut, id="connect"),
        pytest.param(Timeouts(5, 5, 0.2), DeadlineExceeded, id="total"),
    ],
)
def test_connecting_has_a_deadline(
    session: UpstreamSession, timeouts: Timeouts, error: type
) -> None:
    """Of its own, or the call's: both say that nothing was sent."""
    with swallowing() as port:
        began = time.monotonic()
        with pytest.raises(requests.Timeout) as caught:
            session.forward(request_to(f"http://127.0.0.1:{port}"), timeouts)
    assert 0.15 < time.monotonic() - began < 2
    assert type(caught.value) is error
    assert caught.value.nothing_sent
    assert isinstance(caught.value, requests.ConnectTimeout) == (error is ConnectTimedOut)


def test_every_address_of_a_name_is_tried() -> None:
    """One that refuses costs nothing, one that swallows a part of the time; then the next."""
    with scripted() as upstream, swallowing() as deaf:
        places = [("127.0.0.1", closed_port()), ("127.0.0.1", deaf), ("127.0.0.1", upstream.port)]
        with UpstreamSession(found(*places)) as session:
            began = time.monotonic()
            assert session.forward(request_to("http://name"), Timeouts(0.6, 5)).content == b"ok"
            assert time.monotonic() - began < 0.6


def test_a_bad_address_is_tried_last_the_next_time() -> None:
    """Only the first connection waits for an address that swallows."""
    closing = saying(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
    with scripted(closing) as upstream, swallowing() as deaf:
        adapter = found(("127.0.0.1", deaf), ("127.0.0.1", upstream.port))
        with UpstreamSession(adapter) as session:
            took = []
            for _ in range(2):
                began = time.monotonic()
                session.forward(request_to("http://name"), Timeouts(0.6, 5)).close()
                took.append(time.monotonic() - began)
    assert took[0] > 0.25
    assert took[1] < 0.2


def test_all_addresses_failing_is_the_last_failure() -> None:
    """Within the one connect time-out."""
    with swallowing() as deaf, UpstreamSession(found(*[("127.0.0.1", deaf)] * 3)) as session:
        began = time.monotonic()
        with pytest.raises(ConnectTimedOut):
            session.forward(request_to("http://name"), Timeouts(0.3, 5))
        assert time.monotonic() - began < 1


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"], ids=["IPv4", "IPv6"])
def test_both_address_families_work(session: UpstreamSession, host: str) -> None:
    """An IPv6 upstream is one like any other; its Host has brackets."""
    with scripted(host=host) as upstream:
        assert session.forward(outbound(upstream), Timeouts(5, 5)).content == b"ok"
        assert (b"Host: [::1]:" in upstream.received) == (host == "::1")


def test_unix_sockets_work(
    session: UpstreamSession, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """http+unix, kept alive like the others."""
    path = str(tmp_path_factory.mktemp("s") / "up.sock")
    with scripted(unix=path) as upstream:
        for _ in range(2):
            assert session.forward(outbound(upstream), Timeouts(5, 5)).content == b"ok"
        assert len(upstream.peers) == 1
        assert b"Host: localhost\r\n" in upstream.received


def test_a_full_unix_backlog_is_waited_for(
    session: UpstreamSession, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The kernel refuses at once there (EAGAIN); the connect time-out holds all the same."""
    path = str(tmp_path_factory.mktemp("s") / "up.sock")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(0)
        with socket.socket(socket.AF_UNIX) as filler:
            filler.connect(path)
            with pytest.raises(ConnectTimedOut):
                session.forward(request_to(f"http+unix://{path}"), Timeouts(0.1, 5))
            # Room again while it waits: it gets in, and is then read from.
            timer = threading.Timer(0.05, lambda: listener.accept()[0].close())
            timer.start()
            with pytest.raises(requests.ReadTimeout):
                session.forward(request_to(f"http+unix://{path}"), Timeouts(5, 0.3))
            timer.join()


def test_addresses_are_looked_up_again_as_connections_age() -> None:
    """A kept connection to an address its name no longer has is not used again."""
    ahead = [0.0]
    with scripted() as old, scripted() as new:
        places = [("127.0.0.1", old.port)]
        adapter = Http1Adapter(
            lookup=lambda *_, **__: [(socket.AF_INET, 1, 6, "", place) for place in places],
            clock=lambda: time.monotonic() + ahead[0],
            address_max_age=30,
        )
        with UpstreamSession(adapter) as session:
            request = request_to("http://name")
            for move in (lambda: None, lambda: None, lambda: ahead.__setitem__(0, 31.0)):
                move()
                session.forward(request, Timeouts(5, 5)).close()
            assert (len(old.peers), len(new.peers)) == (1, 0)
            places[0] = ("127.0.0.1", new.port)
            session.forward(request, Timeouts(5, 5)).close()
            assert (len(old.peers), len(new.peers)) == (1, 0)
            ahead[0] = 62.0
            session.forward(request, Timeouts(5, 5)).close()
            assert (len(old.peers), len(new.peers)) == (1, 1)
