"""The sink that waits: all of an answer is written, or the client is cut off."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from gateway.server.direct_sink import DirectSink
from gateway.server.limits import Limits
from gateway.server.outbox import ClientGone
from gateway.server.slow_readers import SlowReaders

BIG = bytes(range(256)) * 20_000


class Pair:
    """A sink and the client at its other end."""

    def __init__(self, *, blocking: bool) -> None:
        self.sock, self.client = socket.socketpair()
        self.sock.setblocking(blocking)
        self.client.settimeout(10)
        limits = Limits()
        limits.write_timeout = 0.3
        self.sink = DirectSink(self.sock, limits, SlowReaders(1))
        self.received: list[bytes] = []

    def reading(self, size: int) -> Thread:
        """A client that reads so much, as fast as it can."""

        def read() -> None:
            left = size
            while left and (data := self.client.recv(min(left, 100_000))):
                self.received.append(data)
                left -= len(data)

        thread = Thread(target=read)
        thread.start()
        return thread


@pytest.fixture(params=[True, False], ids=["blocking", "non-blocking"])
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    made = Pair(blocking=request.param)
    yield made
    made.sock.close()
    made.client.close()


def test_all_is_written_when_it_returns(pair: Pair) -> None:
    """Nobody else would write the rest; and the socket is left as it was."""
    before = pair.sock.gettimeout()
    reader = pair.reading(2 * len(BIG) + 3)
    pair.sink.sendall(BIG)
    assert pair.sink.waiting == 0
    assert pair.sink.send(b"mid") == 3
    pair.sink.sendlast(BIG)
    reader.join()
    assert b"".join(pair.received) == BIG + b"mid" + BIG
    assert pair.sock.gettimeout() == before


def test_a_client_that_takes_nothing_is_cut_off(pair: Pair) -> None:
    """After write_timeout."""
    with pytest.raises(ClientGone, match="took too little"):
        pair.sink.sendall(BIG)


def test_the_slowest_of_too_many_is_cut_off() -> None:
    """Whose threads wait: here one too many."""
    pairs = [Pair(blocking=True) for _ in range(2)]
    readers = SlowReaders(1)
    gone: list[str] = []
    for pair in pairs:
        limits = Limits()
        pair.sink = DirectSink(pair.sock, limits, readers)

    def write(pair: Pair) -> None:
        try:
            pair.sink.sendall(BIG)
        except ClientGone as error:
            gone.append(str(error))

    threads = [Thread(target=write, args=(pair,)) for pair in pairs]
    for thread in threads:
        thread.start()
    while not gone:
        threads[0].join(0.01)
    for pair in pairs:
        pair.client.close()
    for thread in threads:
        thread.join()
    for pair in pairs:
        pair.sock.close()
    assert gone[0] == "the slowest of too many clients that are waited for"


def test_a_client_that_left_is_gone(pair: Pair) -> None:
    """One error, however it left."""
    pair.client.close()
    with pytest.raises(ClientGone):
        pair.sink.sendall(b"x")


def test_a_file_is_written_from_its_offset(pair: Pair, tmp_path: Path) -> None:
    """As many bytes as asked for; fewer are an error, since the length was promised."""
    file = tmp_path / "file"
    file.write_bytes(BIG)
    reader = pair.reading(1_000_010)
    with file.open("rb") as opened:
        pair.sink.sendfile(opened, 256, 1_000_000)
        with pytest.raises(EOFError):
            pair.sink.sendfile(opened, len(BIG) - 10, 11)
    reader.join()
    assert b"".join(pair.received) == BIG[256:1_000_256] + BIG[-10:]
