from __future__ import annotations

import os
import socket
import threading
import time

import pytest

from gateway.transport.addresses import Address
from gateway.transport.connection import Connection
from gateway.transport.errors import Expired
from tests.transport.scripted import Peer, Upstream, scripted


def connected(upstream: Upstream) -> Connection:
    connection = Connection(time.monotonic)
    connection.open(Address(socket.AF_INET, ("127.0.0.1", upstream.port)), time.monotonic() + 5)
    return connection


def test_small_writes_are_not_held_back() -> None:
    """Nagle's algorithm would keep the end of a request for 40 ms."""
    with scripted(Peer.until_closed) as upstream:
        connection = connected(upstream)
        sock = socket.socket(fileno=os.dup(connection._open_socket().fileno()))
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        sock.close()
        connection.close()


def test_a_wait_ends_at_its_deadline() -> None:
    """Not before it and not much later; one that has passed does not wait at all."""
    with scripted(Peer.until_closed) as upstream:
        connection = connected(upstream)
        began = time.monotonic()
        with pytest.raises(Expired):
            connection.receive(began + 0.1)
        assert 0.1 <= time.monotonic() - began < 1
        with pytest.raises(Expired):
            connection.receive(began)
        connection.close()


def test_a_wait_without_deadline_ends_with_what_comes() -> None:
    """No limit is possible too."""
    with scripted(lambda peer: peer.send(b"x")) as upstream:
        connection = connected(upstream)
        assert connection.receive(float("inf")) == b"x"
        assert connection.receive(float("inf")) == b""
        connection.close()


def test_a_closed_connection_cannot_be_used() -> None:
    """Every use of it is an OSError, which callers take for a broken connection."""
    with scripted(Peer.until_closed) as upstream:
        connection = connected(upstream)
        assert connection.opened
        connection.close()
        connection.close()
        assert not connection.opened
        for use in (lambda: connection.send(b"x"), connection.receive_now):
            with pytest.raises(OSError, match="closed"):
                use()
        assert repr(connection).endswith("[closed]>")


def test_abort_ends_a_connect() -> None:
    """Also one that nobody answers; and one that has not begun."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        fillers = [socket.socket() for _ in range(3)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        address = Address(socket.AF_INET, listener.getsockname())
        connection = Connection(time.monotonic)
        timer = threading.Timer(0.05, connection.abort)
        timer.start()
        began = time.monotonic()
        with pytest.raises(OSError):  # noqa: PT011 (which one is the kernel's choice)
            connection.open(address, began + 5)
        timer.join()
        with pytest.raises(ConnectionAbortedError):
            connection.open(address, began + 5)
        assert time.monotonic() - began < 2
        assert not connection.opened
        for filler in fillers:
            filler.close()
