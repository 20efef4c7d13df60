"""Bytes of one connection in, complete requests out.

A request is handed on only when its head and body are here, so no thread waits
for a client.  The head's end is looked for, then gunicorn parses it: message
syntax, limits and framing are its decision.  This module knows no socket, no
clock and no thread.
"""

from __future__ import annotations

import io
from typing import Any

from gateway.errors import BodyTooLarge

from .body import ArrivingBody, BufferUnreader, ChunkedBody, CountedBody, UnreadBody
from .limits import Limits
from .refusal import Refused
from .stock import ChunkedReader, NoMoreData, Request


class RequestReader:
    """Reads one request after another.

    ``request``: the one whose head is complete; ``content``: its body, once complete.
    """

    def __init__(self, cfg: Any, limits: Limits, peer: Any) -> None:
        self._cfg = cfg
        self._limits = limits
        self._peer = peer
        self._buffer = bytearray()  # of the head, or of what follows the request
        self._searched = 0  # no head's end before this
        self._body: ArrivingBody | None = None
        self._reserved = 0
        self.request: Any = None
        self.content: io.IOBase | None = None
        self.wants_continue = False

    def __repr__(self) -> str:
        state = "body" if self.request else "head" if self._buffer else "idle"
        return f"<RequestReader {state}, {self.received} bytes of body>"

    @property
    def idle(self) -> bool:
        """Whether not one byte of a request is here."""
        return self.request is None and not self._buffer

    @property
    def received(self) -> int:
        """Bytes of the body so far."""
        return self._body.received if self._body else 0

    def feed(self, data: bytes) -> bool:
        """Take bytes; True when the request is complete. Raises a parser's error or ``Refused``."""
        if self._body is None:
            return self._feed_head(data)
        return self._feed_body(self._body, data)

    def next(self) -> bool:
        """Go on with the bytes after the last request; True when they are one more."""
        if not self._buffer:
            return False
        data, self._buffer = bytes(self._buffer), bytearray()
        return self.feed(data)

    def drop(self) -> None:
        """Forget the request, whatever has come of it, and give its bytes back."""
        self.request = self.content = self._body = None
        self._release()

    def _release(self) -> None:
        if self._reserved:
            self._limits.budget.release(self._reserved)
            self._reserved = 0

    def _feed_head(self, data: bytes) -> bool:
        received: bytes | bytearray = data
        if self._buffer:
            self._buffer += data
            received = self._buffer
        end = _head_end(received, self._searched)
        if max(end, len(received) if end < 0 else 0) > self._limits.max_head_bytes:
            raise _head_too_large(received)
        if end < 0:
            self._searched = max(0, len(received) - 2)
            self._buffer = self._buffer or bytearray(data)
            return False
        head, rest = bytes(received[:end]), bytes(received[end:])
        self._buffer, self._searched = bytearray(), 0
        self.request = self._parsed(head)
        self._body = self._expected_body(self.request)
        return self._feed_body(self._body, rest) if self._body else self._give_up_body()

    def _parsed(self, head: bytes) -> Any:
        _refuse_ambiguous_lines(head)
        unreader = BufferUnreader(head)
        try:
            request = Request(self._cfg, unreader, self._peer)
        except NoMoreData as error:
            raise Refused(400, "The request is not well-formed HTTP/1.1.") from error
        if not unreader.spent():
            raise Refused(400, "The request is not well-formed HTTP/1.1.")
        return request

    def _expected_body(self, request: Any) -> ArrivingBody | None:
        """What will hold the body; None when it is not to be read."""
        asked, request._expected_100_continue = request._expected_100_continue, False
        if isinstance(request.body.reader, ChunkedReader):
            self.wants_continue = asked
            return ChunkedBody(request, self._limits)
        length = request.body.reader.length
        if length > self._limits.max_body_bytes:
            return None
        self._reserve(length)
        self.wants_continue = asked and length > 0
        return CountedBody(length)

    def _feed_body(self, body: ArrivingBody, data: bytes) -> bool:
        try:
            rest = body.feed(data)
        except BodyTooLarge:  # chunked: known only as it grows
            return self._give_up_body()
        self._reserve(body.received - self._reserved)
        if rest is None:
            return False
        self._buffer += rest
        self.content = body.content()
        return True

    def _give_up_body(self) -> bool:
        """Let the application refuse it; nothing more of this connection is understood."""
        self._body = None
        self._release()
        self.wants_continue = False
        self.request.force_close()
        self.content = UnreadBody(self._limits)
        return True

    def _reserve(self, size: int) -> None:
        if size > 0 and not self._limits.budget.reserve(size):
            raise Refused(
                503,
                "Too many request bodies are being received; try again shortly.",
                headers=[("Retry-After", "1")],
            )
        self._reserved += max(0, size)


def _head_end(data: bytes | bytearray, start: int) -> int:
    """The index after the first empty line, or -1.

    Line ends with a bare LF count too: gunicorn's parser refuses them, and shall
    do so at once rather than when the client has been waited for.
    """
    end = data.find(b"\n\r\n", start)
    if end >= 0:
        return end + 3
    end = data.find(b"\n\n", start)
    return end + 2 if end >= 0 else -1


def _refuse_ambiguous_lines(head: bytes) -> None:
    """Refuse what two readers of one message may cut into different lines.

    gunicorn's Python parser does, its C parser (0.6.9) does not: a bare LF (RFC 9112
    section 2.2), and a folded field (section 5.2), which it takes for one without a name.
    """
    if head.count(b"\n") != head.count(b"\r\n") or b"\n " in head or b"\n\t" in head:
        raise Refused(400, "A line of the head does not end in CRLF, or is folded.")


def _head_too_large(data: bytes | bytearray) -> Refused:
    if b"\n" not in data:
        return Refused(414, "The request line is too long.")
    return Refused(431, "The header section is too large.")
