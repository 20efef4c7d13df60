"""Request bodies while they arrive: where each ends, and its bytes once it has.

One class per framing (RFC 9112 section 6): counted, chunked, and the one that
is not read because it is too large.  Fed with whatever a socket had; each byte
is looked at once.  Whether a chunked body is valid is decided by gunicorn's own
reader over the complete bytes; what is here only finds its end.
"""

from __future__ import annotations

import io
import re
from typing import Any, NoReturn, Protocol

from gateway.errors import BodyTooLarge

from .limits import Limits
from .refusal import Refused
from .stock import NoMoreData, Unreader

_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]+)(?:[ \t]*;.*)?", re.DOTALL)
# gunicorn's bound for a line that holds a chunk's size and extensions.
_MAX_SIZE_LINE = 8190
# gunicorn's chunk reader copies what it was handed at every step: hand it little.
_PIECE = 4096


class BufferUnreader(Unreader):  # type: ignore[misc]
    """What gunicorn's parser reads from: bytes already received, never a socket."""

    def __init__(self, head: bytes) -> None:
        super().__init__()
        self.buf = io.BytesIO(head)
        self._more = memoryview(b"")

    def supply(self, data: bytes | bytearray) -> None:
        """Bytes to be read after those already given."""
        self._more = memoryview(data)

    def chunk(self, size_hint: int | None = None) -> bytes:
        """The next bytes, or none at the end (gunicorn's name for a read)."""
        piece = self._more[: max(size_hint or 0, _PIECE)]
        self._more = self._more[len(piece) :]
        return bytes(piece)

    def spent(self) -> bool:
        """Whether every byte was taken."""
        return not self._more and not self.take_buffered()


class ArrivingBody(Protocol):
    """A body being received."""

    @property
    def received(self) -> int:
        """Bytes of it so far."""

    def feed(self, data: bytes) -> bytes | None:
        """Take bytes. None while the body is incomplete, then what came after it."""

    def content(self) -> io.BytesIO:
        """The complete body."""


class CountedBody:
    """A body of a known length."""

    def __init__(self, length: int) -> None:
        self._missing = length
        self._buffer = io.BytesIO()
        self.received = 0

    def feed(self, data: bytes) -> bytes | None:
        mine = data if len(data) <= self._missing else data[: self._missing]
        self._buffer.write(mine)
        self._missing -= len(mine)
        self.received += len(mine)
        return None if self._missing else data[len(mine) :]

    def content(self) -> io.BytesIO:
        # getvalue() gives back what the buffer over-allocated and copies nothing.
        return io.BytesIO(self._buffer.getvalue())


class ChunkedBody:
    """A body in chunks (RFC 9112 section 7.1), kept as received until it is complete."""

    def __init__(self, request: Any, limits: Limits) -> None:
        self._request = request
        self._limits = limits
        self._raw = bytearray()
        self._line = 0  # where the next size line, or the trailer section, starts
        self._searched = 0  # no line end before this
        self._announced = 0  # content bytes in all chunks so far
        self._last = False  # the chunk of size 0 was seen

    @property
    def received(self) -> int:
        return len(self._raw)

    def feed(self, data: bytes) -> bytes | None:
        self._raw += data
        while not self._last and self._next_chunk():
            pass
        self._check_size()
        end = self._end() if self._last else -1
        if end < 0:
            return None
        rest = bytes(self._raw[end:])
        del self._raw[end:]
        return rest

    def content(self) -> io.BytesIO:
        unreader: BufferUnreader = self._request.unreader
        unreader.supply(self._raw)
        try:
            content = self._request.body.read()
        except NoMoreData as error:
            raise Refused(400, "The chunked body is not well-formed.") from error
        if not unreader.spent():
            raise Refused(400, "The chunked body is not well-formed.")
        self._raw = bytearray()
        return io.BytesIO(content)

    def _next_chunk(self) -> bool:
        """Step over one size line and its chunk, which may not be here yet."""
        stop = self._raw.find(b"\r\n", max(self._searched, self._line))
        if stop < 0:
            self._searched = len(self._raw) - 1  # the last byte may be the CR
            if len(self._raw) - self._line > _MAX_SIZE_LINE:
                raise Refused(400, "A chunk size line is too long.")
            return False
        size = _CHUNK_SIZE.fullmatch(self._raw, self._line, stop)
        if size is None:
            raise Refused(400, "A chunk size is not a hexadecimal number.")
        length = int(size[1], 16)
        self._last = length == 0
        self._announced += length
        self._line = stop if self._last else stop + 2 + length + 2
        self._searched = self._line
        return True

    def _end(self) -> int:
        # The CRLF of the last size line counts: with no trailers it is the first half.
        found = self._raw.find(b"\r\n\r\n", max(self._searched, self._line))
        self._searched = len(self._raw) - 3
        if found < 0 and len(self._raw) - self._line > self._limits.max_head_bytes:
            raise Refused(431, "The trailer section is too large.")
        return -1 if found < 0 else found + 4

    def _check_size(self) -> None:
        if self._announced > self._limits.max_body_bytes:
            raise too_large(self._limits)
        overhead = min(self._line, len(self._raw)) - self._announced
        if overhead > self._limits.max_chunk_overhead_bytes:
            raise too_large(self._limits)


class UnreadBody(io.RawIOBase):
    """Stands in for a body that is too large to be read: whoever reads it is told so."""

    def __init__(self, limits: Limits) -> None:
        super().__init__()
        self._limits = limits

    def readable(self) -> bool:
        return True

    def readinto(self, _: Any) -> NoReturn:
        raise too_large(self._limits)


def too_large(limits: Limits) -> BodyTooLarge:
    """The refusal of a body over ``max_body_bytes``."""
    return BodyTooLarge(f"The body is larger than {limits.max_body_bytes} bytes.")
