"""How archives are compressed: parts that stand alone, one after the other in a file.

Each part is a gzip member or a zstd frame of its own, so that a file is complete
after each of them, whatever becomes of the process; ``zcat`` and ``zstdcat`` read the
whole. Reading goes by what a file begins with, not by its name.
"""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal, NamedTuple

try:
    from backports import zstd
except ImportError:  # the extra gateway[codings] is not installed
    zstd = None  # type: ignore[assignment]

Compression = Literal["gzip", "zstd"]

# Cheap enough for a thread that shares the interpreter with requests.
_GZIP_LEVEL = 4
_ZSTD_LEVEL = 3
_GZIP_MAGIC, _ZSTD_MAGIC = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_GZIP_BITS = 15 + 16
_CHUNK, _PART = 16 * 1024, 64 * 1024

# What reading a damaged file raises.
DAMAGE: tuple[type[Exception], ...] = (
    EOFError,
    zlib.error,
    *((zstd.ZstdError,) if zstd is not None else ()),
)


class Packing(NamedTuple):
    """``pack``: makes a part of some bytes. ``suffix``: of the files' names."""

    suffix: str
    pack: Callable[[bytes], bytes]


def packing_for(compression: Compression) -> Packing:
    """The packing with this name; ``LookupError`` where its package is not installed."""
    if compression == "gzip":
        # Without a time in it: nothing but the content is in a part.
        return Packing(".jsonl.gz", lambda data: gzip.compress(data, _GZIP_LEVEL, mtime=0))
    if zstd is None:
        raise LookupError("zstd needs: pip install 'gateway[codings]'")
    return Packing(".jsonl.zst", lambda data: zstd.compress(data, _ZSTD_LEVEL))


class _Gzip:
    """One member. ``hungry``: takes input. ``rest``: what came after its end."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(_GZIP_BITS)
        self.hungry = True

    def part(self, data: bytes) -> bytes:
        """Some of the content, ``_PART`` bytes at most."""
        out = self._stream.decompress(data or self._stream.unconsumed_tail, _PART)
        self.hungry = not self._stream.unconsumed_tail and len(out) < _PART
        return out

    @property
    def ended(self) -> bool:
        return self._stream.eof

    @property
    def rest(self) -> bytes:
        return self._stream.unused_data


class _Zstd:
    """One frame, likewise."""

    def __init__(self) -> None:
        self._stream = zstd.ZstdDecompressor()

    def part(self, data: bytes) -> bytes:
        return self._stream.decompress(data, _PART)

    @property
    def hungry(self) -> bool:
        return self._stream.needs_input

    @property
    def ended(self) -> bool:
        return self._stream.eof

    @property
    def rest(self) -> bytes:
        return self._stream.unused_data


def unpacked(path: Path) -> Iterator[bytes]:
    """The content of a file as it is read, in pieces of no particular size.

    Raises one of ``DAMAGE`` after everything that comes before the damage.
    """
    with path.open("rb") as file:
        data = file.read(_CHUNK)
        make = _decoder_for(path, data)
        if make is None:
            while data:
                yield data
                data = file.read(_CHUNK)
            return
        while data:
            decoder = make()
            while not decoder.ended:
                if decoder.hungry and not data:
                    data = file.read(_CHUNK)
                    if not data:
                        raise EOFError("the file ends before its last part does")
                taken, data = (data, b"") if decoder.hungry else (b"", data)
                yield decoder.part(taken)
            data = decoder.rest or data or file.read(_CHUNK)


def _decoder_for(path: Path, begins: bytes) -> Callable[[], _Gzip | _Zstd] | None:
    if begins.startswith(_GZIP_MAGIC):
        return _Gzip
    if not begins.startswith(_ZSTD_MAGIC):
        return None
    if zstd is None:
        raise OSError(None, "zstd needs: pip install 'gateway[codings]'", os.fspath(path))
    return _Zstd
