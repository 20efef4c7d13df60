"""One request over one connection, up to the head of its answer.

Called by the adapter with a connection from the pool. Sends, watches for an
answer that comes before the request is out (a refused upload), skips 1xx, and
returns the head. The body is ``answer.py``'s.

Decides nothing about retries or the pool; it only says what happened.
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.transport.budget import Budget
from gateway.transport.codec import Head, HeadReader
from gateway.transport.connection import CHUNK, Connection
from gateway.transport.errors import BadAnswer, ConnectionLost, Expired, Phase, TransportError
from gateway.transport.message import OutboundRequest


class Exchange:
    """``sent``: the whole request went out. Without that the connection is not
    reused, whatever the answer says.
    """

    __slots__ = ("_budget", "_connection", "_reader", "sent")

    def __init__(self, connection: Connection, budget: Budget, max_head_bytes: int) -> None:
        self._connection = connection
        self._budget = budget
        self._reader = HeadReader(max_head_bytes)
        self.sent = False

    @property
    def rest(self) -> bytes:
        """What came behind the head."""
        return self._reader.rest

    def run(self, request: OutboundRequest) -> Head:
        """Sends the request and returns its answer's head.

        Raises ``ReadTimedOut``, ``DeadlineExceeded``, ``ConnectionLost``, ``BadAnswer``.
        """
        phase: Phase = "send"
        try:
            self.sent = all(map(self._send, _pieces(request)))
            phase = "head"
            return self._reader.head or self._read_head()
        except Expired:
            raise self._budget.expired(phase) from None

    def _send(self, data: bytes | memoryview) -> bool:
        """Sends one piece. False: the upstream takes no more, or needs no more."""
        try:
            count = self._connection.send(data)
            if count == len(data):
                return True
            return self._send_rest(memoryview(data)[count:])
        except TransportError:  # requests' exceptions are OSErrors too
            raise
        except OSError:
            # It may have said why before it closed: RFC 9112 section 9.5 wants
            # that answer read. If there is none, reading says so.
            return False

    def _send_rest(self, data: memoryview) -> bool:
        connection, reader = self._connection, self._reader
        until = self._budget.silence()
        while data:
            listen = reader.head is None
            if connection.wait_to_send(until, listen=listen) and listen:
                received = connection.receive_now()
                if received is not None and not self._go_on(received):
                    return False
            count = connection.send(data)
            if count:
                data = data[count:]
                until = self._budget.silence()
        return True

    def _go_on(self, received: bytes) -> bool:
        """Whether an upstream that says this still wants the rest of the request."""
        if not received:
            return False
        head = self._reader.feed(received)
        # An answer below 300 may be made of the request as it comes; any other
        # stands without it, and waiting for the upstream to read it can take for ever.
        return head is None or head.status < 300

    def _read_head(self) -> Head:
        # One deadline for the whole head: 1xx and single lines do not renew it.
        until = self._budget.silence()
        head = None
        while head is None:
            try:
                data = self._connection.receive(until)
            except OSError as error:
                raise self._broken(str(error)) from error
            if not data:
                raise self._broken("closed")
            head = self._reader.feed(data)
        return head

    def _broken(self, how: str) -> BadAnswer | ConnectionLost:
        if self._reader.within:
            return BadAnswer(f"the answer's head broke off: {how}")
        phase: Phase = "head" if self.sent else "send"
        unheard = not self._reader.heard
        return ConnectionLost(f"no answer: {how}", phase, unheard=unheard)


def _pieces(request: OutboundRequest) -> Iterator[bytes | memoryview]:
    """The request in as few writes as do not copy a large body."""
    head, body = request.head, request.body
    if request.parts is not None:
        yield head
        yield from request.parts
    elif not body:
        yield head
    elif len(body) <= CHUNK:
        yield head + body
    else:
        view = memoryview(body)
        yield head + bytes(view[:CHUNK])
        yield view[CHUNK:]
