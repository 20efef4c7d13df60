"""A table in memory that all workers of one machine share: a number for each key.

A key belongs to one bucket of ``WAYS`` entries and is looked for nowhere else.
An entry is a fingerprint of the key and the moment its debt will be paid off
(nanoseconds of the monotonic clock, which all processes of a machine share).
From that moment on it is the same as no entry, and free to be taken: nothing has
to clean up.

The table never grows. When all entries of a bucket are owed something, a new key
takes the place of the one that is furthest from its limit, measured by that
limit; a key at its limit goes last. To push it out somebody must bring as many
keys to their limits as a bucket has entries, and all must fall into its bucket:
the hash is keyed with a secret, so that nobody can pick such keys.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import struct
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

from gateway.ratelimit.locks import (
    MUTEX_BYTES,
    ROBUST_MUTEXES,
    ByteLocks,
    Locks,
    RobustMutexes,
)

WAYS = 16
STRIPES = 256
BUCKET_BYTES = WAYS * 2 * 8

# The name says the layout: processes with another one must never find this file.
FILE_NAME = "rate-limits-1"
_MAGIC = b"gwlimit1"
_HEADER = struct.Struct("=8sQ16s")  # magic, number of buckets, secret of the hash
_LOCKS_AT = 4096
_BUCKETS_AT = _LOCKS_AT + STRIPES * MUTEX_BYTES
LEAST_BYTES = _BUCKETS_AT + STRIPES * BUCKET_BYTES

_HASH = struct.Struct("=QQ")
_HASH_BITS = 0xFFFF_FFFF_FFFF_FF00


class Place(NamedTuple):
    """Where a key belongs: its bucket, the lock of that, and what tells it from others there."""

    bucket: int
    stripe: int
    hashed: int


def size_code(tolerance: int) -> int:
    """The largest debt of a key in eight bits, rounded down by at most a fifth."""
    exponent = tolerance.bit_length() - 3
    return exponent << 2 | tolerance >> exponent & 3


def _size(code: int) -> int:
    return (4 | code & 3) << (code >> 2)


class Table:
    """The table in a file, made by whoever opens it first.

    ``moments``: when the debt of an entry is paid off; to be read and written.

    Threads: any thread of any process; ``find``, ``add`` and ``moments`` under the lock
    of the place, which the caller takes. Nothing here blocks but making the file. There
    is no way to close it: the memory goes when nobody has it, and a thread that is late
    finds it where it was.
    """

    def __init__(self, path: Path | None, size: int) -> None:
        """``path``: where other processes look for it too; None: only this process and
        those forked from it have it. ``size``: its bytes, if it is new."""
        descriptor = _private() if path is None else os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            with _alone(descriptor):
                self._open(descriptor, max(size, LEAST_BYTES))
        finally:
            os.close(descriptor)
        self._buckets, secret = _HEADER.unpack_from(self._memory)[1:]
        self._hash = blake2b(digest_size=_HASH.size, key=secret)
        # All of the memory in words: moments are beside what is found by ``find``.
        self.moments = memoryview(self._memory).cast("Q")

    def _open(self, descriptor: int, size: int) -> None:
        new = os.pread(descriptor, len(_MAGIC), 0) != _MAGIC
        if new:
            _allocate(descriptor, size)
        self._memory = memory = mmap.mmap(descriptor, 0)
        self.locks = _locks(memory, descriptor, new=new)
        if new:
            buckets = (len(memory) - _BUCKETS_AT) // BUCKET_BYTES
            _HEADER.pack_into(memory, 0, b"", buckets, os.urandom(16))
            # Last: who is killed before has made nothing that another would use.
            memory[: len(_MAGIC)] = _MAGIC

    @property
    def size(self) -> int:
        """Bytes of memory, however many keys there are."""
        return len(self._memory)

    def place(self, key: bytes) -> Place:
        """Where a key belongs."""
        keyed = self._hash.copy()
        keyed.update(key)
        bucket, hashed = _HASH.unpack(keyed.digest())
        bucket %= self._buckets
        return Place(bucket, bucket % STRIPES, hashed)

    def find(self, place: Place, mark: int) -> int:
        """The entry of a key's limit; 0 when it has none. ``mark``: of that limit."""
        start = _BUCKETS_AT + place.bucket * BUCKET_BYTES
        end = start + WAYS * 8
        wanted = _fingerprint(place, mark).to_bytes(8, sys.byteorder)
        at = self._memory.find(wanted, start, end)
        while at > 0 and at & 7:  # parts of two fingerprints that look like it
            at = self._memory.find(wanted, at + 1, end)
        return (at >> 3) + WAYS if at > 0 else 0

    def add(self, place: Place, mark: int, paid_off: int, now: int) -> bool:
        """Make an entry. Returns whether a debt had to be forgotten for it."""
        start = (_BUCKETS_AT + place.bucket * BUCKET_BYTES) >> 3
        moments = self.moments[start + WAYS : start + 2 * WAYS].tolist()
        earliest = min(moments)
        way = moments.index(earliest) if earliest <= now else self._least(start, moments, now)
        self.moments[start + way] = _fingerprint(place, mark)
        self.moments[start + WAYS + way] = paid_off
        return earliest > now

    def _least(self, start: int, moments: list[int], now: int) -> int:
        """The way whose debt is the smallest part of what it can be."""
        prints = self.moments[start : start + WAYS].tolist()
        return min(range(WAYS), key=lambda way: (moments[way] - now) / _size(prints[way] & 0xFF))

    def __repr__(self) -> str:
        return f"<Table of {self._buckets * WAYS} entries, {self.size} bytes>"


def mark_of(name: str, tolerance: int) -> int:
    """What tells the entries of one limit from those of others for the same key."""
    hashed = blake2b(name.encode(), digest_size=8).digest()
    return int.from_bytes(hashed, "big") & _HASH_BITS | size_code(tolerance)


def _fingerprint(place: Place, mark: int) -> int:
    # The low byte of a mark is its size code and stays readable.
    return place.hashed & _HASH_BITS ^ mark


def _private() -> int:
    if hasattr(os, "memfd_create"):
        return os.memfd_create("gateway-rate-limits")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


@contextmanager
def _alone(descriptor: int) -> Iterator[None]:
    """While no other process opens the file. Given back by the kernel if we are killed."""
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


def _allocate(descriptor: int, size: int) -> None:
    """Take the room now: a full disk later would be a SIGBUS in a worker."""
    os.ftruncate(descriptor, size)
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)


def _locks(memory: mmap.mmap, descriptor: int, *, new: bool) -> Locks:
    if not ROBUST_MUTEXES:
        return ByteLocks(os.dup(descriptor), STRIPES)
    mutexes = RobustMutexes(memory, _LOCKS_AT)
    if new:
        mutexes.create(STRIPES)
    return mutexes
