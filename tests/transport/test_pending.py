"""Requests that are sent without waiting, and whose answers somebody awaits in numbers."""

from __future__ import annotations

import select
import socket

import pytest

from gateway.transport import (
    BadAnswer,
    ConnectionLost,
    DeadlineExceeded,
    Http1Adapter,
    Pending,
    Timeouts,
    UpstreamSession,
)
from tests.transport.scripted import OK, Peer, Script, Upstream, outbound, scripted

PATIENT = Timeouts(5, 5, 5)


@pytest.fixture
def transport() -> str:
    """Only ours can."""
    return "gateway"


def begun(
    session: UpstreamSession, upstream: Upstream, timeouts: Timeouts = PATIENT, body: bytes = b""
) -> Pending:
    """A request that is out, over the connection of one that was answered."""
    session.forward(outbound(upstream), PATIENT).close()
    pending = session.begin(outbound(upstream, "POST", "/begun", body), timeouts)
    assert pending is not None
    return pending


def readable(pending: Pending) -> None:
    assert select.select([pending], [], [], 5)[0]


def _heard(upstream: Upstream) -> bytes:
    return bytes(upstream.peers[0].received)


def then(*parts: bytes) -> Script:
    """A script: the first request is answered, the second gets these parts."""

    def script(peer: Peer) -> None:
        peer.request()
        peer.send(OK)
        peer.request()
        for part in parts:
            peer.send(part)

    return script


def test_without_an_idle_connection_nothing_begins(
    session: UpstreamSession, adapter: Http1Adapter
) -> None:
    """Opening one would be waiting."""
    with scripted() as upstream:
        assert session.begin(outbound(upstream), PATIENT) is None
        assert not upstream.peers


def test_an_answer_that_has_come_is_there_in_one_step(
    session: UpstreamSession, adapter: Http1Adapter
) -> None:
    """Head, body, and the connection is back for the next call."""
    with scripted() as upstream:
        pending = begun(session, upstream)
        assert pending.sent
        readable(pending)
        answer = pending.advance()
        assert answer is not None
        assert answer.content == b"ok"
        assert b"POST /begun HTTP/1.1" in _heard(upstream)
        assert adapter.snapshot()[upstream.origin.address].idle == 1
    assert len(upstream.peers) == 1


def test_an_incomplete_head_is_finished_by_waiting(
    session: UpstreamSession, adapter: Http1Adapter
) -> None:
    """``advance`` takes what is there and says that it is not enough."""
    with scripted(then(OK[:20], OK[20:])) as upstream:
        pending = begun(session, upstream)
        readable(pending)
        answer = pending.advance() or pending.finish()
        assert answer.content == b"ok"


@pytest.mark.parametrize(
    ("said", "error"),
    [((), ConnectionLost), ((b"nonsense\r\n\r\n",), BadAnswer), ((OK[:20],), BadAnswer)],
    ids=["closed", "nonsense", "cut-short"],
)
def test_what_is_no_answer_is_an_error_and_costs_the_connection(
    session: UpstreamSession, adapter: Http1Adapter, said: tuple[bytes, ...], error: type[Exception]
) -> None:
    """As for a call that waits."""

    def script(peer: Peer) -> None:
        then(*said)(peer)
        peer.half_close()

    def result(pending: Pending) -> object:
        readable(pending)
        return pending.advance() or pending.finish()

    with scripted(script) as upstream:
        pending = begun(session, upstream)
        with pytest.raises(error):
            result(pending)
        assert adapter.snapshot()[upstream.origin.address][:2] == (0, 0)


def test_a_stale_connection_is_not_begun_on(
    session: UpstreamSession, adapter: Http1Adapter
) -> None:
    """It is thrown away; nothing has been sent."""

    def script(peer: Peer) -> None:
        peer.request()
        # The close comes in one packet with the answer, so whoever has that has both.
        peer.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
        peer.send(OK)
        peer.half_close()

    with scripted(script) as upstream:
        session.forward(outbound(upstream), PATIENT).close()
        assert session.begin(outbound(upstream), PATIENT) is None
        assert adapter.snapshot()[upstream.origin.address][:2] == (0, 0)


def test_the_total_time_ends_it(session: UpstreamSession, adapter: Http1Adapter) -> None:
    """Whoever waits asks ``finish`` at ``ends``, which then does not wait any more."""

    def script(peer: Peer) -> None:
        then()(peer)
        peer.until_gone()

    with scripted(script) as upstream:
        pending = begun(session, upstream, Timeouts(0.1, 0.1, 0.1))
        assert not select.select([pending], [], [], 0.1)[0]
        with pytest.raises(DeadlineExceeded):
            pending.finish()


def test_an_abort_wakes_whoever_waits(session: UpstreamSession, adapter: Http1Adapter) -> None:
    """And ends the call."""

    def script(peer: Peer) -> None:
        then()(peer)
        peer.until_gone()

    with scripted(script) as upstream:
        pending = begun(session, upstream)
        adapter.abort()
        readable(pending)
        with pytest.raises(ConnectionLost):
            pending.advance()


def test_a_body_that_the_socket_does_not_take_at_once_is_sent_by_finish(
    session: UpstreamSession, adapter: Http1Adapter
) -> None:
    """``sent`` says so: waiting for an answer would be waiting for ever."""
    body = b"x" * (16 * 1024 * 1024)
    with scripted() as upstream:
        pending = begun(session, upstream, Timeouts(60, 60, 60), body)
        assert not pending.sent
        assert pending.finish().content == b"ok"
        assert _heard(upstream).endswith(body)
