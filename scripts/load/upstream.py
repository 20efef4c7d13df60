"""An upstream server that costs next to nothing, and can misbehave in every way B5 names.

    python -m load.upstream --behaviour ok --delay 0 --port 0

One process, one epoll loop, no thread per request: a delay is an entry in a
queue. It prints its port and serves until its standard input closes, so that it
cannot outlive whoever started it.

Reads only what it must of a request: the end of its head, ``Content-Length``,
``/bytes/N``, which asks for an answer of N bytes, and ``/count``, which asks how
many other requests there were. It is no HTTP server.
"""

from __future__ import annotations

import argparse
import re
import select
import socket
import struct
import sys
import time
from collections import deque
from typing import ClassVar

from .limits import raise_descriptor_limit
from .pace import Pace
from .prompt import run_promptly

BEHAVIOURS = ("ok", "stalled", "refused", "slow", "resetting", "500", "huge", "garbage")
SLOW_SECONDS = 1.0
HUGE_BYTES = 1 << 30
MAX_BYTES = 16 << 20  # of a /bytes/N answer
_LENGTH = re.compile(rb"\r\n[Cc]ontent-[Ll]ength: *(\d+)")
_BYTES = re.compile(rb"GET /bytes/(\d+)")
COUNT = b"GET /count "
_ZEROS = memoryview(bytes(1 << 18))
_PIECE = 1 << 18
_ABORT = struct.pack("ii", 1, 0)  # SO_LINGER: on, no time: the close becomes a reset


def answer(status: bytes, body: bytes, length: int | None = None) -> bytes:
    """A whole answer, or the beginning of one of ``length`` bytes."""
    return b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (
        status,
        len(body) if length is None else length,
        body,
    )


OK = answer(b"200 OK", b'{"invoice": "2024-0001", "total": "119.00", "currency": "EUR"}')
ERROR = answer(b"500 Internal Server Error", b'{"error": "no database"}')
GARBAGE = b"\x16\x03\x01\x02\x00 no HTTP at all \xff\xfe\r\n\r\n"


class Peer:
    """One connection: what is still to come of a request, and still to go of an answer."""

    __slots__ = ("blocked", "head", "left", "sock", "target", "unsent", "zeros")

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.head = b""  # an incomplete one
        self.left = 0  # bytes of the body still to come
        self.target = b""  # of the request whose body is coming
        self.unsent = b""  # of an answer
        self.zeros = 0  # bytes to send after that
        self.blocked = False  # waiting to send


class Upstream:
    """The server. ``delay``: seconds between a whole request and its answer."""

    _ANSWERS: ClassVar[dict[str, bytes]] = {"500": ERROR, "garbage": GARBAGE}

    def __init__(self, behaviour: str, delay: float, port: int = 0) -> None:
        self._behaviour = behaviour
        self._delay = SLOW_SECONDS if behaviour == "slow" else delay
        self._answer = self._ANSWERS.get(behaviour, OK)
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(("127.0.0.1", port))
        self._epoll = select.epoll()
        self._peers: dict[int, Peer] = {}
        self._count = 0
        # Answers that wait for their time. One delay for all: the order is the order of arrival.
        self._due: deque[tuple[float, int, Peer]] = deque()
        if behaviour != "refused":  # bound, but nobody listens: connecting is refused
            self._listener.listen(4096)
            self._listener.setblocking(False)
            self._epoll.register(self._listener.fileno(), select.EPOLLIN)

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def serve(self, until_closed: int) -> None:
        """Serve until the descriptor ``until_closed`` is readable: until it has ended."""
        listener, peers = self._listener.fileno(), self._peers
        self._epoll.register(until_closed, select.EPOLLIN)
        pace = Pace()
        while True:
            pace.keep()
            for fd, _ in self._epoll.poll(self._wait()):
                if fd == until_closed:
                    return
                if fd == listener:
                    self._accept()
                elif peers[fd].blocked:
                    self._send(fd, peers[fd])
                else:
                    self._receive(fd, peers[fd])
            if self._due:
                self._answer_due()

    def _wait(self) -> float:
        return max(0.0, self._due[0][0] - time.monotonic()) if self._due else -1

    def _answer_due(self) -> None:
        now = time.monotonic()
        while self._due and self._due[0][0] <= now:
            _, fd, peer = self._due.popleft()
            if self._peers.get(fd) is peer:
                self._reply(fd, peer)

    def _accept(self) -> None:
        for _ in range(256):
            try:
                sock, _ = self._listener.accept()
            except OSError:  # none left, or no descriptor: the client sees it
                return
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._peers[sock.fileno()] = Peer(sock)
            if self._behaviour != "stalled":  # which never reads, and so never notices
                self._epoll.register(sock.fileno(), select.EPOLLIN)

    def _receive(self, fd: int, peer: Peer) -> None:
        try:
            data = peer.sock.recv(_PIECE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._close(fd, peer)
        elif peer.left:
            peer.left -= len(data)
            if peer.left <= 0:
                self._complete(fd, peer)
        else:
            self._head(fd, peer, peer.head + data if peer.head else data)

    def _head(self, fd: int, peer: Peer, data: bytes) -> None:
        end = data.find(b"\r\n\r\n")
        if end < 0:
            peer.head = data
            return
        length = _LENGTH.search(data, 0, end)
        peer.head, peer.target = b"", data[: data.find(b"\r\n")]
        peer.left = (int(length[1]) if length else 0) - (len(data) - end - 4)
        if peer.left <= 0:
            self._complete(fd, peer)

    def _complete(self, fd: int, peer: Peer) -> None:
        peer.left = 0
        if self._delay:
            self._due.append((time.monotonic() + self._delay, fd, peer))
        else:
            self._reply(fd, peer)

    def _reply(self, fd: int, peer: Peer) -> None:
        if self._behaviour == "resetting":
            peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
            self._close(fd, peer)
            return
        self._count += 1
        peer.unsent, peer.zeros = self._answer, 0
        if self._behaviour == "huge":
            self._answer_zeros(peer, HUGE_BYTES)
        elif peer.target.startswith(b"GET /"):
            self._answer_asked(peer)
        self._send(fd, peer)

    def _answer_asked(self, peer: Peer) -> None:
        if asked := _BYTES.match(peer.target):
            self._answer_zeros(peer, min(int(asked[1]), MAX_BYTES))
        elif peer.target.startswith(COUNT):
            self._count -= 1
            peer.unsent = answer(b"200 OK", b"%d" % self._count)

    def _answer_zeros(self, peer: Peer, size: int) -> None:
        peer.unsent, peer.zeros = answer(b"200 OK", b"", size), size

    def _send(self, fd: int, peer: Peer) -> None:
        try:
            if peer.unsent:
                peer.unsent = peer.unsent[peer.sock.send(peer.unsent) :]
            if peer.zeros and not peer.unsent:  # a piece at a time: the others want theirs
                peer.zeros -= peer.sock.send(_ZEROS[: min(peer.zeros, _PIECE)])
        except BlockingIOError:
            pass
        except OSError:
            self._close(fd, peer)
            return
        blocked = bool(peer.unsent or peer.zeros)
        if blocked is not peer.blocked:
            peer.blocked = blocked
            self._epoll.modify(fd, select.EPOLLOUT if blocked else select.EPOLLIN)

    def _close(self, fd: int, peer: Peer) -> None:
        del self._peers[fd]
        peer.sock.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--behaviour", choices=BEHAVIOURS, default="ok")
    parser.add_argument("--delay", type=float, default=0.0, help="seconds before each answer")
    parser.add_argument("--port", type=int, default=0)
    args = parser.parse_args()
    run_promptly()
    raise_descriptor_limit()
    upstream = Upstream(args.behaviour, args.delay, args.port)
    print(upstream.port, flush=True)
    try:
        upstream.serve(until_closed=sys.stdin.fileno())
    except KeyboardInterrupt:
        pass  # Ctrl-C reaches the whole group


if __name__ == "__main__":
    main()
