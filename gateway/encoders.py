"""Content codings, streaming: bytes in, encoded bytes out, nothing kept back.

gzip is always there; br and zstd with the extra ``gateway[codings]``. Memory
is bounded by the window: about half a mebibyte for each answer in progress.

Not done here: choosing a coding (``negotiation.py``), header fields
(``recoding.py``), decoding.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from functools import partial
from typing import Protocol

try:
    import brotli  # type: ignore[import-untyped]
except ImportError:  # the extra is not installed
    brotli = None
try:
    from backports import zstd
except ImportError:
    zstd = None  # type: ignore[assignment]

# Bits of deflate's largest window (32 KiB), and 16 for gzip's frame (zlib.h).
_GZIP_BITS = 15 + 16
# 256 KiB and 512 KiB. Larger ones gain little on answers of the usual size, and cost
# megabytes each; RFC 9659 section 3 has clients accept zstd windows up to 8 MiB.
_BROTLI_BITS = 18
_ZSTD_BITS = 19


class Encoder(Protocol):
    """One answer being encoded."""

    def part(self, data: bytes) -> bytes:
        """Encode a part so that a client can decode all of it at once."""

    def last(self, data: bytes) -> bytes:
        """Encode the last part, and end."""


class _Gzip:
    def __init__(self, level: int) -> None:
        self._stream = zlib.compressobj(level, zlib.DEFLATED, _GZIP_BITS)

    def part(self, data: bytes) -> bytes:
        return self._stream.compress(data) + self._stream.flush(zlib.Z_SYNC_FLUSH)

    def last(self, data: bytes) -> bytes:
        return self._stream.compress(data) + self._stream.flush()


class _Brotli:
    def __init__(self, quality: int) -> None:
        self._stream = brotli.Compressor(quality=quality, lgwin=_BROTLI_BITS)

    def part(self, data: bytes) -> bytes:
        encoded: bytes = self._stream.process(data) + self._stream.flush()
        return encoded

    def last(self, data: bytes) -> bytes:
        encoded: bytes = self._stream.process(data) + self._stream.finish()
        return encoded


class _Zstd:
    def __init__(self, level: int) -> None:
        options: dict[int, int] = {
            zstd.CompressionParameter.compression_level: level,
            zstd.CompressionParameter.window_log: _ZSTD_BITS,
        }
        self._stream = zstd.ZstdCompressor(options=options)

    def part(self, data: bytes) -> bytes:
        return self._stream.compress(data, zstd.ZstdCompressor.FLUSH_BLOCK)

    def last(self, data: bytes) -> bytes:
        return self._stream.compress(data, zstd.ZstdCompressor.FLUSH_FRAME)


def encoder(coding: str, level: int) -> Callable[[], Encoder]:
    """Makes encoders. Raises ``ValueError`` for a coding that is not installed."""
    made: dict[str, type[_Gzip] | type[_Brotli] | type[_Zstd] | None] = {
        "gzip": _Gzip,
        "br": _Brotli if brotli is not None else None,
        "zstd": _Zstd if zstd is not None else None,
    }
    kind = made.get(coding)
    if kind is None:
        raise ValueError(f"the coding {coding} needs: pip install 'gateway[codings]'")
    return partial(kind, level)
