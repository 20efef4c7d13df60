"""The outbox alone: what the client does not take waits, up to a bound, in order."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from gateway.server.limits import Limits
from gateway.server.outbox import ClientGone, Outbox
from gateway.server.slow_readers import SlowReaders

BIG = bytes(range(256)) * 20_000


class Pair:
    """An outbox and the client at its other end."""

    def __init__(self, max_unsent: int) -> None:
        sock, self.client = socket.socketpair()
        sock.setblocking(False)
        self.client.settimeout(10)
        limits = Limits()
        limits.write_timeout = 0.1
        limits.max_unsent_bytes = max_unsent
        self.outbox = Outbox(sock, limits, SlowReaders(1))
        self.sock = sock

    def read(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            data += self.client.recv(size - len(data))
        return data


@pytest.fixture
def roomy() -> Iterator[Pair]:
    pair = Pair(max_unsent=100_000_000)
    yield pair
    pair.sock.close()
    pair.client.close()


@pytest.fixture
def tight() -> Iterator[Pair]:
    pair = Pair(max_unsent=0)
    yield pair
    pair.sock.close()
    pair.client.close()


def test_writes_do_not_wait_while_there_is_room(roomy: Pair) -> None:
    """Parts are kept in order and flushed as the client takes them."""
    for part in (BIG, b"first", b"", BIG, b"last"):
        roomy.outbox.sendall(part)
    assert roomy.outbox.waiting > len(BIG)
    assert not roomy.outbox.flush()
    received: list[bytes] = []
    total = 2 * len(BIG) + 9
    reader = Thread(target=lambda: received.append(roomy.read(total)))
    reader.start()
    while not roomy.outbox.flush():
        pass
    reader.join()
    assert received == [BIG + b"first" + BIG + b"last"]
    assert roomy.outbox.waiting == 0


def test_a_single_part_never_waits(tight: Pair) -> None:
    """Whatever its size: the application has made it already. Nor does the end of an answer."""
    tight.outbox.sendall(BIG)
    assert tight.outbox.waiting > 0
    tight.outbox.sendlast(b"end")
    assert repr(tight.outbox) == f"<Outbox {tight.outbox.waiting} bytes waiting>"


def test_the_next_part_waits_for_room(tight: Pair) -> None:
    """And goes on when the client reads, so that an answer is not produced into memory."""
    tight.outbox.sendall(BIG)
    received: list[bytes] = []
    reader = Thread(target=lambda: received.append(tight.read(len(BIG) + 4)))
    reader.start()
    tight.outbox.sendall(b"more")
    assert tight.outbox.waiting <= 4
    assert tight.outbox.flush()
    reader.join()
    assert received == [BIG + b"more"]


def test_a_client_that_takes_nothing_is_given_up(tight: Pair) -> None:
    """After write_timeout, by whoever waits for it."""
    tight.outbox.sendall(BIG)
    with pytest.raises(ClientGone, match="took too little"):
        tight.outbox.sendall(b"more")


def test_a_new_part_takes_along_what_waits(roomy: Pair) -> None:
    """A client that has caught up is not kept from it until the outbox is full."""
    roomy.outbox.sendall(BIG)
    waiting = roomy.outbox.waiting
    left = len(BIG) - waiting
    roomy.read(left)
    roomy.outbox.sendall(b"more")
    assert roomy.outbox.waiting < waiting


def test_a_file_nobody_takes_is_given_up(tight: Pair, tmp_path: Path) -> None:
    """By the same rule as parts."""
    file = tmp_path / "file"
    file.write_bytes(BIG)
    with file.open("rb") as opened, pytest.raises(ClientGone, match="took too little"):
        tight.outbox.sendfile(opened, 0, len(BIG))


def test_a_client_that_left_is_gone(roomy: Pair) -> None:
    """One error for a reset and for a closed connection."""
    roomy.client.close()
    with pytest.raises(ClientGone):
        roomy.outbox.sendall(b"x")


def test_a_file_goes_out_after_what_waits(roomy: Pair, tmp_path: Path) -> None:
    """From its offset, exactly as many bytes as asked for."""
    file = tmp_path / "file"
    file.write_bytes(BIG)
    received: list[bytes] = []
    reader = Thread(target=lambda: received.append(roomy.read(len(BIG) + 1_000_000)))
    with file.open("rb") as opened:
        roomy.outbox.sendall(BIG)
        reader.start()
        roomy.outbox.sendfile(opened, 256, 1_000_000)
        reader.join()
        assert received == [BIG + BIG[256:1_000_256]]
        with pytest.raises(EOFError):
            roomy.outbox.sendfile(opened, len(BIG) - 10, 11)
