"""Reads the head of an answer, strictly, and says how its body is framed.

First of the two pure halves of the codec (``framing.py`` is the other): bytes
in, values out, no sockets. What it lets pass goes to a client, so every doubt is
``BadAnswer``: where two readers could disagree about where an answer ends, the
rest of it would be served to somebody else (RFC 9112 section 11).

Own grammar instead of llhttp: one regular expression costs the same 3 us a
head, and llhttp lets pass control bytes in the reason, statuses 099 and 999,
HTTP/2.0, leading empty lines and ``Transfer-Encoding: gzip``.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from gateway.transport.errors import BadAnswer

Field = tuple[str, str]

MAX_INFORMATIONAL = 32

_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
# HTAB, SP, visible ASCII and obs-text: no control byte, so no bare CR or LF and
# no obs-fold, which is a line that begins with a space (RFC 9112 section 5.2).
_TEXT = r"[^\x00-\x08\x0a-\x1f\x7f]*"
_FIELD_LINES = rf"(?:{_TOKEN}:{_TEXT}\r\n)*"
# RFC 9110 section 15: a status beyond 599 is invalid. The space before an empty
# reason is required too, but so many leave it out that its absence says nothing.
_HEAD = re.compile(rf"HTTP/1\.([01]) ([1-5][0-9][0-9])(?: ({_TEXT}))?\r\n({_FIELD_LINES})\r\n")
_FIELDS = re.compile(_FIELD_LINES)
# Below 10**18: no length that anything on the way could overflow on.
_LENGTH = re.compile(r"[0-9]{1,18}")
# In the part of a head seen so far: a line end that is not CR LF.
_STRAY_LINE_END = re.compile(rb"[^\r]\n|\r[^\n]")
_STARTS = (b"HTTP/1.1 ", b"HTTP/1.0 ")
_FRAMING = frozenset({"content-length", "transfer-encoding", "connection"})


class Head(NamedTuple):
    """The head of an answer. ``fields``: latin-1, as received, values stripped."""

    status: int
    reason: str
    version: int  # 10 or 11
    fields: list[Field]
    length: int | None  # what Content-Length says
    chunked: bool
    keep_alive: bool


def parse_head(raw: bytes | bytearray) -> Head:
    """The head in ``raw``, which ends with its empty line. ``BadAnswer`` on any doubt."""
    match = _HEAD.fullmatch(raw.decode("latin-1"))
    if match is None:
        raise BadAnswer(f"not an HTTP/1.x answer: {raw[:80]!r}")
    minor, status, reason, lines = match.groups()
    fields, framing = _split(lines)
    version = 11 if minor == "1" else 10
    length, chunked, keep_alive = None, False, version == 11
    if framing:
        if "content-length" in framing:
            length = _length_of(framing["content-length"])
        if "transfer-encoding" in framing:
            chunked = _is_chunked(framing["transfer-encoding"], version, length)
        if "connection" in framing:
            keep_alive = keep_alive and not _says_close(framing["connection"])
    text = (reason or "").strip(" \t")
    return Head(int(status), text, version, fields, length, chunked, keep_alive)


def parse_fields(raw: bytes) -> list[Field]:
    """Field lines alone, as in a trailer section."""
    lines = raw.decode("latin-1")
    if _FIELDS.fullmatch(lines) is None:
        raise BadAnswer("malformed trailer section", "body")
    fields, framing = _split(lines)
    if framing:
        # RFC 9110 section 6.5.1: whoever merges trailers would reframe the answer.
        raise BadAnswer("a trailer sets the framing", "body")
    return fields


_Framing = dict[str, list[str]]


def _split(lines: str) -> tuple[list[Field], _Framing]:
    """All fields, and the values of those that decide framing, by lower-case name."""
    fields: list[Field] = []
    framing: _Framing = {}
    for line in lines[:-2].split("\r\n") if lines else ():
        name, _, value = line.partition(":")
        value = value.strip(" \t")
        fields.append((name, value))
        lower = name.lower()
        if lower in _FRAMING:
            framing.setdefault(lower, []).append(value)
    return fields, framing


def _length_of(values: list[str]) -> int:
    # RFC 9112 section 6.3 would allow equal repeats; which of them another
    # reader rewrites is nothing to bet on.
    if len(values) > 1 or _LENGTH.fullmatch(values[0]) is None:
        raise BadAnswer(f"Content-Length {', '.join(values)!r}")
    return int(values[0])


def _is_chunked(codings: list[str], version: int, length: int | None) -> bool:
    if len(codings) > 1 or codings[0].lower() != "chunked":
        raise BadAnswer(f"Transfer-Encoding {', '.join(codings)!r}")
    if length is not None:
        raise BadAnswer("both Content-Length and Transfer-Encoding")
    if version == 10:
        # RFC 9112 section 6.1: its framing is faulty, whatever it meant.
        raise BadAnswer("Transfer-Encoding in an HTTP/1.0 answer")
    return True


def _says_close(values: list[str]) -> bool:
    return any(option.strip(" \t").lower() == "close" for option in ",".join(values).split(","))


class HeadReader:
    """Collects bytes until the final head is there, past any 1xx before it.

    ``head``: the final one, once ``feed()`` has returned it. ``rest``: what came
    after it. ``heard``: whether anything at all has come.
    """

    __slots__ = ("_buffer", "_informational", "_max_bytes", "head", "heard", "rest")

    def __init__(self, max_bytes: int) -> None:
        self.head: Head | None = None
        self.rest = b""
        self.heard = False
        self._buffer = bytearray()
        self._informational = 0
        self._max_bytes = max_bytes

    @property
    def within(self) -> bool:
        """Whether a head has begun and not ended."""
        return bool(self._buffer)

    def feed(self, data: bytes) -> Head | None:
        """Takes what came; the final head once it is complete."""
        self.heard = True
        if not self._buffer:
            return self._scan(data, 0)
        scanned = len(self._buffer)
        self._buffer += data
        return self._scan(self._buffer, max(0, scanned - 3))

    def _scan(self, data: bytes | bytearray, start: int) -> Head | None:
        while (end := data.find(b"\r\n\r\n", start) + 4) >= 4:
            if end > self._max_bytes:
                raise self._too_large()
            head = parse_head(data[:end])
            data, start = data[end:], 0
            if head.status >= 200:
                self.head, self.rest = head, bytes(data)
                self._buffer = bytearray()
                return head
            self._skip(head.status)
        if data is not self._buffer:
            self._buffer = bytearray(data)
        self._plausible(start)
        return None

    def _skip(self, status: int) -> None:
        # RFC 9110 section 15.2.2: nothing here asked for another protocol.
        if status == 101:
            raise BadAnswer("101: the upstream wants to switch protocols")
        self._informational += 1
        if self._informational > MAX_INFORMATIONAL:
            raise BadAnswer(f"more than {MAX_INFORMATIONAL} informational answers")

    def _too_large(self) -> BadAnswer:
        return BadAnswer(f"answer head larger than {self._max_bytes} bytes")

    def _plausible(self, start: int) -> None:
        """Refuses at once what no further byte can turn into a head; looks from ``start`` on."""
        buffer = self._buffer
        if len(buffer) > self._max_bytes:
            raise self._too_large()
        begun = bytes(buffer[:9])
        if not any(known.startswith(begun) for known in _STARTS):
            raise BadAnswer(f"not an HTTP/1.x answer: {begun!r}")
        if _STRAY_LINE_END.search(buffer, start):
            raise BadAnswer("a line of the answer's head does not end with CR LF")
