"""New connections, taken in one place: the worker's main thread.

Running out of descriptors, or of the connections a worker may have, is a reason
to pause, never to fail: clients wait in the backlog meanwhile.
"""

from __future__ import annotations

import errno
import logging
import select
import socket
import time
from collections.abc import Callable, Sequence
from typing import Any

from .arrival import stamp_arrivals
from .balance import POLITE_SECONDS, Manners, Seat

# A few at a time: with more, one worker's main thread would take what another is free for.
_BATCH = 8
_PAUSE_SECONDS = 0.1
_LOG_EVERY_SECONDS = 10.0

EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
# accept(2): errors of the new connection, not of the listener.
PASSING = {
    errno.EAGAIN,
    errno.ECONNABORTED,
    errno.EINTR,
    errno.EPROTO,
    errno.EPERM,
    errno.ENETDOWN,
    errno.ENETUNREACH,
    errno.EHOSTDOWN,
    errno.EHOSTUNREACH,
    errno.ETIMEDOUT,
}


class Acceptor:
    """The listeners, and whether they are being listened to.

    Threads: the main thread only. ``wait`` blocks, for as long as it is told.
    """

    def __init__(
        self,
        listeners: Sequence[Any],
        *,
        wake: int,
        adopt: Callable[[socket.socket, Any, Any], None],
        make_room: Callable[[], int],
        seat: Seat,
        write_timeout: float,
        log: logging.Logger,
    ) -> None:
        self._adopt = adopt
        self._make_room = make_room
        self._seat = seat
        self._manners = Manners(seat)
        self._log = log
        self._listeners = {listener.fileno(): listener for listener in listeners}
        self._names = {fd: listener.getsockname() for fd, listener in self._listeners.items()}
        self._listening = False
        self._resume_at = 0.0
        self._complained_at = float("-inf")
        self._poll = select.epoll()
        self._poll.register(wake, select.EPOLLIN)
        for listener in listeners:
            listener.setblocking(False)
            prepare(listener, write_timeout)

    def __repr__(self) -> str:
        state = "listening" if self._listening else "paused"
        return f"<Acceptor {state} on {len(self._listeners)} sockets>"

    def wait(self, seconds: float) -> bool:
        """Accept for up to ``seconds``, then return; True when woken."""
        pause = self._resume_at - time.monotonic()
        self._listen(pause <= 0)
        if pause > 0:
            seconds = min(seconds, pause)
        woken = False
        for fd, _ in self._found(seconds):
            if fd in self._listeners:
                self._accept(fd)
            else:
                woken = True
        return woken

    def _found(self, seconds: float) -> list[tuple[int, int]]:
        if self._manners.waits and self._listening:
            at_once = self._poll.poll(0)
            if any(fd in self._listeners for fd, _ in at_once):
                return at_once
            # What was left to the others is theirs now.
            self._manners.thank()
        return self._poll.poll(seconds)

    def close(self) -> None:
        """Take what is already in the backlog, then refuse new connections."""
        self._listen(False)
        self._seat.accepts(False)
        for fd, listener in self._listeners.items():
            while self._room() and self._took(fd):
                pass
            listener.close()
        self._listeners.clear()

    def _listen(self, wanted: bool) -> None:
        if wanted == self._listening:
            return
        for fd in self._listeners:
            if wanted:
                # Without EPOLLEXCLUSIVE: all wake, and who has too many leaves it to the others.
                self._poll.register(fd, select.EPOLLIN)
            else:
                self._poll.unregister(fd)
        self._listening = wanted
        if wanted:
            self._seat.accepts(True)

    def _accept(self, fd: int) -> None:
        """Take what one listener has, a few at most, until it is another worker's turn."""
        now = time.monotonic()
        if self._manners.give_way(now):
            self._resume_at = now + POLITE_SECONDS
            return
        for _ in range(min(self._room(), _BATCH)):
            if not self._took(fd) or self._seat.is_ahead():
                return

    def _room(self) -> int:
        room = self._make_room()
        if not room:
            self._pause()
        return room

    def _took(self, fd: int) -> bool:
        """Whether this listener had one that could be taken."""
        try:
            sock, peer = self._listeners[fd].accept()
        except OSError as error:
            self._failed(error)
            return False
        sock.setblocking(False)
        self._adopt(sock, peer, self._names[fd])
        self._seat.took_one()
        return True

    def _pause(self) -> float:
        now = time.monotonic()
        self._resume_at = now + _PAUSE_SECONDS
        self._seat.accepts(False)
        return now

    def _failed(self, error: OSError) -> None:
        if error.errno in PASSING:
            return
        if error.errno not in EXHAUSTED:
            raise error
        now = self._pause()
        if now - self._complained_at > _LOG_EVERY_SECONDS:
            self._complained_at = now
            self._log.warning("Cannot accept connections for now: %s", error.strerror)


def prepare(listener: Any, write_timeout: float) -> None:
    """Options that accepted connections inherit: no call for each of them."""
    stamp_arrivals(listener)
    option = getattr(socket, "TCP_USER_TIMEOUT", None)  # Linux's
    if option is not None and listener.family != socket.AF_UNIX:
        # The kernel takes some megabytes of an answer off our hands; a client that does
        # not read those is cut off by the kernel (tcp(7)). gunicorn has set TCP_NODELAY.
        listener.setsockopt(socket.IPPROTO_TCP, option, round(write_timeout * 1000))
