"""One request over one connection, up to the head of its answer.

Called by the adapter with a connection from the pool: to its end on one thread
(``start``, ``finish``), or in steps by somebody who waits for many. Sends, watches for an
answer that comes before the request is out (a refused upload, an echo), skips
1xx, and returns the head. The body, and what is left to send, are ``answer.py``'s.

Decides nothing about retries or the pool; it only says what happened.
"""

from __future__ import annotations

from gateway.transport.answer import Answer
from gateway.transport.budget import Budget
from gateway.transport.codec import Head, HeadReader
from gateway.transport.connection import Connection
from gateway.transport.errors import BadAnswer, ConnectionLost, Expired, Phase
from gateway.transport.framing import BodyUntilClose, body_of
from gateway.transport.message import OutboundRequest
from gateway.transport.pool import Pool
from gateway.transport.upload import Upload


class Exchange:
    """``upload``: what has become of the request, once ``start()`` was called. It may
    still be ``open`` when the head is there; if it is not ``sent`` in the end, the
    connection is not reused, whatever the answer says.
    """

    __slots__ = ("_budget", "_connection", "_max_head_bytes", "_reader", "_request", "upload")

    def __init__(
        self,
        connection: Connection,
        budget: Budget,
        max_head_bytes: int,
        request: OutboundRequest,
    ) -> None:
        self._connection = connection
        self._request = request
        self._max_head_bytes = max_head_bytes
        self._budget = budget
        self._reader = HeadReader(max_head_bytes)
        self.upload = Upload(connection, request)

    def start(self) -> None:
        """Sends what the socket takes at once; never waits."""
        self.upload.push()

    def advance(self) -> Head | None:
        """The answer's head, if what has come by now completes it; never waits.

        Raises ``ConnectionLost``, ``BadAnswer``.
        """
        try:
            data = self._connection.receive_now()
        except OSError as error:
            raise self._broken(str(error)) from error
        if data is None:
            return None
        if not data:
            raise self._broken("closed")
        return self._reader.feed(data)

    def finish(self) -> Head:
        """Sends the rest, as far as the answer's head needs it, and returns that head.

        Raises ``ReadTimedOut``, ``DeadlineExceeded``, ``ConnectionLost``, ``BadAnswer``.
        """
        phase: Phase = "send"
        try:
            if self.upload.open:
                self._push_on()
            phase = "head"
            return self._reader.head or self._read_head()
        except Expired:
            raise self._budget.expired(phase) from None

    def answer(self, head: Head, pool: Pool) -> Answer:
        """The answer with this head, which owns the connection from now on. ``BadAnswer``."""
        body = body_of(head, self._request.method, self._max_head_bytes)
        answer = Answer(head, body)
        answer.attach(
            self._connection,
            pool,
            self._budget,
            self.upload,
            self._reader.rest,
            reusable=head.keep_alive and type(body) is not BodyUntilClose,
        )
        return answer

    def _push_on(self) -> None:
        """Sends the rest, and listens: returns when it is out, or the head is there."""
        upload = self.upload
        until = self._budget.silence()
        while upload.open and self._reader.head is None:
            if self._connection.wait_to_send(until):
                self._listen()
            if upload.open and upload.push():
                until = self._budget.silence()

    def _listen(self) -> None:
        """Takes what came early; ends the upload if the upstream wants no more of it."""
        try:
            received = self._connection.receive_now()
        except OSError:
            received = b""  # reading the head will say so
        if received is None:
            return
        head = self._reader.feed(received) if received else None
        # An answer below 300 may be made of the request as it comes; any other
        # stands without it, and waiting for the upstream to read it can take for ever.
        if not received or (head is not None and head.status >= 300):
            self.upload.stop()

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
        phase: Phase = "head" if self.upload.sent else "send"
        unheard = not self._reader.heard
        return ConnectionLost(f"no answer: {how}", phase, unheard=unheard)
