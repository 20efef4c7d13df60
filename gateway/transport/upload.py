"""A request on its way out, in as many steps as the upstream makes necessary.

Made by the exchange, which pushes it until the answer's head is there. Most
requests are out by then. Where an upstream answers while it still reads (an
echo, a converter), the rest is sent by the ``Answer``, while its body is read:
an upstream that is not read from stops reading itself.

Parses nothing, and never decides whether what it did not send is a failure.
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.transport.budget import Budget
from gateway.transport.connection import CHUNK, Connection
from gateway.transport.errors import Expired
from gateway.transport.message import OutboundRequest

_NO_MORE: Iterator[bytes] = iter(())


class Upload:
    """``open``: there is more to send, and somebody who takes it. ``sent``: all of it went out."""

    __slots__ = ("_connection", "_left", "_pieces", "open", "sent")

    def __init__(self, connection: Connection, request: OutboundRequest) -> None:
        self._connection = connection
        head, body = request.head, request.body
        self._left: bytes | memoryview
        self._pieces: Iterator[bytes | memoryview]
        if request.parts is None and (not body or len(body) <= CHUNK):
            self._left = head + body if body else head
            self._pieces = _NO_MORE
        else:
            self._left = b""
            self._pieces = _pieces(request)
        self.open = True
        self.sent = False

    def push(self) -> bool:
        """While ``open``: sends what the socket takes at once; says whether that was anything."""
        some = False
        while self._left or self._next_piece():
            count = self._send()
            if not count:
                return some
            some = True
            left = self._left
            self._left = b"" if count == len(left) else memoryview(left)[count:]
        return some

    def stop(self) -> None:
        """The upstream takes no more, or needs no more."""
        self.open = False

    def receive(self, budget: Budget) -> bytes:
        """``Connection.receive``, sending meanwhile: an upstream that takes or says something
        is not silent.
        """
        until = budget.silence()
        while self.open:
            if budget.clock() >= budget.ends:
                raise Expired
            if self.push():
                until = budget.silence()
            data = self._connection.receive_now()
            if data is not None:
                return data
            if self.open:
                self._connection.wait_to_send(until)
        return self._connection.receive(until)

    def finish(self, budget: Budget) -> None:
        """Sends the rest to an upstream whose answer is complete, for as long as it reads."""
        until = budget.silence()
        while self.open:
            if self.push():
                until = budget.silence()
            if self.open and not self._takes_more(until):
                self.stop()

    def _takes_more(self, until: float) -> bool:
        """False once it closed, said something nobody asked for, or read nothing for too long."""
        connection = self._connection
        try:
            return not connection.wait_to_send(until) or connection.receive_now() is None
        except (Expired, OSError):
            return False

    def _next_piece(self) -> bool:
        piece = next(self._pieces, None)
        if piece is None:
            self.sent, self.open = True, False
            return False
        self._left = piece
        return True

    def _send(self) -> int:
        try:
            return self._connection.send(self._left)
        except OSError:
            # It may have said why before it closed: RFC 9112 section 9.5 wants
            # that answer read. If there is none, reading says so.
            self.stop()
            return 0

    def __repr__(self) -> str:
        return f"<Upload [{'sent' if self.sent else 'open' if self.open else 'stopped'}]>"


def _pieces(request: OutboundRequest) -> Iterator[bytes | memoryview]:
    """A request that is not one write, in as few as do not copy a large body."""
    if request.parts is not None:
        yield request.head
        yield from request.parts
    else:
        view = memoryview(request.body or b"")
        yield request.head + bytes(view[:CHUNK])
        yield view[CHUNK:]
