"""Socket calls without waiting: the same values and errors as the ordinary calls."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import nowait
from tests.support.waiting import wait_for

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """Both ends of a TCP connection, neither blocking."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        near = socket.create_connection(listener.getsockname())
        far, _ = listener.accept()
    with near, far:
        near.setblocking(False)
        far.setblocking(False)
        yield near, far


def readable(sock: socket.socket) -> None:
    """Return when there is something to read."""
    assert select.select([sock], [], [], 5)[0]


@given(st.binary(min_size=1, max_size=3000))
def test_what_is_sent_is_received(data: bytes) -> None:
    """Any bytes, NUL among them."""
    near, far = socket.socketpair()
    with near, far:
        near.setblocking(False)
        far.setblocking(False)
        assert nowait.send(near, data) == len(data)
        assert nowait.recv(far) == data


def test_large_and_other_data_goes_the_ordinary_way(pair: Pair) -> None:
    """A view, or more than is copied while nobody else can run."""
    near, far = pair
    assert nowait.send(near, memoryview(b"abc")) == 3
    readable(far)
    assert nowait.recv(far) == b"abc"
    assert nowait.send(near, bytes(nowait.MAX_BYTES + 1)) > 0


def test_at_most_so_much_is_received_at_once(pair: Pair) -> None:
    """The rest stays where it is."""
    near, far = socket.socketpair()
    with near, far:
        for end in (near, far):
            end.setblocking(False)
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        sent = near.send(bytes(nowait.MAX_BYTES)) + near.send(b"rest")
        assert sent == nowait.MAX_BYTES + 4
        assert len(nowait.recv(far)) == nowait.MAX_BYTES
        assert nowait.recv(far) == b"rest"


@pytest.mark.parametrize("receive", [nowait.recv, nowait.recv_stamped])
def test_nothing_to_receive_is_a_blocking_io_error(pair: Pair, receive: object) -> None:
    """As ``recv`` says it."""
    with pytest.raises(BlockingIOError):
        receive(pair[1])  # type: ignore[operator]


def test_no_room_to_send_is_a_blocking_io_error(pair: Pair) -> None:
    """As ``send`` says it."""
    for _ in range(10_000):
        try:
            nowait.send(pair[0], bytes(nowait.MAX_BYTES))
        except BlockingIOError:
            return
    pytest.fail("ten thousand sends went through")


def test_the_end_of_input_is_empty(pair: Pair) -> None:
    """And stays so."""
    near, far = pair
    near.shutdown(socket.SHUT_WR)
    readable(far)
    assert nowait.recv(far) == b""
    assert nowait.recv_stamped(far) == (b"", None)


@pytest.mark.parametrize("receive", [nowait.recv, nowait.recv_stamped])
def test_a_reset_is_an_error_and_not_an_end(pair: Pair, receive: object) -> None:
    """The kernel tells an error once: it must not be lost on the way."""
    near, far = pair
    near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    near.close()
    readable(far)
    with pytest.raises(ConnectionResetError):
        receive(far)  # type: ignore[operator]


def test_sending_to_nobody_is_a_broken_pipe_and_no_signal(pair: Pair) -> None:
    """SIGPIPE would end the process."""
    near, far = pair
    far.close()
    near.send(b"x")  # answered with a reset
    wait_for(lambda: near.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), "the reset")
    with pytest.raises(BrokenPipeError):
        nowait.send(near, b"x")


def test_arrivals_are_stamped_with_wall_time(pair: Pair) -> None:
    """Once the kernel has begun to stamp, which it does not do at once."""
    near, far = pair
    far.setsockopt(socket.SOL_SOCKET, nowait.SO_TIMESTAMPNS, 1)

    def stamped() -> tuple[int, int] | None:
        near.send(b"x")
        readable(far)
        return nowait.recv_stamped(far)[1]

    stamp = wait_for(stamped, "a stamp")
    assert abs(stamp[0] + stamp[1] / 1e9 - time.time()) < 5


def test_readable_tells_bytes_and_ends(pair: Pair) -> None:
    """Nothing, something, and the end."""
    near, far = pair
    assert not nowait.readable(far)
    near.send(b"x")
    readable(far)
    assert nowait.readable(far)
    far.recv(1)
    assert not nowait.readable(far)
    near.close()
    readable(far)
    assert nowait.readable(far)


def test_a_one_shot_descriptor_is_armed_again(pair: Pair) -> None:
    """Like ``modify``; and like it, it says when the descriptor is not registered."""
    near, far = pair
    near.send(b"x")
    with select.epoll() as epoll:
        epoll.register(far, select.EPOLLIN | select.EPOLLONESHOT)
        assert epoll.poll(5) == [(far.fileno(), select.EPOLLIN)]
        assert epoll.poll(0) == []
        nowait.rearm(epoll, far.fileno(), select.EPOLLIN | select.EPOLLONESHOT)
        assert epoll.poll(5) == [(far.fileno(), select.EPOLLIN)]
        with pytest.raises(FileNotFoundError):
            nowait.rearm(epoll, near.fileno(), select.EPOLLIN)


def test_threads_do_not_get_each_others_bytes() -> None:
    """Rooms are taken and given back; each thread receives what was sent to its socket."""

    def echo(number: int) -> bool:
        near, far = socket.socketpair()
        with near, far:
            near.setblocking(False)
            far.setblocking(False)
            data = bytes([number]) * 4000
            return all(
                nowait.send(near, data) == 4000 and nowait.recv(far) == data for _ in range(300)
            )

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(echo, range(8)))
