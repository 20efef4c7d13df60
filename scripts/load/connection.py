"""One client connection and the request that is on it."""

from __future__ import annotations

import select
import socket

from .answers import AnswerReader

CONNECTING, FREE = -2, -1  # in place of a phase
_PIECE = 1 << 18


class Connection:
    """Never blocks. ``phase`` and ``due``: of the request that is on it.

    ``send``, ``flush`` and ``receive`` raise ``OSError`` when it broke.
    """

    __slots__ = ("_rest", "due", "fd", "phase", "reader", "sock")

    def __init__(self, host: str, port: int) -> None:
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.setblocking(False)
        self.sock.connect_ex((host, port))  # what it says, the first event says too
        self.fd = self.sock.fileno()
        self.reader = AnswerReader()
        self._rest: memoryview | None = None  # of a request that the server does not take yet
        self.due = 0.0
        self.phase = CONNECTING

    @property
    def events(self) -> int:
        """What epoll should wait for."""
        sending = self._rest is not None or self.phase == CONNECTING
        return select.EPOLLIN | select.EPOLLOUT if sending else select.EPOLLIN

    @property
    def reusable(self) -> bool:
        """Whether another request may follow the answer that was read."""
        return self.reader.reusable and self._rest is None

    def connected(self) -> bool:
        """At the first event: whether there is a connection."""
        self.phase = FREE
        return not self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)

    def send(self, request: bytes, due: float, phase: int) -> bool:
        """Send a request; False when some of it has to wait (see ``events``)."""
        self.due, self.phase = due, phase
        self.reader.reset()
        try:
            sent = self.sock.send(request)
        except BlockingIOError:
            sent = 0
        if sent == len(request):
            return True
        self._rest = memoryview(request)[sent:]
        return False

    def flush(self) -> bool:
        """Send more of the request; whether nothing is left."""
        if self._rest is not None:
            try:
                self._rest = self._rest[self.sock.send(self._rest) :] or None
            except BlockingIOError:
                return False
        return self._rest is None

    def receive(self) -> bool:
        """Take what has come; whether the answer is complete, or was cut short."""
        try:
            data = self.sock.recv(_PIECE)
        except BlockingIOError:
            return False
        if data:
            return self.reader.feed(data)
        self.reader.end()
        return True
