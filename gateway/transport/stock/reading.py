"""An answer as ``http.client`` reads it, kept from guessing and from waiting for ever.

``http.client`` takes a ``103`` for the final answer and leaves the real one to
the next request; takes a head that broke off, or a line without a colon, for the
head's end; a bare CR for a new field; and lets a line every now and then outlive
any time-out. All of that ends here: each line of heads and chunks is looked at,
and every read has the call's deadlines.
"""

from __future__ import annotations

import io
import re
import socket
from collections.abc import Callable
from enum import Enum
from http.client import HTTPResponse
from typing import Any, Protocol

from gateway.transport.errors import AnswerCutShort, BadAnswer
from gateway.transport.stock.call import Call

Field = tuple[str, str]

# As in ``codec.py``: no control bytes, so no bare CR and no folded line.
_TEXT = rb"[^\x00-\x08\x0a-\x1f\x7f]*"
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] [1-5][0-9][0-9](?: " + _TEXT + rb")?\r\n")
_SIZE_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;" + _TEXT + rb")?\r\n")
_FIELD_LINE = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):(" + _TEXT + rb")\r\n")


class Wire(Protocol):
    """The connection that an answer is read from."""

    def is_aborted(self) -> bool:
        """Whether it was shut down on purpose: then its end is no end of a body."""

    def spoil(self) -> None:
        """Nobody may use it again."""


class Source(io.RawIOBase):
    """The bytes of one answer, each read within the call's deadlines.

    ``head_bytes``: how many may come before ``head_is_over``. ``received``: all so far.
    """

    def __init__(
        self, sock: socket.socket, call: Call, aborted: Callable[[], bool], head_bytes: int
    ) -> None:
        super().__init__()
        # Keeps the socket open after its connection was closed, until this is.
        self._raw: Any = sock.makefile("rb", buffering=0)
        self._sock = sock
        self._call = call
        self._aborted = aborted
        self._room = head_bytes
        self._head_until: float | None = call.budget.silence()
        self.received = 0

    def readable(self) -> bool:
        return True

    def head_is_over(self) -> None:
        """From now on each read has the silence of its own."""
        self._head_until = None

    def readinto(self, buffer: Any) -> int:
        call, until = self._call, self._head_until
        self._sock.settimeout(call.left(call.budget.silence() if until is None else until))
        try:
            count: int = self._raw.readinto(buffer)
        except TimeoutError:
            raise call.budget.expired(call.phase) from None
        if not count and self._aborted():
            raise ConnectionAbortedError("aborted: the transport is closing")
        self.received += count
        if until is not None and self.received > self._room:
            raise BadAnswer("the answer's head is too large")
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class HeadLines(io.BufferedReader):
    """The answer's bytes for ``http.client``, which reads heads and framing line by line.

    ``fields``: of the last head, in order, values without the space around them.
    ``taken``: bytes that were read from here. ``spoiled`` is called when it is closed
    with bytes left that belong to nobody.
    """

    def __init__(self, source: Source, spoiled: Callable[[], None]) -> None:
        super().__init__(source)
        self.fields: list[Field] = []
        self.taken = 0
        self._source = source
        self._spoiled = spoiled
        self._expected = _Line.STATUS
        self._chunked = False

    @property
    def unread(self) -> int:
        """Bytes that have come and were not read from here."""
        return self._source.received - self.taken

    def readline(self, size: int | None = -1) -> bytes:
        line = super().readline(size)
        self.taken += len(line)
        getattr(self, self._expected.value)(line)
        return line

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        self.taken += len(data)
        # Of a chunked body http.client reads in this way only what ends a chunk.
        if self._chunked and data != b"\r\n":
            raise _cut(data) if len(data) < 2 else BadAnswer("a chunk without its end", "body")
        return data

    def read1(self, size: int = -1) -> bytes:
        data = super().read1(size)
        self.taken += len(data)
        return data

    def head_is_over(self, *, chunked: bool) -> None:
        """What lines come now are of a chunked body."""
        self._expected = _Line.SIZE
        self._chunked = chunked

    def close(self) -> None:
        if not self.closed and self.unread:
            self._spoiled()
        super().close()

    def _status(self, line: bytes) -> None:
        self.fields = []
        self._expected = _Line.FIELD
        if line and not _STATUS_LINE.fullmatch(line):
            raise BadAnswer(f"not an HTTP/1.x answer: {line[:80]!r}")

    def _field(self, line: bytes) -> None:
        if line == b"\r\n":
            self._expected = _Line.STATUS
            return
        field = _FIELD_LINE.fullmatch(line)
        if field is None:
            raise BadAnswer(f"the answer's head breaks off or is malformed: {line[:80]!r}")
        name, value = (part.decode("latin-1") for part in field.groups())
        self.fields.append((name, value.strip(" \t")))

    def _size(self, line: bytes) -> None:
        size = _SIZE_LINE.fullmatch(line)
        if size is None:
            raise BadAnswer("no chunk size", "body") if line.endswith(b"\n") else _cut(line)
        if not int(size[1], 16):
            self._expected = _Line.TRAILER

    def _trailer(self, line: bytes) -> None:
        if not line.endswith(b"\r\n"):  # http.client takes no line for the last one
            raise _cut(line)


class _Line(Enum):
    """What a line has to be: the name of the method that looks at it."""

    STATUS = "_status"
    FIELD = "_field"
    SIZE = "_size"
    TRAILER = "_trailer"


def _cut(data: bytes) -> AnswerCutShort:
    return AnswerCutShort(f"the body broke off within its framing: {data[:80]!r}", "body")


class FinalAnswer(HTTPResponse):
    """``http.client``'s answer, past everything informational (RFC 9110 section 15.2)."""

    def __init__(
        self,
        sock: socket.socket,
        call: Call,
        wire: Wire,
        head_bytes: int,
        method: str | None,
    ) -> None:
        super().__init__(sock, method=method)
        self._source = Source(sock, call, wire.is_aborted, head_bytes)
        self._lines = HeadLines(self._source, wire.spoil)
        self.fp.close()
        self.fp = self._lines

    @property
    def fields(self) -> list[Field]:
        """The final head's."""
        return self._lines.fields

    @property
    def wire_bytes(self) -> int:
        """What has come behind the head, with all framing."""
        return self._source.received - self._head_bytes

    @property
    def unread(self) -> int:
        """How much of that has not been looked at."""
        return self._lines.unread

    def begin(self) -> None:
        super().begin()
        while self.status < 200:
            if self.status == 101:
                raise BadAnswer("101: the upstream wants to switch protocols")
            self.headers = self.msg = None  # type: ignore[assignment]  # "not begun"
            super().begin()
        _check_framing(self.fields)
        self._source.head_is_over()
        self._lines.head_is_over(chunked=bool(self.chunked))
        self._head_bytes = self._lines.taken


def _check_framing(fields: list[Field]) -> None:
    """Refuses what two readers could cut in two ways; see ``codec.py``."""
    lengths = [value for name, value in fields if name.lower() == "content-length"]
    codings = [value for name, value in fields if name.lower() == "transfer-encoding"]
    if len(lengths) + len(codings) > 1:
        raise BadAnswer(f"framed in more than one way: {', '.join(lengths + codings)!r}")
    if not all(value.isascii() and value.isdigit() for value in lengths):
        raise BadAnswer(f"Content-Length {lengths[0]!r}")
    if codings and codings[0].lower() != "chunked":
        raise BadAnswer(f"Transfer-Encoding {codings[0]!r}")
