"""Takes content codings off a body, within limits, for those who look inside.

A leaf: validation reads requests with it, the comparison reads answers. Live,
shadows and clients always get the bytes as they were received.

A few hundred bytes can stand for ten gigabytes (a "bomb"), once or several
times over. So the output is made in small parts and counted as it grows, at
every coding: what is over the limit costs neither memory nor time.

Not done here: transfer codings (the server's business), encoding.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

from gateway.errors import GatewayError

try:
    import brotli  # type: ignore[import-untyped]
except ImportError:  # the extra gateway[codings] is not installed
    brotli = None
try:
    from backports import zstd
except ImportError:
    zstd = None  # type: ignore[assignment]

# How much goes into a decoder, and comes out of it, at once.
_PART = 64 * 1024
_CHUNK = 16 * 1024
# gzip and zstd bodies may be several, one after the other (RFC 1952 section 2.2, RFC 8878
# section 3.1). Each costs its set-up, and a body of 10 MiB has room for a million empty ones.
_MOST_MEMBERS = 1000
# More than anybody sends; each costs a pass.
_MOST_CODINGS = 4
# Below this any ratio is fine: short texts of one repeated word compress very well.
_FREE_SIZE = 64 * 1024
# RFC 9659 section 3: a larger window would be memory that a client orders from us.
_ZSTD_WINDOW_LOG = 23
_ZLIB_BITS, _GZIP_BITS, _RAW_BITS = 15, 15 + 16, -15


class CodingError(GatewayError):
    """The body cannot be looked into. The text says why, and is fit for the client."""


class UnknownCoding(CodingError):
    """A coding that is none of ``SUPPORTED``."""


class BrokenCoding(CodingError):
    """The bytes are not what the coding says, or end too early, or go on too long."""


class DecodedTooLarge(CodingError):
    """More than the limits allow; nobody knows how much more."""


class Limits(NamedTuple):
    """``max_size``: bytes of the decoded body. ``max_ratio``: decoded to received."""

    max_size: int
    max_ratio: int = 100

    def most_from(self, received: int) -> int:
        """The most bytes that so many received ones may become."""
        return min(self.max_size, max(_FREE_SIZE, received * self.max_ratio))


class _Decoder(Protocol):
    """One stream (a member, a frame) being decoded.

    ``hungry``: takes input. ``ended``: this stream is complete, and ``rest``
    is what came after it. ``repeats``: another one may follow.
    """

    hungry: bool
    ended: bool
    rest: bytes
    repeats: bool

    def part(self, data: bytes) -> bytes:
        """Some output, about ``_PART`` at most; ``data`` is empty unless it is hungry."""


class _Zlib:
    def __init__(self, bits: int, *, repeats: bool = False) -> None:
        self._stream = zlib.decompressobj(bits)
        self.hungry, self.ended, self.rest, self.repeats = True, False, b"", repeats

    def part(self, data: bytes) -> bytes:
        out = self._stream.decompress(data or self._stream.unconsumed_tail, _PART)
        # Input may be used up with output still to come: a full part says so.
        self.hungry = not self._stream.unconsumed_tail and len(out) < _PART
        self.ended, self.rest = self._stream.eof, self._stream.unused_data
        return out


class _Zstd:
    repeats = True

    def __init__(self) -> None:
        options: dict[int, int] = {zstd.DecompressionParameter.window_log_max: _ZSTD_WINDOW_LOG}
        self._stream = zstd.ZstdDecompressor(options=options)
        self.hungry, self.ended, self.rest = True, False, b""

    def part(self, data: bytes) -> bytes:
        out = self._stream.decompress(data, _PART)
        self.hungry, self.ended = self._stream.needs_input, self._stream.eof
        self.rest = self._stream.unused_data
        return out


class _Brotli:
    repeats = False
    rest = b""  # The library takes bytes after the end for an error by itself.

    def __init__(self) -> None:
        self._stream = brotli.Decompressor()
        self.hungry, self.ended = True, False

    def part(self, data: bytes) -> bytes:
        out: bytes = self._stream.process(data, output_buffer_limit=_PART)
        # As with zlib: after a full part there may be more of the input it has taken.
        self.hungry = self._stream.can_accept_more_data() and len(out) < _PART
        self.ended = self._stream.is_finished()
        return out


_FAULTS: tuple[type[Exception], ...] = (
    zlib.error,
    *((brotli.error,) if brotli is not None else ()),
    *((zstd.ZstdError,) if zstd is not None else ()),
)


def _unpacked(make: Callable[[], _Decoder], data: bytes, most: int) -> bytes:
    parts: list[bytes] = []
    size = position = members = 0
    chunk = b""
    while members == 0 or chunk or position < len(data):
        members += 1
        decoder = make()
        if members > _MOST_MEMBERS or (members > 1 and not decoder.repeats):
            raise BrokenCoding("goes on after its end")
        while not decoder.ended:
            if decoder.hungry and not chunk:
                chunk = data[position : position + _CHUNK]
                position += len(chunk)
                if not chunk:
                    raise BrokenCoding("ends too early")
            part, chunk = decoder.part(chunk if decoder.hungry else b""), b""
            parts.append(part)
            size += len(part)
            if size > most:
                raise DecodedTooLarge(f"is more than {most} bytes when decoded")
        chunk = decoder.rest
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _deflated(data: bytes, most: int) -> bytes:
    """RFC 9110 section 8.4.1.2 means zlib's format; some send bare deflate, as it notes."""
    # RFC 1950 section 2.2: the method is 8, and the two bytes are a multiple of 31.
    head = int.from_bytes(data[:2], "big")
    if head >> 8 & 0x0F == 8 and head % 31 == 0:
        try:
            return _unpacked(partial(_Zlib, _ZLIB_BITS), data, most)
        except zlib.error:
            pass  # Bare deflate may begin like this by chance.
    return _unpacked(partial(_Zlib, _RAW_BITS), data, most)


def _decoders() -> Iterable[tuple[str, Callable[[bytes, int], bytes]]]:
    yield "gzip", partial(_unpacked, partial(_Zlib, _GZIP_BITS, repeats=True))
    yield "deflate", _deflated
    if brotli is not None:
        yield "br", partial(_unpacked, _Brotli)
    if zstd is not None:
        yield "zstd", partial(_unpacked, _Zstd)


_DECODERS: Mapping[str, Callable[[bytes, int], bytes]] = MappingProxyType(dict(_decoders()))
SUPPORTED: tuple[str, ...] = tuple(_DECODERS)


def codings_in(fields: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """The codings that the Content-Encoding fields name, in the order they were applied."""
    named = [value for name, value in fields if name.lower() == "content-encoding"]
    if not named:
        return ()
    each = (coding.strip(" \t").lower() for coding in ",".join(named).split(","))
    # RFC 9110 section 8.4.1: x-gzip is gzip; identity is no coding, and harmless.
    known = ("gzip" if coding == "x-gzip" else coding for coding in each)
    return tuple(coding for coding in known if coding not in ("", "identity"))


def decoded(data: bytes, codings: Sequence[str], limits: Limits) -> bytes:
    """The content without its codings. Raises ``CodingError``.

    Nothing at all stays nothing, as in the answer to a HEAD. Uncoded data is
    returned as it is, unmeasured.
    """
    if not codings or not data:
        return data
    if len(codings) > _MOST_CODINGS:
        raise UnknownCoding(f"The body has more than {_MOST_CODINGS} content codings.")
    most = limits.most_from(len(data))
    for coding in reversed(codings):
        data = _without(coding, data, most)
    return data


def _without(coding: str, data: bytes, most: int) -> bytes:
    decode: Any = _DECODERS.get(coding)
    if decode is None:
        raise UnknownCoding(f"Content codings that can be read here: {', '.join(SUPPORTED)}.")
    try:
        content: bytes = decode(data, most)
    except CodingError as error:
        raise type(error)(f"The {coding} body {error}.") from None
    except _FAULTS as error:
        raise BrokenCoding(f"The body is not {coding}, though Content-Encoding says so.") from error
    return content
