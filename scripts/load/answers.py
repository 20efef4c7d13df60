"""Just enough of an HTTP answer to know its status and where it ends.

Status line, ``Content-Length``, ``Connection: close``, the end of a chunked
body: read as cheaply as Python can, for the client must cost less than what it
measures. It is no HTTP client: framing that it does not know is NONSENSE.
"""

from __future__ import annotations

from .job import BROKEN, NONSENSE

_UNTIL_CLOSE = -1
_CHUNKED = -2


class AnswerReader:
    """Reads one answer after another. ``feed`` returns whether one is complete.

    ``status``: its status, or NONSENSE or BROKEN. ``reusable``: whether the connection is.
    """

    __slots__ = ("_buffer", "_left", "_skip", "retry_after", "reusable", "started", "status")

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Before the next answer."""
        self._buffer = b""
        self._left = 0
        self._skip = 0
        self.status = 0
        self.started = False
        self.reusable = True
        self.retry_after = False

    def feed(self, data: bytes) -> bool:
        if self.status == 0:
            return self._head(self._buffer + data if self._buffer else data)
        return self._body(data)

    def end(self) -> None:
        """The connection has ended: so has the answer, properly or not."""
        self.reusable = False
        if self.status == 0 or self._left != _UNTIL_CLOSE:
            self.status = BROKEN

    def _head(self, data: bytes) -> bool:
        self.started = True
        end = data.find(b"\r\n\r\n")
        if end < 0:
            self._buffer = data
            return False
        if data[:7] != b"HTTP/1." or not data[9:12].isdigit():
            return self._nonsense()
        status = int(data[9:12])
        if status < 200:
            rest, self._buffer = data[end + 4 :], b""
            return bool(rest) and self._head(rest)
        self.status, self._buffer = status, b""
        self._frame(data[:end].lower())
        return self._body(data[end + 4 :])

    def _frame(self, head: bytes) -> None:
        self.reusable = b"\r\nconnection: close" not in head
        self.retry_after = b"\r\nretry-after:" in head
        at = head.find(b"\r\ncontent-length:")
        if at >= 0:
            end = head.find(b"\r\n", at + 2)
            self._left = int(head[at + 17 : end if end >= 0 else None])
        elif b"\r\ntransfer-encoding: chunked" in head:
            self._left = _CHUNKED
        elif self.status in (204, 304):
            self._left = 0
        else:
            self._left, self.reusable = _UNTIL_CLOSE, False

    def _body(self, data: bytes) -> bool:
        if self._left >= 0:
            self._left -= len(data)
            return self._left == 0 or (self._left < 0 and self._nonsense())
        if self._left == _CHUNKED:
            return self._chunks(self._buffer + data)
        return False

    def _chunks(self, data: bytes) -> bool:
        """RFC 9112 section 7.1; ``_skip``: bytes of a chunk, and its line end, still to come."""
        while True:
            taken = min(self._skip, len(data))
            self._skip, data = self._skip - taken, data[taken:]
            end = data.find(b"\r\n")
            if self._skip or end < 0:
                self._buffer = data
                return False
            size = int(data[:end].partition(b";")[0], 16)
            if size == 0:
                return self._last_chunk(data, end)
            self._skip, data = size + 2, data[end + 2 :]

    def _last_chunk(self, data: bytes, end: int) -> bool:
        self._buffer = data
        at = data.find(b"\r\n\r\n", end)
        return at >= 0 and (at + 4 == len(data) or self._nonsense())

    def _nonsense(self) -> bool:
        self.status, self.reusable = NONSENSE, False
        return True
