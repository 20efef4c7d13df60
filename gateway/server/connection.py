"""One client connection: which bytes it waits for, until when, and how it ends.

The event loop owns the waiting, this class the steps between two waits.  No
step blocks.  A connection ends in one of three ways: closed (nothing more to
say), half-closed and lingering (RFC 9112 section 9.6: so that a client still
sending its body reads the answer before it meets a reset), or reset (so that a
cut answer cannot be taken for a whole one).
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Callable
from enum import Enum
from typing import Any

from gateway.errors import Refusal
from gateway.nowait import MAX_BYTES, recv

from .arrival import receive
from .ending import Ending, reset_on_close
from .glance import one_plain_request
from .limits import Limits
from .outbox import ClientGone, Outbox
from .reader import RequestReader
from .refusal import Refused, as_answer
from .shedding import OVERLOADED, Shed
from .slow_readers import SlowReaders

# Grace for bytes that are here but that no thread was free to read.
_UNREAD_GRACE = 1.0

_READABLE = select.EPOLLIN | select.EPOLLONESHOT
_WRITABLE = select.EPOLLOUT | select.EPOLLONESHOT


class Phase(str, Enum):
    """What a connection is waiting for, or that it is not."""

    READING = "reading"  # a request, or the rest of one
    WORKING = "working"  # its request is complete and being answered
    FLUSHING = "flushing"  # the client has to take its answer
    LINGERING = "lingering"  # half-closed; what arrives is discarded
    CLOSED = "closed"


class Connection:
    """A client's socket with what is being read from and written to it.

    Threads: owned by one thread at a time, the one that took it from the event
    loop. ``deadline`` and ``phase`` alone are also read by the main thread.
    """

    def __init__(
        self,
        sock: socket.socket,
        peer: Any,
        server: Any,
        *,
        cfg: Any,
        limits: Limits,
        readers: SlowReaders,
    ) -> None:
        self.sock = sock
        self.fd = sock.fileno()
        self.peer = peer
        self.server = server
        self.reader = RequestReader(cfg, limits, peer)
        self.outbox = Outbox(sock, limits, readers)
        self.phase = Phase.READING
        self.received = time.monotonic()  # when the last bytes arrived
        self.deadline = self.received + limits.header_timeout
        # Whether a request that arrived then may be refused unread; and, told its method
        # and target too, whether it is.
        self.too_late: Callable[[float], bool] = _never
        self.refuses: Callable[[float, str, str], bool] = _never
        self._cfg = cfg
        self._limits = limits
        self._ending = Ending.KEEP
        self._started = self.received  # of the head, the body, or the lingering
        self._discarded = 0

    def __repr__(self) -> str:
        return f"<Connection {self.peer} {self.phase.value} {self.reader} {self.outbox}>"

    @property
    def idle(self) -> bool:
        """Whether it waits for a request of which nothing has come."""
        return self.phase is Phase.READING and self.reader.idle

    def idle_since(self, moment: float) -> bool:
        """Whether it has been idle since then, or longer."""
        return self.idle and self.received < moment

    def close_if_idle_since(self, moment: float) -> None:
        """Give it up in favour of a new connection."""
        if self.idle_since(moment):
            self.close()

    @property
    def events(self) -> int:
        """What the event loop has to watch for, once."""
        return _WRITABLE if self.phase is Phase.FLUSHING else _READABLE

    def step(self) -> bool:
        """Do what the socket is ready for. True when a request is to be answered.

        Raises what the reader does, and ``ClientGone``.
        """
        if self.phase is Phase.READING:
            return self._receive()
        if self.phase is Phase.FLUSHING:
            return self._flush()
        self._discard()
        return False

    def _receive(self) -> bool:
        while True:
            try:
                data, self.received = receive(self.sock)
            except BlockingIOError:
                return False
            except OSError as error:
                raise ClientGone from error
            if not data:
                return self._end_of_input()
            if self.too_late(self.received) and self._refuse_unseen(data):
                return False
            began, had_head = self.reader.idle, self.reader.request is not None
            if self._read(self.reader.feed(data), began=began, had_head=had_head):
                return True
            if len(data) < MAX_BYTES:
                return False

    def _refuse_unseen(self, data: bytes) -> bool:
        """Refuse a request that came too late, if it needs no reading to know where it ends."""
        asked = one_plain_request(data) if self.reader.idle else None
        if asked is None or not self.refuses(self.received, *asked):
            return False
        self.outbox.sendlast(OVERLOADED.answer(with_body=True, close=False))
        self.answered(Ending.KEEP)
        return True

    def _read(self, complete: bool, *, began: bool, had_head: bool) -> bool:
        """Bytes were read: note what they completed, and until when the rest has to come."""
        if complete:
            self.phase = Phase.WORKING
            return True
        now = time.monotonic()
        if self.reader.request is not None:
            if not had_head:
                self._started = now
            earned = self.reader.received / self._limits.body_min_rate
            self.deadline = self._started + self._limits.body_timeout + earned
        elif began:
            self.deadline = now + self._limits.header_timeout
        if self.reader.wants_continue:
            self.reader.wants_continue = False
            self.outbox.sendlast(b"HTTP/1.1 100 Continue\r\n\r\n")
        return False

    def _end_of_input(self) -> bool:
        if self.reader.idle:
            self.close()
            return False
        raise Refused(400, "The request ended before it was complete.")

    def refuse(self, refusal: Refusal, request_id: str) -> None:
        """Answer in the application's stead and end the connection."""
        request = self.reader.request
        with_body = request is None or request.method != "HEAD"
        self.outbox.sendlast(as_answer(refusal, with_body=with_body, request_id=request_id))
        self.answered(Ending.LINGER)

    @property
    def asked(self) -> tuple[str, str]:
        """Method and target of the request that is here."""
        request = self.reader.request
        return request.method, request.uri

    def shed(self, reason: Shed) -> bool:
        """Refuse a request, and keep the connection if the client does.

        True when the next request is already here.
        """
        request = self.reader.request
        close = reason.closes or request.must_close or request.should_close()
        self.outbox.sendlast(reason.answer(with_body=request.method != "HEAD", close=close))
        return self.answered(Ending.LINGER if close else Ending.KEEP)

    def answered(self, ending: Ending) -> bool:
        """Go on after an answer. True when the next request is already here."""
        self._ending = ending
        self.reader.drop()
        if ending is Ending.RESET:
            self.reset()
            return False
        return self._flush()

    def _flush(self) -> bool:
        if not self.outbox.flush():
            self.phase = Phase.FLUSHING
            self.deadline = self.outbox.pace.deadline
            return False
        if self._ending is Ending.KEEP:
            return self._next_request()
        if self._ending is Ending.CLOSE and self.reader.idle:
            self.close()
        else:
            self._linger()
        return False

    def _next_request(self) -> bool:
        self.phase = Phase.READING
        self.outbox.pace.start()
        # Bytes that are here already waited for their predecessor, not for us.
        self.received = time.monotonic()
        complete = self.reader.next()
        if self.reader.idle:
            self.deadline = self.received + self._cfg.keepalive
            return False
        return self._read(complete, began=True, had_head=False)

    def _linger(self) -> None:
        self.phase = Phase.LINGERING
        self._started = time.monotonic()
        self.deadline = self._started + self._limits.linger_idle_timeout
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self.close()

    def _discard(self) -> None:
        try:
            count = len(recv(self.sock))
        except BlockingIOError:
            return
        except OSError:
            count = 0
        self._discarded += count
        if not count or self._discarded > self._limits.linger_max_bytes:
            self.close()
            return
        self.deadline = min(
            self._started + self._limits.linger_timeout,
            time.monotonic() + self._limits.linger_idle_timeout,
        )

    def expire(self, now: float) -> None:
        """Its deadline has passed. Raises ``Refused`` when the client was too slow."""
        if self.phase is Phase.FLUSHING:
            self._expire_unread_answer(now)
        elif self.phase is Phase.LINGERING:
            self.close()
        elif self._has_unread_bytes():
            self.deadline = now + _UNREAD_GRACE  # the delay is ours
        elif self.reader.idle:
            self.close()
        else:
            raise Refused(408, "The request did not arrive in time.")

    def _expire_unread_answer(self, now: float) -> None:
        flushed = self.outbox.flush()  # no thread may have been free to do it
        if not flushed and self.outbox.overdue(now):
            self.reset()
        self.deadline = self.outbox.pace.deadline

    def _has_unread_bytes(self) -> bool:
        try:
            return bool(self.sock.recv(1, socket.MSG_PEEK))
        except OSError:
            return False

    def reset(self) -> None:
        """Drop the connection so that the client cannot take it for a clean end."""
        reset_on_close(self.sock)
        self.close()

    def close(self) -> None:
        """Give up the socket; nothing of this connection is used again."""
        self.phase = Phase.CLOSED
        self.reader.drop()
        self.sock.close()


def _never(*told: object) -> bool:
    return False
