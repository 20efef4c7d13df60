"""An answer's way to its client: written at once as far as the client takes it.

A client that reads slowly, or not at all, may leave bytes untaken.  What is
left of the last part waits here while the event loop watches the socket, so
such a client holds nothing up; only an application that goes on producing has to
wait for it.  How long, and for how many clients at once, is ``slow_readers``'.
"""

from __future__ import annotations

import fcntl
import os
import select
import socket
import struct
import termios
import time
from collections import deque
from typing import IO, Protocol

from gateway import nowait
from gateway.waiting import wait_for

from .limits import Limits
from .slow_readers import GRACE_SECONDS, Pace, SlowReaders

_INT = struct.Struct("i")


class ClientGone(ConnectionError):
    """The client reset the connection or stopped reading; nobody is at fault."""


class Sink(Protocol):
    """What an answer is written to."""

    def sendall(self, data: bytes) -> None:
        """Write, keep or wait; raises ``ClientGone``."""

    def sendlast(self, data: bytes) -> None:
        """Write or keep the end of an answer; raises ``ClientGone``."""

    def sendfile(self, file: IO[bytes], offset: int, count: int) -> None:
        """Write ``count`` bytes of ``file``; raises ``ClientGone``."""


class Outbox:
    """The sink over one non-blocking socket.

    Threads: used by the one thread that owns the connection at the time.
    ``sendall`` and ``sendfile`` may wait for the client, ``flush`` does not.
    """

    def __init__(self, sock: socket.socket, limits: Limits, readers: SlowReaders) -> None:
        self._sock = sock
        self._limits = limits
        self._readers = readers
        self._unsent: deque[bytes | memoryview] = deque()
        self.waiting = 0  # bytes in _unsent
        self.pace = Pace(limits)

    def __repr__(self) -> str:
        return f"<Outbox {self.waiting} bytes waiting>"

    def sendall(self, data: bytes) -> None:
        """Write what the client takes and keep the rest, if there is room for more."""
        if self.waiting:
            self.flush()
            self._wait_for_room(self._limits.max_unsent_bytes)
        self.sendlast(data)

    def sendlast(self, data: bytes) -> None:
        """Write what the client takes and keep the rest for ``flush``; never waits."""
        sent = 0 if self.waiting else self._send(data)
        if sent < len(data):
            if not self.waiting:
                self.pace.fell_behind(time.monotonic(), self._queued())
            self._unsent.append(memoryview(data)[sent:] if sent else data)
            self.waiting += len(data) - sent

    def flush(self) -> bool:
        """Write without waiting. True when nothing is left."""
        while self._unsent:
            part = self._unsent[0]
            sent = self._send(part)
            if not sent:
                return False
            self.waiting -= sent
            self.pace.took(sent, time.monotonic())
            if sent == len(part):
                self._unsent.popleft()
                if not self._unsent:
                    self.pace.caught_up(time.monotonic())
            else:
                self._unsent[0] = memoryview(part)[sent:]
        return True

    def sendfile(self, file: IO[bytes], offset: int, count: int) -> None:
        """Write a part of a file from kernel to kernel; waits until all is written."""
        self._wait_for_room(0)
        self.pace.fell_behind(time.monotonic(), self._queued())
        while count:
            try:
                sent = os.sendfile(self._sock.fileno(), file.fileno(), offset, count)
            except BlockingIOError:
                self._wait_writable()
                continue
            except OSError as error:
                raise ClientGone from error
            if not sent:
                raise EOFError("the file is shorter than the answer's Content-Length")
            offset, count = offset + sent, count - sent
            self.pace.took(sent, time.monotonic())
        self.pace.caught_up(time.monotonic())

    def _wait_for_room(self, room: int) -> None:
        while self.waiting > room:
            self._wait_writable()
            self.flush()

    def _wait_writable(self) -> None:
        with self._readers.waiting_for(self.pace):
            while True:
                writable = wait_for(self._sock.fileno(), select.POLLOUT, GRACE_SECONDS)
                now = time.monotonic()
                if self.overdue(now):
                    raise ClientGone("the client took too little of its answer for too long")
                if self._readers.gives_up(self.pace, now):
                    raise ClientGone("the slowest of too many clients that are waited for")
                if writable:
                    return

    def overdue(self, now: float) -> bool:
        """Whether the client is slower than it may be."""
        self.pace.seen(self._queued(), now)
        return now >= self.pace.deadline

    def _queued(self) -> int:
        """Bytes in the kernel that the client has not acknowledged (SIOCOUTQ, tcp(7))."""
        told = fcntl.ioctl(self._sock, termios.TIOCOUTQ, bytes(_INT.size))
        return int(_INT.unpack(told)[0])

    def _send(self, data: bytes | memoryview) -> int:
        try:
            return nowait.send(self._sock, data)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise ClientGone from error
