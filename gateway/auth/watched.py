"""A file whose content is in use, and which is read again when it has changed.

Whoever needs the content takes ``value``: no request looks at the file. Somebody with
time (the housekeeper) calls ``refresh``. A file that cannot be used changes nothing but
the log, which then says so again and again: the content in use is still the old one.
"""

from __future__ import annotations

import hashlib
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

T = TypeVar("T")

_LARGEST = 16 * 1024 * 1024

_log = logging.getLogger(__name__)


class WatchedFile(Generic[T]):
    """A file's content, parsed.

    ``parse``: makes the value of the bytes; raises ``ValueError`` for what cannot
    be used. ``value`` is None as long as no content could be used.

    A change is taken when two looks in a row have found the same: an editor that
    empties a file before it writes it does not empty what is in use.

    Threads: any thread may read ``value`` and ``problem``; ``refresh`` is called by
    one thread at a time, and may block on the file. There is no lock: each is
    replaced as a whole.
    """

    def __init__(
        self,
        path: Path,
        parse: Callable[[bytes], T],
        *,
        interval: float = 0.5,
        remind: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = path
        self._parse = parse
        self._interval = interval
        self._remind = remind
        self._clock = clock
        self._seen: tuple[int, ...] | None = None
        self._taken: tuple[int, ...] | None = None
        self._digest = b""
        self._said = clock()
        self.value: T | None = None
        self.problem: str | None = None
        self._due = clock() + interval
        self._look(first=True)

    def refresh(self) -> None:
        """Read the file if it has changed; does nothing before ``interval`` is over."""
        now = self._clock()
        if now < self._due:
            return
        self._due = now + self._interval
        self._look()
        if self.problem is not None and now - self._said >= self._remind:
            self._complain(self.problem)

    def _look(self, *, first: bool = False) -> None:
        try:
            with self._path.open("rb") as file:
                data = self._changed(file.fileno(), first=first)
        except OSError as error:
            self._seen = self._taken = None
            self._digest = b""
            self._failed(f"cannot be read: {error.strerror or error}")
            return
        if data is not None:
            self._take(data)

    def _changed(self, descriptor: int, *, first: bool) -> bytes | None:
        """The content, where it is another than the one in use."""
        status = os.fstat(descriptor)
        seen = (status.st_ino, status.st_dev, status.st_size, status.st_mtime_ns)
        steady, self._seen = seen == self._seen, seen
        if seen == self._taken or not (steady or first):
            return None
        data = _read(descriptor)
        if not first:
            # The first time it is read once more: a second change within one tick
            # of the file system's clock looks like no change.
            self._taken = seen
        digest = hashlib.sha256(data).digest()
        known, self._digest = digest == self._digest, digest
        return None if known else data

    def _take(self, data: bytes) -> None:
        try:
            if len(data) > _LARGEST:
                raise ValueError(f"has more than {_LARGEST} bytes")
            value = self._parse(data)
        except ValueError as error:
            self._failed(str(error))
            return
        if self.value is not None or self.problem is not None:
            _log.info("%s was read again: %r", self._path, value)
        self.value, self.problem = value, None

    def _failed(self, problem: str) -> None:
        if problem != self.problem:
            self._complain(problem)
        self.problem = problem

    def _complain(self, problem: str) -> None:
        self._said = self._clock()
        kept = "nothing" if self.value is None else f"what was read before ({self.value!r})"
        _log.error("%s cannot be used; in use is %s: %s", self._path, kept, problem)

    def __repr__(self) -> str:
        return f"<WatchedFile {self._path} {self.value!r} {self.problem or 'as it is'}>"


def _read(descriptor: int) -> bytes:
    parts, size = [], 0
    while size <= _LARGEST and (part := os.read(descriptor, 1 << 20)):
        parts.append(part)
        size += len(part)
    return b"".join(parts)
