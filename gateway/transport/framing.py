"""Takes an answer's body out of the bytes that frame it, strictly.

Second pure half of the codec. Each kind of body is an object that is fed what
comes, returns what of it is body, and knows when it is done; none waits to fill
anything. Bytes after the end are ``BadAnswer``: nothing asked for them, and on a
kept connection they would become the next caller's answer.

The coding of the content (gzip …) is not touched.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

from gateway.transport.codec import Field, Head, parse_fields
from gateway.transport.errors import AnswerCutShort, BadAnswer

# RFC 9112 section 7.1. 15 digits stay below 2**60. Extensions are let pass, of
# bounded size; a space before the CR is not (llhttp refuses it as well).
_CHUNK_HEAD = re.compile(rb"([0-9A-Fa-f]{1,15})([ \t]*;[^\x00-\x08\x0a-\x1f\x7f]*)?\r\n")
_MAX_CHUNK_HEAD = 1024
# A row of small whole chunks: a size below 16, so much data, CR LF. An upstream
# that sends every byte as a chunk of its own must not cost Python a turn for each.
# What this does not match (extensions, a cut, a fault) is taken one by one: it
# decides about speed only, never about what is valid. The lookbehind (which size
# was it?) lets all sizes share one group, so that findall() gives the data alone.
_SMALL_SIZE = rb"0{0,14}[1-9A-Fa-f]\r\n"
_SMALL_DATA = b"|".join(rb"(?<=[%x%X]\r\n)[\x00-\xff]{%d}" % (n, n, n) for n in range(1, 16))
_SMALL_CHUNK = re.compile(_SMALL_SIZE + rb"(" + _SMALL_DATA + rb")\r\n")
_SMALL_CHUNKS = re.compile(rb"(?:" + _SMALL_SIZE + rb"(?:" + _SMALL_DATA + rb")\r\n)+")
_HEX = frozenset(b"0123456789abcdefABCDEF")


class Body(Protocol):
    """``done``: the last byte of the body has been fed."""

    done: bool

    @property
    def trailers(self) -> Sequence[Field]: ...

    def feed(self, data: bytes) -> bytes:
        """What of ``data`` (never empty) is body; may be empty."""

    def end(self) -> bytes:
        """The upstream closed. Returns nothing, or raises ``AnswerCutShort``."""


def body_of(head: Head, method: str, max_trailer_bytes: int) -> Body:
    """The framing of this answer's body (RFC 9112 section 6.3)."""
    if method == "HEAD" or head.status in {204, 304}:
        return SizedBody(0)
    if head.chunked:
        return ChunkedBody(max_trailer_bytes)
    return BodyUntilClose() if head.length is None else SizedBody(head.length)


def _surplus(data: bytes) -> BadAnswer:
    return BadAnswer(f"bytes after the end of the answer: {data[:40]!r}", "body")


class SizedBody:
    """Exactly so many bytes."""

    __slots__ = ("_left", "done")
    trailers: Sequence[Field] = ()

    def __init__(self, length: int) -> None:
        self._left = length
        self.done = not length

    def feed(self, data: bytes) -> bytes:
        left = self._left - len(data)
        if left <= 0:
            if left:
                raise _surplus(data[left:])
            self.done = True
        self._left = left
        return data

    def end(self) -> bytes:
        raise AnswerCutShort(f"closed with {self._left} bytes of the body missing", "body")


class BodyUntilClose:
    """Whatever comes before the upstream closes."""

    __slots__ = ("done",)
    trailers: Sequence[Field] = ()

    def __init__(self) -> None:
        self.done = False

    def feed(self, data: bytes) -> bytes:
        return data

    def end(self) -> bytes:
        self.done = True
        return b""


class ChunkedBody:
    """The chunked coding. ``trailers``: the fields after the last chunk."""

    __slots__ = ("_held", "_in_trailers", "_left", "_max_trailer_bytes", "done", "trailers")

    def __init__(self, max_trailer_bytes: int) -> None:
        self.done = False
        self.trailers: Sequence[Field] = ()
        self._max_trailer_bytes = max_trailer_bytes
        self._in_trailers = False
        # Of the current chunk, with the CR LF behind its data; 0 between chunks.
        self._left = 0
        # The beginning of a chunk head or trailer section whose end has not come.
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        if self._held:
            data, self._held = self._held + data, b""
        pieces: list[bytes] = []
        at = 0
        while at < len(data) and not self._held:
            if self.done:
                raise _surplus(data[at:])
            if self._left:
                at = self._data(data, at, pieces)
            elif self._in_trailers:
                at = self._trailer_section(data, at)
            else:
                at = self._chunks(data, at, pieces)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def end(self) -> bytes:
        raise AnswerCutShort("closed before the last chunk", "body")

    def _chunks(self, data: bytes, at: int, pieces: list[bytes]) -> int:
        """As many whole chunks as there are, then the head of the next one."""
        while match := _CHUNK_HEAD.match(data, at):
            size, start = int(match[1], 16), match.end()
            end = start + size
            if not size or data[end : end + 2] != b"\r\n":
                # The last chunk, one that has not come as a whole, or a bad one.
                self._left = size + 2 if size else 0
                self._in_trailers = not size
                return start
            if size < 16 and match[2] is None and (row := _SMALL_CHUNKS.match(data, at)):
                pieces += _SMALL_CHUNK.findall(data, at, row.end())
                at = row.end()
            else:
                pieces.append(data[start:end])
                at = end + 2
        if at < len(data):
            self._hold_chunk_head(data, at)
        return at

    def _data(self, data: bytes, at: int, pieces: list[bytes]) -> int:
        """Data of a chunk that came in parts, and what ends it."""
        size = self._left - 2
        if size > 0:
            piece = data[at : at + size]
            pieces.append(piece)
            self._left -= len(piece)
            return at + len(piece)
        # RFC 9112 section 7.1: CR LF behind the data; left is 2 or, in between, 1.
        if data[at] != b"\r\n"[-self._left]:
            raise BadAnswer("no CR LF after a chunk", "body")
        self._left -= 1
        return at + 1

    def _hold_chunk_head(self, data: bytes, at: int) -> None:
        begun = data[at : at + _MAX_CHUNK_HEAD]
        if begun[0] not in _HEX or b"\n" in begun or len(begun) == _MAX_CHUNK_HEAD:
            raise BadAnswer(f"not a chunk size: {begun[:40]!r}", "body")
        self._held = begun

    def _trailer_section(self, data: bytes, at: int) -> int:
        if data.startswith(b"\r\n", at):
            self.done = True
            return at + 2
        end = data.find(b"\r\n\r\n", at)
        if (len(data) if end < 0 else end) - at > self._max_trailer_bytes:
            raise BadAnswer(f"trailers larger than {self._max_trailer_bytes} bytes", "body")
        if end < 0:
            self._held = data[at:]
            return at
        self.trailers = parse_fields(data[at : end + 2])
        self.done = True
        return end + 4
